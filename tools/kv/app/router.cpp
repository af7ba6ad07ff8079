#include "tools/kv/app/router.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"

namespace kv {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t pending_max = 20'000;
constexpr std::size_t pending_bytes_max = std::size_t{64} << 20;
constexpr auto pause_first = 5ms, pause_max = 200ms;
constexpr auto deadlines_every = 2ms;

void answer_whole(const beam::from& to, routed_answer a) {
    beam::reply(to, std::move(a));
}

answer plain(answer::kind what, std::string why) {
    answer a;
    a.what = what;
    a.why = std::move(why);
    return a;
}

}  // namespace

beam::future<routed_answer> router::write(std::vector<operation> operations,
                                          std::chrono::nanoseconds patience) {
    return beam::call<do_write>(router_name(), beam::timeout(beam::infinity{}),
                                std::move(operations), patience);
}
beam::future<routed_answer> router::read(read_request what) {
    return beam::call<do_read>(router_name(), beam::timeout(beam::infinity{}), std::move(what));
}

beam::future<routed_answer> router::scan(std::uint32_t shard, scan_range range,
                                         std::chrono::nanoseconds patience) {
    read_request r;
    r.primary_only = true;
    r.patience = patience;
    r.scan = std::move(range);
    return beam::call<do_read>(router_name(), beam::timeout(beam::infinity{}), std::move(r),
                               std::optional<std::uint32_t>(shard));
}
beam::future<routed_answer> router::changes(std::uint32_t shard, changes_request what) {
    return beam::call<do_changes>(router_name(), beam::timeout(beam::infinity{}), shard,
                                  std::move(what));
}

router::router() : address_(beam::node().name()) {
    beam::register_name(router_name(), id());
    beam::monitor_nodes();
    keeper::tell_cluster(id());
}

// -- a request's life -----------------------------------------------------------------------------

beam::call_result<routed_answer> router::handle_call(do_write m, beam::from from) {
    begin_write(from, &answer_whole, std::move(m.operations), m.patience);
    return beam::noreply{};
}

beam::call_result<routed_answer> router::handle_call(do_read m, beam::from from) {
    pending p;
    p.to = from;
    p.answers = &answer_whole;
    p.what = std::move(m.what);
    p.is_shard_given = m.shard.has_value();
    p.shard = m.shard.value_or(0);
    begin(std::move(p));
    return beam::noreply{};
}

beam::call_result<routed_answer> router::handle_call(do_changes m, beam::from from) {
    pending p;
    p.to = from;
    p.answers = &answer_whole;
    p.what = std::move(m.what);
    p.is_shard_given = true;
    p.shard = m.shard;
    begin(std::move(p));
    return beam::noreply{};
}

void router::begin_write(const beam::from& to, answer_in_words answers,
                         std::vector<operation> operations, time patience) {
    pending p;
    p.to = to;
    p.answers = answers;
    write_request w;
    w.patience = patience;
    w.operations = std::move(operations);
    p.what = std::move(w);
    begin(std::move(p));
}

void router::begin_read(const beam::from& to, answer_in_words answers, read_request what) {
    pending p;
    p.to = to;
    p.answers = answers;
    p.what = std::move(what);
    begin(std::move(p));
}

void router::begin(pending p) {
    if (const auto* w = std::get_if<write_request>(&p.what))
        for (const operation& o : w->operations) p.bytes += o.key.size() + o.bytes.size();
    if (pending_.size() >= pending_max || pending_bytes_ + p.bytes > pending_bytes_max)
        return p.answers(p.to,
                         {plain(answer::kind::busy, "too many requests are under way"), {}, 0});
    const auto patience = std::visit([](const auto& r) { return r.patience; }, p.what);
    p.deadline = beam::monotonic_time() + patience;
    // Before the cluster is known no key has a shard: the request waits for it.
    if (facts_.view) place(p);
    if (std::holds_alternative<write_request>(p.what)) {
        p.id = take_slot();
        auto& w = std::get<write_request>(p.what);
        w.id = {p.id->client, p.id->number};
        w.settled = p.id->number;  // a slot has one request under way
    }
    pending_bytes_ += p.bytes;
    const std::uint64_t token = next_token_++;
    watch_deadline(p.deadline);
    auto& added = pending_.emplace(token, std::move(p)).first->second;
    ask_somebody(token, added);
}

/// One timer for all: most requests are answered long before their deadline, and a timer of each would stay until then.
void router::watch_deadline(time at) {
    if (at >= armed_) return;
    armed_ = at;
    beam::send_after(std::max(at - beam::monotonic_time(), time(0)), id(), give_up{});
}

void router::place(pending& p) const {
    if (p.is_shard_given) return;
    const auto* w = std::get_if<write_request>(&p.what);
    const std::string& key = w ? w->operations.front().key : std::get<read_request>(p.what).key;
    p.shard = shard_of(key, facts_.view->meta.shards);
}

router::slot router::take_slot() {
    if (free_.empty()) return {beam::secure_random_64() | 1U, 1};
    const slot s = free_.back();
    free_.pop_back();
    return {s.client, s.number + 1};
}

void router::ask_somebody(std::uint64_t token, pending& p) {
    if (!facts_.view) return ask_later(token, p);
    if (!is_of_one_shard(p)) {
        answer a = plain(answer::kind::refused, {});
        a.result.done = false;
        a.result.detail = several_shards;
        return finish(pending_.find(token), std::move(a));
    }
    const std::string node = node_for(p);
    if (node.empty()) return ask_later(token, p);
    ask(token, p, node);
}

/// Own copies answer reads, if they may; all else is the primary's.
std::string router::node_for(const pending& p) const {
    const cluster_view& view = *facts_.view;
    const shard_record& r = view.records[p.shard].record;
    const auto* reads = std::get_if<read_request>(&p.what);
    if (reads && !reads->primary_only && p.tries == 0 && r.has(facts_.self)) return address_;
    return address_of(r.primary);
}

std::string router::address_of(const store_id& store) const {
    if (store == facts_.self) return address_;
    const store_entry* s = facts_.view->find_store(store);
    const member* there = s ? facts_.view->find_member(s->node) : nullptr;
    if (!there || there->store != store || !there->is_alive) return {};
    return beam::is_connected(beam::atom(there->dist_address)) ? there->dist_address
                                                               : std::string();
}

/// Keys of other shards cannot be written in one go.
bool router::is_of_one_shard(const pending& p) const {
    const auto* w = std::get_if<write_request>(&p.what);
    if (!w || w->operations.size() < 2) return true;
    const std::uint32_t shards = facts_.view->meta.shards;
    return std::all_of(w->operations.begin(), w->operations.end(),
                       [&](const operation& o) { return shard_of(o.key, shards) == p.shard; });
}

void router::ask(std::uint64_t token, pending& p, const std::string& node) {
    ++p.tries;
    beam::server_ref to{beam::pid()};
    if (node == address_) {
        const auto process = own_shard(p.shard);
        if (!process) return ask_later(token, p);
        to = beam::server_ref(*process);
    } else {
        to = beam::server_ref(shard_name(p.shard), beam::atom(node));
        // It may not be there yet, or not any more: what is sent to nobody has no answer.
        if (other_shards_.emplace(p.shard, node).second)
            monitors_.emplace(beam::monitor(to), shard_at{p.shard, node});
    }
    p.asked = node;
    ++p.open_copies;
    const time left = std::max(p.deadline - beam::monotonic_time(), time(0));
    if (auto* w = std::get_if<write_request>(&p.what)) {
        w->patience = left;
        beam::cast<ask_write>(to, id(), token, *w);
    } else if (auto* r = std::get_if<read_request>(&p.what)) {
        r->patience = left;
        beam::cast<ask_read>(to, id(), token, *r);
    } else {
        auto& c = std::get<changes_request>(p.what);
        c.patience = left * 3 / 4;  // it answers that there is nothing before this one gives up
        beam::cast<ask_changes>(to, id(), token, c);
    }
}

std::optional<beam::pid> router::own_shard(std::uint32_t shard) {
    if (own_shards_.size() <= shard) own_shards_.resize(shard + 1);
    beam::pid& known = own_shards_[shard];
    if (known) return known;
    const auto process = beam::whereis(shard_name(shard));
    if (!process) return std::nullopt;
    monitors_.emplace(beam::monitor(*process), shard_at{shard, address_});
    return known = *process;
}

void router::ask_later(std::uint64_t token, pending& p) {
    p.asked.reset();
    const auto pause = std::min<time>(pause_first * (1U << std::min(p.tries, 6U)), pause_max);
    ++p.tries;
    beam::send_after(pause, id(), try_again{token});
}

void router::handle_info(try_again m) {
    const auto it = pending_.find(m.token);
    if (it == pending_.end() || it->second.asked) return;
    ask_somebody(m.token, it->second);
}

void router::handle_cast(shard_answer m) {
    const auto it = pending_.find(m.token);
    if (it == pending_.end()) return;
    pending& p = it->second;
    if (p.open_copies > 0) --p.open_copies;
    if (m.what.what != answer::kind::not_primary)
        return finish(it, std::move(m.what), std::move(m.changes));
    // One node after another, as they point to each other; a circle is left after a pause.
    const std::string next = m.what.hint.is_none() ? std::string() : address_of(m.what.hint);
    const std::string asked = p.asked.value_or("");
    p.asked.reset();
    if (!next.empty() && next != asked && p.tries < 3) return ask(m.token, p, next);
    ask_later(m.token, p);
}

/// Looks at all, but not more often than every other millisecond.
void router::handle_info(give_up) {
    const time now = beam::monotonic_time();
    armed_ = time::max();
    time next = time::max();
    for (auto it = pending_.begin(); it != pending_.end();) {
        const auto here = it++;
        if (here->second.deadline <= now)
            give_up_on(here);
        else
            next = std::min(next, here->second.deadline);
    }
    if (next != time::max()) watch_deadline(std::max(next, now + deadlines_every));
}

void router::give_up_on(pending_map::iterator it) {
    pending& p = it->second;
    const bool is_write = std::holds_alternative<write_request>(p.what);
    if (is_write && (p.may_be_done || p.open_copies > 0))
        return finish(it, plain(answer::kind::unknown, "no answer"));
    finish(it, plain(answer::kind::unavailable, "no usable copy"));
}

void router::finish(pending_map::iterator it, answer a, std::optional<changes_page> changes) {
    pending& p = it->second;
    routed_answer all;
    all.node = p.asked.value_or("");
    all.shard = p.shard;
    // Another copy of the request may have been lost, and done: then this one's refusal is not the last word.
    const bool is_definite = a.what == answer::kind::busy || a.what == answer::kind::unavailable;
    if (is_definite && p.id && (p.may_be_done || p.open_copies > 0)) a.what = answer::kind::unknown;
    all.what = std::move(a);
    all.changes = std::move(changes);
    // An id of which a copy may still be on its way is not used again.
    if (p.id && p.open_copies == 0 && !p.may_be_done) free_.push_back(*p.id);
    pending_bytes_ -= p.bytes;
    p.answers(p.to, std::move(all));
    pending_.erase(it);
}

// -- news -----------------------------------------------------------------------------------------

void router::handle_info(cluster_facts m) {
    const bool is_first = !facts_.view;
    facts_ = std::move(m);
    const auto& records = facts_.view->records;
    epochs_.resize(records.size());
    std::vector<bool> moved(records.size());
    for (std::size_t s = 0; s < records.size(); ++s) {
        moved[s] = epochs_[s] != 0 && records[s].record.epoch > epochs_[s];
        epochs_[s] = records[s].record.epoch;
    }
    for (auto& [token, p] : pending_) {
        if (is_first) place(p);
        // Whoever has the request may not be the primary any more; the new one is asked as well.
        const bool asks_again = is_first || (moved[p.shard] && p.asked && node_for(p) != *p.asked);
        if (asks_again) beam::send(id(), try_again{token});
        if (asks_again) p.asked.reset();
    }
}

void router::lose(const std::string& node) {
    for (auto& [token, p] : pending_) {
        if (p.asked != node) continue;
        p.may_be_done = true;
        if (p.open_copies > 0) --p.open_copies;
        p.asked.reset();
        beam::send(id(), try_again{token});
    }
}

void router::handle_info(beam::nodedown_message m) {
    lose(std::string(m.node.name()));
}

void router::handle_info(beam::down_message m) {
    const auto found = monitors_.extract(m.monitor);
    if (found.empty()) return;
    const auto& [shard, node] = found.mapped();
    if (node == address_)
        own_shards_[shard] = {};
    else
        other_shards_.erase(found.mapped());
    for (auto& [token, p] : pending_) {
        if (p.shard != shard || p.asked != node) continue;
        p.may_be_done = true;
        if (p.open_copies > 0) --p.open_copies;
        ask_later(token, p);
    }
}

}  // namespace kv
