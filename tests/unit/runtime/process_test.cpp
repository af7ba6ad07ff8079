#include "libbeamcore/runtime/process.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct numbered {
    int n;
};

}  // namespace

TEST_CASE("MBX-01: selective receive takes the earliest match, and the others stay in order") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        send(me.id(), std::string("a"));
        send(me.id(), 2);
        send(me.id(), std::string("b"));
        auto text = co_await me.receive<std::string>();
        CHECK(text == "a");
        CHECK(mailbox(me) == list({1, 2, "b"}));
    });
}

TEST_CASE("MBX-02: a receive with time-out 0 looks once through the whole mailbox") {
    simulated([](self me) -> awaitable<void> {
        auto none = co_await me.receive_for<int>(0ms);
        CHECK_FALSE(none.has_value());
        for (int i = 0; i < 1000; ++i) send(me.id(), std::string("other"));
        send(me.id(), 42);
        auto found = co_await me.receive_for<int>(0ms);
        CHECK(found == 42);
        none = co_await me.receive_for<int>(0ms);
        CHECK_FALSE(none.has_value());
        const auto before = monotonic_time();
        auto any = co_await me.receive_for(0ms);
        CHECK(any.is<std::string>());
        CHECK(monotonic_time() == before);
    });
}

TEST_CASE("MBX-03: a receive that times out consumes nothing") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        send(me.id(), 2);
        const auto before = monotonic_time();
        auto none = co_await me.receive_for<std::string>(10ms);
        CHECK_FALSE(none.has_value());
        CHECK(monotonic_time() - before >= 10ms);
        CHECK(monotonic_time() - before < 11ms);
        CHECK(mailbox(me) == list({1, 2}));
    });
}

TEST_CASE(
    "MBX-03: messages that come during the wait and do not match stay, and do not prolong it") {
    simulated([](self me) -> awaitable<void> {
        spawn(
            [](self s, pid to) -> process {
                for (int i = 0; i < 20; ++i) {
                    send(to, i);
                    co_await s.sleep_for(1ms);
                }
            },
            me.id());
        const auto before = monotonic_time();
        auto none = co_await me.receive_for<std::string>(10ms);
        CHECK_FALSE(none.has_value());
        CHECK(monotonic_time() - before >= 10ms);
        CHECK(monotonic_time() - before < 11ms);
        for (int i = 0; i < 20; ++i) {
            int n = co_await me.receive<int>();
            CHECK(n == i);
        }
    });
}

TEST_CASE("MBX-04: a time-out that is negative or above 0xFFFFFFFF ms is the error timeout_value") {
    struct waits {
        static process typed(self me, std::chrono::milliseconds limit) {
            (void)co_await me.receive_for<int>(limit);
            exit(atom("timed_out"));
        }
        static process any(self me, std::chrono::milliseconds limit) {
            (void)co_await me.receive_for(limit);
            exit(atom("timed_out"));
        }
        static process sleep(self me, std::chrono::milliseconds limit) {
            co_await me.sleep_for(limit);
            exit(atom("timed_out"));
        }
    };
    simulated([](self me) -> awaitable<void> {
        for (auto code : {waits::typed, waits::any, waits::sleep}) {
            for (auto limit : {-1ms, -100000ms, 0x100000000ms}) {
                spawn_monitor(code, std::chrono::milliseconds(limit));
                auto d = co_await me.receive<down_message>();
                REQUIRE(d.reason.elements().size() == 2);
                CHECK(d.reason.elements()[0] == atoms::timeout_value);
            }
            const pid p = spawn_monitor(code, std::chrono::milliseconds(0xFFFFFFFFll)).pid;
            co_await me.sleep_for(1h);
            auto info = process_info(p);
            REQUIRE(info.has_value());
            CHECK(info->status == process_status::waiting);
            exit(p, atoms::kill);
            co_await me.receive<down_message>();
        }
    });
}

TEST_CASE("MBX-04: a time-out of 0xFFFFFFFF ms is kept to the tick") {
    runtime node(deterministic(1));
    const pid p = node.spawn([](self me) -> process {
        co_await me.sleep_for(std::chrono::milliseconds(0xFFFFFFFFll));
        exit(atom("timed_out"));
    });
    node.advance(std::chrono::milliseconds(0xFFFFFFFFll - 1));
    CHECK(node.process_info(p).has_value());
    node.advance(2ms);
    CHECK_FALSE(node.process_info(p).has_value());
}

TEST_CASE("MBX-05: a receive with infinity never times out") {
    runtime node(deterministic(1));
    const pid p =
        node.spawn([](self me) -> process { (void)co_await me.receive_for<int>(infinity{}); });
    node.advance(std::chrono::hours(24 * 365));
    CHECK(node.process_info(p).has_value());
    CHECK(node.statistics().timers_pending == 0);
    node.send(p, 1);
    CHECK(node.wait_for_exit(p) == atoms::normal);
}

TEST_CASE("MBX-06: waiting for a fresh reference does not look at what was there before") {
    struct answer {
        ref to;
    };
    simulated([](self me) -> awaitable<void> {
        for (int i = 0; i < 5000; ++i) send(me.id(), answer{make_ref()});
        const pid server = spawn(
            [](self s, pid to) -> process {
                const ref r = co_await s.receive<ref>();
                send(to, answer{make_ref()});
                send(to, answer{r});
            },
            me.id());
        int looked_at = 0;
        me.mark_mailbox();
        const ref mine = make_ref();
        send(server, mine);
        auto a = co_await me.receive_marked_if<answer>(
            [&looked_at, mine](const answer& m) { return ++looked_at, m.to == mine; });
        CHECK(a->to == mine);
        CHECK(looked_at == 2);
        CHECK(process_info(me.id())->message_queue_len == 5001);
    });
}

TEST_CASE("MBX-06: the mark holds when messages around it are taken") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        send(me.id(), 2);
        me.mark_mailbox();
        send(me.id(), 3);
        const auto any = [](const int&) { return true; };
        auto n = co_await me.receive_marked_if<int>(any);
        CHECK(n == 3);
        n = co_await me.receive_for<int>(0ms);
        CHECK(n == 1);
        n = co_await me.receive_for<int>(0ms);
        CHECK(n == 2);
        send(me.id(), 4);
        n = co_await me.receive_marked_if<int>(any);
        CHECK(n == 4);
        n = co_await me.receive_marked_if<int>(any, 1ms);
        CHECK_FALSE(n.has_value());
    });
}

TEST_CASE("MBX-07: two selective receives for 4 then 2 leave 1, 3, 5 in order") {
    simulated([](self me) -> awaitable<void> {
        for (int i = 1; i <= 5; ++i) send(me.id(), i);
        auto n = co_await me.receive_if<int>([](const int& i) { return i == 4; });
        CHECK(n == 4);
        n = co_await me.receive_if<int>([](const int& i) { return i == 2; });
        CHECK(n == 2);
        CHECK(mailbox(me) == list({1, 3, 5}));
    });
}

TEST_CASE("a receive of several types gives the earliest of any of them as a variant") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 2.5);
        send(me.id(), std::string("text"));
        send(me.id(), 7);
        auto v = co_await me.receive<int, std::string>();
        REQUIRE(std::holds_alternative<std::string>(v));
        CHECK(std::get<std::string>(v) == "text");
        v = co_await me.receive<int, std::string>();
        CHECK(std::get<int>(v) == 7);
        auto late = co_await me.receive_for<int, std::string>(1ms);
        CHECK_FALSE(late.has_value());
        CHECK(mailbox(me) == list({2.5}));
    });
}

TEST_CASE("a waiting receive is woken by its message only") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(
            [](self s, pid to) -> process {
                auto n = co_await s.receive<numbered>();
                send(to, n.n);
                send(to, mailbox(s));
            },
            me.id());
        for (int i = 0; i < 5; ++i) {
            send(p, std::string("not this"));
            co_await me.yield();
        }
        send(p, numbered{3});
        int n = co_await me.receive<int>();
        CHECK(n == 3);
        term left = co_await me.receive<term>();
        CHECK(left.list_length() == 5);
    });
}

TEST_CASE(
    "a message that comes together with the end of the time wins or loses, but is never lost") {
    simulated([](self me) -> awaitable<void> {
        for (int i = 0; i < 50; ++i) {
            send_after(1ms, me.id(), i);
            auto n = co_await me.receive_for<int>(1ms);
            if (!n) n = co_await me.receive_for<int>(1ms);
            REQUIRE(n == i);
        }
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("time-outs one after another each take their time") {
    simulated([](self me) -> awaitable<void> {
        const auto begin = monotonic_time();
        for (int i = 1; i <= 50; ++i) {
            auto none = co_await me.receive_for<int>(1ms);
            REQUIRE_FALSE(none.has_value());
            REQUIRE(monotonic_time() - begin >= i * 1ms);
        }
        CHECK(monotonic_time() - begin < 60ms);
    });
}

TEST_CASE("a receive that was answered in time leaves no timer behind") {
    simulated([](self me) -> awaitable<void> {
        spawn(
            [](self s, pid to) -> process {
                co_await s.sleep_for(1ms);
                send(to, 1);
            },
            me.id());
        auto n = co_await me.receive_for<int>(1h);
        CHECK(n == 1);
        CHECK(me.node().statistics().timers_pending == 0);
    });
}

TEST_CASE("yield lets others run") {
    simulated([](self me) -> awaitable<void> {
        spawn(
            [](self s, pid to) -> process {
                send(to, 1);
                co_await s.yield();
                send(to, 2);
            },
            me.id());
        int yields = 0;
        while (process_info(me.id())->message_queue_len < 2 && yields < 1000) {
            co_await me.yield();
            ++yields;
        }
        CHECK(yields < 1000);
    });
}

TEST_CASE("a process that keeps its own mailbox filled gives way all the same") {
    simulated([](self me) -> awaitable<void> {
        const pid busy = spawn([](self s) -> process {
            for (;;) {
                auto m = co_await s.receive<numbered>();
                send(s.id(), std::move(m));
            }
        });
        send(busy, numbered{1});
        for (int i = 0; i < 20; ++i) co_await me.yield();
        CHECK(process_info(busy)->reductions > 0);
        exit(busy, atoms::kill);
    });
}

TEST_CASE("bump_reductions says when the turn is over") {
    runtime node(deterministic(1));
    run_in(node, [](self me) -> awaitable<void> {
        co_await me.yield();
        int n = 0;
        while (!me.bump_reductions(1) && n < 5000) ++n;
        CHECK(n <= 4000);
        co_await me.yield();
        CHECK(me.bump_reductions(100000));
    });
}

TEST_CASE("awaitables pass values, references to their frame and move-only things") {
    struct functions {
        static awaitable<std::unique_ptr<int>> make(self me, int n) {
            co_await me.yield();
            co_return std::make_unique<int>(n);
        }
        static awaitable<int> sum(self me, std::vector<int> numbers) {
            int total = 0;
            for (int n : numbers) {
                auto p = co_await make(me, n);
                total += *p;
            }
            co_return total;
        }
        static awaitable<std::string> text(self) { co_return std::string(100, 'x'); }
    };
    simulated([](self me) -> awaitable<void> {
        std::vector<int> numbers(50);
        std::iota(numbers.begin(), numbers.end(), 1);
        int total = co_await functions::sum(me, numbers);
        CHECK(total == 50 * 51 / 2);
        auto t = co_await functions::text(me);
        CHECK(t == std::string(100, 'x'));
    });
}

TEST_CASE("awaitables nest deeply without using the thread's stack") {
    struct nested {
        static awaitable<int> depth(self me, int n) {
            if (n == 0) co_return 0;
            const int below = co_await depth(me, n - 1);
            co_return below + 1;
        }
    };
    runtime node(deterministic(1));
    run_in(node, [](self me) -> awaitable<void> {
        const int n = co_await nested::depth(me, 20000);
        CHECK(n == 20000);
    });
}

TEST_CASE("an awaitable that is not awaited does nothing") {
    struct touch {
        static awaitable<void> it(bool* touched) {
            *touched = true;
            co_return;
        }
    };
    simulated([](self) -> awaitable<void> {
        bool touched = false;
        { [[maybe_unused]] auto unused = touch::it(&touched); }
        CHECK_FALSE(touched);
        co_await touch::it(&touched);
        CHECK(touched);
    });
}

TEST_CASE("a killed process's frames are destroyed, innermost first") {
    struct tracker {
        pid to;
        int n;
        tracker(pid p, int i) : to(p), n(i) {}
        tracker(const tracker&) = delete;
        ~tracker() { send(to, n); }
    };
    struct frames {
        static awaitable<void> inner(self me, pid to) {
            tracker t(to, 1);
            co_await me.sleep_for(infinity{});
        }
        static awaitable<void> middle(self me, pid to) {
            tracker t(to, 2);
            co_await inner(me, to);
        }
        static process outer(self me, pid to) {
            tracker t(to, 3);
            send(to, std::string("ready"));
            co_await middle(me, to);
        }
    };
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = spawn_monitor(frames::outer, me.id());
        co_await me.receive<std::string>();
        co_await me.sleep_for(1ms);
        exit(p, atoms::kill);
        for (int i = 1; i <= 3; ++i) {
            int n = co_await me.receive<int>();
            CHECK(n == i);
        }
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atoms::killed);
    });
}

TEST_CASE("messages that nobody took are destroyed with their process") {
    struct counted {
        std::shared_ptr<int> life;
        explicit counted(std::shared_ptr<int> l) : life(std::move(l)) {}
        counted(counted&&) noexcept = default;
    };
    auto token = std::make_shared<int>(1);
    {
        runtime node(deterministic(3));
        const pid p = node.spawn([](self me) -> process { (void)co_await me.receive<int>(); });
        for (int i = 0; i < 10; ++i) node.send(p, counted(token));
        node.run_until_idle();
        CHECK(token.use_count() == 11);
        for (int i = 0; i < 5; ++i) node.send(p, counted(token));
        node.send(p, 1);
        node.run_until_idle();
        CHECK_FALSE(node.process_info(p).has_value());
        CHECK(token.use_count() == 1);
        const pid q = node.spawn(idle);
        node.send(q, counted(token));
    }
    CHECK(token.use_count() == 1);
}

TEST_CASE("a message that is in the hands of a receive when its process is killed is destroyed") {
    struct counted {
        std::shared_ptr<int> life;
        explicit counted(std::shared_ptr<int> l) : life(std::move(l)) {}
        counted(counted&&) noexcept = default;
    };
    auto token = std::make_shared<int>(1);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        {
            runtime node(deterministic(seed));
            const pid p = node.spawn([](self me) -> process {
                for (;;) (void)co_await me.receive<counted>();
            });
            node.run_until_idle();
            for (int i = 0; i < 50; ++i) node.send(p, counted(token));
            node.step();
            node.exit(p, atoms::kill);
            CHECK(node.wait_for_exit(p) != atoms::normal);
        }
        CHECK(token.use_count() == 1);
    }
}

TEST_CASE("the API from a plain thread is a logic_error that names the way") {
    CHECK_THROWS_AS((void)this_process(), std::logic_error);
    CHECK_THROWS_WITH((void)make_ref(), doctest::Contains("runtime::spawn, send or execute"));
}
