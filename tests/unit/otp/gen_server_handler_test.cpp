// What a handler can say besides its answer: wait, time out, continue, hibernate; and what it never gets.
#include <chrono>
#include <string>
#include <vector>

#include "servers.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::servers;
using test::in_node;
using test::log_capture;

namespace {

struct unknown_thing {
    int x;
};

}  // namespace

TEST_CASE("GS-07: a callback that throws a valid return value has returned it") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        int answer = co_await beam::call<throw_reply>(*p);
        CHECK(answer == 7);
        std::string alive = co_await beam::call<echo>(*p, std::string("alive"));
        CHECK(alive == "alive");
    });
}

TEST_CASE("GS-13: a time-out comes when no message arrives meanwhile, and any message cancels it") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_timeout>(*p, 100);
        co_await s.sleep_for(99ms);
        CHECK(seen.empty());
        co_await s.sleep_for(2ms);
        REQUIRE(seen.size() == 1);
        CHECK(seen[0] == "timeout");
        (void)co_await beam::call<with_timeout>(*p, 100);
        co_await s.sleep_for(50ms);
        beam::cast<note>(*p, std::string("cancels"));
        co_await s.sleep_for(1s);
        REQUIRE(seen.size() == 2);
        CHECK(seen[1] == "cancels");
        // 0: at once, if nothing is in the mailbox.
        (void)co_await beam::call<with_timeout>(*p, 0);
        co_await s.sleep_for(1ms);
        REQUIRE(seen.size() == 3);
        CHECK(seen[2] == "timeout");
    });
}

TEST_CASE(
    "GS-15: continue runs before anything in the mailbox, may chain, and comes after the reply") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<with_continue>(*p, 2);
        beam::cast<note>(*p, std::string("message"));
        int answer = co_await std::move(request);
        CHECK(answer == 1);
        co_await s.sleep_for(1ms);
        CHECK(seen ==
              std::vector<std::string>{"continue 2", "continue 1", "continue 0", "message"});
    });
}

TEST_CASE("GS-15: a long chain of continues lets others run") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_continue>(*p, 20000);
        CHECK(seen.size() < 20001);
        co_await s.sleep_for(1s);
        CHECK(seen.size() == 20001);
    });
}

TEST_CASE("GS-26: the death of another linked process is an info") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>(true);
        beam::spawn(
            [](self, pid server) -> process {
                link(server);
                beam::exit(atom("friend_gone"));
                co_return;
            },
            *p);
        co_await s.sleep_for(1ms);
        CHECK(seen == std::vector<std::string>{"EXIT friend_gone"});
        std::string alive = co_await beam::call<echo>(*p, std::string("alive"));
        CHECK(alive == "alive");
    });
}

TEST_CASE("GS-27: a message without a handler is logged and dropped, and the server lives") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(3);
        beam::send(*p, unknown_thing{1});
        beam::send(*p, term(atom("what")));
        int count = co_await counter::get(*p);
        CHECK(count == 3);
    });
    CHECK(log.count("unexpected message") == 2);
    CHECK(log.field("unexpected message", "class") == "counter");
}

TEST_CASE("GS-28: a server hibernates when a callback says so, and when it was idle so long") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_hibernate>(*p);
        CHECK(seen == std::vector<std::string>{"hibernate"});

        seen.clear();
        server_options o;
        o.hibernate_after = 100ms;
        auto idle = start<kitchen>(o);
        REQUIRE(idle.has_value());
        for (int i = 0; i < 5; ++i) {
            co_await s.sleep_for(60ms);
            std::string alive = co_await beam::call<echo>(*idle, std::string("awake"));
            CHECK(alive == "awake");
        }
        CHECK(seen.empty());
        co_await s.sleep_for(90ms);
        CHECK(seen.empty());
        co_await s.sleep_for(20ms);
        CHECK(seen == std::vector<std::string>{"hibernate"});
        co_await s.sleep_for(10s);
        CHECK(seen.size() == 1);
        // Awake again, and so to sleep again.
        (void)co_await beam::call<echo>(*idle, std::string("awake"));
        co_await s.sleep_for(200ms);
        CHECK(seen.size() == 2);
    });
}

TEST_CASE("a handler that waits answers when it is through, and others wait for it") {
    seen.clear();
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<slowly>(*p, 50);
        beam::cast<note>(*p, std::string("after"));
        int ms = co_await std::move(request);
        CHECK(ms == 50);
        co_await beam::call<nothing_much>(*p);
        CHECK(seen == std::vector<std::string>{"after", "nothing_much"});
    });
}
