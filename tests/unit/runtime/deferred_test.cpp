#include "libbeamcore/runtime/deferred.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {
const atom cancelled("cancel");
}

TEST_CASE("TMR-12: send_interval repeats until it is cancelled; cancel is ok each time") {
    simulated([](self me) -> awaitable<void> {
        const auto begin = monotonic_time();
        auto t = timer::send_interval(10ms, me.id(), std::string("tick"));
        REQUIRE(t.has_value());
        for (int i = 1; i <= 20; ++i) {
            auto text = co_await me.receive<std::string>();
            CHECK(text == "tick");
            CHECK(monotonic_time() - begin >= i * 10ms);
            CHECK(monotonic_time() - begin < i * 10ms + 1ms);  // no drift
        }
        CHECK(timer::cancel(*t).value() == cancelled);
        CHECK(timer::cancel(*t).value() == cancelled);
        auto none = co_await me.receive_for<std::string>(100ms);
        CHECK_FALSE(none.has_value());
        CHECK(timer::cancel(*t).value() == cancelled);
        CHECK(processes().size() == 1);
    });
}

TEST_CASE("TMR-12: after cancel nothing more comes, on threads either") {
    threaded([](self me) -> awaitable<void> {
        for (int round = 0; round < 50; ++round) {
            auto t = timer::send_interval(std::chrono::microseconds(100), me.id(), round);
            for (int i = 0; i < round % 5; ++i) (void)co_await me.receive<int>();
            CHECK(timer::cancel(*t).has_value());
            (void)mailbox(me);
            for (int i = 0; i < 3; ++i) co_await me.yield();
            REQUIRE(mailbox(me) == list({}));
        }
    });
}

TEST_CASE("TMR-13: a bad time, a bad call or a bad reference is {error, badarg}") {
    simulated([](self me) -> awaitable<void> {
        CHECK(timer::send_interval(-1ms, me.id(), 1).error() == atoms::badarg);
        CHECK(timer::apply_after(-1ms, [] {}).error() == atoms::badarg);
        CHECK(timer::apply_after(1ms, callback<void()>()).error() == atoms::badarg);
        CHECK(timer::apply_interval(1ms, callback<void()>()).error() == atoms::badarg);
        CHECK(timer::exit_after(-1ms, me.id(), atom("x")).error() == atoms::badarg);
        CHECK(timer::kill_after(-1ms, me.id()).error() == atoms::badarg);
        CHECK(timer::cancel(timer::tref{}).error() == atoms::badarg);
        CHECK(timer::cancel(timer::tref{1'000'000}).error() == atoms::badarg);
        CHECK(processes().size() == 1);
        co_return;
    });
}

TEST_CASE("TMR-14: an interval to a pid stops when that dies") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(idle);
        auto t = timer::send_interval(10ms, p, 1);
        co_await me.sleep_for(55ms);
        CHECK(process_info(p)->message_queue_len == 5);
        CHECK(processes().size() == 3);
        exit(p, atoms::kill);
        co_await me.sleep_for(1ms);
        CHECK(processes().size() == 1);
        CHECK(timer::cancel(*t).value() == cancelled);
        // For one that is dead already it ends at once.
        (void)timer::send_interval(10ms, p, 1);
        co_await me.sleep_for(1ms);
        CHECK(processes().size() == 1);
    });
}

TEST_CASE("an interval to a name goes on when nobody has the name") {
    simulated([](self me) -> awaitable<void> {
        const atom name("interval_target");
        auto t = timer::send_interval(10ms, name, 1);
        co_await me.sleep_for(35ms);
        register_name(name, me.id());
        co_await me.sleep_for(20ms);
        CHECK(mailbox(me) == list({1, 1}));
        (void)timer::cancel(*t);
    });
}

TEST_CASE("TMR-15: exit_after and kill_after send their signals when the time has come") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet);
        co_await perform(me, p, trap_exits);
        const ref m = monitor(p);
        const auto begin = monotonic_time();
        (void)timer::exit_after(10ms, p, tuple(atom("late"), 1));
        (void)timer::kill_after(30ms, p);
        co_await me.sleep_for(20ms);
        const term messages = co_await mailbox_of(me, p);
        const auto all = messages.as_list();
        REQUIRE(all->size() == 1);
        CHECK((*all)[0].elements()[2] == tuple(atom("late"), 1));
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(d.reason == atoms::killed);
        CHECK(monotonic_time() - begin >= 30ms);
        CHECK(monotonic_time() - begin < 31ms);

        const pid q = spawn(idle);
        auto t = timer::exit_after(10ms, q, atom("never"));
        (void)timer::cancel(*t);
        co_await me.sleep_for(20ms);
        CHECK(process_info(q).has_value());
    });
}

TEST_CASE("apply_after calls once, apply_interval again and again, even where the code throws") {
    simulated([](self me) -> awaitable<void> {
        const pid to = me.id();
        (void)timer::apply_after(10ms, [to] { send(to, std::string("once")); });
        auto t = timer::apply_interval(10ms, [to, n = 0]() mutable {
            send(to, ++n);
            throw std::runtime_error("at each call");
        });
        co_await me.sleep_for(45ms);
        auto text = co_await me.receive_for<std::string>(0ms);
        CHECK(text == "once");
        CHECK(mailbox(me) == list({1, 2, 3, 4}));
        (void)timer::cancel(*t);
        co_await me.sleep_for(1ms);
        CHECK(processes().size() == 1);
    });
}

TEST_CASE("an interval whose process was held up does not fire for what it missed") {
    simulated([](self me) -> awaitable<void> {
        const auto before = processes();
        (void)timer::send_interval(10ms, me.id(), 1);
        pid timer_process;
        for (pid p : processes())
            if (p != me.id()) timer_process = p;
        (void)co_await suspend_process(timer_process);
        co_await me.sleep_for(1s);
        (void)co_await resume_process(timer_process);
        co_await me.sleep_for(15ms);
        const auto all = mailbox(me).as_list();
        CHECK(all->size() <= 3);
        CHECK(all->size() >= 1);
    });
}
