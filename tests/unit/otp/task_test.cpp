#include "libbeamcore/otp/task.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

int sum(int a, int b) {
    return a + b;
}
awaitable<int> slow(int value, std::chrono::milliseconds time) {
    co_await this_process().sleep_for(time);
    co_return value;
}
awaitable<int> stubborn(int value, std::chrono::milliseconds time) {
    this_process().trap_exit(true);
    co_await this_process().sleep_for(time);
    co_return value;
}
int crash(std::string why) {
    exit(atom(why));
}
int leave() {
    exit(atoms::normal);
}

// What a process exits with.
awaitable<std::string> end_of(self me, pid p) {
    ref w = monitor(p);
    auto d =
        co_await me.receive_if<down_message>([w](const down_message& m) { return m.monitor == w; });
    co_return shown(d->reason);
}

// Runs `code` in a process of its own and gives what it exits with.
template <class F>
awaitable<std::string> outcome_of(self me, F code) {
    pid p = spawn(code);
    std::string r = co_await end_of(me, p);
    co_return r;
}

bool has_mail(self me) {
    return bool(me.try_receive());
}

}  // namespace

TEST_CASE("TASK-01: async and await: the value, in a process that is linked, within 5 s") {
    in_node([](self me) -> awaitable<void> {
        auto t = async(sum, 1, 2);
        auto info = co_await process_info_details(me.id());
        REQUIRE(info.has_value());
        CHECK(std::find(info->links.begin(), info->links.end(), t.pid()) != info->links.end());
        CHECK(t.owner() == me.id());
        int three = co_await t.await();
        CHECK(three == 3);
        auto waits = async(slow, 7, 10ms);
        int seven = co_await waits.await();
        CHECK(seven == 7);
        CHECK(default_task_timeout.duration() == 5s);
        CHECK(!has_mail(me));
    });
}

TEST_CASE(
    "TASK-02: a time-out exits the caller; the task is not stopped by it, and its answer is "
    "dropped") {
    in_node([](self me) -> awaitable<void> {
        auto t = async(slow, 7, 100ms);
        const pid p = t.pid();
        std::string why;
        try {
            (void)co_await t.await(10ms);
        } catch (const exit_exception& e) {
            why = shown(e.reason);
        }
        CHECK(why == "{timeout,{task,await,[" + to_string(p) + ",10]}}");
        CHECK(process_info(p).has_value());
        co_await me.sleep_for(200ms);
        CHECK(!process_info(p));
        CHECK(!has_mail(me));
    });
}

TEST_CASE("TASK-03: a crash ends a caller that does not trap exits with the same reason") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        auto code = [](self) -> process {
            auto t = async(crash, std::string("boom"));
            (void)co_await t.await();
        };
        std::string why = co_await outcome_of(me, code);
        CHECK(why == "boom");
    });
}

TEST_CASE("TASK-04: a caller that traps exits with {Reason, {task, await, _}}") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        auto code = [](self s) -> process {
            s.trap_exit(true);
            auto t = async(crash, std::string("boom"));
            (void)co_await t.await();
        };
        std::string why = co_await outcome_of(me, code);
        CHECK(why.starts_with("{boom,{task,await,[<0."));
    });
    CHECK(log.count("process crashed") >= 1);
}

TEST_CASE("TASK-05: a task that exits normally without an answer") {
    in_node([](self me) -> awaitable<void> {
        auto code = [](self) -> process {
            auto t = async(leave);
            (void)co_await t.await();
        };
        std::string why = co_await outcome_of(me, code);
        CHECK(why.starts_with("{normal,{task,await,["));
    });
}

TEST_CASE("TASK-06: await, yield and shutdown of a process that is not the owner raise badarg") {
    in_node([](self me) -> awaitable<void> {
        auto t = async(slow, 1, 10ms);
        auto* shared = &t;
        auto code = [](self, task<int>* other, int what) -> process {
            if (what == 0) (void)co_await other->await();
            if (what == 1) (void)co_await other->yield();
            if (what == 2) (void)co_await other->shutdown();
        };
        for (int what : {0, 1, 2}) {
            pid p = spawn(code, shared, what);
            std::string why = co_await end_of(me, p);
            CHECK(why.starts_with("{{badarg,"));
        }
        int one = co_await t.await();
        CHECK(one == 1);
    });
}

TEST_CASE("TASK-07: yield gives the value, the exit reason, or nothing, and may be asked again") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        me.trap_exit(true);
        auto t = async(slow, 7, 50ms);
        auto nothing = co_await t.yield(10ms);
        CHECK(!nothing);
        auto seven = co_await t.yield();
        REQUIRE(seven);
        CHECK(**seven == 7);
        auto bad = async(crash, std::string("boom"));
        auto failed = co_await bad.yield();
        REQUIRE(failed);
        CHECK(failed->error() == atom("boom"));
    });
}

TEST_CASE("TASK-08: yield_many waits one limit for all") {
    in_node([](self me) -> awaitable<void> {
        std::vector<task<int>> tasks;
        tasks.push_back(async(slow, 1, 10ms));
        tasks.push_back(async(slow, 2, 500ms));
        tasks.push_back(async(slow, 3, 90ms));
        tasks.push_back(async(slow, 4, 400ms));
        const auto start = monotonic_time();
        auto answers = co_await yield_many(tasks, 100ms);
        CHECK(monotonic_time() - start < 110ms);
        REQUIRE(answers.size() == 4);
        CHECK(**answers[0] == 1);
        CHECK(!answers[1]);
        CHECK(**answers[2] == 3);
        CHECK(!answers[3]);
        (void)me;
    });
}

TEST_CASE(
    "TASK-09: await_many gives the values in the order of the tasks; one failure or the limit "
    "exits") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        std::vector<task<int>> tasks;
        tasks.push_back(async(slow, 1, 30ms));
        tasks.push_back(async(slow, 2, 10ms));
        std::vector<int> values = co_await await_many(tasks);
        CHECK(values == std::vector{1, 2});

        auto fails = [](self s) -> process {
            s.trap_exit(true);
            std::vector<task<int>> some;
            some.push_back(async(slow, 1, 4s));
            some.push_back(async(crash, std::string("boom")));
            (void)co_await await_many(some);
        };
        const auto start = monotonic_time();
        std::string why = co_await outcome_of(me, fails);
        CHECK(why.starts_with("{boom,{task,await_many,[["));
        CHECK(monotonic_time() - start < 1s);  // the failure is not kept waiting

        auto late = [](self) -> process {
            std::vector<task<int>> some;
            some.push_back(async(slow, 1, 4s));
            some.push_back(async(slow, 2, 10ms));
            (void)co_await await_many(some, 100ms);
        };
        why = co_await outcome_of(me, late);
        CHECK(why.starts_with("{timeout,{task,await_many,[["));
    });
}

TEST_CASE("TASK-10: shutdown of a running task gives nothing and leaves no message") {
    in_node([](self me) -> awaitable<void> {
        me.trap_exit(true);
        auto t = async(slow, 7, 1h);
        auto r = co_await t.shutdown();
        CHECK(!r);
        CHECK(!process_info(t.pid()));
        CHECK(!has_mail(me));
    });
}

TEST_CASE("TASK-11: shutdown of a task that has answered gives its value") {
    in_node([](self me) -> awaitable<void> {
        auto t = async(sum, 3, 4);
        co_await me.sleep_for(10ms);
        auto r = co_await t.shutdown();
        REQUIRE(r);
        CHECK(**r == 7);
    });
}

TEST_CASE("TASK-12: a task that traps exits is killed after the limit, and that is its reason") {
    in_node([](self) -> awaitable<void> {
        auto t = async(stubborn, 7, 1h);
        (void)co_await t.yield(1ms);
        const auto start = monotonic_time();
        auto r = co_await t.shutdown(100ms);
        CHECK(monotonic_time() - start >= 100ms);
        REQUIRE(r);
        CHECK(r->error() == atoms::killed);
    });
}

TEST_CASE("TASK-13: shutdown with brutal_kill gives nothing") {
    in_node([](self) -> awaitable<void> {
        auto t = async(stubborn, 7, 1h);
        (void)co_await t.yield(1ms);
        auto r = co_await t.shutdown(brutal_kill{});
        CHECK(!r);
        CHECK(!process_info(t.pid()));
    });
}

TEST_CASE(
    "TASK-14: ignore lets a task go on and drops its answer; an answer that is here is given") {
    in_node([](self me) -> awaitable<void> {
        auto t = async(slow, 7, 10ms);
        CHECK(!t.ignore());
        CHECK(process_info(t.pid()).has_value());
        co_await me.sleep_for(20ms);
        CHECK(!process_info(t.pid()));
        CHECK(!has_mail(me));
        auto done = async(sum, 1, 1);
        co_await me.sleep_for(10ms);
        auto r = done.ignore();
        REQUIRE(r);
        CHECK(**r == 2);
    });
}

TEST_CASE("TASK-15: a completed task has its value without a process") {
    in_node([](self) -> awaitable<void> {
        auto t = completed_task(17);
        CHECK(!t.pid());
        int v = co_await t.await();
        CHECK(v == 17);
    });
}

TEST_CASE("TASK-16: a task as a child is temporary") {
    child_spec spec = task_child("job", sum, 1, 2);
    CHECK(spec.restart == restart_type::temporary);
    CHECK(spec.id == term("job"));
}

TEST_CASE("TASK-17: the owner's end ends its tasks, whatever the reason") {
    in_node([](self me) -> awaitable<void> {
        auto code = [](self s, pid main, term why) -> process {
            auto t = async(slow, 7, 1h);
            send(main, t.pid());
            co_await s.receive<int>();
            exit(why);
        };
        for (const char* why : {"boom", "normal", "shutdown"}) {
            pid owner = spawn(code, me.id(), term(atom(why)));
            pid p = co_await me.receive<pid>();
            ref w = monitor(p);
            send(owner, 1);
            auto d = co_await me.receive_if<down_message>(
                [w](const down_message& m) { return m.monitor == w; }, 1s);
            CHECK(d.has_value());
        }
    });
}

TEST_CASE("TASK-18: callers() are the task's starter and its starter's callers") {
    in_node([](self me) -> awaitable<void> {
        CHECK(callers().is_nil());
        struct nested {
            static term inner() { return callers(); }
            static awaitable<term> outer() {
                auto t = async(inner);
                term seen = co_await t.await();
                co_return seen;
            }
        };
        auto t = async(nested::outer);
        const pid p = t.pid();
        term seen = co_await t.await();
        CHECK(seen == list({p, me.id()}));
    });
}

TEST_CASE("start_task runs code that nobody waits for; what it throws is its reason") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        pid main = me.id();
        pid p = start_task([main] { send(main, 3); });
        int three = co_await me.receive<int>();
        CHECK(three == 3);
        std::string why = co_await end_of(me, p);
        CHECK((why == "normal" || why == "noproc"));
        pid q = start_task([]() -> int { throw std::runtime_error("bad"); });
        why = co_await end_of(me, q);
        CHECK((why.find("bad") != std::string::npos || why == "noproc"));
    });
    CHECK(log.count("process crashed") == 1);
}

TEST_CASE("an owner that is killed takes its tasks along") {
    in_node([](self me) -> awaitable<void> {
        auto code = [](self s, pid main) -> process {
            auto t = async(stubborn, 7, 1h);
            send(main, t.pid());
            co_await s.receive<int>();
        };
        pid owner = spawn(code, me.id());
        pid p = co_await me.receive<pid>();
        ref w = monitor(p);
        exit(owner, atoms::kill);
        // It traps exits: the link's exit signal is a message to it, and it goes on until it looks.
        auto d = co_await me.receive_if<down_message>(
            [w](const down_message& m) { return m.monitor == w; }, 2h);
        CHECK(d.has_value());
    });
}
