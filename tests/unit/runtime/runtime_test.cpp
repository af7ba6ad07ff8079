#include "libbeamcore/runtime/runtime.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

TEST_CASE("execute gives the value, or the reason of the exit") {
    for (bool simulated : {true, false}) {
        runtime_options o;
        o.deterministic = simulated;
        o.schedulers = 2;
        runtime node(o);
        auto number = node.execute([](self) -> awaitable<int> { co_return 7; });
        CHECK(number.value() == 7);
        auto owner = node.execute(
            [](self me, std::string text) -> awaitable<std::unique_ptr<std::string>> {
                co_await me.sleep_for(1ms);
                co_return std::make_unique<std::string>(std::move(text));
            },
            std::string("moved"));
        REQUIRE(owner.has_value());
        CHECK(**owner == "moved");
        auto nothing = node.execute([](self me) -> awaitable<void> { co_await me.yield(); });
        CHECK(nothing.has_value());
        auto exits = node.execute([](self) -> awaitable<int> {
            exit(atom("nope"));
            co_return 1;
        });
        CHECK(exits.error() == atom("nope"));
        auto throws = node.execute([](self) -> awaitable<void> {
            throw std::runtime_error("bad");
            co_return;
        });
        CHECK(throws.error().elements()[0] ==
              tuple(atom("cpp_exception"), "std::runtime_error", "bad"));
    }
}

TEST_CASE("wait_for_exit gives the reason, noproc when it is over already") {
    for (bool simulated : {true, false}) {
        runtime_options o;
        o.deterministic = simulated;
        runtime node(o);
        const pid p = node.spawn([](self me) -> process {
            co_await me.sleep_for(5ms);
            exit(atom("late"));
        });
        CHECK(node.wait_for_exit(p) == atom("late"));
        CHECK(node.wait_for_exit(p) == atoms::noproc);
        CHECK(node.wait_for_exit(pid{}) == atoms::noproc);
    }
}

TEST_CASE("plain threads spawn, send, ask and exit at the same time") {
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    std::atomic<int> received{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                const pid p = node.spawn(
                    [](self me, std::atomic<int>* n) -> process {
                        for (;;) {
                            (void)co_await me.receive<int>();
                            n->fetch_add(1);
                            exit(atom("had_one"));
                        }
                    },
                    &received);
                (void)node.process_info(p);
                (void)node.processes();
                node.send(p, 1);
                const term reason = node.wait_for_exit(p);
                if (reason != atom("had_one") && reason != atoms::noproc) received = -1'000'000;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(received == 200);
}

TEST_CASE("a runtime ends its processes, whatever they are doing, and their timers") {
    auto token = std::make_shared<int>(0);
    for (bool simulated : {true, false}) {
        {
            runtime_options o;
            o.deterministic = simulated;
            o.schedulers = 2;
            runtime node(o);
            for (int i = 0; i < 50; ++i)
                node.spawn(
                    [](self me, [[maybe_unused]] std::shared_ptr<int> t, int n) -> process {
                        me.trap_exit(n % 2 == 0);
                        send_after(1h, me.id(), std::string("never"));
                        if (n % 3 == 0) {
                            for (;;) co_await me.yield();
                        }
                        for (;;) (void)co_await me.receive_for<int>(1min);
                    },
                    token, i);
            if (simulated) node.run_until_idle(500);
        }
        CHECK(token.use_count() == 1);
    }
}

TEST_CASE("an idle node does not wake up") {
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    run_in(node, [](self me) -> awaitable<void> { co_await me.sleep_for(1ms); });
    // All schedulers park; nothing is counted as busy.
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (node.statistics().schedulers_busy > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    CHECK(node.statistics().schedulers_busy == 0);
}

TEST_CASE("work is spread: a queue on one scheduler is helped by the others") {
    runtime_options o;
    o.schedulers = 4;
    runtime node(o);
    run_in(node, [](self me) -> awaitable<void> {
        std::atomic<int> at_once{0}, most{0};
        for (int i = 0; i < 200; ++i)
            spawn(
                [](self s, std::atomic<int>* n, std::atomic<int>* peak, pid to) -> process {
                    for (int r = 0; r < 50; ++r) {
                        const int now = n->fetch_add(1) + 1;
                        int was = peak->load();
                        while (now > was && !peak->compare_exchange_weak(was, now)) {
                        }
                        for (int spin = 0; spin < 2000; ++spin)
                            std::atomic_signal_fence(std::memory_order_seq_cst);
                        n->fetch_sub(1);
                        co_await s.yield();
                    }
                    send(to, done{});
                },
                &at_once, &most, me.id());
        for (int i = 0; i < 200; ++i) {
            auto d = co_await me.receive_for<done>(20s);
            REQUIRE(d.has_value());
        }
        if (std::thread::hardware_concurrency() > 1) CHECK(most.load() >= 2);
    });
}

TEST_CASE("a callback owns what it stores and calls it") {
    auto token = std::make_shared<int>(1);
    {
        callback<int(int)> empty;
        CHECK_FALSE(bool(empty));
        callback<int(int)> add([token, sum = 0](int n) mutable { return sum += n; });
        CHECK(add(2) == 2);
        CHECK(add(3) == 5);
        callback<int(int)> moved(std::move(add));
        CHECK_FALSE(bool(add));
        CHECK(moved(1) == 6);
        CHECK(token.use_count() == 2);
        moved = {};
        CHECK(token.use_count() == 1);
        callback<std::unique_ptr<int>(std::unique_ptr<int>)> passes(
            [](std::unique_ptr<int> p) { return p; });
        CHECK(*passes(std::make_unique<int>(4)) == 4);
    }
    CHECK(token.use_count() == 1);
}
