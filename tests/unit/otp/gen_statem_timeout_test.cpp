// Time-outs of events, of states and with names: when each comes, and what cancels or changes it.
#include <chrono>
#include <string>

#include "machines.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::machines;
using test::in_node;

TEST_CASE("SM-06: an event time-out is cancelled by any event; its content may be its time") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) { return scripted::keep().event_timeout(50ms); });
        co_await me.sleep_for(60ms);
        CHECK(story() == "a:1 a:event_timeout 50");
        tell(p, "2", [](scripted&, std::string) { return scripted::keep().event_timeout(50ms); });
        co_await me.sleep_for(40ms);
        tell(p, "3");
        co_await me.sleep_for(60ms);
        CHECK(story() == "a:2 a:3");
        tell(p, "4", [](scripted&, std::string) {
            return scripted::keep().event_timeout(50ms).timeout(atom("t"), 20ms, content{"named"});
        });
        co_await me.sleep_for(100ms);
        CHECK(story() == "a:4 a:timeout t named");
    });
}

TEST_CASE(
    "SM-07: a state time-out outlives events and ends with the state; set in a change it is the "
    "new state's") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        auto set = [](scripted&, std::string) {
            return scripted::keep().state_timeout(50ms, content{"old"});
        };
        tell(p, "1", set);
        tell(p, "2");
        co_await me.sleep_for(60ms);
        CHECK(story() == "a:1 a:2 a:state_timeout old");
        tell(p, "3", set);
        tell(p, "4", go_b);
        co_await me.sleep_for(60ms);
        CHECK(story() == "a:3 a:4");
        tell(p, "5", [](scripted&, std::string) {
            return scripted::to("c").state_timeout(50ms, content{"new"});
        });
        co_await me.sleep_for(60ms);
        CHECK(story() == "b:5 c:state_timeout new");
    });
}

TEST_CASE(
    "SM-08: named time-outs outlive changes of state; the same name starts anew; many at once") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) {
            return scripted::to("b")
                .timeout(atom("x"), 30ms, content{"first"})
                .timeout(atom("y"), 40ms, content{"second"});
        });
        tell(p, "2", [](scripted&, std::string) {
            return scripted::to("c").timeout(atom("x"), 50ms, content{"again"});
        });
        co_await me.sleep_for(100ms);
        CHECK(story() == "a:1 b:2 c:timeout y second c:timeout x again");
    });
}

TEST_CASE("SM-09: a time-out of 0 comes before the mailbox, after what waits in the machine") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) {
            return scripted::to("b")
                .state_timeout(0ms, content{"now"})
                .timeout(atom("t"), 0ms, content{"too"})
                .next_event(inner{"x"});
        });
        tell(p, "2");
        co_await settled(p);
        CHECK(story() == "a:1 b:internal x b:state_timeout now b:timeout t too b:2");
        // An event time-out of 0 is cancelled by an event that waits already, but not by the
        // mailbox.
        tell(p, "3", [](scripted&, std::string) {
            return scripted::keep().event_timeout(0ms, content{"never"}).next_event(inner{"x"});
        });
        tell(p, "4", [](scripted&, std::string) {
            return scripted::keep().event_timeout(0ms, content{"at once"});
        });
        tell(p, "5");
        co_await settled(p);
        CHECK(story() == "b:3 b:internal x b:4 b:event_timeout at once b:5");
        // One that has not been handled yet can still be cancelled.
        tell(p, "6", [](scripted&, std::string) {
            return scripted::keep()
                .state_timeout(0ms, content{"never"})
                .next_event(event_type::cast, event{"7", plan(go_c)});
        });
        co_await settled(p);
        CHECK(story() == "b:6 b:7");
    });
}

TEST_CASE("SM-10: cancel and infinity stop a running time-out, and nothing comes") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        auto set = [](scripted&, std::string) {
            return scripted::keep()
                .state_timeout(50ms, content{"s"})
                .timeout(atom("t"), 50ms, content{"t"})
                .timeout(atom("u"), 50ms, content{"u"});
        };
        tell(p, "1", set);
        tell(p, "2", [](scripted&, std::string) {
            return scripted::keep()
                .state_timeout(cancel_running{})
                .timeout(atom("t"), infinity{}, content{"t"})
                .timeout(atom("none"), cancel_running{});
        });
        co_await me.sleep_for(100ms);
        CHECK(story() == "a:1 a:2 a:timeout u u");
    });
}

TEST_CASE(
    "SM-11: update gives a running time-out another content, its time stays; without one it is "
    "due") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) {
            return scripted::keep().state_timeout(50ms, content{"old"});
        });
        co_await me.sleep_for(30ms);
        tell(p, "2", [](scripted&, std::string) {
            return scripted::keep().state_timeout(update_running{}, content{"new"});
        });
        co_await me.sleep_for(15ms);
        CHECK(story() == "a:1 a:2");
        co_await me.sleep_for(10ms);
        CHECK(story() == "a:state_timeout new");
        tell(p, "3", [](scripted&, std::string) {
            return scripted::keep().timeout(atom("t"), update_running{}, content{"at once"});
        });
        co_await settled(p);
        CHECK(story() == "a:3 a:timeout t at once");
    });
}

TEST_CASE("SM-12: an absolute time-out is due at that time; one in the past at once") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) {
            return scripted::keep()
                .state_timeout(time_limit::at(monotonic_time() + 50ms), content{"then"})
                .timeout(atom("past"), time_limit::at(monotonic_time() - 1ms), content{"now"});
        });
        co_await me.sleep_for(45ms);
        CHECK(story() == "a:1 a:timeout past now");
        co_await me.sleep_for(10ms);
        CHECK(story() == "a:state_timeout then");
    });
}

TEST_CASE("SM-23: of a time-out set twice in one list the last one counts") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) {
            return scripted::keep()
                .timeout(atom("t"), 10ms, content{"first"})
                .timeout(atom("t"), 30ms, content{"last"});
        });
        co_await me.sleep_for(20ms);
        CHECK(story() == "a:1");
        co_await me.sleep_for(20ms);
        CHECK(story() == "a:timeout t last");
    });
}
