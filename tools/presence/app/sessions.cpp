#include "tools/presence/app/sessions.hpp"

#include <chrono>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/names.hpp"

namespace presence {

namespace {

using beam::awaitable;
using beam::outcome;
using beam::pid;
using namespace std::chrono_literals;

constexpr auto tries_again_after = 20ms;  // the supervisor is being started again

beam::future<beam::start_result> start_session(const session_plan& plan) {
    beam::child_spec spec(plan.id, beam::child<session>(plan), beam::restart_type::temporary);
    return beam::dynamic_supervisor::start_child(session_supervisor(), std::move(spec));
}

}  // namespace

beam::future<outcome<opened>> sessions::open(session_plan plan) {
    return beam::call<ask_open>(sessions_name(), std::move(plan));
}
beam::future<std::uint64_t> sessions::count() {
    return beam::call<ask_count>(sessions_name());
}

// Begun again, it asks those who live what they are.
awaitable<beam::init_result<sessions>> sessions::init() {
    if (!beam::try_register_name(sessions_name(), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    sessions s;
    const auto supervisor = beam::whereis(session_supervisor());
    if (!supervisor) co_return std::move(s);
    auto asking = beam::dynamic_supervisor::which_children(*supervisor);
    outcome<std::vector<beam::child_info>> children = co_await asking.outcome();
    if (!children) co_return std::move(s);
    std::vector<beam::future<session_plan>> plans;
    for (const beam::child_info& child : *children)
        if (child.pid) plans.push_back(session::plan(*child.pid));
    std::size_t next = 0;
    for (const beam::child_info& child : *children) {
        if (!child.pid) continue;
        outcome<session_plan> plan = co_await plans[next++].outcome();
        if (plan) s.add(*child.pid, *supervisor, *std::move(plan));
    }
    co_return std::move(s);
}

void sessions::add(pid session, pid supervisor, session_plan plan) {
    session_id key(plan.user, plan.id);
    by_monitor_.emplace(beam::monitor(session), key);
    by_id_.insert_or_assign(std::move(key), known{session, supervisor, std::move(plan)});
}

awaitable<outcome<opened>> sessions::handle_call(ask_open m) {
    const auto found = by_id_.find(session_id(m.plan.user, m.plan.id));
    if (found != by_id_.end())
        co_return opened{found->second.session, false, found->second.plan.listens()};
    const auto supervisor = beam::whereis(session_supervisor());
    auto starting = start_session(m.plan);
    outcome<beam::start_result> answer = co_await starting.outcome();
    if (!answer) co_return beam::pass_term(answer);
    outcome<pid> p = beam::started_pid(*std::move(answer));
    if (!p) co_return beam::pass_term(p);
    const bool listens = m.plan.listens();
    add(*p, supervisor.value_or(pid()), std::move(m.plan));
    co_return opened{*p, true, listens};
}

void sessions::handle_info(beam::down_message m) {
    const auto monitor = by_monitor_.find(m.monitor);
    if (monitor == by_monitor_.end()) return;
    const auto found = by_id_.find(monitor->second);
    by_monitor_.erase(monitor);
    if (found == by_id_.end() || m.pid() != found->second.session) return;
    // A client that listens finds its session dead, and makes another.
    const bool went_along = beam::whereis(session_supervisor()) != found->second.supervisor;
    if (went_along && !found->second.plan.listens()) {
        lost_.push_back(std::move(found->second.plan));
        if (!restores_) beam::send_after(tries_again_after, id(), restore{});
        restores_ = true;
    }
    by_id_.erase(found);
}

awaitable<void> sessions::handle_info(restore) {
    restores_ = false;
    std::vector<session_plan> plans = std::exchange(lost_, {});
    for (session_plan& plan : plans) {
        ask_open again;
        again.plan = plan;
        outcome<opened> made = co_await handle_call(std::move(again));
        if (!made) lost_.push_back(std::move(plan));
    }
    if (lost_.empty()) co_return;
    beam::send_after(tries_again_after, id(), restore{});
    restores_ = true;
}

}  // namespace presence
