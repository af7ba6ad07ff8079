// Two versions of an application beside each other, and how what runs goes over from one to the next.
#include <chrono>
#include <string>

#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "tests/unit/release/vault.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

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
