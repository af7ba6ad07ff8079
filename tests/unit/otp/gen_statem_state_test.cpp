// States that are types: a door, its enter calls, and what sys, new code and its parent's death do to it.
#include <chrono>
#include <cstdint>
#include <string>

#include "machines.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::machines;
using test::in_node;
using test::shown;

namespace {

struct repeat {};

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
