#include "libbeamcore/runtime/system_monitor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>

#include "libbeamcore/runtime/name.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

using kind = system_event::kind;

namespace {

system_monitor_options queues(std::uint32_t length) {
    system_monitor_options o;
    o.long_message_queue = length;
    return o;
}

}  // namespace

TEST_CASE("a long message queue is reported, and again only after it was short") {
    simulated([](self me) -> awaitable<void> {
        system_monitor(me.id(), queues(100));
        const pid p = spawn(puppet);
        register_name(atom("long_queue"), p);
        for (int i = 0; i < 99; ++i) send(p, i);
        auto none = co_await me.receive_for<system_event>(2s);
        CHECK_FALSE(none.has_value());
        for (int i = 0; i < 50; ++i) send(p, i);
        auto e = co_await me.receive<system_event>();
        CHECK(e.what == kind::long_message_queue);
        CHECK(e.pid == p);
        CHECK(e.queue_length >= 100);
        CHECK(e.registered_name == "long_queue");
        CHECK(e.doing == "test::puppet");
        for (int i = 0; i < 50; ++i) send(p, i);
        none = co_await me.receive_for<system_event>(2s);
        CHECK_FALSE(none.has_value());
        (void)co_await mailbox_of(me, p);
        co_await me.sleep_for(2s);
        for (int i = 0; i < 100; ++i) send(p, i);
        e = co_await me.receive<system_event>();
        CHECK(e.pid == p);
    });
}

TEST_CASE("one receiver a node; a false pid or its death ends the events") {
    simulated([](self me) -> awaitable<void> {
        const pid receiver = spawn(idle);
        system_monitor(receiver, queues(10));
        system_monitor(me.id(), queues(10));
        const pid p = spawn(idle);
        for (int i = 0; i < 10; ++i) send(p, i);
        auto e = co_await me.receive<system_event>();
        CHECK(e.pid == p);
        system_monitor(pid{});
        const pid q = spawn(idle);
        for (int i = 0; i < 10; ++i) send(q, i);
        auto none = co_await me.receive_for<system_event>(2s);
        CHECK_FALSE(none.has_value());
        system_monitor(receiver, queues(10));
        exit(receiver, atoms::kill);
        const pid r = spawn(idle);
        for (int i = 0; i < 10; ++i) send(r, i);
        none = co_await me.receive_for<system_event>(2s);
        CHECK_FALSE(none.has_value());
    });
}

TEST_CASE(
    "of one process's events of a kind at most one a second is sent, the others are counted") {
    simulated([](self me) -> awaitable<void> {
        system_monitor(me.id(), queues(10));
        const pid p = spawn(puppet);
        for (int round = 0; round < 5; ++round) {
            for (int i = 0; i < 10; ++i) send(p, i);
            (void)co_await mailbox_of(me, p);
            // Short again: seen when the next signals are handled.
            co_await perform(me, p, trap_exits);
        }
        auto e = co_await me.receive<system_event>();
        CHECK(e.suppressed == 0);
        auto none = co_await me.receive_for<system_event>(2s);
        CHECK_FALSE(none.has_value());
        for (int i = 0; i < 10; ++i) send(p, i);
        e = co_await me.receive<system_event>();
        CHECK(e.suppressed == 4);
    });
}

TEST_CASE("a process that holds its scheduler is reported as a hog") {
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    std::atomic<bool> end{false};
    auto r = node.execute(
        [](self me, std::atomic<bool>* stop) -> awaitable<void> {
            system_monitor(me.id());
            spawn_options so;
            so.name = atom("endless");
            const pid p = spawn_opt(
                              so,
                              [](self, std::atomic<bool>* s) -> process {
                                  while (!s->load()) {
                                  }
                                  co_return;
                              },
                              stop)
                              .pid;
            auto e = co_await me.receive_for<system_event>(20s);
            REQUIRE(e.has_value());
            CHECK(e->what == kind::hog);
            CHECK(e->pid == p);
            CHECK(e->registered_name == "endless");
            CHECK(e->ran_for >= 2ms);
        },
        &end);
    end = true;
    CHECK(r.has_value());
}

TEST_CASE("a long schedule is reported where hogs are not handed over so soon") {
    runtime_options o;
    o.schedulers = 2;
    o.hog_after = std::chrono::seconds(60);
    runtime node(o);
    std::atomic<bool> end{false};
    auto r = node.execute(
        [](self me, std::atomic<bool>* stop) -> awaitable<void> {
            system_monitor_options options;
            options.long_schedule = 5ms;
            system_monitor(me.id(), options);
            const pid p = spawn(
                [](self, std::atomic<bool>* s) -> process {
                    while (!s->load()) {
                    }
                    co_return;
                },
                stop);
            auto e = co_await me.receive_for<system_event>(20s);
            REQUIRE(e.has_value());
            CHECK(e->what == kind::long_schedule);
            CHECK(e->pid == p);
            CHECK(e->ran_for >= 5ms);
        },
        &end);
    end = true;
    CHECK(r.has_value());
}
