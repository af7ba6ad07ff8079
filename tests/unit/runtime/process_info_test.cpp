#include "libbeamcore/runtime/process_info.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

awaitable<void> dies(self me, pid p) {
    const ref m = monitor(p);
    co_await me.receive_if<down_message>([m](const down_message& d) { return d.monitor == m; });
}

}  // namespace

TEST_CASE("PROC-18: of a dead process there is no information") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        CHECK_FALSE(process_info(p).has_value());
        CHECK_FALSE(me.node().process_info(p).has_value());
        CHECK_FALSE(process_info(pid{}).has_value());
        CHECK_FALSE(detail::pid_exists(p));
        auto details = co_await process_info_details(p);
        CHECK_FALSE(details.has_value());
        const bool alive = co_await is_alive(p);
        CHECK_FALSE(alive);
    });
}

TEST_CASE("PROC-18: nor of a dead process whose slot was used again") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        pid again{};
        for (int i = 0; i < 20000 && again.id != p.id; ++i) {
            again = spawn(idle);
            if (again.id != p.id) {
                exit(again, atoms::kill);
                co_await dies(me, again);
            }
        }
        REQUIRE(again.id == p.id);
        CHECK(again.serial != p.serial);
        CHECK_FALSE(process_info(p).has_value());
        CHECK(process_info(again).has_value());
        send(p, 1);
        exit(p, atoms::kill);
        const bool alive = co_await is_alive(again);
        CHECK(alive);
        CHECK(process_info(again)->message_queue_len == 0);
    });
}

TEST_CASE("PROC-19: the dictionary's put gives the previous value, erase the removed one") {
    simulated([](self) -> awaitable<void> {
        namespace dict = process_dictionary;
        CHECK(dict::get("key") == atoms::undefined);
        CHECK(dict::erase("key") == atoms::undefined);
        CHECK(dict::put("key", 1) == atoms::undefined);
        CHECK(dict::put("key", 2) == term(1));
        CHECK(dict::put(tuple(1, 2), 3) == atoms::undefined);
        CHECK(dict::get("key") == term(2));
        CHECK(dict::all() == std::vector<std::pair<term, term>>{{"key", 2}, {tuple(1, 2), 3}});
        CHECK(dict::erase("key") == term(2));
        CHECK(dict::get("key") == atoms::undefined);
        CHECK(dict::all().size() == 1);
        co_return;
    });
}

TEST_CASE("PROC-19: each process has a dictionary of its own") {
    simulated([](self me) -> awaitable<void> {
        process_dictionary::put("key", 1);
        spawn(
            [](self, pid to) -> process {
                send(to, process_dictionary::get("key"));
                co_return;
            },
            me.id());
        auto other = co_await me.receive<term>();
        CHECK(other == atoms::undefined);
    });
}

TEST_CASE("PROC-20: a child has its parent's group leader") {
    simulated([](self me) -> awaitable<void> {
        const pid leader = spawn(idle);
        set_group_leader(leader);
        CHECK(group_leader() == leader);
        struct report {
            static process grandchild(self, pid to) {
                send(to, group_leader());
                co_return;
            }
            static process child(self, pid to) {
                send(to, group_leader());
                spawn(grandchild, to);
                co_return;
            }
        };
        spawn(report::child, me.id());
        for (int i = 0; i < 2; ++i) {
            pid p = co_await me.receive<pid>();
            CHECK(p == leader);
        }
    });
}

TEST_CASE("PROC-21: a suspended process handles messages only when it was resumed") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(
            [](self s, pid to) -> process {
                for (;;) {
                    int n = co_await s.receive<int>();
                    send(to, n);
                }
            },
            me.id());
        bool done = co_await suspend_process(p);
        CHECK(done);
        send(p, 1);
        auto none = co_await me.receive_for<int>(100ms);
        CHECK_FALSE(none.has_value());
        CHECK(process_info(p)->status == process_status::suspended);
        CHECK(process_info(p)->message_queue_len == 1);
        done = co_await resume_process(p);
        CHECK(done);
        int n = co_await me.receive<int>();
        CHECK(n == 1);
    });
}

TEST_CASE("PROC-21: suspending is counted, and may come in the middle of a wait") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(
            [](self s, pid to) -> process {
                for (;;) {
                    auto n = co_await s.receive_for<int>(10ms);
                    send(to, n ? *n : -1);
                }
            },
            me.id());
        (void)co_await suspend_process(p);
        (void)co_await suspend_process(p);
        send(p, 5);
        (void)co_await resume_process(p);
        co_await me.sleep_for(50ms);
        (void)mailbox(me);  // the time-outs before it was suspended
        auto none = co_await me.receive_for<int>(50ms);
        CHECK_FALSE(none.has_value());
        (void)co_await resume_process(p);
        int n = co_await me.receive<int>();
        CHECK(n == 5);
        n = co_await me.receive<int>();
        CHECK(n == -1);
    });
}

TEST_CASE("PROC-21: signals but messages are handled while suspended: kill, links, questions") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(puppet);
        (void)co_await suspend_process(p);
        link(p);
        auto details = co_await process_info_details(p);
        REQUIRE(details.has_value());
        CHECK(details->links == std::vector<pid>{me.id()});
        CHECK(details->summary.status == process_status::suspended);
        exit(p, atoms::kill);
        auto e = co_await me.receive<exit_message>();
        CHECK(e.reason == atoms::killed);
        bool done = co_await suspend_process(p);
        CHECK_FALSE(done);
        done = co_await resume_process(p);
        CHECK_FALSE(done);
    });
}

TEST_CASE("a summary says what a process is and does") {
    simulated([](self me) -> awaitable<void> {
        spawn_options o;
        o.priority = priority::high;
        o.name = atom("summarised");
        const pid p = spawn_opt(o, [](self s) -> process { co_await s.sleep_for(infinity{}); }).pid;
        send(p, std::string(100, 'x'));
        send(p, 1);
        co_await me.sleep_for(1ms);
        const auto s = process_info(p);
        REQUIRE(s.has_value());
        CHECK(s->pid == p);
        CHECK(s->status == process_status::waiting);
        CHECK(s->registered_name == atom("summarised"));
        CHECK(s->initial_call.find("lambda") != std::string::npos);
        CHECK(s->message_queue_len == 2);
        CHECK(s->message_bytes > 0);
        CHECK(s->memory > s->message_bytes);
        CHECK(s->reductions > 0);
        CHECK(s->priority == priority::high);
        CHECK(s->parent == me.id());
        CHECK(process_info(me.id())->status == process_status::running);
    });
}

namespace {

process waits_for_ever(self s) {
    co_await s.sleep_for(infinity{});
}
process waits_as_well(self s) {
    co_await s.sleep_for(infinity{});
}

}  // namespace

TEST_CASE("a process that runs a plain function is called by the function's name") {
    simulated([](self me) -> awaitable<void> {
        for (int i = 0; i < 3; ++i) {
            const pid a = spawn(waits_for_ever), b = spawn(&waits_as_well);
            co_await me.sleep_for(1ms);
            CHECK(process_info(a)->initial_call == "waits_for_ever");
            CHECK(process_info(b)->initial_call == "waits_as_well");
        }
    });
}

TEST_CASE("a label is what a process calls itself, and goes with it") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn([](self s) -> process {
            set_label("first");
            set_label(tuple(atom("room"), "general"));
            (void)co_await s.receive<int>();
            set_label(atoms::undefined);
            (void)co_await s.receive<int>();
            set_label("last");
        });
        const pid other = spawn([](self s) -> process { co_await s.sleep_for(infinity{}); });
        co_await me.sleep_for(1ms);
        CHECK(process_info(p)->label == tuple(atom("room"), "general"));
        CHECK(process_info(other)->label == atoms::undefined);
        const auto details = co_await process_info_details(p);
        CHECK(details->summary.label == tuple(atom("room"), "general"));
        send(p, 1);
        co_await me.sleep_for(1ms);
        CHECK(process_info(p)->label == atoms::undefined);
        send(p, 2);
        co_await me.sleep_for(1ms);
        CHECK_FALSE(process_info(p).has_value());
        // The place of the dead is used again: by one without a label.
        std::vector<pid> born;
        for (int i = 0; i < 2000; ++i)
            born.push_back(spawn([](self s) -> process { co_await s.sleep_for(infinity{}); }));
        for (const pid& b : born) CHECK(process_info(b)->label == atoms::undefined);
    });
}

TEST_CASE("a summary names the type of the message taken last") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn([](self s) -> process {
            (void)co_await s.receive<std::string>();
            co_await s.sleep_for(infinity{});
        });
        co_await me.sleep_for(1ms);
        CHECK(process_info(p)->doing.empty());
        send(p, std::string("x"));
        co_await me.sleep_for(1ms);
        CHECK(process_info(p)->doing == descriptor_of<std::string>()->name);
        auto d = co_await process_info_details(p);
        CHECK(d->summary.doing == descriptor_of<std::string>()->name);
    });
}

namespace {

awaitable<int> wait_inside(self me) {
    co_return co_await me.receive<int>();
}
awaitable<int> wait_in_between(self me) {
    auto waiting = wait_inside(me);
    const int n = co_await waiting;
    co_return n + 1;
}
process waits_deep(self me) {
    auto waiting = wait_in_between(me);
    (void)co_await waiting;
}

std::vector<std::string> names_of(const std::vector<const void*>& stack) {
    std::vector<std::string> names;
    for (const void* at : stack) names.push_back(symbol_of(at));
    return names;
}

}  // namespace

TEST_CASE("details say where a process waits, and in which process's code") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(waits_deep);
        co_await me.sleep_for(1ms);
        auto d = co_await process_info_details(p);
        REQUIRE(d.has_value());
        CHECK(names_of(d->stack) == std::vector<std::string>{"wait_inside", "waits_deep"});
        auto own = co_await process_info_details(me.id());
        CHECK(own->stack.empty());
        exit(p, atoms::kill);
    });
}

TEST_CASE("a walk sees every living process once, whatever the steps, and its counters") {
    simulated([](self me) -> awaitable<void> {
        std::vector<pid> mine;
        for (int i = 0; i < 300; ++i) mine.push_back(spawn(idle));
        co_await me.sleep_for(1ms);
        for (std::size_t i = 0; i < mine.size(); i += 3) exit(mine[i], atoms::kill);
        send(mine[1], 1);
        co_await me.sleep_for(1ms);
        for (const std::uint32_t places : {1u, 7u, 256u, UINT32_MAX}) {
            process_walk walk;
            std::vector<process_counters> found;
            std::size_t before = 0;
            while (walk.next(found, places)) {
                REQUIRE(found.size() - before <= places);
                before = found.size();
            }
            CHECK_FALSE(walk.next(found, places));
            process_walk rest(found[found.size() - 2].pid.id);
            std::vector<process_counters> last;
            while (rest.next(last, places)) continue;
            CHECK(last.size() == 2);
            std::vector<pid> pids;
            for (const auto& c : found) pids.push_back(c.pid);
            CHECK(pids == processes());
            const auto one = std::find_if(found.begin(), found.end(),
                                          [&](const auto& c) { return c.pid == mine[1]; });
            REQUIRE(one != found.end());
            const auto s = process_info(mine[1]);
            CHECK(one->parent == me.id());
            CHECK(one->message_queue_len == 1);
            CHECK(one->memory == s->memory);
            CHECK(one->reductions == s->reductions);
        }
    });
}

TEST_CASE("details are what the process itself knows") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet), peer = spawn(idle);
        link(p);
        monitor(p);
        co_await perform(me, p, link_to, peer);
        co_await perform(me, p, trap_exits);
        co_await perform(
            me, p,
            [](self, const term& t) {
                (void)monitor(*t.as_pid());
                (void)monitor(atom("nobody"));
                process_dictionary::put("k", "v");
            },
            peer);
        for (int i = 0; i < 40; ++i) send(p, i);
        auto d = co_await process_info_details(p);
        REQUIRE(d.has_value());
        CHECK(d->trap_exit);
        CHECK_FALSE(d->is_behaviour);
        std::vector<pid> links{me.id(), peer};
        std::sort(links.begin(), links.end());
        CHECK(d->links == links);
        CHECK(d->monitored_by == std::vector<pid>{me.id()});
        CHECK(std::count(d->monitors.begin(), d->monitors.end(), term(peer)) == 1);
        CHECK(d->dictionary == std::vector<std::pair<term, term>>{{"k", "v"}});
        CHECK(d->messages.size() == 32);
        CHECK(d->summary.message_queue_len >= 40);
    });
}

TEST_CASE("processes gives the living ones, in the order of their numbers") {
    simulated([](self me) -> awaitable<void> {
        std::vector<pid> expected{me.id()};
        for (int i = 0; i < 10; ++i) expected.push_back(spawn(idle));
        const pid dead = expected[5];
        exit(dead, atoms::kill);
        co_await dies(me, dead);
        std::erase(expected, dead);
        std::sort(expected.begin(), expected.end(),
                  [](const pid& a, const pid& b) { return a.id < b.id; });
        CHECK(processes() == expected);
        CHECK(me.node().processes() == expected);
        CHECK(me.node().statistics().processes == expected.size());
    });
}

TEST_CASE("the node's counters count") {
    runtime node(deterministic(1));
    run_in(node, [](self me) -> awaitable<void> {
        for (int i = 0; i < 20; ++i) spawn(leaves, term(i));
        co_await me.sleep_for(1ms);
        send_after(1h, me.id(), 1);
        const auto s = me.node().statistics();
        CHECK(s.spawned == 21);
        CHECK(s.exited == 20);
        CHECK(s.processes == 1);
        CHECK(s.timers_pending == 1);
        CHECK(s.schedulers == 1);
        CHECK(s.reductions > 20);
        CHECK(s.uptime_ns >= 1'000'000);
    });
}

TEST_CASE("set_priority gives the previous priority") {
    simulated([](self me) -> awaitable<void> {
        CHECK(set_priority(priority::low) == priority::normal);
        CHECK(set_priority(priority::max) == priority::low);
        CHECK(process_info(me.id())->priority == priority::max);
        co_return;
    });
}

TEST_CASE("a question to a process that dies before it can answer is answered") {
    auto ask = [](self me) -> awaitable<void> {
        for (int i = 0; i < 50; ++i) {
            const pid p = spawn(leaves, term(i));
            auto d = co_await process_info_details(p);
            if (d) REQUIRE(d->summary.pid == p);
            co_await dies(me, p);
        }
    };
    simulated(ask);
    threaded(ask);
}

TEST_CASE("one who asks and is killed before the answer comes is no trouble") {
    simulated([](self me) -> awaitable<void> {
        const pid target = spawn(puppet);
        for (int i = 0; i < 30; ++i) {
            const pid asker = spawn(
                [](self, pid t) -> process {
                    for (;;) (void)co_await process_info_details(t);
                },
                target);
            for (int n = 0; n < i % 4; ++n) co_await me.yield();
            exit(asker, atoms::kill);
            co_await dies(me, asker);
        }
        const bool alive = co_await is_alive(target);
        CHECK(alive);
    });
}

TEST_CASE("an object of a runtime is made once and destroyed after the processes") {
    struct local {
        std::vector<std::string>* log;
    };
    static const char key = 0;
    static std::vector<std::string> log;
    log.clear();
    {
        runtime node(deterministic(1));
        auto make = [](runtime&) -> void* {
            log.push_back("made");
            return new local{&log};
        };
        auto destroy = [](void* o) noexcept {
            log.push_back("destroyed");
            delete static_cast<local*>(o);
        };
        void* first = detail::runtime_local(node, &key, make, destroy);
        CHECK(detail::runtime_local(node, &key, make, destroy) == first);
        struct tells {
            ~tells() { log.push_back("process gone"); }
        };
        node.spawn([](self me) -> process {
            tells t;
            co_await me.sleep_for(infinity{});
        });
        node.run_until_idle();
    }
    CHECK(log == std::vector<std::string>{"made", "process gone", "destroyed"});
}
