#include "tools/kv/app/rebuilding.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "tools/kv/coordinator/values.hpp"

namespace kv {

namespace {

/// Whoever made records that nobody here has heard of, each one higher than that before, has not made so many.
constexpr std::uint64_t epochs_passed_over = std::uint64_t{1} << 20U;

/// What is known of a shard.
struct findings {
    std::vector<shard_record> records;   // all that were found
    std::vector<past_lead> written;      // leads in which clients' requests came to a log
    std::map<store_id, log_point> logs;  // of the stores that answered
    std::map<store_id, std::uint64_t> asked_in;
    std::set<store_id> erased;        // of these, who had a copy and erased it
    std::uint64_t highest_epoch = 0;  // of an entry

    // Of these, as judge() says.
    shard_record record;             // by which the shard goes on
    std::uint64_t highest_told = 0;  // the epoch of a record
    bool is_forked = false;          // some are of another history than that one
    bool is_split = false;           // and clients' requests came to such a one
};

/// Once, as it is told by who knows most of what came before it.
void add(findings& f, const shard_record& r) {
    const auto had = std::find(f.records.begin(), f.records.end(), r);
    if (had == f.records.end())
        f.records.push_back(r);
    else if (r.past_from < had->past_from)
        *had = r;
}

/// Nothing that may have been acknowledged is of another history than its own.
bool has_all_written(const shard_record& r, const findings& f) {
    return std::all_of(f.written.begin(), f.written.end(),
                       [&](const past_lead& lead) { return r.comes_after(lead); });
}

/// Of the records that come after all that was written for clients, the latest counts. There is none: of all.
void judge(findings& f) {
    f.is_split = std::none_of(f.records.begin(), f.records.end(),
                              [&](const shard_record& r) { return has_all_written(r, f); });
    for (const shard_record& r : f.records) {
        f.highest_told = std::max(f.highest_told, r.epoch);
        if (r.epoch > f.record.epoch && (f.is_split || has_all_written(r, f))) f.record = r;
    }
    f.is_forked = std::any_of(f.records.begin(), f.records.end(), [&](const shard_record& r) {
        return r.epoch > f.record.epoch ? !r.follows(f.record) : !f.record.follows(r);
    });
}

/// Who led in that epoch, as the record tells. Nothing: it does not.
std::optional<past_lead> lead_in(const shard_record& r, std::uint64_t epoch) {
    if (epoch > r.epoch || epoch <= r.past_from) return std::nullopt;
    const auto then = std::find_if(r.past.begin(), r.past.end(),
                                   [&](const past_lead& p) { return p.epoch >= epoch; });
    return past_lead{then == r.past.end() ? r.primary : then->store, epoch};
}

/// What a member's log has was written by a primary that may be gone with its disk, or have left: it tells for that one.
void add_written_by_others(findings& f, const store_id& member, const shard_record& newest,
                           std::uint64_t asked_in) {
    if (!newest.has(member)) return;
    if (const auto lead = lead_in(newest, asked_in)) f.written.push_back(*lead);
}

std::vector<findings> gathered(const cluster_view& view,
                               const std::vector<store_account>& accounts) {
    std::vector<findings> all(view.meta.shards);
    for (const store_account& a : accounts) {
        for (findings& f : all) f.logs[a.store];
        const auto v = view_from(a.view);
        const bool has_view = v && v->records.size() == all.size();
        for (std::size_t s = 0; has_view && s < all.size(); ++s) add(all[s], v->records[s].record);
        for (const shard_account& s : a.shards) {
            if (s.shard >= all.size()) continue;
            findings& f = all[s.shard];
            f.logs[a.store] = {s.epoch, s.seq};
            f.asked_in[a.store] = s.asked_in;
            if (s.is_erased) f.erased.insert(a.store);
            f.highest_epoch = std::max(f.highest_epoch, s.epoch);
            if (s.written_in > 0) f.written.push_back({s.written_by, s.written_in});
            shard_record newest;
            if (has_view) newest = v->records[s.shard].record;
            if (const auto r = decode_record(shard_key(s.shard), s.record); r) {
                add(f, *r);
                if (r->epoch > newest.epoch) newest = *r;
            }
            add_written_by_others(f, a.store, newest, s.asked_in);
        }
    }
    for (findings& f : all) judge(f);
    return all;
}

/// Who of `among` has the longest log; of equals, the one that led, then the first.
store_id longest(const findings& f, const std::vector<store_id>& among) {
    const auto is_less = [&](const store_id& a, const store_id& b) {
        const bool a_led = a == f.record.primary, b_led = b == f.record.primary;
        return std::tie(f.logs.at(a), a_led) < std::tie(f.logs.at(b), b_led);
    };
    return *std::max_element(among.begin(), among.end(), is_less);
}

/// `holds_all`: it was in the last known set, or knows of a later one.
struct choice {
    shard_record record;
    bool holds_all = false;
};

choice chosen(const findings& f, const std::vector<store_id>& planned,
              const std::set<store_id>& removed) {
    std::vector<store_id> members, all;
    for (const store_id& s : f.record.isr)
        if (f.logs.contains(s) && !f.erased.contains(s)) members.push_back(s);
    // The preferred ones first: max_element takes the first of equals.
    for (const store_id& s : planned)
        if (f.logs.contains(s)) all.push_back(s);
    for (const auto& [s, log] : f.logs)
        if (!removed.contains(s) && std::find(all.begin(), all.end(), s) == all.end())
            all.push_back(s);
    if (all.empty()) all = members;
    if (all.empty()) return {};
    const std::uint64_t epoch = std::max(f.highest_epoch, f.highest_told) + epochs_passed_over;
    // Clients asked a primary of an epoch that no record tells of: its set is not known, but the longest log has what was
    // acknowledged. Without that it may have been one that began by an older state, and was killed before it acted.
    std::vector<store_id> later;
    for (const store_id& s : all)
        if (const auto asked = f.asked_in.find(s);
            asked != f.asked_in.end() && asked->second > f.highest_told)
            later.push_back(s);
    if (!later.empty()) {
        const store_id last = longest(f, later);
        return {{epoch, last, {last}}, true};
    }
    if (members.empty()) {
        const store_id best = longest(f, all);
        return {{epoch, best, {best}}, false};
    }
    const store_id leader = longest(f, members);
    // Entries of two histories may have the same place in the log: of who is in the set none may be of the other one.
    if (f.is_forked) members = {leader};
    return {{epoch, leader, members}, true};
}

/// The entries of the view, and those of stores that came later.
std::vector<store_entry> all_stores(const cluster_view& view,
                                    const std::vector<store_account>& accounts) {
    std::vector<store_entry> stores = view.stores;
    for (const store_account& a : accounts) {
        if (view.find_store(a.store)) continue;
        store_entry s;
        s.id = a.store;
        s.node = a.node;
        s.order = next_order(stores);
        stores.push_back(std::move(s));
    }
    return stores;
}

/// Who must have answered: the store that each node has now, and whoever may have been in sync.
std::vector<std::string> silent_nodes(const cluster_view& view, const std::vector<findings>& shards,
                                      const std::vector<store_account>& accounts) {
    std::set<store_id> needed;
    for (const store_entry& s : view.stores)
        if (s.state != store_state::removed && view.store_of(s.node) == &s) needed.insert(s.id);
    for (const findings& f : shards) needed.insert(f.record.isr.begin(), f.record.isr.end());
    for (const store_account& a : accounts) needed.erase(a.store);
    std::set<std::string> names;
    for (const store_id& s : needed) {
        const std::string_view node = view.node_of(s);
        names.emplace(node.empty() ? to_text(s) : node);
    }
    return {names.begin(), names.end()};
}

}  // namespace

std::string bytes_of(const cluster_view& view) {
    byte_writer w;
    w.number(view.rev);
    const auto all = kept_of(view);
    w.number(all.size());
    for (const kept_value& k : all) {
        w.text(k.key);
        w.text(k.value);
        w.number(k.rev);
    }
    return w.take();
}

std::optional<cluster_view> view_from(const std::string& bytes) {
    try {
        byte_reader r(bytes);
        const std::uint64_t rev = r.number();
        std::vector<kept_value> all(r.count());
        for (kept_value& k : all) {
            k.key = r.text();
            k.value = r.text();
            k.rev = r.number();
        }
        r.expect_end();
        auto kept = view_of(rev, all);
        if (!kept || !kept->view.has_cluster()) return std::nullopt;
        return std::move(kept->view);
    } catch (const malformed_bytes&) {
        return std::nullopt;
    }
}

std::optional<cluster_view> newest_view(const std::vector<store_account>& accounts) {
    std::optional<cluster_view> newest;
    for (const store_account& a : accounts) {
        auto v = view_from(a.view);
        if (!v) continue;
        // Those of a coordinator that had gone back, or of another that it was moved from, are of other revisions.
        const auto age = [](const cluster_view& of) {
            return std::make_tuple(of.meta.recoveries, of.plan.number, of.rev);
        };
        if (!newest || age(*v) > age(*newest)) newest = std::move(v);
    }
    return newest;
}

beam::result<rebuilt_cluster> rebuild(const std::vector<store_account>& accounts) {
    auto view = newest_view(accounts);
    if (!view) return beam::fail("no_view", "no store says what the cluster was");
    const auto shards = gathered(*view, accounts);
    rebuilt_cluster all;
    all.silent = silent_nodes(*view, shards, accounts);
    view->stores = all_stores(*view, accounts);
    all.first.meta = view->meta;
    ++all.first.meta.recoveries;
    all.first.meta.moved_to.clear();
    all.first.meta.outdated.clear();
    all.first.stores = view->stores;
    all.first.plan = view->plan;
    std::set<store_id> removed;
    for (const store_entry& s : view->stores)
        if (s.state == store_state::removed) removed.insert(s.id);
    for (std::uint32_t s = 0; s < shards.size(); ++s) {
        choice c = chosen(shards[s], view->plan_of(s), removed);
        if (c.record.epoch == 0) return beam::fail("no_store", "all stores were removed");
        if (!c.holds_all) ++all.lost_shards;
        if (shards[s].is_split) ++all.split_shards;
        // And who is not in the set is filled anew: past that epoch a log has nothing but what comes with this record.
        c.record.past_from = shard_record::all_before(c.record.epoch);
        all.first.records.push_back(std::move(c.record));
    }
    return all;
}

}  // namespace kv
