#include "libbeamcore/pubsub/internal/tracker_server.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::tracker {

namespace {

std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// Greater at each start, unless the clock has gone back; and not the same as any other, should it have.
std::uint64_t new_incarnation() {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    constexpr unsigned random_bits = 12;
    return std::uint64_t(us) << random_bits | (secure_random_64() >> (64 - random_bits));
}

std::pair<log_level, std::string_view> words_of(report::kind kind) {
    switch (kind) {
        case report::kind::up:
            return {log_level::info, "node is up"};
        case report::kind::down:
            return {log_level::warning, "node is down, its entries are hidden"};
        case report::kind::permdown:
            return {log_level::info, "node is gone, its entries are forgotten"};
        case report::kind::clock_ahead:
            return {log_level::warning,
                    "node has a clock ahead of this one's, which is not believed"};
        case report::kind::digest_mismatch:
            return {log_level::error,
                    "entries differ at the same version, all are asked for again"};
        case report::kind::bad_message:
            return {log_level::error, "message dropped"};
        case report::kind::same_name:
            return {log_level::error, "another node has this one's name"};
        case report::kind::reborn:
            return {log_level::warning, "others know a later incarnation, a clock went back"};
    }
    return {log_level::error, "unknown report"};
}

}  // namespace

tracker_server::tracker_server(const options& o, atom shard)
    : others_(o.others ? o.others : connected_nodes()),
      shard_(shard),
      state_(o.periods, others_->self(), new_incarnation(), secure_random_64()) {
    process().trap_exit(true);
    outputs out;
    for (const atom node : others_->watch()) state_.node_up(now(), node, out);
    act(out);
}

instant tracker_server::now() {
    return {monotonic_time(), wall_ms()};
}

// -- entries --------------------------------------------------------------------------------------

result<dot> tracker_server::handle_call(ask_track m) {
    outputs out;
    auto made = state_.track(now(), m.process, m.topic, m.key, m.session, m.meta, out);
    if (made) watch(m.process);
    act(out);
    return made;
}

result<dot> tracker_server::handle_call(ask_update m) {
    outputs out;
    if (m.change) {
        const auto sessions = state_.get(m.topic, m.key);
        auto found = std::find_if(sessions.begin(), sessions.end(), [&](const presence& p) {
            return p.process == m.process && p.ref.node == state_.node();
        });
        if (found == sessions.end()) return fail("nopresence");
        try {
            m.meta = m.change(found->meta);
        } catch (...) {
            return fail("bad_change", "the function threw");
        }
    }
    auto made = state_.update(now(), m.process, m.topic, m.key, m.meta, out);
    act(out);
    return made;
}

void tracker_server::handle_call(ask_untrack m) {
    outputs out;
    if (state_.untrack(now(), m.process, m.topic, m.key, out)) unwatch_if_idle(m.process);
    act(out);
}

void tracker_server::handle_call(ask_untrack_all m) {
    outputs out;
    state_.untrack_all(now(), m.process, out);
    unwatch_if_idle(m.process);
    act(out);
}

std::uint64_t tracker_server::handle_call(ask_kick m) {
    outputs out;
    const auto count = state_.kick_key(now(), m.topic, m.key, out);
    act(out);
    return count;
}

void tracker_server::watch(pid process) {
    auto [found, is_new] = watched_.try_emplace(process);
    if (!is_new) return;
    found->second = monitor(process);
    watched_by_monitor_.emplace(found->second, process);
}

void tracker_server::unwatch_if_idle(pid process) {
    if (state_.has_any(process)) return;
    auto found = watched_.find(process);
    if (found == watched_.end()) return;
    demonitor_options flush;
    flush.flush = true;
    demonitor(found->second, flush);
    watched_by_monitor_.erase(found->second);
    watched_.erase(found);
}

// -- what is asked --------------------------------------------------------------------------------

std::vector<presence> tracker_server::handle_call(ask_list m) const {
    return m.key ? state_.get(m.topic, *m.key) : state_.list(m.topic);
}

call_result<bool> tracker_server::handle_call(ask_seen m, const from& f) {
    outputs out;
    const std::uint64_t version = state_.want_seen(out);
    waiters_.push_back({f, version, monotonic_time() + m.limit});
    act(out);
    return noreply{};
}

std::vector<node_info> tracker_server::handle_call(ask_nodes) const {
    return state_.nodes(monotonic_time());
}

void tracker_server::handle_call(ask_subscribe m, const from& f) {
    const std::uint64_t id = next_subscriber_++;
    const ref watched = monitor(f.to);
    subscribers_.emplace(id, subscriber{f.to, m.subscription, watched});
    by_subscription_.emplace(m.subscription, id);
    by_monitor_.emplace(watched, id);
    outputs out;
    state_.subscribe(id, std::move(m.topic), out);
    act(out);
}

void tracker_server::handle_cast(do_unsubscribe m) {
    auto found = by_subscription_.find(m.subscription);
    if (found != by_subscription_.end()) forget_subscriber(found->second);
}

void tracker_server::forget_subscriber(std::uint64_t id) {
    auto found = subscribers_.find(id);
    demonitor_options flush;
    flush.flush = true;
    demonitor(found->second.monitor, flush);
    by_subscription_.erase(found->second.subscription);
    by_monitor_.erase(found->second.monitor);
    subscribers_.erase(found);
    state_.unsubscribe(id);
}

// -- what happens ---------------------------------------------------------------------------------

void tracker_server::handle_info(wake) {
    timer_.reset();
    outputs out;
    state_.tick(now(), out);
    act(out);
}

void tracker_server::handle_info(const nodeup_message& m) {
    outputs out;
    state_.node_up(now(), m.node, out);
    act(out);
}

void tracker_server::handle_info(const nodedown_message& m) {
    state_.node_down(now(), m.node);
    set_timer();
}

void tracker_server::handle_info(const down_message& m) {
    if (auto gone = by_monitor_.find(m.monitor); gone != by_monitor_.end())
        return forget_subscriber(gone->second);
    auto found = watched_by_monitor_.find(m.monitor);
    if (found == watched_by_monitor_.end()) return;
    const pid process = found->second;
    watched_.erase(process);
    watched_by_monitor_.erase(found);
    outputs out;
    state_.untrack_all(now(), process, out);
    act(out);
}

void tracker_server::handle_info(const term& from_another_node) {
    auto m = message_from_term(from_another_node);
    if (!m) {
        log(log_level::warning, "tracker", "message not understood",
            {{"tracker", shard_.name()}, {"why", m.error().code}, {"detail", m.error().detail}});
        return;
    }
    outputs out;
    state_.receive(now(), std::move(*m), out);
    act(out);
}

void tracker_server::terminate(const term&) {
    outputs out;
    state_.stop(now(), out);
    act(out);
}

term tracker_server::format_status(atom) const {
    return map({{atom("nodes"), beam::to_term(state_.nodes(monotonic_time()))},
                {atom("counters"), beam::to_term(state_.counters())},
                {atom("subscribers"), subscribers_.size()}});
}

// -- what is done about it ------------------------------------------------------------------------

void tracker_server::act(outputs& out) {
    for (const auto& o : out.messages) {
        const term what = to_term(o.what);
        for (const atom node : o.to) others_->send(node, shard_, what);
    }
    for (auto& e : out.events) deliver(e);
    for (auto& k : out.kicked) {
        send(k.process, kicked{shard_, std::move(k.topic), std::move(k.key)});
        unwatch_if_idle(k.process);
    }
    for (const auto& r : out.reports) tell(r);
    answer_waiters();
    set_timer();
}

void tracker_server::deliver(event& e) {
    auto found = subscribers_.find(e.subscriber);
    if (found == subscribers_.end()) return;
    send(found->second.process, news{found->second.subscription, e.whole, std::move(e.what)});
}

void tracker_server::tell(const report& r) const {
    const auto [level, words] = words_of(r.what);
    log(level, "tracker", words,
        {{"tracker", shard_.name()}, {"node", r.node.name()}, {"detail", r.detail}});
}

void tracker_server::answer_waiters() {
    const auto time = monotonic_time();
    std::erase_if(waiters_, [&](const waiter& w) {
        const bool is_seen = state_.seen_by_all(w.version);
        if (is_seen || w.until <= time) reply(w.caller, is_seen);
        return is_seen || w.until <= time;
    });
}

void tracker_server::set_timer() {
    auto next = state_.next_wake();
    for (const auto& w : waiters_) next = std::min(next, w.until);
    if (timer_ && timer_at_ <= next) return;  // it fires before; the next one is set then
    if (timer_) (void)cancel_timer(*timer_);
    timer_.reset();
    if (next == std::chrono::nanoseconds::max()) return;
    timer_at_ = next;
    const auto wait = std::max(next - monotonic_time(), std::chrono::nanoseconds(0));
    timer_ = send_after(wait, id(), wake{});
}

}  // namespace beam::tracker
