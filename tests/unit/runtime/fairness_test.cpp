// Fairness against code that never gives way: real schedulers, real threads.
#include <dirent.h>
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/system_monitor.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

using flag = std::atomic<bool>;

struct ping {
    pid from;
    int n;
};
struct pong {
    int n;
};

process ponger(self me) {
    for (;;) {
        ping p = co_await me.receive<ping>();
        send(p.from, pong{p.n});
    }
}

/// Never gives way until told.
process endless(self, flag* end, std::atomic<int>* running) {
    running->fetch_add(1);
    while (!end->load(std::memory_order_relaxed)) {
    }
    running->fetch_sub(1);
    co_return;
}

/// Ends the loops of a node before it is destroyed, whatever the test did.
class loops {
public:
    explicit loops(unsigned schedulers, unsigned hogs_max = 64)
        : node(options(schedulers, hogs_max)) {}
    ~loops() { end = true; }

    flag end{false};
    std::atomic<int> running{0};
    runtime node;

private:
    static runtime_options options(unsigned schedulers, unsigned hogs_max) {
        runtime_options o;
        o.schedulers = schedulers;
        o.hog_threads_max = hogs_max;
        return o;
    }
};

awaitable<void> play(self me, pid other, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        send(other, ping{me.id(), i});
        auto answer = co_await me.receive_for<pong>(20s);
        REQUIRE(answer.has_value());
        REQUIRE(answer->n == i);
    }
}

/// Waits, without a process, until `what` holds.
template <class F>
bool eventually(F what) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!what()) {
        if (std::chrono::steady_clock::now() > end) return false;
        sched_yield();
    }
    return true;
}

/// Scheduling classes of this OS process's threads whose names begin with `prefix`.
std::vector<int> idle_class_threads() {
    std::vector<int> found;
    DIR* tasks = ::opendir("/proc/self/task");
    while (dirent* e = ::readdir(tasks)) {
        const int tid = std::atoi(e->d_name);
        if (tid <= 0) continue;
        errno = 0;
        if (::sched_getscheduler(tid) == SCHED_IDLE || ::getpriority(PRIO_PROCESS, id_t(tid)) == 19)
            found.push_back(tid);
    }
    ::closedir(tasks);
    return found;
}

}  // namespace

TEST_CASE("an endless loop stops neither others nor timers") {
    for (unsigned schedulers : {1u, 2u}) {
        CAPTURE(schedulers);
        loops l(schedulers);
        const pid other = l.node.spawn(ponger);
        for (unsigned i = 0; i < schedulers + 1; ++i) l.node.spawn(endless, &l.end, &l.running);
        run_in(
            l.node,
            [](self me, pid o, std::atomic<int>* running, int hogs) -> awaitable<void> {
                while (running->load() < hogs) co_await me.sleep_for(1ms);
                co_await play(me, o, 500);
                for (int i = 0; i < 20; ++i) {
                    const auto begin = monotonic_time();
                    send_after(1ms, me.id(), i);
                    auto n = co_await me.receive_for<int>(20s);
                    REQUIRE(n == i);
                    CHECK(monotonic_time() - begin >= 1ms);
                }
            },
            other, &l.running, int(schedulers) + 1);
        CHECK(l.node.statistics().hand_overs >= schedulers + 1);
        CHECK(l.node.statistics().hog_threads == schedulers + 1);
        l.end = true;
        CHECK(eventually([&] { return l.node.statistics().hog_threads == 0; }));
        // Alive and well afterwards.
        run_in(l.node, play, other, 100);
    }
}

TEST_CASE("a hog's thread runs in the lowest scheduling class, and ends with its turn") {
    loops l(1);
    const auto before = idle_class_threads().size();
    l.node.spawn(endless, &l.end, &l.running);
    CHECK(eventually([&] { return l.node.statistics().hog_threads == 1; }));
    CHECK(eventually([&] { return idle_class_threads().size() == before + 1; }));
    l.end = true;
    CHECK(eventually([&] { return idle_class_threads().size() == before; }));
}

#if !defined(__SANITIZE_THREAD__)  // TSan hands a signal on only when the thread calls something
TEST_CASE("the report of a hog says where it is, as soon as the machine lets it answer") {
    bool located = false;
    for (int i = 0; i < 20 && !located; ++i) {
        loops l(1);
        run_in(
            l.node,
            [](self me, flag* end, std::atomic<int>* running, bool* found) -> awaitable<void> {
                system_monitor(me.id());
                spawn(endless, end, running);
                auto e = co_await me.receive_for<system_event>(20s);
                REQUIRE(e.has_value());
                *found = std::count(e->stack.begin(), e->stack.end(), "endless") == 1;
            },
            &l.end, &l.running, &located);
        l.end = true;
    }
    CHECK(located);
}
#endif

TEST_CASE("at the cap a hog is reported and keeps its scheduler; all goes on when hogs end") {
    loops l(2, 2);
    flag first_end{false};
    std::atomic<int> first_running{0};
    run_in(
        l.node,
        [](self me, flag* end1, std::atomic<int>* running1, flag* end2,
           std::atomic<int>* running2) -> awaitable<void> {
            system_monitor(me.id());
            for (int i = 0; i < 2; ++i) spawn(endless, end1, running1);
            for (int i = 0; i < 2; ++i) {
                auto e = co_await me.receive_for<system_event>(20s);
                REQUIRE(e.has_value());
                CHECK(e->what == system_event::kind::hog);
                // A machine with much to do may not let it answer in time.
                if (e->stack.empty()) continue;
                CHECK(std::count(e->stack.begin(), e->stack.end(), "endless") == 1);
            }
            CHECK(me.node().statistics().hog_threads == 2);
            // One more: at the cap, so it holds its scheduler; the other one still serves.
            const pid third = spawn(endless, end2, running2);
            auto e = co_await me.receive_for<system_event>(20s);
            REQUIRE(e.has_value());
            CHECK(e->what == system_event::kind::hog_limit);
            CHECK(e->pid == third);
            CHECK(me.node().statistics().hog_threads == 2);
            CHECK(me.node().statistics().hog_limit_hits >= 1);
            const pid other = spawn(ponger);
            co_await play(me, other, 100);
            // Two hogs end: the third is handed over like any other.
            end1->store(true);
            e = co_await me.receive_for<system_event>(20s);
            REQUIRE(e.has_value());
            CHECK(e->what == system_event::kind::hog);
            CHECK(e->pid == third);
            co_await play(me, other, 100);
            end2->store(true);
        },
        &first_end, &first_running, &l.end, &l.running);
    first_end = true;
}

TEST_CASE(
    "a process that sleeps in the kernel is handed over, and its system call not interrupted") {
    loops l(2);
    run_in(l.node, [](self me) -> awaitable<void> {
        struct slept {
            int result;
        };
        system_monitor(me.id());
        const pid sleeper = spawn(
            [](self, pid main) -> process {
                const timespec long_enough{0, 300'000'000};  // it is the sleep that is looked at
                send(main, slept{::nanosleep(&long_enough, nullptr)});
                co_return;
            },
            me.id());
        auto e = co_await me.receive_for<system_event>(20s);
        REQUIRE(e.has_value());
        CHECK(e->what == system_event::kind::hog);
        CHECK(e->pid == sleeper);
        CHECK(e->stack.empty());
        auto s = co_await me.receive_for<slept>(20s);
        REQUIRE(s.has_value());
        CHECK(s->result == 0);
    });
}

TEST_CASE("at the cap with one scheduler everything waits, and goes on when the hog ends") {
    loops l(1, 0);
    const pid other = l.node.spawn(ponger);
    l.node.spawn(endless, &l.end, &l.running);
    CHECK(eventually([&] { return l.node.statistics().hog_limit_hits == 1; }));
    CHECK(l.node.statistics().hand_overs == 0);
    std::atomic<int> ran{0};
    l.node.spawn(
        [](self, std::atomic<int>* r) -> process {
            r->store(1);
            co_return;
        },
        &ran);
    CHECK(eventually([&] { return l.node.statistics().run_queues[0] > 0 || l.running == 1; }));
    CHECK(ran == 0);
    l.end = true;
    CHECK(eventually([&] { return ran == 1; }));
    run_in(l.node, play, other, 100);
}

namespace {

struct tally {
    flag end{false};
    std::atomic<int> rounds{0};
};

/// While it holds its thread: sends, spawns, sets and cancels timers, links, monitors, asks.
process busy_hog(self me, pid other, tally* t) {
    me.trap_exit(true);
    int pongs = 0, fired = 0, cancelled = 0, exits = 0, downs = 0, spawned_ok = 0;
    int pings = 0, timers = 0, to_cancel = 0, children = 0;
    while (!t->end.load(std::memory_order_relaxed)) {
        const int round = t->rounds.fetch_add(1);
        if (round % 1000 != 0) continue;
        send(other, ping{me.id(), pings++});
        send_after(1ms, me.id(), ++timers);
        const ref r = send_after(1h, me.id(), std::string("never"));
        ++to_cancel;
        cancelled += cancel_timer(r).has_value();
        spawn_link(
            [](self, pid to) -> process {
                send(to, done{});
                co_return;
            },
            me.id());
        spawn_monitor(leaves, term(atoms::normal));
        children += 1;
        if (pings >= 200) break;
    }
    while (!t->end.load(std::memory_order_relaxed)) {
    }
    // Detached by now: everything must have arrived all the same.
    while (pongs < pings || fired < timers || exits < children || downs < children ||
           spawned_ok < children) {
        auto m = co_await me.receive_for(20s);
        if (!m) exit(atom("lost"));
        pongs += m.is<pong>();
        fired += m.is<int>();
        exits += m.is<exit_message>();
        downs += m.is<down_message>();
        spawned_ok += m.is<done>();
        if (m.is<std::string>()) exit(atom("cancelled timer fired"));
    }
    if (cancelled != to_cancel) exit(atom("cancel failed"));
    exit(atoms::normal);
}

}  // namespace

TEST_CASE("a detached hog sends, spawns and uses timers as any process") {
    for (unsigned schedulers : {1u, 2u}) {
        CAPTURE(schedulers);
        tally t;
        loops l(schedulers);
        const pid other = l.node.spawn(ponger);
        const pid hog = l.node.spawn(busy_hog, other, &t);
        CHECK(eventually([&] { return l.node.statistics().hog_threads == 1; }));
        CHECK(eventually([&] { return t.rounds > 100'000 || !l.node.process_info(hog); }));
        run_in(l.node, play, other, 100);
        t.end = true;
        CHECK(l.node.wait_for_exit(hog) == atoms::normal);
    }
}

TEST_CASE("hogs come and go: schedulers are handed over again and again") {
    for (unsigned schedulers : {1u, 2u}) {
        CAPTURE(schedulers);
        loops l(schedulers);
        const pid other = l.node.spawn(ponger);
        run_in(
            l.node,
            [](self me, pid o) -> awaitable<void> {
                for (int round = 0; round < 10; ++round) {
                    flag end{false};
                    std::atomic<int> running{0};
                    std::vector<ref> hogs;
                    for (int i = 0; i < 3; ++i)
                        hogs.push_back(spawn_monitor(endless, &end, &running).monitor);
                    while (running.load() < 3) co_await me.sleep_for(1ms);
                    co_await play(me, o, 50);
                    end = true;
                    for (ref m : hogs) {
                        auto d = co_await me.receive_if<down_message>(
                            [m](const down_message& x) { return x.monitor == m; }, 20s);
                        REQUIRE(d.has_value());
                    }
                }
            },
            other);
        CHECK(eventually([&] { return l.node.statistics().hog_threads == 0; }));
        const auto s = l.node.statistics();
        CHECK(s.hand_overs >= 10);
        CHECK(s.processes <= 2);
    }
}
