// The application's tree in a node of a test, and what is seen there.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/mesh.hpp"
#include "tests/support/restarting.hpp"
#include "tests/support/simulated.hpp"
#include "tools/presence/app/application.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/opening.hpp"
#include "tools/presence/app/view.hpp"

namespace test {

using namespace std::chrono_literals;

/// Starts it, linked to the caller. Gives its supervisor.
inline beam::awaitable<beam::pid> start_application(std::shared_ptr<beam::peers> others = nullptr) {
    beam::start_result started = co_await presence::start_tree(std::move(others));
    beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
    REQUIRE_MESSAGE(p.has_value(), beam::to_string(p ? beam::term() : p.error()));
    co_return *p;
}

inline presence::session_plan lease(std::string user, std::string id = "web",
                                    std::chrono::milliseconds ttl = 1h) {
    presence::session_plan plan;
    plan.user = std::move(user);
    plan.id = std::move(id);
    plan.ttl_ms = ttl.count();
    return plan;
}

/// A session with its entry.
inline beam::awaitable<beam::pid> log_in(presence::session_plan plan,
                                         presence::session_change change = {}) {
    auto session = co_await presence::open_session(std::move(plan), std::move(change));
    REQUIRE_MESSAGE(session.has_value(), (session ? std::string() : session.error().why));
    co_return *session;
}

/// Users and sessions, sorted: `ann/app ann/web bob/web`.
inline std::string shown(const std::vector<beam::tracker::presence>& entries) {
    std::multiset<std::string> parts;
    for (const auto& entry : entries)
        parts.insert(std::string(entry.key.bytes()) + "/" + std::string(entry.session.bytes()));
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : " ") + part;
    return text;
}

/// Who is seen here. Nothing while there is no tracker.
inline beam::awaitable<std::string> here(std::string topic = std::string(presence::all_sessions),
                                         beam::tracker::handle tracker = presence::tracker_name()) {
    auto asking = beam::tracker::list(tracker, topic);
    beam::outcome<std::vector<beam::tracker::presence>> all = co_await asking.outcome();
    co_return all ? shown(*all) : "no tracker";
}

/// Waits until it is as wanted, and gives what it is at last.
inline beam::awaitable<std::string> wait_until_here(
    beam::self me, std::string wanted, std::string topic = std::string(presence::all_sessions),
    beam::tracker::handle tracker = presence::tracker_name()) {
    const auto end = beam::monotonic_time() + 30s;
    for (;;) {
        std::string now = co_await here(topic, tracker);
        if (now == wanted || beam::monotonic_time() > end) co_return now;
        co_await me.sleep_for(1ms);
    }
}

/// Waits for the end of a process.
inline beam::awaitable<bool> ends(beam::self me, beam::pid process,
                                  std::chrono::milliseconds limit = 30s) {
    const beam::ref monitor = beam::monitor(process);
    auto down = co_await me.receive_if<beam::down_message>(
        [monitor](const beam::down_message& m) { return m.monitor == monitor; }, limit);
    co_return down.has_value();
}

}  // namespace test
