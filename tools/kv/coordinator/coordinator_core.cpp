#include "tools/kv/coordinator/coordinator_core.hpp"

#include <algorithm>
#include <set>

#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace kv {

using beam::error;
using beam::result;

namespace {

constexpr std::chrono::seconds patience{2};
constexpr std::chrono::milliseconds tick_every{100};
// Whether it answers at all is looked at so often, when nothing else happens.
constexpr std::chrono::seconds look_every{5};
constexpr std::chrono::milliseconds retry_after{500};

/// On the thread. Others, who may have seen less, are told of an earlier state by a mark on it.
coordinator_core::look_answer look_at(coordinator& c, const cluster_memory& memory) {
    auto seen = c.snapshot();
    if (!seen || !seen->has_cluster()) return {std::move(seen)};
    const std::string mark = seen->meta.outdated, why = what_is_older(*seen, memory);
    if (why.empty() && mark.empty()) return {std::move(seen)};
    if (why.empty()) return {beam::fail("outdated", mark), true};
    if (mark.empty()) (void)c.mark_outdated(seen->meta, why);  // else by the next look
    return {beam::fail("outdated", why)};
}

}  // namespace

coordinator_core::coordinator_core(std::unique_ptr<coordinator> backend, cluster_memory memory)
    : node_(beam::this_process().node()),
      me_(beam::this_process().id()),
      threads_(std::move(backend), node_, me_),
      memory_(std::make_shared<const cluster_memory>(std::move(memory))) {
    go_on();
    if (threads_.tend_every().count() > 0)
        beam::send_after(threads_.tend_every(), me_, coordinator_process::time_to_tend{});
}

// Subscribers.

void coordinator_core::subscribe(beam::pid subscriber) {
    const auto [it, is_new] = subscribers_.try_emplace(subscriber);
    if (!is_new) return;
    it->second = beam::monitor(subscriber);
    if (reachable_) beam::send(subscriber, coordinator_reachable(*reachable_));
    if (view_) beam::send(subscriber, cluster_changed{view_});
}

void coordinator_core::unsubscribe(beam::pid subscriber) {
    subscribers_.erase(subscriber);
}

void coordinator_core::publish(cluster_view seen) {
    if (view_ && seen.rev <= view_->rev) return;
    view_ = std::make_shared<const cluster_view>(std::move(seen));
    // It is no older than all before, so it stands for that.
    if (view_->has_cluster() && view_->meta.moved_to.empty())
        memory_ = std::make_shared<const cluster_memory>(cluster_memory{memory_->node, view_, {}});
    for (const auto& [to, monitor] : subscribers_) beam::send(to, cluster_changed{view_});
}

void coordinator_core::reachable(bool is_reachable, error why, bool was_believed) {
    if (reachable_ && reachable_->is_reachable == is_reachable && reachable_->why == why &&
        reachable_->was_believed == was_believed)
        return;
    const bool is_same = reachable_ && reachable_->is_reachable == is_reachable;
    const auto since = is_same ? reachable_->since : now();
    reachable_ = coordinator_reachable{is_reachable, since, std::move(why), was_believed};
    for (const auto& [to, monitor] : subscribers_)
        beam::send(to, coordinator_reachable(*reachable_));
}

// Requests.

std::shared_ptr<coordinator_job> coordinator_core::new_job(bool writes) const {
    auto job = std::make_shared<coordinator_job>();
    job->writes = writes;
    job->deadline = now() + patience;
    job->give_up = [](const error&) {};
    return job;
}

void coordinator_core::read(std::uint32_t shard, beam::pid to) {
    std::erase_if(reads_, [&](const waiting_read& r) { return r.shard == shard && r.to == to; });
    reads_.push_back({shard, to, now() + patience});
    go_on();
}

// One that is asked for again while it waits is one.
void coordinator_core::change(record_swap what, beam::pid to) {
    std::erase_if(changes_, [&](const waiting_change& c) {
        return c.what.shard == what.shard && c.to == to;
    });
    changes_.push_back({std::move(what), to, now() + patience});
    go_on();
}

void coordinator_core::view(const beam::from& to) {
    using answer = result<std::shared_ptr<const cluster_view>>;
    auto seen = std::make_shared<looked>();
    auto job = new_job(false);
    job->work = [seen, before = memory_](coordinator& c) { seen->emplace(look_at(c, *before)); };
    job->finish = [this, to, seen] {
        const result<cluster_view>& found = (*seen)->seen;
        if (!found) {
            beam::reply(to, answer(tl::unexpected(found.error())));
        } else {
            beam::reply(to, answer(std::make_shared<const cluster_view>(*found)));
        }
        looked_up(std::move(**seen));
    };
    job->give_up = [to](error why) { beam::reply(to, answer(tl::unexpected(std::move(why)))); };
    calls_.push_back(std::move(job));
    go_on();
}

// Work for the thread: one kind after the other, so that none waits for ever.

void coordinator_core::go_on() {
    if (!is_ticking_ && (running_ || !reads_.empty() || !changes_.empty() || !calls_.empty())) {
        is_ticking_ = true;
        beam::send_after(tick_every, me_, coordinator_process::tick{});
    }
    constexpr unsigned kinds = 4;
    for (unsigned i = 0; i < kinds && !running_; ++i) {
        const unsigned k = (turn_ + i) % kinds;
        running_ = next_job(kind(k));
        if (running_) turn_ = k + 1;
        if (running_) threads_.start(running_);
    }
}

std::shared_ptr<coordinator_job> coordinator_core::next_job(kind k) {
    // One that was away is looked at as a whole before any record of it is believed or changed: it may have gone back.
    switch (k) {
        case kind::changes:
            return changes_.empty() || !is_current() ? nullptr : changes_job();
        case kind::reads:
            return reads_.empty() || !is_current() ? nullptr : reads_job();
        case kind::look:
            return wants_look_ ? look_job() : nullptr;
        case kind::calls:
            break;
    }
    if (calls_.empty()) return nullptr;
    auto job = std::move(calls_.front());
    calls_.pop_front();
    return job;
}

std::shared_ptr<coordinator_job> coordinator_core::changes_job() {
    // Of each shard one: what comes second follows what the first makes.
    std::vector<record_swap> asked;
    std::vector<beam::pid> askers;
    std::set<std::uint32_t> shards;
    std::deque<waiting_change> later;
    for (waiting_change& c : changes_) {
        if (!shards.insert(c.what.shard).second) {
            later.push_back(std::move(c));
            continue;
        }
        asked.push_back(std::move(c.what));
        askers.push_back(c.to);
    }
    changes_ = std::move(later);
    auto answers = std::make_shared<std::optional<result<std::vector<changed_record>>>>();
    auto job = new_job(true);
    job->work = [asked, answers](coordinator& c) { answers->emplace(c.change(asked)); };
    job->finish = [this, asked, askers, answers] {
        wants_look_ = true;
        if (!**answers) return;
        for (std::size_t i = 0; i < asked.size(); ++i) {
            changed_record& a = (**answers)->at(i);
            if (a.outcome == change_outcome::unknown) continue;
            if (!may_be_told(asked[i].shard, a.now)) continue;
            beam::send(askers[i], record_told{asked[i].shard, std::move(a.now), false});
        }
    };
    return job;
}

std::shared_ptr<coordinator_job> coordinator_core::reads_job() {
    const auto readers = std::exchange(reads_, {});
    std::set<std::uint32_t> once;
    for (const waiting_read& r : readers) once.insert(r.shard);
    const std::vector<std::uint32_t> shards(once.begin(), once.end());
    auto answers = std::make_shared<std::optional<result<std::vector<known_record>>>>();
    auto job = new_job(false);
    job->work = [shards, answers](coordinator& c) { answers->emplace(c.read(shards)); };
    job->finish = [this, shards, readers, answers] {
        wants_look_ |= !**answers;
        if (!**answers) return;
        for (const waiting_read& r : readers) {
            const auto at = std::lower_bound(shards.begin(), shards.end(), r.shard);
            const known_record& now = (**answers)->at(std::size_t(at - shards.begin()));
            if (may_be_told(r.shard, now))
                beam::send(r.to, record_told{r.shard, now, true});
            else
                wants_look_ = true;
        }
    };
    return job;
}

/// Not if the coordinator has gone back since the last look, as the next one will show.
bool coordinator_core::may_be_told(std::uint32_t shard, const known_record& r) const {
    const auto& seen = memory_->view;
    return !seen || shard >= seen->records.size() ||
           r.record.epoch >= seen->records[shard].record.epoch;
}

void coordinator_core::done(const std::shared_ptr<coordinator_job>& job) {
    running_.reset();
    if (job->thrown.empty()) {
        job->finish();
    } else {
        job->give_up({job->writes ? "unknown" : "unreachable", job->thrown});
    }
    go_on();
}

// Looks.

std::shared_ptr<coordinator_job> coordinator_core::look_job() {
    wants_look_ = false;
    auto seen = std::make_shared<looked>();
    auto job = new_job(false);
    job->work = [seen, before = memory_](coordinator& c) { seen->emplace(look_at(c, *before)); };
    job->finish = [this, seen] {
        looked_up(std::move(**seen));
        watch_again();
    };
    job->give_up = [this](error why) {
        // Too late, or it threw. The first is followed by finish().
        reachable(false, std::move(why));
        if (!running_) watch_again();
    };
    return job;
}

void coordinator_core::looked_up(look_answer answer) {
    result<cluster_view>& seen = answer.seen;
    // Nothing that was seen here is missing, but what is known by its revision is another now.
    if (seen && view_ && seen->rev < view_->rev)
        seen = beam::fail("recovered", "the coordinator has gone back from revision " +
                                           std::to_string(view_->rev) + " to " +
                                           std::to_string(seen->rev));
    if (!seen) return reachable(false, seen.error(), answer.was_believed);
    reachable(true, {});
    publish(*std::move(seen));
}

void coordinator_core::watch_again() {
    if (is_watching_) return;
    is_watching_ = true;
    if (reachable_ && !reachable_->is_reachable)
        beam::send_after(retry_after, me_, may_have_changed{});
    else
        threads_.watch(view_ ? view_->rev : 0, look_every);
}

void coordinator_core::look() {
    is_watching_ = false;
    wants_look_ = true;
    go_on();
}

// Deadlines.

void coordinator_core::tick() {
    is_ticking_ = false;
    drop_old();
    go_on();
}

void coordinator_core::tend() {
    beam::send_after(threads_.tend_every(), me_, coordinator_process::time_to_tend{});
    auto job = new_job(false);
    job->work = [](coordinator& c) { c.tend(); };
    job->finish = [] {};
    calls_.push_front(std::move(job));
    go_on();
}

// Who asked for a record asks again; who called is told. Of a call that has begun, the thread may yet bring an answer:
// then it comes too late, and is dropped.
void coordinator_core::drop_old() {
    const auto is_old = [t = now()](const auto& waiting) { return waiting.deadline <= t; };
    std::erase_if(reads_, is_old);
    std::erase_if(changes_, is_old);
    while (!calls_.empty() && calls_.front()->deadline <= now()) {
        calls_.front()->give_up({"unreachable", "the coordinator does not answer"});
        calls_.pop_front();
    }
    if (!running_ || running_->deadline > now()) return;
    running_->deadline = std::chrono::nanoseconds::max();
    running_->give_up(
        {running_->writes ? "unknown" : "unreachable", "the coordinator does not answer"});
}

}  // namespace kv
