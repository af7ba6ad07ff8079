// Copies that nobody wants any more. A store forgets what it has only when the primary says that the record cannot come to
// name it by what it had: then a member never lacks what is committed, whoever asked for what, and however late it comes.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/shard.hpp"

namespace kv {

// -- the store ------------------------------------------------------------------------------------

/// Neither the record nor the plan has it, as far as it knows.
bool shard::is_unwanted() const {
    const shard_record& r = record_.record;
    return role_ == role::replica && record_.rev > 0 && r.epoch == epoch_ && !r.has(self_) &&
           !plan_.empty() && std::find(plan_.begin(), plan_.end(), self_) == plan_.end();
}

void shard::note_unwanted(const instant& at) {
    if (!is_unwanted() || !has_copy())
        unwanted_since_.reset();
    else if (!unwanted_since_)
        unwanted_since_ = at.now;
}

std::optional<std::chrono::nanoseconds> shard::erase_at() const {
    if (!unwanted_since_) return std::nullopt;
    const time next = erase_asked_ == time{} ? time{} : erase_asked_ + config_.erase_ask_again;
    return std::max(*unwanted_since_ + config_.erase_after, next);
}

void shard::consider_erasing(const instant& at, outputs& out) {
    const auto due = erase_at();
    if (!due || at.now < *due) return;
    erase_asked_ = at.now;
    if (!rules_.ask_before_erasing) return erase(out);
    send(leader_, erase_wish{epoch_}, out);
}

/// It was said in this epoch, so whoever adds this store in a later one has looked at what it has then.
void shard::take(const instant& /*at*/, store_id from, const may_erase& m, outputs& out) {
    if (m.epoch != epoch_ || !(from == leader_) || !unwanted_since_) return;
    erase(out);
}

/// As it was before it had anything; but the numbers of transfers do not go back, and who asks the store later, because the
/// coordinator has lost its data, is told of a record that it was not in.
void shard::erase(outputs& out) {
    out.storage.emplace_back(erase_copy{});
    log_ = shard_log();
    requests_ = {};
    reflects_ = {};
    saved_ = {0, {}, {}, {}, saved_.installed};
    out.storage.emplace_back(saved_);
    acted_ = record_.record;
    out.storage.emplace_back(save_record{acted_});
    matched_ = commit_ = durable_ = 0;
    for (auto& [ticket, seq] : unsynced_) seq = 0;
    filling_.reset();
    installed_.reset();
    has_staged_ = false;
}

// -- its primary ----------------------------------------------------------------------------------

/// Only this primary can name the store in a change of this record, and it does not: it has asked for none that does, and brings the
/// store up again in a later epoch only, in which nothing that the store said before is heard. Changes of older
/// records are over. So it stays outside until it has said anew what it has.
void shard::take(const instant& /*at*/, store_id from, const erase_wish& m, outputs& out) {
    if (!term_ || m.epoch != epoch_ || !may_do_without(from)) return;
    term_->peers.erase(from);
    if (rules_.new_epoch_after_erasing) term_->erasing.insert(from);
    send(from, may_erase{epoch_}, out);
}

/// Not while there are fewer copies than there shall be: an old one may be the last that an operator has. And the record that
/// the store is not in must be on this disk, if the coordinator ever loses it.
bool shard::may_do_without(const store_id& s) const {
    const shard_record& r = record_.record;
    const bool is_saved = !term_->is_saving && term_->saved_by != 0 &&
                          (unsynced_.empty() || unsynced_.front().first > term_->saved_by);
    if (!term_->is_serving || !is_saved || is_waited_for(s)) return false;
    if (r.isr.size() < config_.copies || plan_.empty()) return false;
    return std::all_of(plan_.begin(), plan_.end(),
                       [&](const store_id& p) { return !(p == s) && r.has(p); });
}

bool shard::leave_epoch_of_erasing(const instant& at, outputs& out) {
    const bool is_back = std::any_of(plan_.begin(), plan_.end(),
                                     [&](const store_id& s) { return term_->erasing.contains(s); });
    if (!is_back) return false;
    change_record(at, intent::new_epoch, record_.record.next(self_), out);
    return true;
}

}  // namespace kv
