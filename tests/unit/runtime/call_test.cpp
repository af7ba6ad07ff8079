#include "libbeamcore/runtime/call.hpp"

#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct square {
    using reply = int;
    int n;
    BEAM_FIELDS(square, n)
};
struct nudge {
    using reply = void;
    BEAM_FIELDS(nudge)
};

/// Answers squares; a negative one it takes and leaves unanswered, zero crashes it.
process squares(self me) {
    for (;;) {
        auto m = co_await me.receive();
        const auto from = request_from(m);
        if (!from) continue;
        if (m.is<nudge>()) {
            reply(*from);
            continue;
        }
        if (!m.is<square>()) continue;
        const int n = m.get_if<square>()->n;
        if (n == 0) exit(atom("zero"));
        if (n > 0) reply(*from, n * n);
    }
}

/// The reason of `{Why, {gen_server, call, [Server, Request, Timeout]}}`.
term why(const term& reason) {
    auto e = reason.elements();
    if (e.size() != 2 || !e[1].is_tagged(atoms::gen_server, 3)) return reason;
    return e[0];
}

}  // namespace

TEST_CASE("a call is answered") {
    auto calls = [](self me) -> awaitable<void> {
        const pid server = spawn(squares);
        for (int i = 1; i <= 100; ++i) {
            int n = co_await call<square>(server, i);
            REQUIRE(n == i * i);
        }
        co_await call<nudge>(server);
        CHECK(process_info(me.id())->message_queue_len == 0);
    };
    simulated(calls);
    threaded(calls);
}

TEST_CASE("a call by name, and to a name that nobody has") {
    simulated([](self) -> awaitable<void> {
        const pid server = spawn(squares);
        register_name(atom("squares"), server);
        int n = co_await call<square>(atom("squares"), 3);
        CHECK(n == 9);
        n = co_await call<square>(server_ref(atom("squares"), atoms::nonode_at_nohost), 4);
        CHECK(n == 16);
        auto f = send_request(atom("nobody"), square{1});
        auto answer = co_await f.outcome();
        CHECK(why(answer.error()) == atoms::noproc);
        auto remote = send_request(server_ref(atom("squares"), atom("a@b")), square{1});
        answer = co_await remote.outcome();
        CHECK(why(answer.error()) == tuple(atoms::nodedown, atom("a@b")));
    });
}

TEST_CASE(
    "a failed call exits the caller with {Reason, {gen_server, call, [Server, Request, "
    "Timeout]}}") {
    simulated([](self me) -> awaitable<void> {
        spawn_monitor([](self) -> process { (void)co_await call<square>(atom("nobody"), 1); });
        auto d = co_await me.receive<down_message>();
        REQUIRE(d.reason.is_tuple());
        CHECK(d.reason.elements()[0] == atoms::noproc);
        const term call = d.reason.elements()[1];
        REQUIRE(call.is_tagged(atoms::gen_server, 3));
        const auto arguments = call.elements()[2].as_list();
        REQUIRE(arguments->size() == 3);
        CHECK((*arguments)[0] == atom("nobody"));
        CHECK((*arguments)[2] == term(5000));
    });
}

TEST_CASE("a call of oneself fails with calling_self") {
    simulated([](self me) -> awaitable<void> {
        auto f = send_request(me.id(), square{1});
        auto answer = co_await f.outcome();
        CHECK(why(answer.error()) == atom("calling_self"));
    });
}

TEST_CASE("a call that is not answered in time fails, and a late answer is dropped") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn([](self s) -> process {
            auto m = co_await s.receive();
            const auto from = request_from(m);
            co_await s.sleep_for(100ms);
            reply(*from, 1);
            co_await s.sleep_for(infinity{});
        });
        const auto begin = monotonic_time();
        auto f = send_request(server, square{1}, 20ms);
        auto answer = co_await f.outcome();
        CHECK(why(answer.error()) == atoms::timeout);
        CHECK(monotonic_time() - begin >= 20ms);
        CHECK(monotonic_time() - begin < 21ms);
        co_await me.sleep_for(200ms);
        CHECK(mailbox(me) == list({}));
        CHECK(me.node().statistics().timers_pending == 0);
    });
}

TEST_CASE("a server that dies tells who waits: in the mailbox, being handled, held back") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn(squares);
        auto held = send_request(server, square{-1});  // taken and kept
        co_await me.sleep_for(1ms);
        auto fatal = send_request(server, square{0});   // it dies of this
        auto queued = send_request(server, square{2});  // and never gets to this
        for (auto* f : {&held, &fatal, &queued}) {
            auto answer = co_await f->outcome();
            REQUIRE_FALSE(answer.has_value());
            CHECK(why(answer.error()) == atom("zero"));
        }
        auto late = send_request(server, square{2});
        auto answer = co_await late.outcome();
        CHECK(why(answer.error()) == atoms::noproc);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("every call is answered or fails, whenever the server is killed") {
    auto storm = [](self me) -> awaitable<void> {
        for (int round = 0; round < 20; ++round) {
            const pid server = spawn(squares);
            for (int c = 0; c < 10; ++c)
                spawn(
                    [](self s, pid to, pid tester) -> process {
                        int answered = 0;
                        for (int i = 1; i <= 20; ++i) {
                            auto f = send_request(to, square{i}, infinity{});
                            auto answer = co_await f.outcome();
                            if (!answer) break;
                            ++answered;
                            if (i % 7 == 0) co_await s.yield();
                        }
                        send(tester, answered);
                    },
                    server, me.id());
            for (int n = 0; n < round; ++n) co_await me.yield();
            exit(server, atoms::kill);
            for (int c = 0; c < 10; ++c) {
                auto n = co_await me.receive_for<int>(10s);
                REQUIRE(n.has_value());
            }
        }
    };
    simulated(storm);
    threaded(storm);
}

TEST_CASE("requests may be sent first and awaited later, in any order") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn(squares);
        std::vector<future<int>> futures;
        for (int i = 1; i <= 20; ++i) futures.push_back(send_request(server, square{i}));
        if (me.id().id % 2) co_await me.yield();
        for (int i = 20; i >= 1; --i) {
            auto& f = futures[std::size_t(i - 1)];
            int n = co_await f;
            REQUIRE(n == i * i);
        }
    });
}

TEST_CASE("a future that is dropped loses its answer, and nothing else") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn(squares);
        { [[maybe_unused]] auto f = send_request(server, square{3}); }
        int n = co_await call<square>(server, 4);
        CHECK(n == 16);
        co_await me.sleep_for(1ms);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("wait_for says whether the answer is here and leaves the request as it is") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn([](self s) -> process {
            auto m = co_await s.receive();
            const auto from = request_from(m);
            co_await s.sleep_for(50ms);
            reply(*from, 11);
            co_await s.sleep_for(infinity{});
        });
        auto f = send_request(server, square{1}, infinity{});
        bool here = co_await f.wait_for(0ms);
        CHECK_FALSE(here);
        const auto begin = monotonic_time();
        here = co_await f.wait_for(20ms);
        CHECK_FALSE(here);
        CHECK(monotonic_time() - begin >= 20ms);
        here = co_await f.wait_for(1s);
        CHECK(here);
        here = co_await f.wait_for(0ms);
        CHECK(here);
        auto answer = co_await f.outcome();
        CHECK(answer.value() == 11);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("wait_for is true, too, when there is news that no answer will come") {
    simulated([](self) -> awaitable<void> {
        const pid server = spawn(squares);
        auto f = send_request(server, square{-1}, infinity{});
        bool here = co_await f.wait_for(5ms);
        CHECK_FALSE(here);
        exit(server, atoms::kill);
        here = co_await f.wait_for(5ms);
        CHECK(here);
        auto answer = co_await f.outcome();
        CHECK(why(answer.error()) == atoms::killed);
    });
}

TEST_CASE("a request may be answered by another process, and the first answer counts") {
    simulated([](self me) -> awaitable<void> {
        const pid helper = spawn([](self s) -> process {
            for (;;) {
                from f = co_await s.receive<from>();
                reply(f, 1000);
                reply(f, 2000);
            }
        });
        auto server = spawn(
            [](self s, pid h) -> process {
                for (;;) {
                    auto m = co_await s.receive();
                    if (const auto f = request_from(m)) send(h, *f);
                    if (m.is<int>()) exit(atom("told"));
                }
            },
            helper);
        for (int i = 0; i < 20; ++i) {
            int n = co_await call<square>(server, i);
            REQUIRE(n == 1000);
        }
        // It was answered: the server's death is no news to this caller.
        auto f = send_request(server, square{1});
        bool here = co_await f.wait_for(1s);
        CHECK(here);
        send(server, 1);
        co_await me.sleep_for(1ms);
        auto answer = co_await f.outcome();
        CHECK(answer.value() == 1000);
    });
}

TEST_CASE("an answer of the wrong type exits the caller with bad_reply") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn([](self s) -> process {
            auto m = co_await s.receive();
            reply(*request_from(m), std::string("text"));
        });
        auto [p, m] = spawn_monitor(
            [](self, pid to) -> process { (void)co_await call<square>(to, 1); }, server);
        auto d = co_await me.receive_if<down_message>([](const down_message&) { return true; });
        CHECK(d->monitor == m);
        REQUIRE(d->reason.elements().size() == 2);
        CHECK(d->reason.elements()[0] == tuple(atom("bad_reply"), "text"));
    });
}

TEST_CASE("a message may be passed on as the answer") {
    simulated([](self) -> awaitable<void> {
        const pid server = spawn([](self s) -> process {
            auto m = co_await s.receive();
            reply(*request_from(m), message::make(77));
        });
        int n = co_await call<square>(server, 1);
        CHECK(n == 77);
    });
}

TEST_CASE("a cast is an ordinary message, to nobody too") {
    simulated([](self me) -> awaitable<void> {
        cast<square>(me.id(), 3);
        cast<square>(atom("nobody"), 3);
        cast<square>(pid{}, 3);
        auto m = co_await me.receive();
        CHECK_FALSE(request_from(m).has_value());
        CHECK(m.take<square>().n == 3);
    });
}

TEST_CASE("a call is quick in front of a long mailbox, and the mailbox stays in order") {
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn(squares);
        for (int i = 0; i < 2000; ++i) send(me.id(), i);
        for (int i = 1; i <= 50; ++i) {
            int n = co_await call<square>(server, i);
            REQUIRE(n == i * i);
        }
        for (int i = 0; i < 2000; ++i) {
            int n = co_await me.receive<int>();
            REQUIRE(n == i);
        }
    });
}

TEST_CASE("an invalid time limit of a call is the error timeout_value") {
    simulated([](self) -> awaitable<void> {
        const pid server = spawn(squares);
        bool refused = false;
        try {
            auto f = send_request(server, square{1}, -1ms);
        } catch (const error_exception& e) {
            refused = e.reason == atoms::timeout_value;
        }
        CHECK(refused);
        co_return;
    });
}

TEST_CASE("a thousand callers of a hundred servers on threads") {
    threaded([](self me) -> awaitable<void> {
        std::vector<pid> servers;
        for (int i = 0; i < 100; ++i) servers.push_back(spawn(squares));
        for (int c = 0; c < 1000; ++c)
            spawn(
                [](self, std::vector<pid> to, pid tester, int first) -> process {
                    int good = 0;
                    for (int i = 0; i < 20; ++i) {
                        const int n = i + 1;
                        int answer =
                            co_await call<square>(to[std::size_t(first + i * 7) % to.size()], n);
                        good += answer == n * n;
                    }
                    send(tester, good);
                },
                servers, me.id(), c);
        for (int c = 0; c < 1000; ++c) {
            auto good = co_await me.receive_for<int>(20s);
            REQUIRE(good == 20);
        }
    });
}
