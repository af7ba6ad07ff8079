// Copies that are made where the plan wants them: a primary brings a learner up only with a permit of its node, which
// gives out a few at a time.
#include <algorithm>

#include "tools/kv/shard/shard.hpp"

namespace kv {

/// Who is in the set, or may be, is always kept equal; a learner only with the permit.
bool shard::may_bring_up(const store_id& s) const {
    return !config_.ask_to_move || term_->permit == move_permit::given || is_waited_for(s);
}

/// Somebody of the plan who is not in the set and is there.
bool shard::has_learner(const instant& at) const {
    return std::any_of(plan_.begin(), plan_.end(), [&](const store_id& s) {
        if (s == self_ || record_.record.has(s)) return false;
        const auto found = term_->peers.find(s);
        if (found == term_->peers.end()) return false;
        const peer& p = found->second;
        return p.granted && at.now < std::min(*p.granted, p.heard) + config_.lease;
    });
}

/// Asks for the permit while there is a learner, and gives it back after; or in between, when a learner gets nowhere: others
/// may have more luck.
void shard::manage_moves(const instant& at, outputs& out) {
    if (!config_.ask_to_move) return;
    const bool wanted = term_->is_serving && has_learner(at);
    switch (term_->permit) {
        case move_permit::none:
            if (wanted) ask_to_move(at, out);
            break;
        case move_permit::asked:
            if (!wanted)
                give_permit_back(out);
            else if (at.now >= term_->permit_at + config_.move_ask_again)
                ask_to_move(at, out);  // the answer may be lost
            break;
        case move_permit::given:
            if (!wanted || at.now >= term_->permit_at + config_.move_patience)
                give_permit_back(out);
            break;
    }
}

void shard::ask_to_move(const instant& at, outputs& out) {
    if (term_->permit == move_permit::none) ++permits_;
    term_->permit = move_permit::asked;
    term_->permit_at = at.now;
    out.moves.push_back({permits_, true});
}

void shard::may_move(const instant& at, std::uint64_t number, outputs& out) {
    // One that was asked for in vain is given back already.
    if (!term_ || number != permits_ || term_->permit != move_permit::asked) return;
    term_->permit = move_permit::given;
    term_->permit_at = at.now;
    for (auto& [id, p] : term_->peers)
        if (!record_.record.has(id) && !p.is_known) send(id, query{epoch_}, out);
    finish(at, out);
}

/// What a learner has by now it keeps, and goes on from there.
void shard::give_permit_back(outputs& out) {
    if (term_->permit == move_permit::none) return;
    term_->permit = move_permit::none;
    out.moves.push_back({permits_, false});
    term_->joining.reset();
    for (auto& [id, p] : term_->peers) {
        if (is_waited_for(id)) continue;
        p.filling.reset();
        p.is_known = false;
    }
}

/// A learner gets on.
void shard::note_move(const instant& at) {
    if (term_->permit == move_permit::given) term_->permit_at = at.now;
}

}  // namespace kv
