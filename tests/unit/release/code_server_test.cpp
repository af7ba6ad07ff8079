#include "libbeamcore/release/code_server.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "libbeamcore/base/install.hpp"
#include "libbeamcore/otp/gen_event.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/json.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/release/scratch.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

class plain_request : public request {
public:
    explicit plain_request(term params) : params_(std::move(params)) {}
    [[nodiscard]] std::string_view method() const override { return "test"; }
    [[nodiscard]] const term& params() const override { return params_; }
    [[nodiscard]] std::string_view tool() const override { return {}; }
    [[nodiscard]] std::uint32_t uid() const override { return 0; }
    [[nodiscard]] awaitable<void> item(term) override { co_return; }
    void lossy_item(term) override {}

private:
    term params_;
};

/// Calls a method of that version of vault, as a request's process would, in the calling one.
awaitable<term> ask(std::shared_ptr<const loaded_module> m, std::string name, term params = map()) {
    const method_spec* found = m->find_method(name);
    if (!found) exit(tuple("no method", name));
    plain_request r(std::move(params));
    answer a = co_await found->run(r);
    if (!a) exit(tuple(a.error().kind, a.error().why));
    co_return *a;
}

term params(pid account, int amount = 0) {
    return map({{term("account"), account}, {term("amount"), amount}});
}

term opening(int balance) {
    return map({{term("balance"), balance}});
}

std::shared_ptr<const loaded_module> load(std::string_view version) {
    auto& code = code_server::current();
    code.set_folders({test::modules()});
    auto loaded = code.load("vault", version);
    if (!loaded) exit(tuple(loaded.error().code, loaded.error().detail));
    return *loaded;
}

std::size_t mapped_lines(std::string_view what) {
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);) n += line.find(what) != std::string::npos;
    return n;
}

/// Runs a coroutine in a node of its own; what it exits with fails the test.
template <class F>
void in_node(F code) {
    runtime node;
    auto r = node.execute(code);
    CHECK_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
}

std::string shown(const term& t) {
    return to_string(t);
}

awaitable<term> exit_reason(pid p) {
    const ref m = monitor(p);
    auto down = co_await this_process().receive_if<down_message>(
        [m](const down_message& d) { return d.monitor == m; });
    co_return down->reason;
}

}  // namespace

TEST_CASE("CODE-01: a process stays in its version, new ones are made in the current one") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term a = co_await ask(v1, "vault.open", opening(10));
        auto v2 = load("2");
        CHECK(code_server::current().find("vault") == v2);
        CHECK(code_server::current().find_old("vault") == v1);
        const term b = co_await ask(v2, "vault.open", opening(20));

        term state = co_await sys::get_state(*a.as_pid());
        CHECK(shown(state) == "#{balance_ => 10}");
        state = co_await sys::get_state(*b.as_pid());
        CHECK(shown(state) == "#{balance_ => 20,last_note_ => <<>>,owner_ => <<\"nobody\">>}");

        // The module table makes the current version's.
        auto entry = module_table::current().find(atom("vault"), atom("account"));
        CHECK(entry->version == "2");
        CHECK(module_table::current().find_old(atom("vault"), atom("account"))->version == "1");
    });
}

TEST_CASE("two versions with the same names and other layouts run side by side") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        auto v2 = load("2");
        const term a = co_await ask(v1, "vault.open");
        const term b = co_await ask(v2, "vault.open");
        // Each version's clients talk to the other's servers: through terms.
        (void)co_await ask(v2, "vault.pay", params(*a.as_pid(), 5));
        (void)co_await ask(v1, "vault.pay", params(*b.as_pid(), 7));
        term n = co_await ask(v1, "vault.balance", params(*b.as_pid()));
        CHECK(n == term(7));
        n = co_await ask(v2, "vault.balance", params(*a.as_pid()));
        CHECK(n == term(5));
        // Exceptions and inline statics are each version's own.
        term one = co_await ask(v1, "vault.version");
        term two = co_await ask(v2, "vault.version");
        CHECK(*one.map_find("code") == term(1));
        CHECK(*one.map_find("what") == term("vault-1"));
        CHECK(*two.map_find("code") == term(2));
        CHECK(*two.map_find("what") == term("vault-2"));
        CHECK(*one.map_find("opened")->as_int64() < 1000);
        CHECK(*two.map_find("opened")->as_int64() > 1000);
    });
}

TEST_CASE("what a module throws is a reason that outlives it") {
    runtime node;
    auto r = node.execute([](self) -> awaitable<void> {
        auto v1 = load("1");
        (void)co_await ask(v1, "vault.break_in");
    });
    REQUIRE_FALSE(r);
    CHECK(shown(r.error()) == "{{cpp_exception,<<\"vault::error\">>,<<\"vault-1\">>},[]}");
}

TEST_CASE("a third version is refused until the old one is purged") {
    in_node([](self) -> awaitable<void> {
        (void)load("1");
        (void)load("2");
        auto& code = code_server::current();
        auto third = code.load("vault", "3");
        CHECK_FALSE(third);
        CHECK((!third && third.error().is("not_purged")));
        CHECK(code.find("vault")->version() == "2");
        auto purged = co_await code.soft_purge("vault");
        CHECK(purged.purged);
        CHECK(purged.unmapped);
        third = code.load("vault", "3");
        CHECK(third);
        CHECK(code.find("vault")->version() == "3");
        CHECK(code.find_old("vault")->version() == "2");
    });
}

TEST_CASE("CODE-02: soft_purge with a user of old code says who, and removes nothing") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term account = co_await ask(v1, "vault.open");
        const term guard = co_await ask(v1, "vault.guard");
        v1.reset();
        (void)load("2");
        auto& code = code_server::current();
        auto r = co_await code.soft_purge("vault");
        CHECK_FALSE(r.purged);
        CHECK_FALSE(r.unmapped);
        REQUIRE(r.holders.size() == 2);
        CHECK(r.holders[0].find(shown(account)) != std::string::npos);
        CHECK(r.holders[1].find(shown(guard)) != std::string::npos);
        CHECK(r.holders[0].find("account") != std::string::npos);
        CHECK(code.find_old("vault")->version() == "1");
        CHECK(co_await is_alive(*account.as_pid()));

        co_await stop(*account.as_pid());
        exit(*guard.as_pid(), atoms::kill);
        (void)co_await exit_reason(*guard.as_pid());
        r = co_await code.soft_purge("vault");
        CHECK(r.purged);
        CHECK(r.unmapped);
        CHECK_FALSE(r.killed);
        CHECK(mapped_lines("vault-1/vault.so") == 0);
        r = co_await code.soft_purge("vault");
        CHECK(r.purged);
    });
}

TEST_CASE("an event manager uses the code of its handlers, until they go over or away") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term manager = co_await ask(v1, "vault.listen");
        const term other = co_await ask(v1, "vault.listen");
        const pid m = *manager.as_pid(), o = *other.as_pid();
        auto v2 = load("2");
        v1.reset();
        auto& code = code_server::current();
        auto r = co_await code.soft_purge("vault");
        CHECK_FALSE(r.purged);
        REQUIRE(r.holders.size() == 2);
        CHECK(r.holders[0].find("gen_event " + shown(manager)) != std::string::npos);
        CHECK(r.holders[1].find(shown(other)) != std::string::npos);

        // As an upgrade does: its handler goes over, its process stays.
        co_await sys::suspend(m);
        auto changed = co_await sys::change_code(m, atom("ledger"), "1", atoms::undefined);
        CHECK(changed);
        co_await sys::resume(m);
        (void)co_await ask(v2, "vault.pay", params(m, 7));
        r = co_await code.soft_purge("vault");
        REQUIRE(r.holders.size() == 1);
        CHECK(r.holders[0].find(shown(other)) != std::string::npos);
        term state = co_await sys::get_state(m);
        CHECK(shown(state) == "[{ledger,false,#{last_note_ => <<\"none\">>,total_ => 12}}]");

        // The handler of the other is deleted: nothing of version 1 is left in it.
        (void)co_await ask(v2, "vault.stop_listening", params(o));
        r = co_await code.soft_purge("vault");
        CHECK(r.purged);
        CHECK(r.unmapped);
        CHECK(co_await is_alive(o));
    });
}

TEST_CASE("purge kills an event manager with a handler of old code, and no other") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term manager = co_await ask(v1, "vault.listen");
        v1.reset();
        (void)load("2");
        const auto bystander = gen_event::start();
        REQUIRE(bystander);
        const ref watch = monitor(*manager.as_pid());
        auto r = co_await code_server::current().purge("vault");
        CHECK(r.purged);
        CHECK(r.killed);
        CHECK(r.unmapped);
        auto down = co_await this_process().receive_if<down_message>(
            [watch](const down_message& d) { return d.monitor == watch; });
        CHECK(down->reason == atoms::killed);
        CHECK(co_await is_alive(*bystander));
    });
}

TEST_CASE("a coroutine that enters itself goes over to the current version, in the same process") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term counter = co_await ask(v1, "vault.count");
        const pid p = *counter.as_pid();
        (void)co_await ask(v1, "vault.tick", params(p));
        term n = co_await ask(v1, "vault.ask_count", params(p));
        CHECK(n == term(1));
        auto v2 = load("2");
        n = co_await ask(v2, "vault.ask_count", params(p));
        CHECK(n == term(1));
        auto held = co_await code_server::current().soft_purge("vault");
        CHECK_FALSE(held.purged);
        // Its next turn is the new version's, with the old one's state.
        (void)co_await ask(v1, "vault.tick", params(p));
        n = co_await ask(v2, "vault.ask_count", params(p));
        CHECK(n == term(2));
        (void)co_await ask(v1, "vault.tick", params(p));
        n = co_await ask(v2, "vault.ask_count", params(p));
        CHECK(n == term(102));
        v1.reset();
        auto r = co_await code_server::current().soft_purge("vault");
        CHECK(r.unmapped);
        n = co_await ask(v2, "vault.ask_count", params(p));
        CHECK(n == term(102));
    });
}

TEST_CASE("a supervisor's restart of a coroutine takes the current version") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term nursery = co_await ask(v1, "vault.nursery");
        const pid top = *nursery.as_pid();
        auto v2 = load("2");
        v1.reset();
        auto children = co_await supervisor::which_children(top);
        REQUIRE(children.size() == 1);
        const pid first = *children[0].pid;
        term n = co_await ask(v2, "vault.ask_count", params(first));
        CHECK(n == term(5));
        exit(first, atoms::kill);
        (void)co_await exit_reason(first);
        children = co_await supervisor::which_children(top);
        REQUIRE(children[0].pid);
        CHECK(*children[0].pid != first);
        // Nothing of version 1 is left, in the supervisor neither.
        auto r = co_await code_server::current().soft_purge("vault");
        CHECK(r.unmapped);
        n = co_await ask(v2, "vault.ask_count", params(*children[0].pid));
        CHECK(n == term(5));
    });
}

TEST_CASE("births that are held back wait until they are let go, in the version of that moment") {
    in_node([](self me) -> awaitable<void> {
        (void)load("1");
        auto& table = module_table::current();
        const atom vault("vault"), account("account");
        table.hold_births(vault, account);
        spawn_link(
            [](self s, pid parent, atom application, atom name) -> process {
                auto start = child_start::of_class(application, name, list({term(7)}));
                CHECK(start.waits());
                auto starting = start.start_waiting();
                start_result born = co_await starting;
                const auto child = started_pid(std::move(born));
                send(parent, child ? *child : pid{});
                (void)co_await s.receive();  // its child is linked to it
            },
            me.id(), vault, account);
        auto early = co_await me.receive_for<pid>(50ms);
        CHECK_FALSE(early);
        auto v2 = load("2");
        table.let_births_go(vault);
        const pid born = co_await me.receive<pid>();
        REQUIRE(born);
        const term state = co_await sys::get_state(born);
        CHECK(shown(state) == "#{balance_ => 7,last_note_ => <<>>,owner_ => <<\"nobody\">>}");
        CHECK_FALSE(table.births_are_held(vault, account));
    });
}

TEST_CASE("CODE-03: purge kills the users of old code with the reason killed") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        const term account = co_await ask(v1, "vault.open");
        const term guard = co_await ask(v1, "vault.guard");
        v1.reset();
        (void)load("2");
        const ref a = monitor(*account.as_pid()), g = monitor(*guard.as_pid());
        auto& code = code_server::current();
        auto r = co_await code.purge("vault");
        CHECK(r.purged);
        CHECK(r.killed);
        CHECK(r.unmapped);
        for (const ref& m : {a, g}) {
            auto down = co_await this_process().receive_if<down_message>(
                [m](const down_message& d) { return d.monitor == m; });
            CHECK(down->reason == atoms::killed);
        }
        CHECK(mapped_lines("vault-1/vault.so") == 0);
        r = co_await code.purge("vault");  // nothing to kill
        CHECK_FALSE(r.killed);
    });
}

TEST_CASE("CODE-04: delete makes the current version old; again gives false") {
    in_node([](self) -> awaitable<void> {
        (void)load("1");
        auto& code = code_server::current();
        CHECK(code.remove("vault"));
        CHECK_FALSE(code.find("vault"));
        CHECK(code.find_old("vault")->version() == "1");
        CHECK_FALSE(module_table::current().find(atom("vault"), atom("account")));
        CHECK_FALSE(code.remove("vault"));
        auto r = co_await code.soft_purge("vault");
        CHECK(r.purged);
        CHECK(mapped_lines("vault-1/vault.so") == 0);
    });
}

TEST_CASE("messages and timers of a purged version are served by the new one") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        auto v2 = load("2");
        const term account = co_await ask(v2, "vault.open");
        const pid a = *account.as_pid();
        co_await sys::suspend(a);
        (void)co_await ask(v1, "vault.pay", params(a, 5));
        (void)co_await ask(v1, "vault.pay", params(a, 6));
        (void)co_await ask(v1, "vault.pay_later", params(a, 100));
        v1.reset();
        auto r = co_await code_server::current().soft_purge("vault");
        CHECK(r.purged);
        CHECK(r.unmapped);
        co_await sys::resume(a);
        term n = co_await ask(v2, "vault.balance", params(a));
        CHECK(n == term(11));
    });
}

TEST_CASE("a timer of a purged version fires with its message") {
    runtime_options o;
    o.deterministic = true;
    runtime node(o);
    auto r = node.execute([](self me) -> awaitable<void> {
        auto v1 = load("1");
        auto v2 = load("2");
        const term account = co_await ask(v2, "vault.open");
        const pid a = *account.as_pid();
        (void)co_await ask(v1, "vault.pay_later", params(a, 100));
        v1.reset();
        auto purged = co_await code_server::current().soft_purge("vault");
        CHECK(purged.unmapped);
        term n = co_await ask(v2, "vault.balance", params(a));
        CHECK(n == term(0));
        co_await me.sleep_for(61min);  // of virtual time
        n = co_await ask(v2, "vault.balance", params(a));
        CHECK(n == term(100));
    });
    CHECK_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
}

TEST_CASE("a message without fields holds its version, and is lost by a hard purge") {
    in_node([](self me) -> awaitable<void> {
        auto v1 = load("1");
        (void)load("2");
        (void)co_await ask(v1, "vault.seal", params(me.id()));
        v1.reset();
        auto& code = code_server::current();
        auto r = co_await code.soft_purge("vault");
        CHECK_FALSE(r.purged);
        REQUIRE(r.holders.size() == 1);
        CHECK(r.holders[0].find("messages in") == 0);
        r = co_await code.purge("vault");
        CHECK(r.purged);
        CHECK(r.unmapped);
        CHECK_FALSE(r.killed);
        message m = me.try_receive();
        REQUIRE(m);
        CHECK(shown(m.to_term()) == "{opaque,<<\"vault::sealed\">>}");
    });
}

TEST_CASE("a definition that somebody still holds keeps its module mapped, not its place") {
    in_node([](self) -> awaitable<void> {
        auto v1 = load("1");
        auto v2 = load("2");
        auto r = co_await code_server::current().purge("vault");
        CHECK_FALSE(r.unmapped);
        CHECK(mapped_lines("vault-1/vault.so") > 0);
        term one = co_await ask(v1, "vault.version");
        CHECK(*one.map_find("code") == term(1));
        CHECK(code_server::current().load("vault", "3"));
        v1.reset();
        CHECK(mapped_lines("vault-1/vault.so") == 0);
    });
}

TEST_CASE("which names the file that is, or would be, loaded") {
    in_node([](self) -> awaitable<void> {
        auto& code = code_server::current();
        code.set_folders({test::modules()});
        CHECK(code.which("vault") == test::modules() / "vault-3" / "vault.so");
        CHECK_FALSE(code.which("absent"));
        (void)load("1");
        CHECK(code.which("vault") == test::modules() / "vault-1" / "vault.so");
        co_return;
    });
}

TEST_CASE("two nodes of one OS process share a mapping, not versions") {
    runtime first, second;
    auto loads = [](self) -> awaitable<std::string> {
        auto v1 = load("1");
        co_return v1->version();
    };
    CHECK(first.execute(loads) == "1");
    CHECK(second.execute(loads) == "1");
    auto purges = [](self) -> awaitable<bool> {
        auto& code = code_server::current();
        (void)code.remove("vault");
        auto r = co_await code.soft_purge("vault");
        co_return r.purged && !r.unmapped;
    };
    CHECK(first.execute(purges) == true);
    CHECK(mapped_lines("vault-1/vault.so") > 0);
    auto last = [](self) -> awaitable<bool> {
        auto& code = code_server::current();
        (void)code.remove("vault");
        auto r = co_await code.soft_purge("vault");
        co_return r.purged&& r.unmapped;
    };
    CHECK(second.execute(last) == true);
    CHECK(mapped_lines("vault-1/vault.so") == 0);
}

TEST_CASE("who uses a module in another node of the OS process holds nothing in this one") {
    runtime first, second;
    auto uses = [](self) -> awaitable<pid> {
        auto v1 = load("1");
        const term guard = co_await ask(v1, "vault.guard");
        co_return *guard.as_pid();
    };
    auto loads = [](self) -> awaitable<void> {
        (void)load("1");
        co_return;
    };
    const auto guard = second.execute(uses);
    REQUIRE(guard);
    REQUIRE(first.execute(loads));
    auto purges = [](self) -> awaitable<purge_result> {
        (void)code_server::current().remove("vault");
        co_return co_await code_server::current().soft_purge("vault");
    };
    auto r = first.execute(purges);
    REQUIRE(r);
    CHECK(r->purged);
    CHECK_FALSE(r->unmapped);
    r = second.execute(purges);
    REQUIRE(r);
    CHECK_FALSE(r->purged);
    REQUIRE(r->holders.size() == 1);
    CHECK(r->holders[0].find(shown(*guard)) != std::string::npos);
    auto kills = [](self, pid p) -> awaitable<void> {
        exit(p, atoms::kill);
        (void)co_await exit_reason(p);
    };
    REQUIRE(second.execute(kills, *guard));
    r = second.execute(purges);
    REQUIRE(r);
    CHECK(r->unmapped);
    CHECK(mapped_lines("vault-1/vault.so") == 0);
}

TEST_CASE("a module built against another libbeamcore is refused before it is loaded") {
    test::scratch dir;
    const auto folder = dir.path() / "vault-1";
    std::filesystem::create_directories(folder);
    std::ostringstream whole;
    whole << std::ifstream(test::modules() / "vault-1" / "vault.so", std::ios::binary).rdbuf();
    std::string bytes = whole.str();
    const std::string owner("beamcore\0\0\0\0", 12);
    const auto at = bytes.find(owner);
    REQUIRE(at != std::string::npos);
    bytes[at + 12] = char(bytes[at + 12] ^ 1);
    std::ofstream(folder / "vault.so", std::ios::binary) << bytes;
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path()});
    auto r = code.load("vault");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("foreign_abi"));
    CHECK(r.error().detail.find("this node has") != std::string::npos);
    CHECK(mapped_lines(dir.path().string()) == 0);
}

TEST_CASE("a node maps its own copy, and what happens to the installed file does not touch it") {
    test::scratch dir;
    const auto installed = dir.path() / "installed" / "vault-1";
    const auto own = dir.path() / "state" / "lib";
    std::filesystem::create_directories(installed);
    std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", installed / "vault.so");
    runtime node;
    code_server::of(node).set_folders({dir.path() / "installed"});
    code_server::of(node).set_own_folder(own);
    const auto copy = own / "vault-1" / "vault.so";
    auto r = node.execute(
        [](self, std::filesystem::path source, std::filesystem::path mapped) -> awaitable<void> {
            auto& code = code_server::current();
            auto v1 = code.load("vault", "1");
            REQUIRE(v1);
            CHECK((*v1)->path() == mapped);
            CHECK(mapped_lines(source.string()) == 0);
            struct stat info {};
            REQUIRE(::stat(mapped.c_str(), &info) == 0);
            CHECK((info.st_mode & 0777) == 0444);
            REQUIRE(::stat(mapped.parent_path().parent_path().c_str(), &info) == 0);
            CHECK((info.st_mode & 0777) == 0700);
            // As `cp` and `make install` do: written over in place.
            std::ofstream(source, std::ios::binary | std::ios::trunc) << std::string(4096, 'x');
            const term account = co_await ask(*v1, "vault.open", opening(3));
            const term n = co_await ask(*v1, "vault.balance", params(*account.as_pid()));
            CHECK(n == term(3));
            co_await stop(*account.as_pid());
            // What was written over is no module; the copy follows what is installed, at the next load.
            v1->reset();
            (void)code.remove("vault");
            auto purged = co_await code.soft_purge("vault");
            CHECK(purged.unmapped);
            auto bad = code.load("vault", "1");
            REQUIRE_FALSE(bad);
            CHECK(bad.error().is("bad_module"));
            std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", source,
                                       std::filesystem::copy_options::overwrite_existing);
            v1 = code.load("vault", "1");
            CHECK(v1);
        },
        installed / "vault.so", copy);
    CHECK_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
    std::size_t files = 0;
    for (const auto& e : std::filesystem::directory_iterator(own / "vault-1")) files += e.exists();
    CHECK(files == 1);  // nothing half written beside it
}

TEST_CASE("where no copy can be made, the load says where") {
    test::scratch dir;
    std::ofstream(dir.path() / "file") << "no folder";
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({test::modules()});
    code.set_own_folder(dir.path() / "file" / "lib");
    auto r = code.load("vault", "1");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("cannot_copy"));
    CHECK(r.error().detail.find((dir.path() / "file").string()) != std::string::npos);
}

TEST_CASE("a module in a folder that others may write is refused") {
    test::scratch dir;
    const auto folder = dir.path() / "open" / "vault-1";
    std::filesystem::create_directories(folder);
    std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", folder / "vault.so");
    ::chmod((dir.path() / "open").c_str(), 0777);
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path() / "open"});
    auto r = code.load("vault", "1");
    REQUIRE_FALSE(r);
    CHECK(r.error().is("not_permitted"));
    ::chmod((dir.path() / "open").c_str(), 01777);  // as /tmp: nobody can rename what is another's
    CHECK(code.load("vault", "1"));
}

TEST_CASE("modules that may not or cannot be loaded are refused, each with its reason") {
    test::scratch dir;
    runtime node;
    auto& code = code_server::of(node);
    code.set_folders({dir.path()});
    auto refused = [&](std::string_view name, std::string_view version = {}) {
        auto r = code.load(name, version);
        return r ? std::string("loaded") : r.error().code;
    };
    CHECK(refused("vault") == "not_found");
    CHECK(refused("../vault") == "not_found");
    const auto put = [&](const char* where, mode_t mode) {
        std::filesystem::create_directories(dir.path() / where);
        const auto file = dir.path() / where / "vault.so";
        std::filesystem::copy_file(test::modules() / "vault-1" / "vault.so", file);
        ::chmod(file.c_str(), mode);
    };
    put("vault-5", 0644);
    CHECK(refused("vault", "5") == "bad_module");  // its note says 1
    put("vault-1", 0646);
    CHECK(refused("vault", "1") == "not_permitted");
    std::filesystem::create_directories(dir.path() / "vault-6");
    std::ofstream(dir.path() / "vault-6" / "vault.so") << "\177ELF and no more";
    CHECK(refused("vault", "6") == "bad_module");
}

TEST_CASE("each application is loaded and unloaded a hundred times, and nothing stays mapped") {
    auto all = find_modules({}, {test::modules()});
    for (auto& f : find_modules({}, {applications_dir()})) all.push_back(std::move(f));
    REQUIRE(all.size() >= 3);
    for (const auto& file : all) {
        CAPTURE(file.path.string());
        runtime node;
        for (int i = 0; i < 100; ++i) {
            auto r = node.execute(
                [](self, module_file f) -> awaitable<bool> {
                    auto& code = code_server::current();
                    code.set_folders({f.path.parent_path().parent_path()});
                    auto loaded = code.load(f.name, f.version);
                    if (!loaded) exit(tuple(loaded.error().code, loaded.error().detail));
                    const bool mapped = mapped_lines(f.path.string()) > 0;
                    loaded->reset();
                    (void)code.remove(f.name);
                    auto purged = co_await code.soft_purge(f.name);
                    co_return mapped&& purged.unmapped;
                },
                file);
            REQUIRE_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
            REQUIRE(*r);
        }
        CHECK(mapped_lines(file.path.string()) == 0);
    }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("what is left of a purged module is a crash with its name") {
    int out[2];
    REQUIRE(::pipe(out) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(out[1], STDERR_FILENO);
        ::signal(SIGSEGV, SIG_DFL);  // or doctest's handler reports the crash as this test's
        name_calls_into_purged_code();
        runtime node;
        // The address of a type's name in the module.
        auto left = node.execute([](self me) -> awaitable<std::uint64_t> {
            auto v1 = load("1");
            (void)co_await ask(v1, "vault.seal", params(me.id()));
            message m = me.try_receive();
            const auto at = reinterpret_cast<std::uint64_t>(m.type()->name);
            m = message();
            v1.reset();
            (void)code_server::current().remove("vault");
            (void)co_await code_server::current().purge("vault");
            co_return at;
        });
        if (left) (void)*reinterpret_cast<const volatile char*>(*left);
        ::_exit(0);
    }
    ::close(out[1]);
    std::string said;
    char chunk[512];
    for (ssize_t n; (n = ::read(out[0], chunk, sizeof chunk)) > 0;)
        said.append(chunk, std::size_t(n));
    ::close(out[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGSEGV);
    CHECK(said.find("call into purged vault-1") != std::string::npos);
}
#endif
