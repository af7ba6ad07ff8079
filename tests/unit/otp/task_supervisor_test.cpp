#include "libbeamcore/otp/task_supervisor.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

int twice(int n) {
    return 2 * n;
}
awaitable<int> later(int ms) {
    co_await this_process().sleep_for(std::chrono::milliseconds(ms));
    co_return ms;
}
int crash_at_3(int n) {
    if (n == 3) exit(atom("three"));
    return n;
}
int crash() {
    exit(atom("boom"));
}
awaitable<void> stubborn() {
    this_process().trap_exit(true);
    co_await this_process().sleep_for(1h);
}

// How many tasks of a stream were started.
int started_count = 0;
awaitable<int> counted(int ms) {
    ++started_count;
    return later(ms);
}

awaitable<pid> start_supervisor(dynamic_supervisor_flags flags = {}) {
    auto starting = task_supervisor::start_link(flags);
    start_result r = co_await starting;
    auto p = started_pid(std::move(r));
    REQUIRE(p.has_value());
    co_return *p;
}

// g++ 12 takes no braces in a co_await expression.
template <class... Ints>
std::vector<int> numbers(Ints... all) {
    return {all...};
}

template <class Stream>
awaitable<std::string> all_of(Stream stream) {
    std::string text;
    for (;;) {
        auto e = co_await stream.next();
        if (!e) break;
        if (!text.empty()) text += " ";
        text += *e ? std::to_string(**e) : shown(e->error());
    }
    co_return text;
}

awaitable<std::string> end_of(self me, pid p) {
    ref w = monitor(p);
    auto d =
        co_await me.receive_if<down_message>([w](const down_message& m) { return m.monitor == w; });
    co_return shown(d->reason);
}

task_stream_options options(std::size_t at_once, bool ordered = true) {
    task_stream_options o;
    o.max_concurrency = at_once;
    o.ordered = ordered;
    return o;
}

}  // namespace

TEST_CASE(
    "TASK-19: a stream's defaults: one task a scheduler, ordered, 5 s each, a late one exits the "
    "caller") {
    task_stream_options o;
    CHECK(!o.max_concurrency);
    CHECK(o.ordered);
    CHECK(o.limit.duration() == 5s);
    CHECK(o.on_timeout == on_timeout::exit);
    in_node([](self me) -> awaitable<void> {
        started_count = 0;
        auto s = async_stream(numbers(10, 10, 10, 10, 10, 10, 10, 10), counted);
        auto first = co_await s.next();
        CHECK(**first == 10);
        // One slot was given up for the element that was taken.
        CHECK(started_count == int(me.node().statistics().schedulers));
    });
}

TEST_CASE("TASK-20: ordered streams keep the input's order, others the order of completion") {
    in_node([](self) -> awaitable<void> {
        std::string ordered = co_await all_of(async_stream(numbers(30, 10, 20), later, options(3)));
        CHECK(ordered == "30 10 20");
        std::string as_ready =
            co_await all_of(async_stream(numbers(30, 10, 20), later, options(3, false)));
        CHECK(as_ready == "10 20 30");
    });
}

TEST_CASE("TASK-21: an item that is late exits the caller") {
    in_node([](self me) -> awaitable<void> {
        auto code = [](self) -> process {
            auto o = options(2);
            o.limit = 50ms;
            auto s = async_stream(numbers(10, 100), later, o);
            for (;;) (void)co_await s.next();
        };
        pid p = spawn(code);
        std::string why = co_await end_of(me, p);
        CHECK(why.starts_with("{timeout,{task,stream,["));
        CHECK(why.ends_with(",50]}}"));
    });
}

TEST_CASE(
    "TASK-22, TASK-23: with kill_task a late item is a failure, with its input if asked, and the "
    "stream goes on") {
    in_node([](self me) -> awaitable<void> {
        me.trap_exit(true);
        auto o = options(2);
        o.limit = 50ms;
        o.on_timeout = on_timeout::kill_task;
        std::string all = co_await all_of(async_stream(numbers(10, 100, 20), later, o));
        CHECK(all == "10 timeout 20");
        o.zip_input_on_exit = true;
        all = co_await all_of(async_stream(numbers(10, 100, 20), later, o));
        CHECK(all == "10 {100,timeout} 20");
        CHECK(!me.try_receive());
    });
}

TEST_CASE("TASK-24: an item that crashes: a failure for a caller that traps exits, else its end") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        auto dies = [](self) -> process {
            auto s = async_stream(numbers(1, 2, 3, 4), crash_at_3, options(2));
            for (;;) (void)co_await s.next();
        };
        pid p = spawn(dies);
        std::string why = co_await end_of(me, p);
        CHECK(why == "three");
        me.trap_exit(true);
        std::string all =
            co_await all_of(async_stream(numbers(1, 2, 3, 4), crash_at_3, options(2)));
        CHECK(all == "1 2 three 4");
        auto o = options(2);
        o.zip_input_on_exit = true;
        all = co_await all_of(async_stream(numbers(1, 2, 3, 4), crash_at_3, o));
        CHECK(all == "1 2 {3,three} 4");
        CHECK(!me.try_receive());
    });
}

TEST_CASE("TASK-25: max_concurrency 0 is refused") {
    in_node([](self) -> awaitable<void> {
        bool refused = false;
        try {
            auto s = async_stream(numbers(1), twice, options(0));
        } catch (const error_exception& e) {
            refused = e.reason.is_tagged(atoms::badarg, 2);
        }
        CHECK(refused);
        co_return;
    });
}

TEST_CASE(
    "TASK-26: a stream starts only what is asked for and what is at work beside it; its end ends "
    "that") {
    in_node([](self me) -> awaitable<void> {
        started_count = 0;
        std::vector<int> many(1000, 10);
        {
            auto s = async_stream(many, counted, options(4));
            CHECK(started_count == 0);
            for (int i = 0; i < 3; ++i) (void)co_await s.next();
            CHECK(started_count >= 3);
            CHECK(started_count <= 7);
        }
        co_await me.sleep_for(1ms);
        CHECK(me.node().statistics().processes == 1);
    });
}

TEST_CASE("TASK-27: an item's limit begins with its own start") {
    in_node([](self) -> awaitable<void> {
        auto o = options(1);
        o.limit = 50ms;
        std::string all = co_await all_of(async_stream(numbers(40, 40, 40, 40), later, o));
        CHECK(all == "40 40 40 40");
    });
}

TEST_CASE("TSUP-01: the crash of a task without a link is an exit reason, and its caller lives") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        pid sup = co_await start_supervisor();
        auto t = co_await task_supervisor::async_nolink(sup, crash);
        auto r = co_await t.yield();
        REQUIRE(r);
        CHECK(r->error() == atom("boom"));
        auto u = co_await task_supervisor::async(sup, twice, 4);
        auto children = co_await task_supervisor::children(sup);
        CHECK(children == std::vector{u.pid()});
        int eight = co_await u.await();
        CHECK(eight == 8);
    });
}

TEST_CASE("TSUP-02: start_child is temporary unless another restart is asked for") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        dynamic_supervisor_flags flags;
        flags.max_restarts = 1;
        pid sup = co_await start_supervisor(flags);
        auto once = co_await task_supervisor::start_child(sup, crash);
        CHECK(once.has_value());
        co_await me.sleep_for(1ms);
        auto none = co_await task_supervisor::children(sup);
        CHECK(none.empty());
        me.trap_exit(true);
        auto again = co_await task_supervisor::start_child(sup, restart_type::transient, crash);
        CHECK(again.has_value());
        // Started again until the supervisor gives up.
        auto gone = co_await me.receive<exit_message>();
        CHECK(gone.from == sup);
        CHECK(gone.reason == atoms::shutdown);
    });
}

TEST_CASE("TSUP-03: with max_children start_child fails and async raises") {
    in_node([](self) -> awaitable<void> {
        dynamic_supervisor_flags flags;
        flags.max_children = 1;
        pid sup = co_await start_supervisor(flags);
        auto t = co_await task_supervisor::async(sup, later, 1000);
        auto second = co_await task_supervisor::start_child(sup, crash);
        REQUIRE(!second);
        CHECK(second.error() == atoms::max_children);
        std::string why;
        try {
            auto u = co_await task_supervisor::async(sup, twice, 4);
        } catch (const error_exception& e) {
            why = shown(e.reason);
        }
        CHECK(why == "{badarg,max_children}");
    });
}

TEST_CASE("TSUP-04: terminate_child gives a task that traps exits 5 s, then it is killed") {
    in_node([](self) -> awaitable<void> {
        pid sup = co_await start_supervisor();
        auto t = co_await task_supervisor::async_nolink(sup, stubborn);
        (void)co_await t.yield(1ms);
        const auto start = monotonic_time();
        auto done = co_await task_supervisor::terminate_child(sup, t.pid());
        CHECK(done.has_value());
        CHECK(monotonic_time() - start >= 5s);
        auto r = co_await t.yield();
        REQUIRE(r);
        CHECK(r->error() == atoms::killed);
    });
}

TEST_CASE("TSUP-05: a stream without links has the crashes among its elements") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        pid sup = co_await start_supervisor();
        std::string all = co_await all_of(
            task_supervisor::async_stream_nolink(sup, numbers(1, 2, 3, 4), crash_at_3, options(2)));
        CHECK(all == "1 2 three 4");
    });
}

TEST_CASE("a code change of a task supervisor leaves its tasks and its limits alone") {
    in_node([](self) -> awaitable<void> {
        dynamic_supervisor_flags flags;
        flags.max_children = 1;
        pid sup = co_await start_supervisor(flags);
        auto t = co_await task_supervisor::async(sup, later, 20);
        co_await sys::suspend(sup);
        auto changed = co_await sys::change_code(sup, atom("task_supervisor"), "1", nil);
        CHECK(changed.has_value());
        co_await sys::resume(sup);
        auto children = co_await task_supervisor::children(sup);
        CHECK(children == std::vector{t.pid()});
        auto second = co_await task_supervisor::start_child(sup, crash);
        REQUIRE(!second);
        CHECK(second.error() == atoms::max_children);
        int waited = co_await t.await();
        CHECK(waited == 20);
    });
}

TEST_CASE("a supervised task whose owner dies before it gave its code ends") {
    in_node([](self me) -> awaitable<void> {
        auto owner = [](self s) -> process { co_await s.sleep_for(1h); };
        pid o = spawn(owner);
        pid t = detail::start_waiting_task(o);
        unlink(t);
        ref w = monitor(t);
        co_await me.sleep_for(1ms);
        exit(o, atoms::kill);
        auto d = co_await me.receive_if<down_message>(
            [w](const down_message& m) { return m.monitor == w; });
        CHECK(shown(d->reason) == "{shutdown,killed}");
    });
}
