// What must hold in a world of kv: at each step, and at the end. The numbers are those of the invariants in
// tools/kv/README.md.
#include <algorithm>

#include "kv_world.hpp"

using namespace kv;

namespace test {

void kv_world::fail(const std::string& what) const {
    throw kv_broken("seed " + std::to_string(seed_) + ", at " +
                    std::to_string(now_ / std::chrono::milliseconds(1)) + " ms: " + what + "; " +
                    state());
}

std::string kv_world::state() const {
    const auto names = [](const std::vector<store_id>& stores) {
        std::string all;
        for (const store_id& s : stores) all += " " + std::to_string(s.low);
        return all;
    };
    const shard_record& r = record_.record;
    std::string all = "record " + std::to_string(r.epoch) + " of " + std::to_string(r.primary.low) +
                      " in" + names(r.isr) + ", plan" + names(planned());
    for (const machine& m : machines_) {
        all += "; store " + std::to_string(m.store.low) + (m.is_alive ? "" : " dead") +
               (m.is_paused ? " paused" : "");
        if (!m.shard) continue;
        const char* const roles[] = {" starting", " replica", " primary"};
        const auto& log = m.shard->log();
        all += roles[std::size_t(m.shard->current_role())];
        if (m.shard->is_serving()) all += " serving";
        all += " epoch " + std::to_string(m.shard->epoch()) + " log " +
               std::to_string(log.base().seq) + ".." + std::to_string(log.last().seq) +
               " applied " + std::to_string(log.applied_seq()) + " durable " +
               std::to_string(m.shard->durable_seq());
    }
    return all;
}

// 1 and 2.
void kv_world::check_change(const store_id& writer, const shard_record& before,
                            const shard_record& now) const {
    require(now.epoch == before.epoch + 1,
            "1: a change of the record that does not raise its epoch by one");
    for (const auto& [epoch, earlier] : records_)
        require(now.follows(earlier), "1: a record that does not follow one before");
    require(before.has(writer), "2: a record written from outside the in-sync set");
    require(before.has(now.primary), "2: a primary from outside the in-sync set");
    require(now.has(now.primary), "2: a primary outside its own set");
    if (writer == before.primary) return;
    require(now.primary == writer && now.isr == before.without(before.primary).isr,
            "2: a member that did more than take its primary's place");
}

/// The memory of a store's log has a bound.
void kv_world::check_memory(const machine& m) const {
    const auto& log = m.shard->log();
    require(log.in_memory() <= log.last().seq - log.applied_seq() + config_.window_entries,
            "a log in memory beyond its window");
    const auto& saved = m.disk->seen().saved;
    require(log.applied_seq() - saved.seq <=
                std::max(config_.window_entries, m.disk->seen().requests.outcomes()),
            "a start that would have to replay more than it need");
}

// 4.
void kv_world::check_actor(std::size_t i) {
    const machine& m = machines_[i];
    if (m.shard->current_role() != role::primary) return;
    const auto [found, is_new] = actors_.try_emplace(m.shard->epoch(), m.store, m.life);
    require(found->second == std::pair(m.store, m.life),
            "4: two lives act as primary of one epoch");
    if (!is_new) return;
    ++counts_.terms;
    const auto written = records_.find(m.shard->epoch());
    require(written != records_.end() && written->second.primary == m.store,
            "4: a primary of an epoch that is not its own");
}

// 5.
void kv_world::check_older(const machine& m, std::uint64_t epoch, const message& what,
                           const outputs& out) const {
    if (epoch_of(what) >= epoch || m.shard->current_role() != role::replica) return;
    for (const auto& c : out.storage)
        require(!std::holds_alternative<append_log>(c) && !std::holds_alternative<cut_log>(c),
                "5: a message of an older epoch changed a log");
    for (const auto& o : out.messages)
        require(!std::holds_alternative<beacon_ack>(o.what),
                "5: a message of an older epoch was acked");
}

// 3, 6 and 8, whenever something is applied somewhere.
void kv_world::check_applied(std::size_t i, const entry& e) {
    if (e.at.seq <= committed_.size()) {
        require(committed_[e.at.seq - 1] == e, "6: two stores applied different entries");
        return;
    }
    require(e.at.seq == committed_.size() + 1, "6: a store applied beyond what is committed");
    require(machines_[i].shard->current_role() == role::primary,
            "6: a replica applied what is not committed");
    for (const change& c : e.changes) {
        const auto& before = changes_[c.key];
        if (!c.bytes && (e.id.client == 0 || !e.result.done)) {
            // It expired, some time since it was written.
            kv_operation gone;
            gone.what = kv_operation::kind::remove;
            gone.called = before.empty() ? 0 : committed_at_[before.back() - 1].count();
            gone.answered = now_.count();
            history_[c.key].push_back(gone);
            ++counts_.expired;
        }
    }
    require(e.id.client == 0 || !committed_requests_.contains(e.id), "8: a request was done twice");
    facts_[e.at] = {committed_.empty() ? log_point() : committed_.back().at, e, now_};
    note_committed(e, now_);
    check_holders(e.at.seq);
    // 7: nobody else may read now, nor when it wakes up.
    for (const machine& m : machines_)
        require(&m == &machines_[i] || !m.is_alive || !m.shard->may_read(time_of(m).now),
                "7: a commit while another primary may read");
    for (const machine& m : machines_)
        require(!m.is_alive || !m.shard->may_answer(time_of(m).now) ||
                    m.shard->log().last().seq >= e.at.seq,
                "7: a replica that may answer lacks what is committed");
    if (e.id.client == 0) return;
    require(!never_.contains(e.id), "a request was done after \"nothing was written\"");
}

void kv_world::note_committed(const entry& e, time when) {
    committed_.push_back(e);
    committed_at_.push_back(when);
    for (const change& c : e.changes) changes_[c.key].push_back(e.at.seq);
    if (e.id.client != 0) committed_requests_.emplace(e.id, e.at.seq);
}

// 3: each member of the in-sync set has all up to `seq` on its disk.
void kv_world::check_holders(std::uint64_t seq) const {
    if (seq == 0) return;
    for (const store_id& s : record_.record.isr) {
        const auto i = node_of(s);
        if (!i) continue;  // its disk is gone
        const kv_image& disk = machines_[*i].disk->durable();
        require(disk.last_seq() >= seq, "3: a member lacks what is committed");
        const entry* e = disk.at(seq);
        require(!e || *e == committed_[seq - 1],
                "3: a member has something else in the place of what is committed");
    }
}

// 4: what a primary writes for clients it writes by a record that it has saved, and by no other.
void kv_world::check_written(const machine& m, const entry& e) const {
    const past_lead& written = m.disk->seen().written;
    require(record_.record.comes_after(written), "4: a store wrote for clients and did not lead");
    const bool is_own = m.shard->current_role() == role::primary && m.shard->epoch() == e.at.epoch;
    if (is_own && e.id.client != 0)
        require(written == past_lead{m.store, e.at.epoch},
                "4: a primary writes for clients before its record is saved");
}

// 3: whoever has lost what it had is no member.
void kv_world::check_erased(const machine& m) {
    require(!record_.record.has(m.store), "3: a member erases its copy");
    ++counts_.erased;
}

void kv_world::check_acknowledged(const client& c, std::uint64_t number, const answer& a) {
    const request_id id{std::uint64_t(&c - clients_.data()) + 1, number};
    if (a.what == answer::kind::found) {
        if (a.by_primary) return;
        require(a.age <= config_.replica_age(), "7: a replica answered that is too old");
        return;
    }
    const auto found = committed_requests_.find(id);
    if (a.what == answer::kind::refused && !rules_.log_refusals) return;
    require(found != committed_requests_.end(), "3: acknowledged and not committed");
    require(committed_[found->second - 1].result == a.result, "8: another answer than the first");
    acknowledged_ = std::max(acknowledged_, found->second);
}

// 7: a read sees all that was committed before it came, whether its client still waits for it or not.
void kv_world::check_read(std::uint64_t origin, const client& c, const answer& a) const {
    const auto asked = asked_.find(origin);
    const auto changes = changes_.find(c.read.key);
    if (asked == asked_.end() || changes == changes_.end()) return;
    std::uint64_t newest = 0, told = a.found ? a.found->version : 0;
    for (const std::uint64_t seq : changes->second) {
        if (committed_at_[seq - 1] >= asked->second) break;
        newest = seq;
    }
    if (newest == 0) return;
    if (a.found) return require(told >= newest, "7: a read of what is over");
    // None: the newest, or one committed since, is a removal.
    for (auto it = changes->second.rbegin(); it != changes->second.rend() && *it >= newest; ++it)
        for (const change& one : committed_[*it - 1].changes)
            if (one.key == c.read.key && !one.bytes) return;
    fail("7: a read of nothing where there is something");
}

void kv_world::replay(std::map<std::string, value>& model, std::uint64_t seq) const {
    const entry& e = committed_[seq - 1];
    for (const change& c : e.changes) {
        if (c.bytes)
            model[c.key] = {*c.bytes, e.at.seq, c.expires_ms};
        else
            model.erase(c.key);
    }
}

// 7: a scan shows what was there at one moment since it came; so all of an entry, or nothing.
void kv_world::check_page(std::uint64_t origin, const client& c, const scan_page& page) const {
    const auto asked = asked_.find(origin);
    if (asked == asked_.end()) return;
    auto model = base_data_;
    for (std::uint64_t seq = base_seq_; seq <= committed_.size(); ++seq) {
        if (seq > base_seq_) replay(model, seq);
        if (seq < committed_.size() && committed_at_[seq] < asked->second) continue;
        // None has expired by this clock: what is there at that moment is shown.
        const auto there = scan(model, *c.read.scan, 0);
        if (there.items == page.items && there.count == page.count && there.last == page.last &&
            there.is_end == page.is_end)
            return;
    }
    fail("7: a scan of what never was");
}

// 7: what clients saw of each key, as if there were one copy.
void kv_world::check_history() const {
    auto all = history_;
    // What never came into a log did not happen. If it was seen nevertheless, no order explains that.
    for (const auto& [key, op] : open_) {
        const auto seq = committed_requests_.find(op.first);
        if (seq == committed_requests_.end()) continue;
        if (committed_[seq->second - 1].result.done ||
            op.second.what == kv_operation::kind::compare_and_put)
            all[key].push_back(op.second);
    }
    for (const auto& [key, ops] : all)
        require(is_linearizable(ops),
                ("7: the history of " + key + " is not linearizable").c_str());
}

/// All copies that had all of it are gone with their disks: nobody may lead, and nobody does.
bool kv_world::is_lost() const {
    const auto& isr = record_.record.isr;
    return std::none_of(isr.begin(), isr.end(),
                        [&](const store_id& s) { return node_of(s).has_value(); });
}

void kv_world::check_agreement() {
    const auto wanted = planned();
    const shard_record& r = record_.record;
    require(r.primary == wanted.front(), "the primary is not the plan's");
    require(r.isr.size() == wanted.size(), "the in-sync set has not the plan's size");
    for (const store_id& s : wanted) {
        require(r.has(s), "a store of the plan has not joined");
        const machine& m = machines_[*node_of(s)];
        require(m.shard->log().applied_seq() == committed_.size(), "a member has not applied all");
        require(m.disk->seen().data == machines_[*node_of(r.primary)].disk->seen().data,
                "copies differ");
        require(m.disk->seen().requests == machines_[*node_of(r.primary)].disk->seen().requests,
                "tables of requests differ");
    }
    require(machines_[*node_of(r.primary)].shard->is_serving(), "the primary does not serve");
    for (const machine& m : machines_) {
        const kv_image& disk = m.disk->durable();
        const bool is_wanted = std::find(wanted.begin(), wanted.end(), m.store) != wanted.end();
        require(is_wanted || config_.erase_after >= std::chrono::seconds(60) ||
                    (disk.data.empty() && disk.staged.empty() && disk.last_seq() == 0),
                "a copy that nobody wants is left");
    }
    check_holders(committed_.size());
    // The data is what the committed entries say.
    auto model = base_data_;
    for (std::uint64_t seq = base_seq_ + 1; seq <= committed_.size(); ++seq) replay(model, seq);
    require(model == machines_[*node_of(r.primary)].disk->seen().data,
            "the data is not what was committed");
}

}  // namespace test
