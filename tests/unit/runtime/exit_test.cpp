#include "libbeamcore/runtime/exit.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

term first(const term& pair) {
    return pair.elements().empty() ? term() : pair.elements()[0];
}
template <class T>
concept can_call_exit = requires(T reason) {
    exit(reason);
};

bool has_stack(const term& pair) {
    return pair.elements().size() == 2 && pair.elements()[1].is_list();
}

/// Runs `code` as a process and gives its exit reason.
template <class F, class... Args>
term reason_of(F code, Args... args) {
    term reason;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        runtime node(deterministic(seed));
        reason = node.wait_for_exit(node.spawn(code, args...));
    }
    return reason;
}

}  // namespace

TEST_CASE("PROC-01: exit with normal leaves a process alone that does not trap exits") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet);
        exit(p, atoms::normal);
        const term messages = co_await mailbox_of(me, p);
        CHECK(messages == list({}));
    });
}

TEST_CASE("PROC-02: exit with normal is a message to a process that traps exits") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet);
        co_await perform(me, p, trap_exits);
        exit(p, atoms::normal);
        const term messages = co_await mailbox_of(me, p);
        CHECK(messages == list({tuple(atoms::EXIT, me.id(), atoms::normal)}));
    });
}

TEST_CASE("PROC-03: exit with normal to oneself ends the process") {
    CHECK(reason_of([](self me) -> process {
              exit(me.id(), atoms::normal);
              co_await me.sleep_for(infinity{});
          }) == atoms::normal);
}

TEST_CASE("PROC-04: exit to oneself with another reason ends the process, caught or not") {
    CHECK(reason_of([](self me) -> process {
              exit(me.id(), atom("abnormal"));
              co_await me.sleep_for(infinity{});
          }) == atom("abnormal"));
    CHECK(reason_of([](self me) -> process {
              try {
                  exit(me.id(), atom("abnormal"));
              } catch (...) {
              }
              co_await me.sleep_for(1ms);
              exit(atom("survived"));
          }) == atom("abnormal"));
    CHECK(reason_of([](self me) -> process {
              try {
                  exit(me.id(), atom("abnormal"));
              } catch (...) {
              }
              co_return;
          }) == atom("abnormal"));
}

TEST_CASE("PROC-05: exit with normal to oneself while trapping exits is a message") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        exit(me.id(), atoms::normal);
        CHECK(mailbox(me) == list({tuple(atoms::EXIT, me.id(), atoms::normal)}));
        co_return;
    });
}

TEST_CASE("a process's signals to itself keep their order too") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        send(me.id(), 1);
        exit(me.id(), atoms::normal);
        send(me.id(), 2);
        CHECK(mailbox(me) == list({1, tuple(atoms::EXIT, me.id(), atoms::normal), 2}));
        co_return;
    });
}

TEST_CASE("PROC-06: kill cannot be trapped, and is seen as killed") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(puppet);
        co_await perform(me, p, trap_exits);
        link(p);
        const ref m = monitor(p);
        exit(p, atoms::kill);
        auto e = co_await me.receive<exit_message>();
        auto d = co_await me.receive<down_message>();
        CHECK(e.from == p);
        CHECK(e.reason == atoms::killed);
        CHECK(d.monitor == m);
        CHECK(d.reason == atoms::killed);
    });
}

TEST_CASE("PROC-06: a process that kills itself is seen as killed") {
    CHECK(reason_of([](self me) -> process {
              me.trap_exit(true);
              exit(me.id(), atoms::kill);
              co_await me.sleep_for(infinity{});
          }) == atoms::killed);
}

TEST_CASE("PROC-07: killed is an ordinary reason, and passes on along links") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid far = spawn_link(puppet);
        const pid near = spawn(puppet);
        co_await perform(me, near, link_to, far);
        co_await perform(me, far, trap_exits);
        exit(near, atoms::kill);
        const auto watch = monitor(near);
        auto down = co_await me.receive<down_message>();
        CHECK(down.monitor == watch);
        const term messages = co_await mailbox_of(me, far);
        CHECK(messages == list({tuple(atoms::EXIT, near, atoms::killed)}));

        const pid third = spawn(puppet);
        co_await perform(me, third, link_to, far);
        exit(third, atoms::kill);
        exit(far, atoms::kill);
        auto e = co_await me.receive<exit_message>();
        CHECK(e.reason == atoms::killed);
    });
}

TEST_CASE("PROC-08: exit(kill) in the process itself is an ordinary reason to its links") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn_link(leaves, term(atoms::kill));
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == p);
        CHECK(e.reason == atoms::kill);

        // A peer that does not trap dies of it, with that reason.
        const pid peer = spawn_link(puppet);
        const pid q = spawn(puppet);
        co_await perform(me, peer, link_to, q);
        send(q, order{exit_with, atoms::kill, me.id()});
        e = co_await me.receive<exit_message>();
        CHECK(e.from == peer);
        CHECK(e.reason == atoms::kill);
    });
}

TEST_CASE("PROC-09: a raised error is the pair of its term and the stack") {
    const term r = reason_of([](self) -> process {
        raise(tuple(atom("badkey"), 7));
        co_return;
    });
    CHECK(first(r) == tuple(atom("badkey"), 7));
    CHECK(has_stack(r));
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        auto [p, m] = spawn_monitor([](self) -> process {
            raise(atoms::badarg);
            co_return;
        });
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(first(d.reason) == atoms::badarg);
        CHECK(has_stack(d.reason));
    });
}

TEST_CASE("PROC-10: a thrown value that nobody catches is {{nocatch, Value}, Stack}") {
    const term number = reason_of([](self) -> process {
        throw 42;
        co_return;
    });
    CHECK(first(number) == tuple(atoms::nocatch, 42));
    CHECK(has_stack(number));
    const term value = reason_of([](self) -> process {
        throw term(tuple(atom("up"), 1));
        co_return;
    });
    CHECK(first(value) == tuple(atoms::nocatch, tuple(atom("up"), 1)));
    const term text = reason_of([](self) -> process {
        throw std::string("ball");
        co_return;
    });
    CHECK(first(text) == tuple(atoms::nocatch, "ball"));
    const term literal = reason_of([](self) -> process {
        throw "ball";
        co_return;
    });
    CHECK(first(literal) == tuple(atoms::nocatch, "ball"));
}

namespace {
struct strange {};
}  // namespace

TEST_CASE("an exception of any other type is told by its type's name") {
    const term r = reason_of([](self) -> process {
        throw strange{};
        co_return;
    });
    const term thrown = first(r);
    REQUIRE(thrown.is_tagged(atoms::nocatch, 2));
    const term value = thrown.elements()[1];
    REQUIRE(value.is_tagged(atom("opaque"), 2));
    CHECK(value.elements()[1].as_text()->find("strange") != std::string_view::npos);
}

TEST_CASE("a standard exception is {{cpp_exception, Type, What}, Stack}") {
    const term r = reason_of([](self) -> process {
        throw std::runtime_error("no such file");
        co_return;
    });
    CHECK(first(r) == tuple(atom("cpp_exception"), "std::runtime_error", "no such file"));
    CHECK(has_stack(r));
}

TEST_CASE("an exception passes through the awaitables between") {
    struct deep {
        static awaitable<int> fall(self me, int depth) {
            if (depth == 0) throw std::out_of_range("bottom");
            co_await me.yield();
            co_return co_await fall(me, depth - 1);
        }
    };
    simulated([](self me) -> awaitable<void> {
        bool caught = false;
        try {
            (void)co_await deep::fall(me, 5);
        } catch (const std::out_of_range&) {
            caught = true;
        }
        CHECK(caught);
    });
    const term r = reason_of([](self me) -> process { (void)co_await deep::fall(me, 3); });
    CHECK(first(r) == tuple(atom("cpp_exception"), "std::out_of_range", "bottom"));
}

TEST_CASE("exit(reason) ends the process with exactly that term") {
    for (const char* text :
         {"normal", "shutdown", "{shutdown,restarting}", "{badmatch,[1,2]}", "3"}) {
        const term reason = *parse_term(text);
        CHECK(reason_of(leaves, reason) == reason);
    }
}

TEST_CASE("exit(int) is the process's, not C's: unqualified it does not compile") {
    static_assert(!can_call_exit<int>);
    static_assert(can_call_exit<term>);
    const auto code = [](self) -> process {
        beam::exit(3);
        co_return;
    };
    CHECK(reason_of(code) == term(3));
}

TEST_CASE("is_orderly holds for normal, shutdown and {shutdown, Term} only") {
    CHECK(is_orderly(atoms::normal));
    CHECK(is_orderly(atoms::shutdown));
    CHECK(is_orderly(tuple(atoms::shutdown, 1)));
    CHECK_FALSE(is_orderly(atoms::killed));
    CHECK_FALSE(is_orderly(tuple(atoms::shutdown, 1, 2)));
    CHECK_FALSE(is_orderly(tuple(atoms::normal, 1)));
}

TEST_CASE("PROC-12: setting the trap flag gives the previous value") {
    simulated([](self me) -> awaitable<void> {
        CHECK_FALSE(me.trap_exit(true));
        CHECK(me.trap_exit(true));
        CHECK(me.trap_exit(false));
        CHECK_FALSE(me.trap_exit(false));
        co_return;
    });
}

TEST_CASE("PROC-13: after a kill the target is not alive for the one who killed it") {
    auto kill_many = [](self me) -> awaitable<void> {
        for (int i = 0; i < 100; ++i) {
            const pid p = spawn(idle);
            const bool before = co_await is_alive(p);
            exit(p, atoms::kill);
            const bool after = co_await is_alive(p);
            REQUIRE(before);
            REQUIRE_FALSE(after);
            if (i % 10 == 0) co_await me.yield();
        }
    };
    simulated(kill_many);
    threaded(kill_many);
}

TEST_CASE("PROC-14: a message to a dead pid is dropped without an error") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = spawn_monitor(leaves, term(atoms::normal));
        co_await me.receive<down_message>();
        send(p, 1);
        send(pid{}, 1);
        send(pid{4'000'000, 1, 0}, 1);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("an exit signal with a reason ends a process that waits, that runs and that never ran") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid waits = spawn_link(idle);
        co_await me.yield();
        const pid runs = spawn_link([](self s) -> process {
            for (;;) co_await s.yield();
        });
        const pid fresh = spawn_link(idle);
        for (pid p : {waits, runs, fresh}) exit(p, atom("enough"));
        std::vector<pid> gone;
        for (int i = 0; i < 3; ++i) {
            auto e = co_await me.receive<exit_message>();
            CHECK(e.reason == atom("enough"));
            gone.push_back(e.from);
        }
        std::sort(gone.begin(), gone.end());
        CHECK(gone == std::vector<pid>{waits, runs, fresh});
    });
}

TEST_CASE("a plain thread's exit signal comes from no process") {
    runtime node(deterministic(1));
    const pid p = node.spawn([](self me) -> process {
        me.trap_exit(true);
        auto e = co_await me.receive<exit_message>();
        CHECK_FALSE(e.from);
        exit(tuple(atom("got"), e.reason));
    });
    node.run_until_idle();
    node.exit(p, atoms::shutdown);
    CHECK(node.wait_for_exit(p) == tuple(atom("got"), atoms::shutdown));
}

TEST_CASE("what a process owns is destroyed before its links and monitors are told") {
    struct owner {
        pid to;
        explicit owner(pid p) : to(p) {}
        owner(const owner&) = delete;
        ~owner() { send(to, std::string("released")); }
    };
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn_link(
            [](self s, pid to) -> process {
                owner o(to);
                co_await s.sleep_for(infinity{});
            },
            me.id());
        co_await me.yield();
        exit(p, atoms::kill);
        // Whether it ran before the kill or not is the seed's choice.
        auto e = co_await me.receive<exit_message>();
        CHECK(e.reason == atoms::killed);
        const term rest = mailbox(me);
        CHECK(rest.list_length().value() <= 1);
    });
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn_link(
            [](self s, pid to) -> process {
                owner o(to);
                co_await s.receive<int>();
            },
            me.id());
        send(p, 1);
        auto m = co_await me.receive();
        CHECK(m.is<std::string>());
        m = co_await me.receive();
        CHECK(m.is<exit_message>());
    });
}
