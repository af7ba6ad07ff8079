#include "libbeamcore/otp/registry.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "children.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

const atom reg("test_registry");

awaitable<pid> start_reg(self s, registry_options options) {
    s.trap_exit(true);
    start_result r = co_await registry::start_link(options);
    REQUIRE_MESSAGE(r.has_value(), shown(as_term(r)));
    co_return std::get<started>(*r).pid;
}

term parsed(const char* text) {
    return *parse_term(text);
}

// Registers and then lives until told to end.
process holder(self s, pid parent, term key, term value) {
    auto r = registry::register_key(reg, key, value);
    send(parent, r ? term(atoms::ok) : r.error());
    (void)co_await s.receive<term>();
}

awaitable<pid> start_holder(self s, const char* key, term value) {
    pid p = spawn(holder, s.id(), term(key), value);
    (void)co_await s.receive<term>();
    co_return p;
}

std::string badarg_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const error_exception& e) {
        return shown(e.reason);
    }
    return "nothing";
}

// What a registry is to hold, by key.
using contents = std::map<int, std::vector<int>>;

void check_contents(atom name, const contents& expected) {
    std::size_t n = 0;
    for (const auto& [key, values] : expected) {
        n += values.size();
        auto found = registry::lookup(name, key);
        REQUIRE(found.size() == values.size());
        for (std::size_t i = 0; i < found.size(); ++i) REQUIRE(found[i].value == term(values[i]));
    }
    REQUIRE(registry::count(name) == n);
}

// Registers, and takes back, keys and values at random.
awaitable<void> come_and_go(self s, atom name, registry_keys kind) {
    co_await start_reg(s, registry_options(name, kind, 2));
    contents expected;
    std::uint64_t random = 1;
    for (int step = 0; step < 20'000; ++step) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const int key = int(random >> 33) % 700;
        auto& own = expected[key];
        if (random >> 63 == 0) {
            const bool taken = kind == registry_keys::unique && !own.empty();
            REQUIRE(registry::register_key(name, key, step).has_value() != taken);
            if (!taken) own.push_back(step);
        } else if (random >> 62 == 3 && !own.empty()) {
            const int gone = step % 2 == 0 ? own.front() : own.back();
            registry::unregister_match(name, key, gone);
            std::erase(own, gone);
        } else {
            registry::unregister(name, key);
            own.clear();
        }
        if (step % 200 == 0) check_contents(name, expected);
    }
    check_contents(name, expected);
}

}  // namespace

TEST_CASE("ERG-01: a unique key can be registered once") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg));
        CHECK(registry::register_key(reg, "hello", 1));
        auto again = registry::register_key(reg, "hello", 2);
        REQUIRE(!again);
        CHECK(again.error() == tuple(atoms::already_registered, s.id()));
        auto entries = registry::lookup(reg, "hello");
        REQUIRE(entries.size() == 1);
        CHECK(entries[0].pid == s.id());
        CHECK(entries[0].value == term(1));
        CHECK(registry::lookup(reg, "world").empty());
    });
}

TEST_CASE("ERG-02: a duplicate key can have several entries, also of one process") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::duplicate, 4));
        CHECK(registry::register_key(reg, "hello", 1));
        CHECK(registry::register_key(reg, "hello", 1));
        pid other = co_await start_holder(s, "hello", 2);
        auto entries = registry::lookup(reg, "hello");
        CHECK(entries.size() == 3);
        CHECK(registry::keys(reg, s.id()).size() == 2);
        CHECK(registry::keys(reg, other).size() == 1);
        CHECK(registry::values(reg, "hello", s.id()).size() == 2);
        CHECK(registry::count(reg) == 3);
    });
}

TEST_CASE("ERG-03: when its process dies an entry goes and the key is free") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::unique, 3));
        pid other = co_await start_holder(s, "hello", 1);
        auto taken = registry::register_key(reg, "hello", 2);
        CHECK(taken.error() == tuple(atoms::already_registered, other));
        exit(other, atoms::kill);
        co_await settle(s);
        CHECK(registry::lookup(reg, "hello").empty());
        CHECK(registry::count(reg) == 0);
        CHECK(registry::register_key(reg, "hello", 2));
    });
}

TEST_CASE("ERG-04: a key that nobody has can be unregistered") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg));
        registry::unregister(reg, "nothing");
        CHECK(registry::count(reg) == 0);
    });
}

TEST_CASE("ERG-05: unregister takes all own entries of a duplicate key") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::duplicate));
        (void)registry::register_key(reg, "hello", 1);
        (void)registry::register_key(reg, "hello", 2);
        (void)registry::register_key(reg, "world", 3);
        co_await start_holder(s, "hello", 4);
        registry::unregister(reg, "hello");
        auto left = registry::lookup(reg, "hello");
        REQUIRE(left.size() == 1);
        CHECK(left[0].value == term(4));
        CHECK(registry::keys(reg, s.id()) == std::vector<term>{"world"});
    });
}

TEST_CASE("ERG-06: a process can be started and reached by a key") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg));
        via name(reg, "sup", 42);
        auto r = co_await supervisor::start_link(supervisor_flags(), {}, name);
        REQUIRE(r);
        pid first = std::get<started>(*r).pid;
        auto entries = registry::lookup(reg, "sup");
        REQUIRE(entries.size() == 1);
        CHECK(entries[0].pid == first);
        CHECK(entries[0].value == term(42));
        auto n = co_await supervisor::count_children(name);
        CHECK(n.specs == 0);
        r = co_await supervisor::start_link(supervisor_flags(), {}, name);
        CHECK(as_term(r) == tuple(atoms::error, tuple(atoms::already_started, first)));

        auto f = supervisor::count_children(via(reg, "nobody"));
        auto none = co_await std::move(f).outcome();
        REQUIRE(!none);
        CHECK(element(1, none.error()) == atoms::noproc);
    });
}

TEST_CASE("ERG-07: a registry of duplicate keys names nothing") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::duplicate));
        CHECK(badarg_of([] { (void)via(reg, "x").whereis(); }) ==
              "{badarg,{duplicate_registry,test_registry}}");
        CHECK(badarg_of([] { (void)via(reg, "x").register_self(); }) ==
              "{badarg,{duplicate_registry,test_registry}}");
    });
}

TEST_CASE("ERG-08: send to a key, and to one that nobody has") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg));
        (void)registry::register_key(reg, "me", 0);
        registry::send(via(reg, "me"), term(7));
        auto got = co_await s.receive<term>();
        CHECK(got == term(7));
        CHECK(badarg_of([] { registry::send(via(reg, "x"), term(7)); }) ==
              "{badarg,{unknown_key,<<\"x\">>}}");
    });
}

TEST_CASE("ERG-09: update_value changes the caller's own value only") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg));
        (void)registry::register_key(reg, "mine", 1);
        co_await start_holder(s, "theirs", 5);
        auto plus_one = [](const term& v) { return term(*v.as_int64() + 1); };
        auto r = registry::update_value(reg, "mine", plus_one);
        REQUIRE(r);
        CHECK(r->first == term(2));
        CHECK(r->second == term(1));
        CHECK(registry::lookup(reg, "mine")[0].value == term(2));
        CHECK_FALSE(registry::update_value(reg, "theirs", plus_one));
        CHECK_FALSE(registry::update_value(reg, "nobodys", plus_one));
        CHECK(registry::lookup(reg, "theirs")[0].value == term(5));
        co_await start_reg(s, registry_options(atom("dup"), registry_keys::duplicate));
        CHECK(badarg_of([&] { (void)registry::update_value(atom("dup"), "x", plus_one); }) ==
              "{badarg,{duplicate_registry,dup}}");
    });
}

TEST_CASE("ERG-10: dispatch calls once for each partition that has entries") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::duplicate, 4));
        int calls = 0;
        std::size_t seen_entries = 0;
        auto note = [&](std::span<const registry_entry> entries) {
            ++calls;
            seen_entries += entries.size();
        };
        registry::dispatch(reg, "hello", note);
        CHECK(calls == 0);
        for (int i = 0; i < 20; ++i) co_await start_holder(s, "hello", i);
        registry::dispatch(reg, "hello", note);
        CHECK(seen_entries == 20);
        CHECK(calls > 1);
        CHECK(calls <= 4);
        CHECK_THROWS_AS(
            registry::dispatch(reg, "hello", [](std::span<const registry_entry>) { throw 1; }),
            int);
    });
}

TEST_CASE("ERG-11: listeners are told of each registration and its end") {
    in_node([](self s) -> awaitable<void> {
        register_name(atom("listener"), s.id());
        registry_options options(reg);
        options.listeners = {atom("listener"), atom("nobody")};
        co_await start_reg(s, options);
        (void)registry::register_key(reg, "hello", 1);
        auto added = co_await s.receive<registered_message>();
        CHECK(added.registry == reg);
        CHECK(added.key == term("hello"));
        CHECK(added.pid == s.id());
        CHECK(added.value == term(1));
        registry::unregister(reg, "hello");
        auto gone = co_await s.receive<unregistered_message>();
        CHECK(gone.registry == reg);
        CHECK(gone.key == term("hello"));
        CHECK(gone.pid == s.id());

        pid other = co_await start_holder(s, "world", 2);
        exit(other, atoms::kill);
        auto died = co_await s.receive<unregistered_message>();
        CHECK(died.pid == other);
        CHECK(died.key == term("world"));
    });
}

TEST_CASE("ERG-12: match, count_match, unregister_match and select go by patterns and guards") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::duplicate, 2));
        (void)registry::register_key(reg, "hello", parsed("{1, atom, 1}"));
        (void)registry::register_key(reg, "hello", parsed("{2, atom, 2}"));
        (void)registry::register_key(reg, "world", parsed("{3, atom, 3}"));

        auto one = registry::match(reg, "hello", parsed("{1, '_', '_'}"));
        REQUIRE(one.size() == 1);
        CHECK(one[0].value == parsed("{1, atom, 1}"));
        CHECK(registry::match(reg, "hello", parsed("{'_', atom, '_'}")).size() == 2);
        CHECK(registry::match(reg, "hello", parsed("{'$1', '_', '$1'}")).size() == 2);
        CHECK(registry::match(reg, "hello", parsed("{'$1', '_', '_'}"), parsed("[{'>', '$1', 1}]"))
                  .size() == 1);
        CHECK(registry::count_match(reg, "hello", parsed("'_'")) == 2);
        CHECK(registry::count_match(reg, "hello", parsed("{3, '_', '_'}")) == 0);
        CHECK(badarg_of([] {
                  (void)registry::match(reg, "hello", parsed("'_'"), parsed("[{'>>>', 1}]"));
              }).substr(0, 8) == "{badarg,");

        auto keys = registry::select(
            reg, parsed("[{{'$1', '_', {'$2', '_', '_'}}, [{'>', '$2', 1}], [{{'$1', '$2'}}]}]"));
        std::sort(keys.begin(), keys.end(),
                  [](const term& a, const term& b) { return compare(a, b) < 0; });
        REQUIRE(keys.size() == 2);
        CHECK(keys[0] == tuple("hello", 2));
        CHECK(keys[1] == tuple("world", 3));
        CHECK(registry::count_select(reg, parsed("[{{'_', '_', '_'}, [], [true]}]")) == 3);

        registry::unregister_match(reg, "hello", parsed("{2, '_', '_'}"));
        CHECK(registry::count_match(reg, "hello", parsed("'_'")) == 1);
        registry::unregister_match(reg, "hello", parsed("{'$1', '_', '_'}"),
                                   parsed("[{'>', '$1', 5}]"));
        CHECK(registry::count_match(reg, "hello", parsed("'_'")) == 1);
        CHECK(registry::keys(reg, s.id()).size() == 2);
    });
}

TEST_CASE("ERG-13: a process is linked to its partition as long as it has keys") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_reg(s, registry_options(reg));
        auto links = [s]() { return process_info_details(s.id()); };
        auto before = co_await links();
        (void)registry::register_key(reg, "a", 0);
        (void)registry::register_key(reg, "b", 0);
        auto during = co_await links();
        CHECK(during->links.size() == before->links.size() + 1);
        registry::unregister(reg, "a");
        auto still = co_await links();
        CHECK(still->links.size() == before->links.size() + 1);
        registry::unregister(reg, "b");
        auto after = co_await links();
        CHECK(after->links.size() == before->links.size());
        // One that loses to another keeps no link.
        co_await start_holder(s, "c", 0);
        CHECK_FALSE(registry::register_key(reg, "c", 0));
        after = co_await links();
        CHECK(after->links.size() == before->links.size());

        // The end of the registry is the end of who is in it.
        pid other = co_await start_holder(s, "d", 0);
        exit(sup, atoms::kill);
        co_await settle(s);
        CHECK_FALSE(process_info(other));
        CHECK(badarg_of([] { (void)registry::count(reg); }) ==
              "{badarg,{unknown_registry,test_registry}}");
    });
}

TEST_CASE("ERG-14: a registry that is not there") {
    in_node([](self) -> awaitable<void> {
        const char* unknown = "{badarg,{unknown_registry,test_registry}}";
        CHECK(badarg_of([] { (void)registry::lookup(reg, 1); }) == unknown);
        CHECK(badarg_of([] { (void)registry::register_key(reg, 1); }) == unknown);
        CHECK(badarg_of([] { registry::unregister(reg, 1); }) == unknown);
        CHECK(badarg_of([] { (void)registry::keys(reg, pid{}); }) == unknown);
        CHECK(badarg_of([] { registry::dispatch(reg, 1, [](auto) {}); }) == unknown);
        CHECK(badarg_of([] { (void)registry::meta(reg, 1); }) == unknown);
        co_return;
    });
}

TEST_CASE("ERG-15: values of the registry itself") {
    in_node([](self s) -> awaitable<void> {
        registry_options options(reg);
        options.meta = {{atom("given"), 1}};
        co_await start_reg(s, options);
        CHECK(registry::meta(reg, atom("given")) == term(1));
        CHECK_FALSE(registry::meta(reg, atom("other")));
        registry::put_meta(reg, atom("other"), "x");
        CHECK(registry::meta(reg, atom("other")) == term("x"));
        registry::delete_meta(reg, atom("other"));
        CHECK_FALSE(registry::meta(reg, atom("other")));
    });
}

TEST_CASE("a registry's name can be taken once, and its partitions cannot be none") {
    in_node([](self s) -> awaitable<void> {
        pid first = co_await start_reg(s, registry_options(reg));
        auto r = co_await registry::start_link(registry_options(reg));
        CHECK(as_term(r) == tuple(atoms::error, tuple(atoms::already_started, first)));
        r = co_await registry::start_link(registry_options(atom("none"), registry_keys::unique, 0));
        CHECK(shown(as_term(r)) == "{error,badarg}");
    });
}

TEST_CASE("a registry whose partition is killed goes on, empty") {
    in_node([](self s) -> awaitable<void> {
        co_await start_reg(s, registry_options(reg, registry_keys::unique, 2));
        auto partition = registry::register_key(reg, "a", 0);
        REQUIRE(partition);
        exit(*partition, atoms::kill);
        co_await settle(s);
        CHECK(registry::count(reg) == 0);
        CHECK(registry::register_key(reg, "a", 0));
        CHECK(registry::lookup(reg, "a").size() == 1);
    });
}

TEST_CASE("keys that come and go in any order are found, and no others") {
    in_node([](self s) -> awaitable<void> {
        co_await come_and_go(s, atom("unique"), registry_keys::unique);
        co_await come_and_go(s, atom("duplicate"), registry_keys::duplicate);
    });
}
