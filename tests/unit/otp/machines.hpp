// Machines for the tests of gen_statem: one that does what its events say, and what other ones are asked.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/gen_statem.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "node.hpp"

namespace test::machines {

// What machines saw, in order. A test runs on one thread.
inline std::vector<std::string> seen;

inline std::string story() {
    std::string all;
    for (const auto& s : seen) all += (all.empty() ? "" : " ") + s;
    seen.clear();
    return all;
}

// A machine that does what its events say: each carries a function that makes the transition.
using plan = beam::callback<beam::transition(class scripted&, std::string state)>;

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

class scripted : public beam::gen_statem<scripted> {
public:
    using state = std::string;
    using calls = beam::messages<ask, ask_plan>;
    using casts = beam::messages<event>;
    using infos = beam::messages<inner>;
    using internals = beam::messages<inner>;
    using timeouts = beam::messages<content>;

    scripted() = default;
    static beam::statem_init<scripted> init(plan first) {
        scripted s;
        beam::transition t = first(s, "");
        return {std::move(s), std::move(t)};
    }

    beam::transition handle_cast(const std::string& s, event& e) {
        seen.push_back(s + ":" + e.name);
        if (!e.what) return keep_state();
        return e.what(*this, s);
    }
    beam::transition handle_call(const std::string& s, const ask& a, const beam::from& caller) {
        seen.push_back(s + ":ask " + a.name);
        if (s == "silent") return keep_state().postpone();
        if (s == "keeping") {
            kept_ = caller;
            return keep_state();
        }
        return keep_state().reply(caller, s + " says " + a.name);
    }
    beam::transition handle_call(const std::string& s, ask_plan& a, const beam::from& caller) {
        kept_ = caller;
        return a.what(*this, s);
    }
    void handle_info(const std::string& s, const inner& i) {
        seen.push_back(s + ":info " + i.name);
    }
    beam::transition handle_internal(const std::string& s, const inner& i) {
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
    void handle_timeout(const std::string& s, const beam::term& name, const content& c) {
        seen.push_back(s + ":timeout " + shown(name) + " " + c.name);
    }
    void terminate(const std::string& s, const beam::term& reason) {
        seen.push_back(s + ":terminate " + shown(reason));
    }
    void hibernate() { seen.push_back("hibernates"); }

    // For plans, which are not members.
    static beam::transition to(std::string s) { return next_state(std::move(s)); }
    static beam::transition keep() { return keep_state(); }
    static beam::transition again() { return repeat_state(); }
    beam::from kept_{};
    BEAM_FIELDS(scripted)
};

inline beam::pid machine(std::string state = "a") {
    plan first = [state](scripted&, const std::string&) { return scripted::to(state); };
    auto p = beam::start<scripted>(std::move(first));
    REQUIRE(p.has_value());
    return *p;
}

template <class F>
void tell(beam::pid p, std::string name, F what) {
    beam::send(p, event{std::move(name), plan(std::move(what))});
}
inline void tell(beam::pid p, std::string name) {
    beam::send(p, event{std::move(name), {}});
}

inline beam::transition keep(scripted&, std::string) {
    return scripted::keep();
}
inline beam::transition postpone(scripted&, std::string) {
    return scripted::keep().postpone();
}
inline beam::transition go_b(scripted&, std::string) {
    return scripted::to("b");
}
inline beam::transition go_c(scripted&, std::string) {
    return scripted::to("c");
}

// The machine has handled what it was sent, and no time has passed.
inline beam::awaitable<void> settled(beam::pid p) {
    (void)co_await beam::sys::get_state(p);
}

// What doors and others are told and asked.
struct press {
    int digit;
};
struct count {
    using reply = int;
};

}  // namespace test::machines
