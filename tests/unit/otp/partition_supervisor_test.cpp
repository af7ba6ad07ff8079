#include "libbeamcore/otp/partition_supervisor.hpp"

#include <chrono>
#include <set>
#include <string>

#include "children.hpp"
#include "libbeamcore/otp/child_of_terms.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "node.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::as_term;
using test::element;
using test::in_node;
using test::log_capture;
using test::settle;
using test::shown;

namespace {

struct get_facts {
    using reply = term;
};

class shard : public gen_server<shard> {
public:
    using calls = messages<get_facts>;

    shard(std::string name, int number) : name_(std::move(name)), number_(number) {}
    term handle_call(get_facts) { return tuple(std::string_view(name_), number_); }

private:
    std::string name_;
    int number_;
};

const atom shards("shards");

partition_options some_shards(std::optional<unsigned> n, server_name name = shards) {
    partition_options o(std::move(name), child_spec(0, child_of_terms<shard, std::string, int>(
                                                           std::string("s"), -1)));
    o.partitions = n;
    return o;
}

awaitable<pid> start_shards(self s, partition_options options) {
    s.trap_exit(true);
    start_result r = co_await partition_supervisor::start_link(std::move(options));
    REQUIRE_MESSAGE(r.has_value(), shown(as_term(r)));
    co_return std::get<started>(*r).pid;
}

// What a start that is refused raises.
template <class F>
std::string raised_by(F f) {
    try {
        f();
    } catch (const error_exception& e) {
        return shown(e.reason);
    } catch (const exit_exception& e) {
        return "exit " + shown(e.reason);
    }
    return "nothing";
}

std::string refusal_of(partition_options options) {
    return raised_by([&] { (void)partition_supervisor::start_link(options); });
}

}  // namespace

TEST_CASE("PART-01: there are as many partitions as schedulers, unless told otherwise") {
    runtime_options o;
    o.schedulers = 3;
    runtime node(o);
    test::run_in(node, [](self s) -> awaitable<void> {
        co_await start_shards(s, some_shards({}));
        CHECK(partition_supervisor::partitions(shards) == 3);
        co_await start_shards(s, some_shards(7, server_name("more")));
        CHECK(partition_supervisor::partitions("more") == 7);
    });
}

TEST_CASE("PART-02: an integer key goes to |key| rem n") {
    in_node([](self s) -> awaitable<void> {
        co_await start_shards(s, some_shards(3));
        auto number = [](term key) { return partition_supervisor::partition_of(shards, key); };
        CHECK(number(0) == 0);
        CHECK(number(4) == 1);
        CHECK(number(-4) == 1);
        CHECK(number(-5) == 2);
        CHECK(number(INT64_MAX) == unsigned(INT64_MAX % 3));
        CHECK(number(INT64_MIN) == unsigned((std::uint64_t(1) << 63) % 3));
        CHECK(number(*parse_term("100000000000000000000000000000000001")) == 2);
        CHECK(number(*parse_term("-100000000000000000000000000000000001")) == 2);
        // What is asked for by a key is that partition.
        auto children = co_await partition_supervisor::which_children(shards);
        for (const auto& c : children) CHECK(partition_supervisor::whereis(shards, c.id) == c.pid);
    });
}

TEST_CASE("PART-03: another key goes to its hash, always to the same one") {
    in_node([](self s) -> awaitable<void> {
        co_await start_shards(s, some_shards(4));
        std::set<unsigned> used;
        for (int i = 0; i < 200; ++i) {
            term key = tuple(atom("user"), i);
            unsigned n = partition_supervisor::partition_of(shards, key);
            REQUIRE(n < 4);
            used.insert(n);
            CHECK(partition_supervisor::partition_of(shards, tuple(atom("user"), i)) == n);
            CHECK(n == key.hash() % 4);
        }
        CHECK(used.size() == 4);
        // A supervisor whose name is a key of a registry.
        auto starting = registry::start_link({atom("names")});
        auto reg = co_await starting;
        REQUIRE(reg.has_value());
        co_await start_shards(s, some_shards(2, via(atom("names"), "shards")));
        server_name name = via(atom("names"), "shards");
        CHECK(partition_supervisor::partitions(name) == 2);
        term facts = co_await beam::call<get_facts>(partition_via(name, atom("some_key")));
        CHECK(shown(facts) == "{<<\"s\">>,-1}");
        auto count = co_await partition_supervisor::count_children(name);
        CHECK(count.active == 2);
    });
}

TEST_CASE("PART-04: a partition that has died is started again under its number") {
    log_capture quiet;
    test::simulated([](self s) -> awaitable<void> {
        co_await start_shards(s, some_shards(3));
        pid first = partition_supervisor::whereis(shards, 1);
        pid other = partition_supervisor::whereis(shards, 2);
        ref watched = monitor(first);
        exit(first, atoms::kill);
        (void)co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; });
        co_await settle(s);
        pid next = partition_supervisor::whereis(shards, 1);
        CHECK(!(next == first));
        CHECK(partition_supervisor::whereis(shards, 4) == next);
        CHECK(partition_supervisor::whereis(shards, 2) == other);
        term facts = co_await beam::call<get_facts>(partition_via(shards, 4));
        CHECK(shown(facts) == "{<<\"s\">>,-1}");
        auto children = co_await partition_supervisor::which_children(shards);
        CHECK(children[1].id == term(1));
        CHECK(children[1].pid == next);
    });
}

TEST_CASE("PART-05: which_children shows the partitions by number; count_children counts them") {
    in_node([](self s) -> awaitable<void> {
        co_await start_shards(s, some_shards(3));
        auto children = co_await partition_supervisor::which_children(shards);
        REQUIRE(children.size() == 3);
        for (unsigned i = 0; i < 3; ++i) {
            CHECK(children[i].id == term(2 - i));
            CHECK(children[i].pid.has_value());
            CHECK(children[i].type == child_type::worker);
            CHECK(shown(children[i].modules) == "[shard]");
        }
        auto count = co_await partition_supervisor::count_children(shards);
        CHECK(count == children_count{3, 3, 0, 3});
    });
}

TEST_CASE("PART-06: what is missing, or makes no sense, is a badarg") {
    in_node([](self) -> awaitable<void> {
        CHECK(refusal_of(some_shards(2, server_name())) == "{badarg,missing_name}");
        CHECK(refusal_of(partition_options("p", child_spec())) == "{badarg,missing_child_spec}");
        CHECK(refusal_of(some_shards(0)) == "{badarg,{invalid_partitions,0}}");
        auto simple = some_shards(2);
        simple.strategy = restart_strategy::simple_one_for_one;
        CHECK(refusal_of(simple) == "{badarg,{invalid_strategy,simple_one_for_one}}");
        auto odd = some_shards(2);
        odd.with_arguments([](term, unsigned) { return term(atom("none")); });
        CHECK(refusal_of(odd) == "{badarg,{invalid_arguments,none}}");
        // What the supervisor itself checks is an error of the start.
        auto flags = some_shards(2);
        flags.max_restarts = -1;
        this_process().trap_exit(true);
        auto starting = partition_supervisor::start_link(flags);
        start_result r = co_await starting;
        CHECK(shown(as_term(r)) == "{error,{supervisor_data,{invalid_intensity,-1}}}");
    });
}

TEST_CASE("PART-07: an unknown supervisor is noproc; so is one that has gone") {
    in_node([](self s) -> awaitable<void> {
        CHECK(raised_by([] { (void)partition_supervisor::partitions("none"); }) ==
              "exit {noproc,{partition_supervisor,partitions,[none]}}");
        CHECK(raised_by([] { (void)beam::call<get_facts>(partition_via("none", 1)); }) ==
              "exit {noproc,{partition_supervisor,whereis,[none]}}");
        co_await start_shards(s, some_shards(2));
        pid worker = partition_supervisor::whereis(shards, 0);
        ref watched = monitor(worker);
        co_await partition_supervisor::stop(shards);
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 0ms);
        REQUIRE(down.has_value());
        CHECK(down->reason == atoms::shutdown);
        CHECK(raised_by([] {
                  (void)partition_supervisor::whereis(shards, 1);
              }).starts_with("exit {noproc,"));
        // Under the same name again, with another size.
        co_await start_shards(s, some_shards(5));
        CHECK(partition_supervisor::partitions(shards) == 5);
        auto again = partition_supervisor::start_link(some_shards(2));
        start_result r = co_await again;
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::already_started);
        CHECK(partition_supervisor::partitions(shards) == 5);
    });
}

TEST_CASE("PART-08: with_arguments says how each partition is started") {
    in_node([](self s) -> awaitable<void> {
        auto options = some_shards(3);
        std::string seen;
        options.with_arguments([&seen](term arguments, unsigned partition) {
            seen += shown(arguments) + std::to_string(partition) + " ";
            return list({arguments.list_elements().begin() == arguments.list_elements().end()
                             ? term("?")
                             : *arguments.head(),
                         partition * 10});
        });
        co_await start_shards(s, options);
        CHECK(seen == "[<<\"s\">>,-1]0 [<<\"s\">>,-1]1 [<<\"s\">>,-1]2 ");
        for (int i = 0; i < 3; ++i) {
            term facts = co_await beam::call<get_facts>(partition_via(shards, i));
            CHECK(facts == tuple("s", i * 10));
        }
        // A start that keeps no terms takes none.
        partition_options plain(
            "plain", child_spec(0, child_start([] { return start_result(fail_term(atom("x"))); })));
        plain.partitions = 1;
        plain.with_arguments([](term, unsigned) { return list({1}); });
        auto starting = partition_supervisor::start_link(plain);
        start_result r = co_await starting;
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()).find("undef") != std::string::npos);
    });
}

TEST_CASE("PART-09: one_for_one, three restarts in five seconds") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_shards(s, some_shards(2));
        pid other = partition_supervisor::whereis(shards, 1);
        for (int i = 0; i < 3; ++i) {
            exit(partition_supervisor::whereis(shards, 0), atoms::kill);
            co_await settle(s);
        }
        CHECK(partition_supervisor::whereis(shards, 1) == other);
        auto ended = co_await test::end_of(s, sup);
        CHECK(!ended.has_value());
        exit(partition_supervisor::whereis(shards, 0), atoms::kill);
        co_await settle(s);
        ended = co_await test::end_of(s, sup);
        CHECK(ended == term(atoms::shutdown));
        // Another strategy and another limit.
        auto options = some_shards(2);
        options.strategy = restart_strategy::one_for_all;
        options.max_restarts = 1;
        sup = co_await start_shards(s, options);
        other = partition_supervisor::whereis(shards, 1);
        exit(partition_supervisor::whereis(shards, 0), atoms::kill);
        co_await settle(s);
        CHECK(!(partition_supervisor::whereis(shards, 1) == other));
        exit(partition_supervisor::whereis(shards, 0), atoms::kill);
        co_await settle(s);
        ended = co_await test::end_of(s, sup);
        CHECK(ended == term(atoms::shutdown));
    });
}

TEST_CASE("a code change of a partition supervisor leaves its partitions where they are") {
    log_capture quiet;
    test::simulated([](self s) -> awaitable<void> {
        const pid sup = co_await start_shards(s, some_shards(3));
        const pid before = partition_supervisor::whereis(shards, 1);
        co_await sys::suspend(sup);
        auto changed = co_await sys::change_code(sup, atom("partition_supervisor"), "1", nil);
        CHECK(changed.has_value());
        co_await sys::resume(sup);
        CHECK(partition_supervisor::whereis(shards, 1) == before);
        auto children = co_await partition_supervisor::which_children(shards);
        CHECK(children.size() == 3);
        // And they are restarted as before.
        ref watched = monitor(before);
        exit(before, atoms::kill);
        (void)co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; });
        co_await settle(s);
        CHECK(!(partition_supervisor::whereis(shards, 1) == before));
        term facts = co_await beam::call<get_facts>(partition_via(shards, 1));
        CHECK(shown(facts) == "{<<\"s\">>,-1}");
    });
}

TEST_CASE("a partition supervisor may be the child of another one") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        std::vector<child_spec> children;
        children.push_back(
            supervisor::child_of(atom("shards"), partition_supervisor::child(some_shards(2))));
        co_await test::start_sup(s, {}, std::move(children));
        pid before = partition_supervisor::whereis(shards, 0);
        exit(*whereis(shards), atoms::kill);
        co_await settle(s);
        CHECK(!(partition_supervisor::whereis(shards, 0) == before));
        term facts = co_await beam::call<get_facts>(partition_via(shards, 0));
        CHECK(shown(facts) == "{<<\"s\">>,-1}");
    });
}

TEST_CASE("partitions are found from several schedulers while they die") {
    log_capture quiet;
    test::threaded([](self s) -> awaitable<void> {
        auto options = some_shards(4);
        options.max_restarts = 1000;
        co_await start_shards(s, options);
        for (int i = 0; i < 4; ++i)
            beam::spawn(
                [](self me, pid test) -> process {
                    for (int k = 0; k < 200; ++k) {
                        auto asked = beam::call<get_facts>(partition_via(shards, k));
                        auto r = co_await asked.outcome();
                        if (k % 20 == 0)
                            exit(partition_supervisor::whereis(shards, k), atoms::kill);
                        if (me.bump_reductions(1)) co_await me.yield();
                    }
                    beam::send(test, 1);
                },
                s.id());
        for (int i = 0; i < 4; ++i) (void)co_await s.receive<int>();
        CHECK(partition_supervisor::partitions(shards) == 4);
    });
}
