// Handlers that wait: nothing else is handled meanwhile, and what they say or throw in the end counts.
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "machines.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::machines;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

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
