#include "libbeamcore/otp/gen_statem.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

// What machines saw, in order. A test runs on one thread.
std::vector<std::string> seen;

std::string story() {
    std::string all;
    for (const auto& s : seen) all += (all.empty() ? "" : " ") + s;
    seen.clear();
    return all;
}

// A machine that does what its events say: each carries a function that makes the transition.
using plan = callback<transition(class scripted&, std::string state)>;

struct event {
    std::string name;
    plan what;
};
struct inner {
    std::string name;
};
struct content {
    std::string name;
};
struct ask {
    using reply = std::string;
    std::string name;
};
struct ask_plan {
    using reply = std::string;
    plan what;
};

class scripted : public gen_statem<scripted> {
public:
    using state = std::string;
    using calls = messages<ask, ask_plan>;
    using casts = messages<event>;
    using infos = messages<inner>;
    using internals = messages<inner>;
    using timeouts = messages<content>;

    scripted() = default;
    static statem_init<scripted> init(plan first) {
        scripted s;
        transition t = first(s, "");
        return {std::move(s), std::move(t)};
    }

    transition handle_cast(const std::string& s, event& e) {
        seen.push_back(s + ":" + e.name);
        if (!e.what) return keep_state();
        return e.what(*this, s);
    }
    transition handle_call(const std::string& s, const ask& a, const from& caller) {
        seen.push_back(s + ":ask " + a.name);
        if (s == "silent") return keep_state().postpone();
        if (s == "keeping") {
            kept_ = caller;
            return keep_state();
        }
        return keep_state().reply(caller, s + " says " + a.name);
    }
    transition handle_call(const std::string& s, ask_plan& a, const from& caller) {
        kept_ = caller;
        return a.what(*this, s);
    }
    void handle_info(const std::string& s, const inner& i) {
        seen.push_back(s + ":info " + i.name);
    }
    transition handle_internal(const std::string& s, const inner& i) {
        seen.push_back(s + ":internal " + i.name);
        return keep_state();
    }
    void handle_event_timeout(const std::string& s, std::int64_t ms) {
        seen.push_back(s + ":event_timeout " + std::to_string(ms));
    }
    void handle_event_timeout(const std::string& s, const content& c) {
        seen.push_back(s + ":event_timeout " + c.name);
    }
    void handle_state_timeout(const std::string& s, const content& c) {
        seen.push_back(s + ":state_timeout " + c.name);
    }
    void handle_timeout(const std::string& s, const term& name, const content& c) {
        seen.push_back(s + ":timeout " + shown(name) + " " + c.name);
    }
    void terminate(const std::string& s, const term& reason) {
        seen.push_back(s + ":terminate " + shown(reason));
    }
    void hibernate() { seen.push_back("hibernates"); }

    // For plans, which are not members.
    static transition to(std::string s) { return next_state(std::move(s)); }
    static transition keep() { return keep_state(); }
    static transition again() { return repeat_state(); }
    from kept_{};
    BEAM_FIELDS(scripted)
};

pid machine(std::string state = "a") {
    plan first = [state](scripted&, const std::string&) { return scripted::to(state); };
    auto p = start<scripted>(std::move(first));
    REQUIRE(p.has_value());
    return *p;
}

template <class F>
void tell(pid p, std::string name, F what) {
    send(p, event{std::move(name), plan(std::move(what))});
}
void tell(pid p, std::string name) {
    send(p, event{std::move(name), {}});
}

transition keep(scripted&, std::string) {
    return scripted::keep();
}
transition postpone(scripted&, std::string) {
    return scripted::keep().postpone();
}
transition go_b(scripted&, std::string) {
    return scripted::to("b");
}
transition go_c(scripted&, std::string) {
    return scripted::to("c");
}

// The machine has handled what it was sent, and no time has passed.
awaitable<void> settled(pid p) {
    (void)co_await sys::get_state(p);
}

}  // namespace

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

TEST_CASE("SM-26: the action hibernate") {
    in_node([](self) -> awaitable<void> {
        pid p = machine();
        tell(p, "1", [](scripted&, std::string) { return scripted::to("b").hibernate(); });
        co_await settled(p);
        CHECK(story() == "a:1 hibernates");
    });
}

// -- states that are types ------------------------------------------------------------------------

namespace {

struct press {
    int digit;
};
struct repeat {};
struct count {
    using reply = int;
};

class door : public gen_statem<door> {
public:
    struct locked {
        int wrong = 0;
        friend bool operator==(const locked&, const locked&) = default;
        BEAM_FIELDS(locked, wrong)
    };
    struct open {
        BEAM_FIELDS(open)
    };
    using states = beam::states<locked, open>;
    using calls = messages<count>;
    using casts = messages<press, repeat>;

    door() = default;
    explicit door(int code) : code_(code) {}

    transition handle_cast(const locked& state, press p) {
        if (p.digit != code_) return next_state(locked{state.wrong + 1});
        return next_state(open{}).state_timeout(10s);
    }
    transition handle_cast(const open&, press) { return keep_state().postpone(); }
    template <class State>
    transition handle_cast(const State&, repeat) {
        return repeat_state();
    }
    transition handle_state_timeout(const open&, std::int64_t) { return next_state(locked{}); }
    template <class State>
    int handle_call(const State&, count) {
        return opened_;
    }
    void handle_enter(const term& old, const locked& now) {
        seen.push_back("locked from " + shown(old) + " " + std::to_string(now.wrong));
    }
    enter_result handle_enter(const term& old, const open&) {
        ++opened_;
        seen.push_back("open from " + shown(old));
        return {};
    }
    void terminate(const term& reason) { seen.push_back("terminate " + shown(reason)); }

    void code_change(const term& vsn, term& state, const term& data, const term& extra) {
        seen.push_back(shown(vsn) + " " + shown(data) + " " + shown(extra));
        if (extra == atom("crash")) exit(atom("crashed"));
        if (extra == atom("open")) state = atom("open");
        ++opened_;
    }
    BEAM_FIELDS(door, code_, opened_)

private:
    int code_ = 0;
    int opened_ = 0;
};

}  // namespace

TEST_CASE(
    "SM-13: enter calls, at the start with the state itself and at each real change, before other "
    "events") {
    in_node([](self me) -> awaitable<void> {
        auto p = start<door>(7);
        REQUIRE(p.has_value());
        send(*p, press{1});
        send(*p, press{7});
        send(*p, press{7});
        int opened = co_await statem_call<count>(*p);
        CHECK(opened == 1);
        CHECK(story() ==
              "locked from {locked,#{wrong => 0}} 0 locked from {locked,#{wrong => 0}} 1 "
              "open from {locked,#{wrong => 1}}");
        co_await me.sleep_for(11s);
        // The press that was postponed opened it again.
        CHECK(story() == "locked from open 0 open from {locked,#{wrong => 0}}");
    });
}

TEST_CASE("SM-14: repeat_state makes the enter call again") {
    in_node([](self) -> awaitable<void> {
        auto p = start<door>(7);
        send(*p, repeat{});
        (void)co_await statem_call<count>(*p);
        CHECK(story() ==
              "locked from {locked,#{wrong => 0}} 0 locked from {locked,#{wrong => 0}} 0");
    });
}

TEST_CASE("SM-24: sys sees and replaces {State, Data}") {
    in_node([](self) -> awaitable<void> {
        auto p = start<door>(7);
        term state = co_await sys::get_state(*p);
        CHECK(shown(state) == "{{locked,#{wrong => 0}},#{code_ => 7,opened_ => 0}}");
        term put = tuple(atom("open"), state.elements()[1]);
        auto change = callback<term(term)>([put](term) { return put; });
        term now = co_await sys::replace_state(*p, std::move(change));
        CHECK(shown(now) == "{open,#{code_ => 7,opened_ => 0}}");
        term after = co_await sys::get_state(*p);
        CHECK(shown(after) == "{open,#{code_ => 7,opened_ => 0}}");
        seen.clear();
    });
}

TEST_CASE("SM-25: change_code takes state, data and what waits to the class's current version") {
    in_node([](self me) -> awaitable<void> {
        auto p = start<door>(7);
        send(*p, press{7});
        send(*p, press{7});  // postponed
        (void)co_await statem_call<count>(*p);
        story();
        co_await sys::suspend(*p);
        auto failed = co_await sys::change_code(*p, atom("door"), 3, atom("crash"));
        REQUIRE(!failed);
        CHECK(shown(failed.error()) == "{'EXIT',crashed}");
        auto done = co_await sys::change_code(*p, atom("door"), 3, atoms::undefined);
        CHECK(done.has_value());
        co_await sys::resume(*p);
        CHECK(story() ==
              "3 #{code_ => 7,opened_ => 1} crash 3 #{code_ => 7,opened_ => 1} undefined");
        int opened = co_await statem_call<count>(*p);
        CHECK(opened == 2);
        co_await me.sleep_for(11s);  // the time-out and the postponed event are still there
        CHECK(story() == "locked from open 0 open from {locked,#{wrong => 0}}");

        auto q = start<door>(7);
        (void)co_await statem_call<count>(*q);
        co_await sys::suspend(*q);
        auto moved = co_await sys::change_code(*q, atom("door"), 3, atom("open"));
        CHECK(moved.has_value());
        term state = co_await sys::get_state(*q);
        CHECK(shown(state) == "{open,#{code_ => 7,opened_ => 1}}");
        seen.clear();
    });
}

TEST_CASE("SM-27: the parent's death of a machine that traps exits is terminate's reason") {
    in_node([](self me) -> awaitable<void> {
        auto parent = [](self s, pid main) -> process {
            auto p = start_link<door>(7);
            auto trap = callback<term(term)>([](term t) {
                this_process().trap_exit(true);
                return t;
            });
            (void)co_await sys::replace_state(*p, std::move(trap));
            send(main, *p);
            co_await s.receive<int>();
            exit(atom("bye"));
        };
        pid it = spawn(parent, me.id());
        pid p = co_await me.receive<pid>();
        story();
        ref w = monitor(p);
        send(it, 1);
        auto d = co_await me.receive_if<down_message>(
            [w](const down_message& m) { return m.monitor == w; });
        CHECK(shown(d->reason) == "bye");
        CHECK(story() == "terminate bye");
    });
}

// -- handlers that wait ---------------------------------------------------------------------------

namespace {

class slow : public gen_statem<slow> {
public:
    enum class phase { idle, busy };
    using state = phase;
    using calls = messages<count>;
    using casts = messages<press>;

    awaitable<transition> handle_cast(phase, press p) {
        co_await process().sleep_for(10ms);
        seen.push_back("slept " + std::to_string(p.digit));
        if (p.digit == 0) throw std::runtime_error("zero");
        if (p.digit == 1) co_return next_state(phase::busy);
        co_return keep_state().postpone();
    }
    awaitable<int> handle_call(phase p, count) {
        co_await process().sleep_for(10ms);
        co_return p == phase::busy ? 2 : 1;
    }
};

}  // namespace

TEST_CASE(
    "a handler that waits: nothing else is handled meanwhile, and its event can be postponed") {
    in_node([](self) -> awaitable<void> {
        auto p = start<slow>();
        REQUIRE(p.has_value());
        send(*p, press{5});
        send(*p, press{1});
        int n = co_await statem_call<count>(*p);
        CHECK(n == 2);
        CHECK(story() == "slept 5 slept 1 slept 5");
    });
}

namespace {

class slow_door : public gen_statem<slow_door> {
public:
    struct shut {};
    struct open {};
    using states = beam::states<shut, open>;
    using casts = messages<press>;

    awaitable<transition> handle_cast(shut, press) {
        co_await process().sleep_for(10ms);
        co_return next_state(open{}).state_timeout(20ms).timeout(atom("bell"), time_limit(10ms));
    }
    void handle_state_timeout(const open&, std::int64_t) { seen.push_back("state_timeout"); }
    void handle_timeout(const open&, const term& name, std::int64_t) {
        seen.push_back(shown(name));
    }
    void handle_enter(const term&, const open&) { seen.push_back("enter"); }
};

}  // namespace

TEST_CASE("a handler that waited sets time-outs, also where the new state has an enter call") {
    in_node([](self me) -> awaitable<void> {
        auto p = start<slow_door>();
        REQUIRE(p.has_value());
        send(*p, press{1});
        co_await me.sleep_for(1s);
        CHECK(story() == "enter bell state_timeout");
    });
}

TEST_CASE("a handler that waits and throws ends the machine") {
    log_capture log;
    in_node([](self me) -> awaitable<void> {
        auto p = start<slow>();
        ref w = monitor(*p);
        send(*p, press{0});
        auto d = co_await me.receive_if<down_message>(
            [w](const down_message& m) { return m.monitor == w; });
        CHECK(shown(element(1, element(1, d->reason))) == "cpp_exception");
        seen.clear();
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
