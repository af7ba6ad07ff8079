#include "tools/kv/shard/log.hpp"

#include <algorithm>

#include "tools/kv/shard/invariant.hpp"

namespace kv {

namespace {

/// The runs of a log, from its end: which epoch `seq` has and where that begins.
struct run_walker {
    const log_ends& ends;
    std::size_t index;  // one after the run

    explicit run_walker(const log_ends& e) : ends(e), index(e.runs.size()) {}

    /// The run that has `seq`, which is not above the one before. Its first seq; its epoch in `epoch`.
    std::uint64_t first_of(std::uint64_t seq, std::uint64_t& epoch) {
        while (index > 1 && ends.runs[index - 2].seq >= seq) --index;
        epoch = index > 0 ? ends.runs[index - 1].epoch : 0;
        return (index > 1 ? ends.runs[index - 2].seq : ends.base.seq) + 1;
    }
};

}  // namespace

shard_log::shard_log(log_point base, std::uint64_t applied_seq, const std::vector<entry>& entries,
                     const log_shape& before)
    : base_(base), marks_(before.marks.begin(), before.marks.end()), applied_bytes_(before.bytes) {
    for (const log_point& p : before.runs)
        if (p.seq > base.seq) runs_.push_back(p);
    applied_seq_ = window_ = last().seq;
    for (const entry& e : entries) append(e);
    hold(applied_seq >= window_ && applied_seq <= last().seq, "a state without its log");
    while (applied_seq_ < applied_seq) mark_applied();
}

log_point shard_log::point(std::uint64_t seq) const {
    if (seq == base_.seq) return base_;
    const auto run =
        std::lower_bound(runs_.begin(), runs_.end(), seq,
                         [](const log_point& p, std::uint64_t s) { return p.seq < s; });
    return {run->epoch, seq};
}

std::vector<entry> shard_log::slice(std::uint64_t first, std::size_t count,
                                    std::size_t bytes) const {
    std::vector<entry> some;
    for (std::uint64_t seq = first; seq <= last().seq && some.size() < count; ++seq) {
        const std::size_t size = size_of(at(seq));
        if (size > bytes && !some.empty()) break;
        bytes -= std::min(bytes, size);
        some.push_back(at(seq));
    }
    return some;
}

log_ends shard_log::ends(std::uint64_t epoch) const {
    return {epoch, base_, {runs_.begin(), runs_.end()}, applied_seq_, {}, {}};
}

log_shape shard_log::shape() const {
    log_shape s;
    s.marks.assign(marks_.begin(), marks_.end());
    s.bytes = applied_bytes_;
    for (const log_point& p : runs_) {
        if (p.seq < applied_seq_) {
            s.runs.push_back(p);
            continue;
        }
        if (applied_seq_ > base_.seq) s.runs.push_back({p.epoch, applied_seq_});
        break;
    }
    return s;
}

void shard_log::append(entry e) {
    hold(e.at.seq == last().seq + 1, "a log with a hole");
    hold(e.at.epoch >= last().epoch, "a log whose epochs go back");
    if (!runs_.empty() && runs_.back().epoch == e.at.epoch)
        runs_.back() = e.at;
    else
        runs_.push_back(e.at);
    entries_.push_back(std::move(e));
    note(entries_.back());
}

void shard_log::cut(std::uint64_t first) {
    hold(first > applied_seq_, "a cut that undoes state");
    entries_.erase(entries_.begin() + std::ptrdiff_t(first - window_ - 1), entries_.end());
    note_all();
    while (!runs_.empty() && runs_.back().seq >= first) {
        const std::uint64_t epoch = runs_.back().epoch;
        runs_.pop_back();
        // What is left of that epoch, if anything.
        if (last().seq + 1 < first) runs_.push_back({epoch, first - 1});
    }
}

void shard_log::mark_applied() {
    const entry& e = at(++applied_seq_);
    unnote(e);
    const std::size_t size = size_of(e);
    window_bytes_ += size;
    applied_bytes_ += size;
}

void shard_log::trim(std::size_t count, std::size_t bytes) {
    while (window_ < applied_seq_ && (applied_seq_ - window_ > count || window_bytes_ > bytes)) {
        window_bytes_ -= size_of(entries_.front());
        entries_.pop_front();
        ++window_;
    }
}

void shard_log::measure(std::size_t count, std::size_t bytes) {
    const log_mark before = marks_.empty() ? log_mark{base_.seq, 0} : marks_.back();
    if (applied_seq_ - before.seq >= count || applied_bytes_ - before.bytes >= bytes)
        marks_.push_back({applied_seq_, applied_bytes_});
}

std::uint64_t shard_log::surplus(std::size_t count, std::size_t bytes) const {
    std::uint64_t to = base_.seq;
    for (const log_mark& m : marks_)
        if (applied_seq_ - m.seq >= count || applied_bytes_ - m.bytes >= bytes) to = m.seq;
    return to;
}

void shard_log::drop_to(std::uint64_t seq) {
    hold(seq <= applied_seq_, "a log that forgets what is not applied");
    if (seq <= base_.seq) return;
    base_ = point(seq);
    while (window_ < seq && !entries_.empty()) {
        window_bytes_ -= size_of(entries_.front());
        entries_.pop_front();
        ++window_;
    }
    window_ = std::max(window_, seq);
    while (!runs_.empty() && runs_.front().seq <= base_.seq) runs_.pop_front();
    while (!marks_.empty() && marks_.front().seq <= base_.seq) marks_.pop_front();
}

bool shard_log::explains(const log_ends& other) const {
    log_point applied = other.base;
    for (const log_point& p : other.runs) {
        if (applied.seq >= other.applied_seq) break;
        applied = {p.epoch, std::min(p.seq, other.applied_seq)};
    }
    const auto is_strange = [&](const log_point& p) { return p.seq >= base_.seq && !has(p); };
    return !is_strange(applied) && (other.reflects.seq == 0 || !is_strange(other.reflects));
}

std::uint64_t shard_log::common_with(const log_ends& other) const {
    const std::uint64_t other_last = other.runs.empty() ? other.base.seq : other.runs.back().seq;
    hold(other.applied_seq <= last().seq, "a primary that lacks what is committed");
    const log_ends own = ends(0);
    run_walker mine(own), theirs(other);
    std::uint64_t seq = std::min(last().seq, other_last);
    while (seq > other.applied_seq && seq > base_.seq) {
        std::uint64_t my_epoch = 0, their_epoch = 0;
        const std::uint64_t my_first = mine.first_of(seq, my_epoch);
        const std::uint64_t their_first = theirs.first_of(seq, their_epoch);
        if (my_epoch == their_epoch) break;
        // The later epoch's entries cannot be in the other log, whose epochs are older from here down.
        seq = (my_epoch > their_epoch ? my_first : their_first) - 1;
    }
    if (seq == base_.seq && seq > other.applied_seq) {
        std::uint64_t their_epoch = 0;
        theirs.first_of(seq, their_epoch);
        if (their_epoch != base_.epoch) return other.applied_seq;
    }
    return std::max(seq, other.applied_seq);
}

std::optional<std::uint64_t> shard_log::prepared_change(std::string_view key) const {
    const auto found = prepared_changes_.find(key);
    if (found == prepared_changes_.end()) return std::nullopt;
    return found->second;
}

std::optional<std::uint64_t> shard_log::prepared_request(const request_id& id) const {
    const auto found = prepared_requests_.find(id);
    if (found == prepared_requests_.end()) return std::nullopt;
    return found->second;
}

void shard_log::note(const entry& e) {
    prepared_bytes_ += size_of(e);
    for (const change& c : e.changes) {
        // With the key of the newest: an older entry is forgotten first.
        auto node = prepared_changes_.extract(c.key);
        if (node.empty()) {
            prepared_changes_.emplace(c.key, e.at.seq);
            continue;
        }
        node.key() = c.key;
        node.mapped() = e.at.seq;
        prepared_changes_.insert(std::move(node));
    }
    if (e.id.client != 0) prepared_requests_[e.id] = e.at.seq;
}

/// It is the oldest that is prepared.
void shard_log::unnote(const entry& e) {
    prepared_bytes_ -= size_of(e);
    for (const change& c : e.changes) {
        const auto found = prepared_changes_.find(c.key);
        if (found != prepared_changes_.end() && found->second == e.at.seq)
            prepared_changes_.erase(found);
    }
    const auto found = prepared_requests_.find(e.id);
    if (found != prepared_requests_.end() && found->second == e.at.seq)
        prepared_requests_.erase(found);
}

/// After a cut: older entries are the newest of their keys again.
void shard_log::note_all() {
    prepared_changes_.clear();
    prepared_requests_.clear();
    prepared_bytes_ = 0;
    for (std::uint64_t seq = applied_seq_ + 1; seq <= window_ + entries_.size(); ++seq)
        note(at(seq));
}

}  // namespace kv
