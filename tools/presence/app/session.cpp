#include "tools/presence/app/session.hpp"

#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/presence/app/names.hpp"

namespace presence {

namespace {

using beam::atom;
using beam::awaitable;
using beam::outcome;
using beam::result;
using beam::tracker::dot;
using namespace std::chrono_literals;

constexpr auto tries_again_after = 20ms;  // the tracker is being started again
constexpr auto refused_stays_for = 5s;    // for who has yet to ask why
constexpr auto seen_within = 1000ms;      // by the other nodes, when it ends
constexpr auto ends_within = 5s;

}  // namespace

// -- what others see ----------------------------------------------------------------------------------

beam::future<std::string> session::tracked(beam::pid session) {
    return beam::call<ask_tracked>(session);
}
beam::future<std::string> session::change(beam::pid session, session_change what) {
    return beam::call<ask_change>(session, std::move(what));
}
beam::future<session_plan> session::plan(beam::pid session) {
    return beam::call<ask_plan>(session);
}
beam::future<bool> session::end(beam::pid session, std::string why) {
    return beam::call<ask_end>(session, beam::timeout(ends_within), std::move(why));
}
void session::renew(beam::pid session) {
    beam::cast<do_renew>(session);
}

// -- its life -----------------------------------------------------------------------------------------

beam::init_result<session> session::init(session_plan plan) {
    beam::set_label("session " + plan.id + " of " + plan.user);
    session s;
    s.plan_ = std::move(plan);
    if (s.plan_.listens()) s.client_ = beam::monitor(s.plan_.client);
    s.renew_lease();
    return {std::move(s), beam::then::continue_with(track_now{})};
}

void session::renew_lease() {
    if (plan_.listens()) return;
    if (lease_) (void)beam::cancel_timer(*lease_);
    lease_ = beam::send_after(std::chrono::milliseconds(plan_.ttl_ms), id(), lease_over{});
}

beam::cast_result session::handle_info(lease_over) {
    // One that had fired already when it was renewed.
    if (lease_ && beam::read_timer(*lease_)) return {};
    return beam::stop_with{};
}

beam::cast_result session::handle_info(beam::down_message m) {
    if (client_ && m.monitor == *client_) return beam::stop_with{};
    if (!tracker_ || m.monitor != *tracker_) return {};
    tracker_.reset();
    is_tracked_ = false;
    beam::send_after(tries_again_after, id(), track_now{});
    return {};
}

void session::handle_info(beam::message m) {
    if (plan_.listens()) beam::send(plan_.client, std::move(m));
}

void session::tell_client(const std::string& why) const {
    if (plan_.listens()) beam::send(plan_.client, session_ended{why});
}

// -- its entries --------------------------------------------------------------------------------------

beam::term session::shown() const {
    std::vector<beam::map_entry> of;
    of.push_back({atom("since_ms"), plan_.since_ms});
    if (plan_.listens()) of.push_back({atom("listens"), true});
    if (!plan_.topic.empty()) of.push_back({atom("topic"), plan_.topic});
    if (!plan_.status.empty()) of.push_back({atom("status"), plan_.status});
    if (plan_.meta != beam::term()) of.push_back({atom("meta"), plan_.meta});
    return beam::map_of(std::span(of));
}

awaitable<void> session::handle_continue(track_now) {
    return track();
}
awaitable<void> session::handle_info(track_now) {
    return track();
}

awaitable<void> session::track() {
    if (is_tracked_ || !refusal_.empty()) co_return;
    // Before it asks: a tracker that ends later is missed by nobody.
    if (!tracker_) tracker_ = beam::monitor(beam::tracker::shard_of(tracker_name(), all_sessions));
    std::optional<std::string> refused = co_await track_in(std::string(all_sessions));
    if (refused && refused->empty() && !plan_.topic.empty())
        refused = co_await track_in(plan_.topic);
    if (refused) {
        settle(*refused);
    } else if (tracker_) {
        // It did not answer. If it is dead, news of that is under way, and this is the second reason to try.
        beam::send_after(tries_again_after, id(), track_now{});
    }
}

/// Nothing: there is no tracker now.
awaitable<std::optional<std::string>> session::track_in(std::string topic) {
    auto asking = beam::tracker::track(tracker_name(), id(), topic, plan_.user, plan_.id, shown());
    outcome<result<dot>> made = co_await asking.outcome();
    if (!made) co_return std::nullopt;
    if (*made || made->error().code == "already_tracked") co_return std::string();
    co_return std::string(made->error().code);
}

void session::settle(const std::string& refusal) {
    is_tracked_ = refusal.empty();
    refusal_ = refusal;
    const auto told = std::exchange(waiting_, {});
    for (const beam::from& f : told) beam::reply(f, refusal);
    if (is_tracked_) return;
    if (lease_) (void)beam::cancel_timer(*std::exchange(lease_, std::nullopt));
    tell_client(refusal);
    beam::send_after(told.empty() ? refused_stays_for : 0s, id(), lease_over{});
}

beam::call_result<std::string> session::handle_call(ask_tracked, const beam::from& caller) {
    if (is_tracked_) return std::string();
    if (!refusal_.empty()) return beam::call_result<std::string>(beam::stop_with{}, refusal_);
    waiting_.push_back(caller);
    return beam::noreply{};
}

awaitable<std::string> session::update_in(std::string topic) {
    auto asking = beam::tracker::update(tracker_name(), id(), topic, plan_.user, shown());
    outcome<result<dot>> made = co_await asking.outcome();
    // Without a tracker it is tracked anew soon, as it is then.
    if (!made || *made) co_return std::string();
    co_return std::string(made->error().code);
}

awaitable<std::string> session::handle_call(ask_change m) {
    const session_plan before = plan_;
    if (m.what.topic) plan_.topic = *m.what.topic;
    if (m.what.status) plan_.status = *m.what.status;
    if (m.what.meta) plan_.meta = *m.what.meta;
    if (m.what.ttl_ms && !plan_.listens()) plan_.ttl_ms = *m.what.ttl_ms;
    renew_lease();
    if (!is_tracked_) co_return refusal_;
    const bool moves = plan_.topic != before.topic;
    if (!moves && plan_.status == before.status && plan_.meta == before.meta) co_return refusal_;
    std::string refused = co_await update_in(std::string(all_sessions));
    if (!refused.empty()) {
        plan_ = before;
        co_return refused;
    }
    if (moves && !before.topic.empty()) {
        auto leaving = beam::tracker::untrack(tracker_name(), id(), before.topic, plan_.user);
        (void)co_await leaving.outcome();
    }
    if (plan_.topic.empty()) co_return refused;
    if (!moves) {
        refused = co_await update_in(plan_.topic);
        co_return refused;
    }
    std::optional<std::string> tracked = co_await track_in(plan_.topic);
    co_return tracked.value_or(std::string());
}

// -- its end ------------------------------------------------------------------------------------------

awaitable<void> session::leave() {
    is_tracked_ = false;
    auto out = beam::tracker::untrack(tracker_name(), id(), all_sessions, plan_.user);
    (void)co_await out.outcome();
    if (!plan_.topic.empty()) {
        auto also = beam::tracker::untrack(tracker_name(), id(), plan_.topic, plan_.user);
        (void)co_await also.outcome();
    }
    auto seen = beam::tracker::wait_seen(tracker_name(), all_sessions, seen_within);
    (void)co_await seen.outcome();
}

awaitable<beam::call_result<bool>> session::handle_call(ask_end m) {
    co_await leave();
    tell_client(m.why);
    co_return beam::call_result<bool>(beam::stop_with{}, true);
}

awaitable<beam::cast_result> session::handle_info(beam::tracker::kicked m) {
    if (m.topic != beam::term(all_sessions)) co_return beam::cast_result();
    co_await leave();
    tell_client("kicked");
    co_return beam::cast_result(beam::stop_with{});
}

}  // namespace presence
