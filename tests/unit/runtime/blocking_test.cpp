#include "libbeamcore/runtime/blocking.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

/// Opened once, by another thread.
class gate {
public:
    void open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

}  // namespace

TEST_CASE("a blocking job gives its result, of any type") {
    auto jobs = [](self) -> awaitable<void> {
        auto number = blocking([] { return 42; });
        int n = co_await number;
        CHECK(n == 42);
        const std::string text(100, 'x');
        auto job = blocking([text] { return text + "y"; });
        auto result = co_await job;
        CHECK(result == text + "y");
        auto owner = blocking([] { return std::make_unique<int>(7); });
        auto p = co_await owner;
        CHECK(*p == 7);
        int side = 0;
        auto nothing = blocking([&side] { side = 1; });
        co_await nothing;
        CHECK(side == 1);
    };
    simulated(jobs);
    threaded(jobs);
}

TEST_CASE("what a blocking job throws exits the caller with that reason") {
    struct callers {
        static process throws(self) {
            auto job = blocking([]() -> int { throw std::runtime_error("disk on fire"); });
            (void)co_await job;
        }
        static process exits(self) {
            auto job = blocking([]() -> int { exit(tuple(atom("job"), 1)); });
            (void)co_await job;
        }
        static process uses_the_api(self) {
            auto job = blocking([] { (void)make_ref(); });
            co_await job;
        }
    };
    auto check = [](self me) -> awaitable<void> {
        spawn_monitor(callers::throws);
        auto d = co_await me.receive<down_message>();
        REQUIRE(d.reason.elements().size() == 2);
        CHECK(d.reason.elements()[0] ==
              tuple(atom("cpp_exception"), "std::runtime_error", "disk on fire"));
        spawn_monitor(callers::exits);
        d = co_await me.receive<down_message>();
        CHECK(d.reason == tuple(atom("job"), 1));
        spawn_monitor(callers::uses_the_api);
        d = co_await me.receive<down_message>();
        REQUIRE(d.reason.elements().size() == 2);
        CHECK(d.reason.elements()[0].is_tagged(atom("cpp_exception"), 3));
    };
    simulated(check);
    threaded(check);
}

TEST_CASE("a caller that is killed leaves its job to run to the end, and the result is dropped") {
    auto token = std::make_shared<std::atomic<int>>(0);
    auto kill = [](self me, std::shared_ptr<std::atomic<int>> runs) -> awaitable<void> {
        for (int i = 0; i < 20; ++i) {
            auto [p, m] = spawn_monitor(
                [](self, std::shared_ptr<std::atomic<int>> r) -> process {
                    auto job = blocking([r] {
                        r->fetch_add(1);
                        return r;
                    });
                    (void)co_await job;
                },
                runs);
            for (int n = 0; n < i % 3; ++n) co_await me.yield();
            exit(p, atoms::kill);
            co_await me.receive<down_message>();
        }
    };
    simulated(kill, token);
    threaded(kill, token);
    // All nodes are gone, and so are the jobs and their results.
    CHECK(token.use_count() == 1);
}

TEST_CASE("jobs run beside each other and beside the schedulers") {
    runtime_options o;
    o.schedulers = 1;
    o.dirty_threads = 3;
    runtime node(o);
    run_in(node, [](self me) -> awaitable<void> {
        gate first, second;
        auto a = blocking([&] { return first.wait(); });
        auto b = blocking([&] { return second.wait() && (first.open(), true); });
        auto c = blocking([&] { return second.open(); });
        // While both wait for each other the scheduler runs processes.
        const pid p = spawn(puppet);
        co_await perform(me, p, trap_exits);
        bool good = co_await a;
        CHECK(good);
        good = co_await b;
        CHECK(good);
        co_await c;
        exit(p, atoms::kill);
    });
}

TEST_CASE("more jobs than threads wait for their turn; the count of threads is kept") {
    runtime_options o;
    o.schedulers = 2;
    o.dirty_threads = 2;
    runtime node(o);
    std::atomic<int> now{0}, most{0};
    run_in(
        node,
        [](self me, std::atomic<int>* running, std::atomic<int>* peak) -> awaitable<void> {
            for (int i = 0; i < 50; ++i)
                spawn(
                    [](self, std::atomic<int>* r, std::atomic<int>* k, pid tester) -> process {
                        auto job = blocking([r, k] {
                            const int n = r->fetch_add(1) + 1;
                            int seen = k->load();
                            while (n > seen && !k->compare_exchange_weak(seen, n)) {
                            }
                            std::this_thread::yield();
                            r->fetch_sub(1);
                        });
                        co_await job;
                        send(tester, done{});
                    },
                    running, peak, me.id());
            for (int i = 0; i < 50; ++i) {
                auto d = co_await me.receive_for<done>(20s);
                REQUIRE(d.has_value());
            }
        },
        &now, &most);
    CHECK(now == 0);
    CHECK(most >= 1);
    CHECK(most <= 2);
    // A job is counted until a moment after its answer.
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (node.statistics().dirty_jobs > 0 && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    CHECK(node.statistics().dirty_jobs == 0);
}

TEST_CASE("in a deterministic node the seed decides which of several jobs ends first") {
    auto order_of = [](std::uint64_t seed) {
        runtime node(deterministic(seed));
        std::vector<int> order;
        run_in(
            node,
            [](self me, std::vector<int>* out) -> awaitable<void> {
                for (int i = 0; i < 6; ++i)
                    spawn(
                        [](self, int n, pid tester) -> process {
                            auto job = blocking([n] { return n; });
                            int answer = co_await job;
                            send(tester, answer);
                        },
                        i, me.id());
                for (int i = 0; i < 6; ++i) out->push_back(co_await me.receive<int>());
            },
            &order);
        return order;
    };
    int different = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CHECK(order_of(seed) == order_of(seed));
        different += order_of(seed) != order_of(seed + 1);
    }
    CHECK(different >= 8);
}
