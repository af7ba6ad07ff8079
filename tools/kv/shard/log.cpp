#include "tools/kv/shard/log.hpp"

#include <algorithm>
#include <limits>

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

shard_log::shard_log(log_point base, std::uint64_t applied_seq, const std::vector<entry>& entries)
    : base_(base), applied_seq_(base.seq) {
    for (const entry& e : entries) append(e);
    hold(applied_seq >= base.seq && applied_seq <= last().seq, "a state without its log");
    while (applied_seq_ < applied_seq) mark_applied();
}

std::vector<entry> shard_log::slice(std::uint64_t first, std::size_t max) const {
    std::vector<entry> some;
    for (std::uint64_t seq = first; seq <= last().seq && some.size() < max; ++seq)
        some.push_back(at(seq));
    return some;
}

log_ends shard_log::ends(std::uint64_t epoch) const {
    return {epoch, base_, {runs_.begin(), runs_.end()}, applied_seq_};
}

void shard_log::append(entry e) {
    hold(e.at.seq == last().seq + 1, "a log with a hole");
    hold(e.at.epoch >= last().epoch, "a log whose epochs go back");
    note(e);
    if (!runs_.empty() && runs_.back().epoch == e.at.epoch)
        runs_.back() = e.at;
    else
        runs_.push_back(e.at);
    entries_.push_back(std::move(e));
}

void shard_log::cut(std::uint64_t first) {
    hold(first > applied_seq_, "a cut that undoes state");
    while (last().seq >= first) {
        unnote(entries_.back());
        entries_.pop_back();
    }
    while (!runs_.empty() && runs_.back().seq >= first) {
        runs_.pop_back();
        // What is left of that epoch, if anything.
        if (last().seq > base_.seq && (runs_.empty() || runs_.back().seq < last().seq)) {
            runs_.push_back(last());
            break;
        }
    }
}

void shard_log::mark_applied() {
    unnote(at(++applied_seq_));
}

void shard_log::drop_to(std::uint64_t seq) {
    hold(seq <= applied_seq_, "a log that forgets what is not applied");
    while (base_.seq < seq) {
        base_ = entries_.front().at;
        entries_.pop_front();
    }
    while (!runs_.empty() && runs_.front().seq <= base_.seq) runs_.pop_front();
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

std::optional<std::uint64_t> shard_log::prepared_change(const std::string& key) const {
    auto after = prepared_changes_.upper_bound({key, std::numeric_limits<std::uint64_t>::max()});
    if (after == prepared_changes_.begin() || std::prev(after)->first != key) return std::nullopt;
    return std::prev(after)->second;
}

std::optional<std::uint64_t> shard_log::prepared_request(const request_id& id) const {
    const auto found = prepared_requests_.find(id);
    if (found == prepared_requests_.end()) return std::nullopt;
    return found->second;
}

void shard_log::note(const entry& e) {
    for (const change& c : e.changes) prepared_changes_.emplace(c.key, e.at.seq);
    if (e.id.client != 0) prepared_requests_.emplace(e.id, e.at.seq);
}

void shard_log::unnote(const entry& e) {
    for (const change& c : e.changes) prepared_changes_.erase({c.key, e.at.seq});
    const auto found = prepared_requests_.find(e.id);
    if (found != prepared_requests_.end() && found->second == e.at.seq)
        prepared_requests_.erase(found);
}

}  // namespace kv
