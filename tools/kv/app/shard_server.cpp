#include "tools/kv/app/shard_server.hpp"

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>
#include <variant>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/crash_points.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/settings.hpp"

namespace kv {

namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds sweep_every{500};
constexpr std::size_t swept_at_once = 1000;
constexpr std::size_t held_bytes_max = 256 << 10;
/// What shards keep back of what their entries came to: of all of a node, and of one.
constexpr std::size_t kept_back_max = 8 << 20, kept_back_of_one_min = 2 << 10,
                      kept_back_of_one_max = 32 << 10;
constexpr unsigned sweeps_a_turn = 4;
constexpr std::uint64_t swept_tag = 0;  // no write's
constexpr std::uint64_t cleared_tag = std::numeric_limits<std::uint64_t>::max();

nanoseconds clock_now(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return std::chrono::seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

/// Before it knows anything: somebody else may.
answer not_here() {
    answer a;
    a.what = answer::kind::not_primary;
    return a;
}

}  // namespace

shard_server::shard_server(std::uint32_t shard) : number_(shard), disk_(store_name(), shard) {
    beam::register_name(shard_name(shard), id());
    keeper::tell_cluster(id());
    sweep_later();
}

instant shard_server::now() {
    using std::chrono::milliseconds;
    return {clock_now(CLOCK_BOOTTIME), clock_now(CLOCK_REALTIME) / milliseconds(1)};
}

// -- the cluster ----------------------------------------------------------------------------------

beam::awaitable<void> shard_server::handle_info(cluster_facts m) {
    const auto before = std::exchange(facts_, std::move(m));
    nodes_.clear();
    for (const store_entry& s : facts_.view->stores)
        if (const member* there = facts_.view->find_member(s.node))
            nodes_.emplace(s.id, beam::atom(there->dist_address));
    if (!shard_) co_await begin();
    learn_cluster();
}

/// What an earlier life of this process left under way comes before what is read here.
beam::awaitable<void> shard_server::begin() {
    byte_writer key;
    key.fixed16(std::uint16_t(number_));
    key.raw("begun");
    auto barrier = beam::store::put(meta_database(), key.bytes(), "");
    const auto written = co_await barrier;
    if (!written) throw spoilt_disk(written.error().code + ": " + written.error().detail);
    const std::uint64_t life = beam::secure_random_64() | 1U;
    config c;
    c.min_isr = facts_.view->meta.min_isr;
    c.beacons_together = true;
    c.ask_to_move = true;
    c.copies = facts_.view->meta.copies;
    c.erase_after = erase_after_setting().value_or(c.erase_after);
    disk_.keep_back(std::clamp(kept_back_max / facts_.view->meta.shards, kept_back_of_one_min,
                               kept_back_of_one_max));
    shard_.emplace(c, facts_.self, life, disk_.load(), disk_, rules_of_shards());
    step([](shard& s, const instant& at, outputs& out) { s.start(at, out); });
}

void shard_server::learn_cluster() {
    const known_record known = facts_.view->records[number_];
    step([&](shard& s, const instant& at, outputs& out) {
        s.plan_changed(at, row_to_follow(*facts_.view, number_, facts_.being_filled), out);
    });
    step([&](shard& s, const instant& at, outputs& out) { s.record_changed(at, known, out); });
}

void shard_server::handle_info(store_died m) {
    // A later life was heard of: what it was promised holds.
    const auto heard = heard_.find(m.store);
    dead_[m.store] = m.incarnation;
    if (!shard_ || (heard != heard_.end() && heard->second != m.incarnation)) return;
    step([&](shard& s, const instant& at, outputs& out) { s.died(at, m.store, out); });
}

void shard_server::handle_info(record_told m) {
    if (!shard_) return;
    step([&](shard& s, const instant& at, outputs& out) {
        if (m.is_read)
            s.record_read(at, m.known, out);
        else
            s.record_changed(at, m.known, out);
    });
}

// -- other stores ---------------------------------------------------------------------------------

void shard_server::handle_cast(from_store m) {
    if (!shard_ || m.to != facts_.self || is_dead(m)) return;
    heard_[m.store] = m.incarnation;
    const auto* const piece = std::get_if<snapshot_piece>(&m.what);
    if (!piece) return receive(std::move(m));
    // Who sends it asks for its own node alone, and there may be many. What it sends again meanwhile is here already.
    const auto is_the_same = [&](const from_store& other) {
        const auto& its = std::get<snapshot_piece>(other.what);
        return other.store == m.store && its.epoch == piece->epoch &&
               its.transfer == piece->transfer && its.index == piece->index;
    };
    if (std::any_of(arrived_.begin(), arrived_.end(), is_the_same)) return;
    mover::ask_to_take_in(id(), size_of(*piece));
    arrived_.push_back(std::move(m));
}

bool shard_server::is_dead(const from_store& m) const {
    const auto dead = dead_.find(m.store);
    return dead != dead_.end() && dead->second == m.incarnation;
}

void shard_server::receive(from_store m) {
    step([&](shard& s, const instant& at, outputs& out) {
        s.receive(at, m.store, std::move(m.what), out);
    });
}

void shard_server::take_in_next_piece() {
    if (arrived_.empty()) return;
    from_store m = std::move(arrived_.front());
    arrived_.pop_front();
    // It has waited: who sent it may have died since, or live anew.
    const bool is_of_a_past_life = is_dead(m) || heard_.at(m.store) != m.incarnation;
    if (shard_ && m.to == facts_.self && !is_of_a_past_life) receive(std::move(m));
}

void shard_server::send(outgoing o) {
    const auto node = nodes_.find(o.to);
    // A signal to a node that is not connected would connect; that is the keeper's, at its own pace.
    if (node == nodes_.end() || !beam::is_connected(node->second)) return;
    beam::cast<from_store>(beam::server_ref(shard_name(number_), node->second), o.to, facts_.self,
                           facts_.incarnation, std::move(o.what));
}

// -- requests -------------------------------------------------------------------------------------

std::uint64_t shard_server::origin_of(router_request r) {
    waiting_.emplace(next_origin_, r);
    return next_origin_++;
}

void shard_server::handle_cast(ask_write m) {
    const router_request from{m.router, m.token};
    if (!shard_) return tell(from, not_here());
    const std::uint64_t origin = origin_of(from);
    step([&](shard& s, const instant& at, outputs& out) {
        s.write(at, origin, std::move(m.what), out);
    });
}

void shard_server::handle_cast(ask_read m) {
    const router_request from{m.router, m.token};
    if (!shard_) return tell(from, not_here());
    const std::uint64_t origin = origin_of(from);
    step([&](shard& s, const instant& at, outputs& out) {
        s.read(at, origin, std::move(m.what), out);
    });
}

void shard_server::tell(const router_request& to, answer a) {
    beam::cast<shard_answer>(to.router, to.token, std::move(a), std::optional<changes_page>());
}

// -- the shard's steps ----------------------------------------------------------------------------

void shard_server::handle_info(beam::store::written m) {
    if (!m.error.empty()) throw spoilt_disk("the store failed: " + m.error + ": " + m.detail);
    if (m.tag == swept_tag) {
        is_sweeping_ = false;
        return;
    }
    if (m.tag == cleared_tag) {
        is_clearing_ = false;
        return take_leftovers_away();
    }
    crash_point("synced");
    disk_.committed(m.tag);
    std::uint64_t ticket = 0;
    for (; !writing_.empty() && writing_.front().first <= m.tag; writing_.pop_front())
        ticket = std::max(ticket, writing_.front().second);
    if (ticket != 0)
        step([&](shard& s, const instant& at, outputs& out) { s.synced(at, ticket, out); });
}

void shard_server::handle_info(wake) {
    armed_ = nanoseconds::max();
    step([](shard& s, const instant& at, outputs& out) { s.tick(at, out); });
}

/// All shards of the node at the same times, which are those of beacons too: it wakes for all of them at once.
void shard_server::sweep_later() {
    const nanoseconds time = now().now, every = sweep_every;
    beam::send_after((time / every + 1) * every - time, id(), sweep{});
}

/// Keys whose time has come go without being asked for. The index is looked at by every copy: what it has too much, it
/// has on each disk.
void shard_server::handle_info(sweep) {
    sweep_later();
    write_what_waits();
    take_leftovers_away();
    if (!shard_ || is_sweeping_) return;
    auto due = disk_.due(now().wall_ms, swept_at_once);
    if (due.gone.size() > 0) {
        write_kept_back();  // why they are
        is_sweeping_ = true;
        due.gone.lazy();
        beam::store::notify_write(store_name(), std::move(due.gone), id(), swept_tag);
    }
    if (due.expired.empty()) return;
    step([&](shard& s, const instant& at, outputs& out) { s.expire(at, due.expired, out); });
}

/// In steps, one after the other: others' writes go between. A batch that begins a generation was passed on in its step.
void shard_server::take_leftovers_away() {
    if (!shard_ || is_clearing_) return;
    auto some = disk_.next_leftovers();
    if (!some) return;
    is_clearing_ = true;
    beam::store::notify_write(store_name(), *std::move(some), id(), cleared_tag);
}

template <class Step>
void shard_server::step(Step s) {
    if (!shard_) return;
    outputs out;
    s(*shard_, now(), out);
    // At once: the next step reads the data with this in it, and the batch says how far the log is now.
    bool is_urgent = false;
    const auto is_erasure = [](const storage_change& c) {
        return std::holds_alternative<erase_copy>(c);
    };
    if (std::any_of(out.storage.begin(), out.storage.end(), is_erasure))
        beam::log(beam::log_level::info, "kv", "a copy that others hold now is erased",
                  {{"shard", std::to_string(number_)}});
    const bool has_kept_back = disk_.has_kept_back();
    if (out.sync != 0)
        is_urgent = gather(out.sync, disk_.changes(next_write_, out.storage, shard_->log()));
    // The way to the other disks is longer than that to this one.
    for (outgoing& o : std::exchange(out.messages, {})) send(std::move(o));
    if (is_urgent) write_held();
    crash_point(out.storage);
    if (has_kept_back && !disk_.has_kept_back()) crash_point("data");
    // What carrying out brings about is a step of its own, after all of this one.
    if (is_busy_) {
        to_do_.push_back(std::move(out));
        return;
    }
    is_busy_ = true;
    carry_out(std::move(out));
    while (!to_do_.empty()) {
        outputs next = std::move(to_do_.front());
        to_do_.pop_front();
        carry_out(std::move(next));
    }
    is_busy_ = false;
    if (!watchers_.empty()) tell_watchers();
    arm();
}

/// What need not be on disk soon goes with what must, or with the next sweep, so that a write is one batch for the store, not two.
/// What entries came to does not come here before shard_disk has enough of it.
bool shard_server::gather(std::uint64_t ticket, shard_disk::written_batch w) {
    held_.append(std::move(w.batch));
    held_ticket_ = ticket;
    return !w.is_lazy || held_.bytes() > held_bytes_max;
}

void shard_server::write_held() {
    disk_.complete(held_);
    beam::store::notify_write(store_name(), std::exchange(held_, {}), id(), next_write_);
    writing_.emplace_back(next_write_++, std::exchange(held_ticket_, 0));
}

/// The shards take turns with what they keep back.
void shard_server::write_what_waits() {
    if ((sweeps_++ + number_) % sweeps_a_turn == 0) write_kept_back();
    if (held_.size() > 0) write_held_lazily();
}

void shard_server::write_kept_back() {
    if (!disk_.has_kept_back()) return;
    disk_.write_kept_back(held_, next_write_);
    write_held_lazily();
    crash_point("data");
}

/// With those of the other shards.
void shard_server::write_held_lazily() {
    held_.lazy();
    write_held();
}

void shard_server::carry_out(outputs out) {
    for (reply& r : out.replies) {
        if (r.what.what == answer::kind::done) crash_point("answer");
        const auto to = waiting_.extract(r.origin);
        if (!to.empty()) tell(to.mapped(), std::move(r.what));
    }
    if (out.read_record) coordinator_process::read_record(coordinator_name(), number_, id());
    for (const record_change& c : out.record_changes)
        coordinator_process::change_record(coordinator_name(), number_, c.target, c.expected_rev,
                                           id());
    for (const look_up& l : out.look_ups) {
        if (l.range) {
            auto page = disk_.scan(*l.range, l.wall_ms);
            step([&](shard& s, const instant& at, outputs& next) {
                s.scanned(at, l.ticket, std::move(page), next);
            });
            continue;
        }
        auto found = disk_.get(l.key);
        step([&](shard& s, const instant& at, outputs& next) {
            s.looked_up(at, l.ticket, std::move(found), next);
        });
    }
    for (const entries_wanted& e : out.entries) {
        auto some = disk_.entries_from(e.first, e.count, e.bytes);
        step([&](shard& s, const instant& at, outputs& next) {
            s.entries_read(at, e.to, std::move(some), next);
        });
    }
    for (const move_wish& w : out.moves) mover::wish(id(), w);
    for (piece_wanted& p : out.pieces) {
        mover::ask_to_read(id(), p.bytes);
        pieces_.push_back(std::move(p));
    }
}

void shard_server::handle_info(move_given m) {
    step([&](shard& s, const instant& at, outputs& out) { s.may_move(at, m.number, out); });
}

void shard_server::handle_info(piece_allowed m) {
    if (m.has_come) return take_in_next_piece();
    if (pieces_.empty()) return;
    const piece_wanted p = std::move(pieces_.front());
    pieces_.pop_front();
    auto piece = disk_.items_after(p.after, p.bytes);
    step([&](shard& s, const instant& at, outputs& out) {
        s.piece_read(at, p.to, p.transfer, std::move(piece.some), piece.is_last, out);
    });
}

/// A timer that comes too early does no harm, so an armed one is only ever added to.
void shard_server::arm() {
    const nanoseconds next = shard_->next_wake();
    if (next >= armed_) return;
    armed_ = next;
    const nanoseconds left = std::max(next - now().now, nanoseconds(0));
    beam::send_after(left, id(), wake{});
}

}  // namespace kv
