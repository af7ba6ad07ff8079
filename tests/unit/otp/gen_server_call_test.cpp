// Calls, casts and requests: who is answered, who is told that nobody will, and that none is lost.
#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/sys.hpp"
#include "servers.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::servers;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

TEST_CASE("a counter counts") {
    in_node([](self) -> awaitable<void> {
        auto p = start_link<counter>(0);
        REQUIRE(p.has_value());
        counter::increment(*p, 5);
        counter::increment(*p, 2);
        int count = co_await counter::get(*p);
        CHECK(count == 7);
    });
}

TEST_CASE(
    "GS-01: a call without an answer exits its caller after 5 seconds, and the server goes on") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        REQUIRE(p.has_value());
        auto began = monotonic_time();
        auto request = beam::call<ignore_me>(*p);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::timeout);
        CHECK(element(1, element(2, r.error())) == atoms::gen_server);
        CHECK(element(2, element(2, r.error())) == atoms::call);
        auto took = monotonic_time() - began;
        CHECK(took >= 5s);
        CHECK(took < 5100ms);
        std::string answer = co_await beam::call<echo>(*p, std::string("still there"));
        CHECK(answer == "still there");
        (void)s;
    });
}

TEST_CASE("GS-02: a late reply does not reach the caller's mailbox") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<keep_me>(*p, timeout(10ms));
        auto r = co_await request.outcome();
        CHECK(!r.has_value());
        bool answered = co_await beam::call<answer_kept>(*p);
        CHECK(answered);
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-03: a call to a dead pid, an unknown name or an unreachable node says so") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        co_await beam::stop(*p);
        auto dead = beam::call<echo>(*p, std::string("x"));
        auto r1 = co_await dead.outcome();
        REQUIRE(!r1.has_value());
        CHECK(element(1, r1.error()) == atoms::noproc);
        auto nobody = beam::call<echo>(atom("nobody_has_this"), std::string("x"));
        auto r2 = co_await nobody.outcome();
        REQUIRE(!r2.has_value());
        CHECK(element(1, r2.error()) == atoms::noproc);
        auto far = beam::call<echo>(server_ref(atom("x"), atom("gone@nowhere")), std::string("x"));
        auto r3 = co_await far.outcome();
        REQUIRE(!r3.has_value());
        CHECK(shown(element(1, r3.error())) == "{nodedown,gone@nowhere}");
        (void)s;
    });
}

TEST_CASE("GS-04: a process that calls itself exits with calling_self") {
    in_node([](self s) -> awaitable<void> {
        auto request = beam::call<echo>(s.id(), std::string("me"));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atom("calling_self"));
    });
}

TEST_CASE("GS-11: another process may answer later") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        int answer = co_await beam::call<answer_elsewhere>(*p);
        CHECK(answer == 99);
    });
}

TEST_CASE("GS-12: a cast to a dead pid or a missing name or node is always ok") {
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(0);
        co_await beam::stop(*p);
        counter::increment(*p, 1);
        counter::increment(atom("nobody_has_this"), 1);
        counter::increment(server_ref(atom("x"), atom("gone@nowhere")), 1);
    });
}

TEST_CASE("a call that nobody handles ends the server, so that its caller is told") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(3);
        auto request = beam::call<echo>(*p, std::string("x"));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, element(1, r.error())) == atoms::function_clause);
    });
}

TEST_CASE(
    "GS-30: send_request, then receive_response; a missing server is an error with its name") {
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(8);
        auto request = counter::get(*p);
        auto r = co_await receive_response(std::move(request), 1s);
        REQUIRE(r.has_value());
        REQUIRE(r->has_value());
        CHECK(**r == 8);

        auto missing = send_request(atom("nobody_has_this"), ignore_me{}, infinity{});
        auto e = co_await receive_response(std::move(missing), 1s);
        REQUIRE(e.has_value());
        REQUIRE(!e->has_value());
        CHECK(shown(e->error()) == "{noproc,nobody_has_this}");
    });
}

TEST_CASE("GS-31: wait_response may be tried again; receive_response gives the request up") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = send_request(*p, slowly{100}, infinity{});
        auto early = co_await wait_response(request, 10ms);
        CHECK(!early.has_value());
        auto later = co_await wait_response(request, 1s);
        REQUIRE(later.has_value());
        REQUIRE(later->has_value());
        CHECK(**later == 100);

        auto given_up = send_request(*p, slowly{100}, infinity{});
        auto none = co_await receive_response(std::move(given_up), 10ms);
        CHECK(!none.has_value());
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-32: casts and a call of one client are handled in the order sent") {
    seen.clear();
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        in_node(
            [](self) -> awaitable<void> {
                auto p = start<counter>(0);
                for (int i = 1; i <= 100; ++i) {
                    counter::increment(*p, 1);
                    if (i % 10 != 0) continue;
                    int count = co_await counter::get(*p);
                    CHECK(count == i);
                }
            },
            seed);
    }
}

TEST_CASE("GS-33: a caller that waits exits with killed when the server is killed") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<ignore_me>(*p);
        exit(*p, atoms::kill);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::killed);
    });
}

TEST_CASE("GS-33: and also when it is killed within a handler that waits") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<slowly>(*p, 1000);
        co_await s.sleep_for(10ms);
        exit(*p, atoms::kill);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::killed);
    });
}

namespace {

struct finished {};

process busy_caller(self s, pid test, const std::vector<pid>* servers, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        pid server = (*servers)[std::size_t(i) % servers->size()];
        counter::increment(server, 1);
        int count = co_await counter::get(server, infinity{});
        if (count < 1) beam::exit(atom("lost"));
    }
    beam::send(test, finished{});
    (void)s;
}

awaitable<void> many_callers(self s) {
    constexpr int servers_n = 20, callers_n = 50, rounds = 200;
    std::vector<pid> servers;
    for (int i = 0; i < servers_n; ++i) servers.push_back(*start_link<counter>(0));
    for (int i = 0; i < callers_n; ++i) beam::spawn_link(busy_caller, s.id(), &servers, rounds);
    // Meanwhile one of them is suspended now and then: nothing is lost by it.
    for (int i = 0; i < 20; ++i) {
        co_await sys::suspend(servers[0], infinity{});
        co_await s.yield();
        co_await sys::resume(servers[0], infinity{});
    }
    for (int i = 0; i < callers_n; ++i) co_await s.receive<finished>();
    int sum = 0;
    for (pid server : servers) {
        int count = co_await counter::get(server, infinity{});
        sum += count;
        co_await beam::stop(server);
    }
    CHECK(sum == callers_n * rounds);
}

}  // namespace

TEST_CASE("on several schedulers no call or cast is lost, suspended or not") {
    runtime_options o;
    o.schedulers = 4;
    runtime node(o);
    auto r = node.execute(many_callers);
    CHECK_MESSAGE(r.has_value(), shown(r ? term() : r.error()));
}

namespace {

struct any_question {
    using reply = int;
    int n = 0;
    BEAM_FIELDS(any_question, n)
};
struct another_question {
    using reply = term;
    BEAM_FIELDS(another_question)
};

/// Knows one request, and answers all others.
struct patient : gen_server<patient> {
    using calls = messages<any_question>;
    int handle_call(any_question q) { return q.n + 1; }
    void handle_call(message /*m*/, from f) { reply(f, term(atom("no_such_request"))); }
};

}  // namespace

TEST_CASE("a server with a handler for calls that it does not know answers them, and goes on") {
    test::in_node([](self) -> awaitable<void> {
        auto s = start_link<patient>();
        REQUIRE(s.has_value());
        CHECK(co_await call<another_question>(*s) == atom("no_such_request"));
        CHECK(co_await call<any_question>(*s, 1) == 2);
    });
}
