// Events: in which order they come, to which handlers, what is postponed, answered or ends the machine.
#include <chrono>
#include <string>

#include "machines.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::machines;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

TEST_CASE(
    "SM-01: postponed events are retried in their order after a change of state, before newer "
    "ones") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", postpone);
        tell(p, "2", postpone);
        tell(p, "3", go_b);
        tell(p, "4");
        co_await settled(p);
        CHECK(story() == "a:1 a:2 a:3 b:1 b:2 b:4");
        (void)me;
    });
}

TEST_CASE("SM-02: a postponed event is not retried while the state is kept") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", postpone);
        tell(p, "2", keep);
        tell(p, "3", [](scripted&, std::string) { return scripted::again(); });
        co_await settled(p);
        CHECK(story() == "a:1 a:2 a:3");
    });
}

TEST_CASE("SM-03: the next state being equal to the old one is no change") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", postpone);
        tell(p, "2", [](scripted&, std::string) { return scripted::to("a"); });
        co_await settled(p);
        CHECK(story() == "a:1 a:2");
    });
}

TEST_CASE("SM-04, SM-05: inserted events in their order, then postponed ones, then the mailbox") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", postpone);
        tell(p, "2", [](scripted&, std::string) {
            return scripted::to("b")
                .next_event(inner{"x"})
                .next_event(inner{"y"})
                .next_event(event_type::info, inner{"z"});
        });
        tell(p, "3");
        co_await settled(p);
        CHECK(story() == "a:1 a:2 b:internal x b:internal y b:info z b:1 b:3");
    });
}

TEST_CASE("SM-15: each kind of event comes to its handler") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        auto asked = statem_call<ask>(p, std::string("q"));
        std::string answer = co_await asked;
        CHECK(answer == "a says q");
        tell(p, "c");
        send(p, inner{"i"});
        tell(p, "n",
             [](scripted&, std::string) { return scripted::keep().next_event(inner{"n"}); });
        co_await settled(p);
        CHECK(story() == "a:ask q a:c a:info i a:n a:internal n");
    });
}

TEST_CASE("SM-16: a reply action answers the caller, who waits for ever") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine("keeping");
        auto asked = statem_call<ask>(p, std::string("q"));
        co_await me.sleep_for(1h);
        tell(p, "later", [](scripted& m, std::string) {
            return scripted::keep().reply(m.kept_, std::string("late"));
        });
        std::string answer = co_await asked;
        CHECK(answer == "late");
        seen.clear();
    });
}

TEST_CASE(
    "SM-17: stop ends the machine, terminate first, and waiting callers exit with the reason") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine("keeping");
        ref watched = monitor(p);
        auto asked = statem_call<ask>(p, std::string("q"));
        tell(p, "stop", [](scripted&, std::string) {
            return transition(stop_with{tuple(atoms::shutdown, 3)});
        });
        auto answer = co_await asked.outcome();
        REQUIRE(!answer);
        CHECK(shown(element(1, answer.error())) == "{shutdown,3}");
        auto down = co_await me.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; });
        CHECK(shown(down->reason) == "{shutdown,3}");
        CHECK(story() == "keeping:ask q keeping:stop keeping:terminate {shutdown,3}");

        pid q = machine();
        ref w = monitor(q);
        tell(q, "stop", [](scripted&, std::string) { return transition(stop_with{}); });
        auto gone = co_await me.receive_if<down_message>(
            [w](const down_message& d) { return d.monitor == w; });
        CHECK(gone->reason == atoms::normal);
        seen.clear();
    });
}

TEST_CASE("SM-18: stop_and_reply answers before the machine stops") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        plan bye = [](scripted& m, std::string) {
            return transition(stop_with{}).reply(m.kept_, std::string("bye"));
        };
        ask_plan question{std::move(bye)};
        auto asked = send_request(p, std::move(question), infinity{});
        std::string answer = co_await asked;
        CHECK(answer == "bye");
        seen.clear();
    });
}

TEST_CASE("SM-19: a call postponed in one state and answered in another") {
    in_node([](self) -> awaitable<void> {
        pid p = machine("silent");
        auto asked = statem_call<ask>(p, std::string("q"));
        tell(p, "open", go_b);
        std::string answer = co_await asked;
        CHECK(answer == "b says q");
        CHECK(story() == "silent:ask q silent:open b:ask q");
    });
}

TEST_CASE("SM-19: the caller of a postponed call is told when the machine dies") {
    in_node([](self) -> awaitable<void> {
        pid p = machine("silent");
        auto asked = statem_call<ask>(p, std::string("q"));
        co_await settled(p);
        exit(p, atoms::kill);
        auto answer = co_await asked.outcome();
        REQUIRE(!answer);
        CHECK(element(1, answer.error()) == atoms::killed);
        seen.clear();
    });
}

TEST_CASE("SM-20: the actions of init come before the mailbox") {
    in_node([](self) -> awaitable<void> {
        plan first = [](scripted&, const std::string&) {
            return scripted::to("a").next_event(inner{"first"}).state_timeout(0ms, content{"0"});
        };
        auto p = start<scripted>(std::move(first));
        REQUIRE(p.has_value());
        tell(*p, "1");
        co_await settled(*p);
        CHECK(story() == "a:internal first a:state_timeout 0 a:1");
    });
}

namespace {

class picky : public gen_statem<picky> {
public:
    struct only {
        BEAM_FIELDS(only)
    };
    using states = beam::states<only>;
    static statem_init<picky> init(std::string how) {
        if (how == "ignore") return ignore{};
        if (how == "stop") return stop_with{atom("why")};
        if (how == "bad") throw 17;
        return {picky(), next_state(only{})};
    }
};

}  // namespace

TEST_CASE("SM-21: init may ignore or stop; a thrown value is a bad return") {
    in_node([](self) -> awaitable<void> {
        CHECK(shown(start<picky>(std::string("ignore")).error()) == "ignore");
        CHECK(shown(start<picky>(std::string("stop")).error()) == "why");
        CHECK(shown(start<picky>(std::string("bad")).error()) == "{bad_return_from_init,17}");
        CHECK(start<picky>(std::string("")).has_value());
        co_return;
    });
}

TEST_CASE(
    "SM-22: a thrown value is a bad return, a negative time a bad action; thrown transitions "
    "count") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        auto ends_with = [](self s, pid p, ref w) -> awaitable<std::string> {
            (void)p;
            auto d = co_await s.receive_if<down_message>(
                [w](const down_message& m) { return m.monitor == w; });
            co_return shown(d->reason);
        };
        pid p = machine();
        ref w = monitor(p);
        tell(p, "1", [](scripted&, std::string) -> transition { throw 17; });
        std::string reason = co_await ends_with(me, p, w);
        CHECK(reason == "{bad_return_from_state_function,17}");

        pid q = machine();
        ref v = monitor(q);
        tell(q, "1", [](scripted&, std::string) {
            return scripted::keep().state_timeout(-5ms, std::int64_t(1));
        });
        reason = co_await ends_with(me, q, v);
        CHECK(reason == "{bad_action_from_state_function,{state_timeout,-5,1}}");

        pid r = machine();
        tell(r, "1", [](scripted&, std::string) -> transition { throw scripted::to("thrown"); });
        term state = co_await sys::get_state(r);
        CHECK(shown(state) == "{<<\"thrown\">>,#{}}");
        seen.clear();
    });
    CHECK(log.count("server terminated") == 2);
}

TEST_CASE("an event without a handler in its state ends the machine with function_clause") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        ref w = monitor(p);
        send(p, 17);
        auto d = co_await me.receive_if<down_message>(
            [w](const down_message& m) { return m.monitor == w; });
        CHECK(shown(d->reason) == "{function_clause,[{handle_info,[<<\"a\">>,17]}]}");
        seen.clear();
    });
}

TEST_CASE("SM-26: the action hibernate") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) { return scripted::to("b").hibernate(); });
        co_await settled(p);
        CHECK(story() == "a:1 hibernates");
    });
}

namespace {

transition forever(scripted&, std::string) {
    return scripted::keep().next_event(event_type::cast, event{"x", plan(forever)});
}

}  // namespace

TEST_CASE("a machine whose own events never end lets others run") {
    in_node([](self me) -> awaitable<void> {
        pid p = machine();
        tell(p, "x", forever);
        for (int i = 0; i < 10; ++i) co_await me.yield();
        exit(p, atoms::kill);
        CHECK(!seen.empty());
        seen.clear();
    });
}
