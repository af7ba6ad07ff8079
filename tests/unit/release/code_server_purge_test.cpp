// Which old code is purged, who holds it or is killed for it, and that nothing of it stays mapped.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "libbeamcore/otp/gen_event.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "tests/unit/release/vault.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

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
