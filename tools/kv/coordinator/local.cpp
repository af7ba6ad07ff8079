#include "tools/kv/coordinator/local.hpp"

#include <climits>
#include <cstdlib>
#include <optional>
#include <utility>

#include "tools/kv/coordinator/local_coordinator.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

result<local_transaction> local_coordinator::on_cluster(bool writes) {
    if (watch_.is_interrupted()) return fail("unreachable", "closed");
    auto txn = writes ? file_.write() : file_.read();
    if (!txn) return txn;
    const auto kept = txn->get(meta_key);
    if (!kept) return pass(kept);
    std::optional<cluster_meta> meta;
    if (*kept) {
        auto decoded = decode_meta((*kept)->value);
        if (!decoded) return pass(decoded);
        meta = *std::move(decoded);
    }
    if (auto ok = recognise(meta ? &*meta : nullptr, known_); !ok) return pass(ok);
    return txn;
}

result<void> local_coordinator::finish(local_transaction txn) {
    auto done = txn.commit();
    if (done) wake_.wake_all();
    return done;
}

// Looking.

result<kept_view> local_coordinator::look() {
    auto txn = file_.read();
    if (!txn) return pass(txn);
    const auto all = txn->all();
    if (!all) return pass(all);
    auto kept = view_of(txn->rev(), *all);
    if (!kept) return kept;
    const auto known = recognise(&kept->view.meta, known_);
    const auto is_told = [](const beam::error& e) {
        return e.is("no_cluster") || e.is("moved") || e.is("outdated");
    };
    if (!known && !is_told(known.error())) return pass(known);
    return kept;
}

result<cluster_view> local_coordinator::snapshot() {
    if (watch_.is_interrupted()) return fail("unreachable", "closed");
    auto kept = look();
    if (!kept) return pass(kept);
    const cluster_meta& meta = kept->view.meta;
    const bool is_of_use = meta.moved_to.empty() && meta.outdated.empty();
    if (const auto dead = dead_of(kept->view); !dead.empty() && is_of_use) {
        if (auto noted = note_deaths(dead); !noted) return pass(noted);
        kept = look();
        if (!kept) return pass(kept);
    }
    watch_.members_are(*kept);
    return std::move(kept->view);
}

// Records.

result<known_record> local_coordinator::record_in(const local_transaction& txn,
                                                  std::uint32_t shard) {
    const auto kept = txn.get(shard_key(shard));
    if (!kept) return pass(kept);
    if (!*kept) return fail("no_shard", "there is no shard " + std::to_string(shard));
    auto record = decode_record((*kept)->key, (*kept)->value);
    if (!record) return pass(record);
    return known_record{*std::move(record), (*kept)->rev};
}

result<std::vector<known_record>> local_coordinator::read(
    const std::vector<std::uint32_t>& shards) {
    const auto txn = on_cluster(false);
    if (!txn) return pass(txn);
    std::vector<known_record> records;
    for (const std::uint32_t shard : shards) {
        auto r = record_in(*txn, shard);
        if (!r) return pass(r);
        records.push_back(*std::move(r));
    }
    return records;
}

result<std::vector<changed_record>> local_coordinator::change(
    const std::vector<record_swap>& changes) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    std::vector<changed_record> answers;
    bool is_changed = false;
    for (const record_swap& c : changes) {
        auto now = record_in(*txn, c.shard);
        if (!now) return pass(now);
        if (now->rev != c.expected_rev) {
            answers.push_back({*std::move(now), change_outcome::refused});
            continue;
        }
        if (auto put = txn->put(shard_key(c.shard), encode(c.target)); !put) return pass(put);
        answers.push_back({{c.target, txn->rev()}, change_outcome::made});
        is_changed = true;
    }
    if (!is_changed) return answers;
    if (auto done = finish(*std::move(txn)); !done) return pass(done);
    return answers;
}

result<known_record> local_coordinator::overwrite_record(std::uint32_t shard,
                                                         const store_id& primary,
                                                         const std::vector<store_id>& isr,
                                                         std::uint64_t expected_rev) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    auto now = record_in(*txn, shard);
    if (!now) return now;
    if (now->rev != expected_rev) return fail("conflict", "the record was changed meanwhile");
    shard_record next = now->record.next(primary);
    next.isr = isr;
    if (auto ok = check(next); !ok) return pass(ok);
    if (auto put = txn->put(shard_key(shard), encode(next)); !put) return pass(put);
    const known_record made{next, txn->rev()};
    if (auto done = finish(*std::move(txn)); !done) return pass(done);
    return made;
}

// The cluster.

result<void> local_coordinator::create(const first_cluster& first) {
    if (auto ok = check(first); !ok) return ok;
    if (watch_.is_interrupted()) return fail("unreachable", "closed");
    auto txn = file_.write();
    if (!txn) return pass(txn);
    const auto there = txn->get(meta_key);
    if (!there) return pass(there);
    if (*there) {
        const auto meta = decode_meta((*there)->value);
        if (!meta) return fail("exists", meta.error().detail);
        if (auto ok = may_replace(*meta, first.meta); !ok) return ok;
        if (auto cleared = txn->clear(); !cleared) return cleared;
    }
    cluster_identity known{known_.uuid};
    if (auto ok = recognise(&first.meta, known); !ok) return ok;
    const auto put = [&](const std::string& key, const std::string& value) {
        return txn->put(key, value);
    };
    result<void> done = put(meta_key, encode(first.meta));
    if (done) done = put(plan_key, encode(first.plan));
    std::uint64_t order = 0;
    for (store_entry s : first.stores) {
        s.order = ++order;
        if (done) done = put(store_key(s.id), encode(s));
    }
    for (std::size_t s = 0; s < first.records.size(); ++s)
        if (done) done = put(shard_key(std::uint32_t(s)), encode(first.records[s]));
    if (done) done = finish(*std::move(txn));
    if (done) known_.uuid = known.uuid;
    return done;
}

result<std::uint64_t> local_coordinator::write_plan(const plan& next, std::uint64_t expected_rev) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    const auto kept = txn->get(plan_key);
    if (!kept) return pass(kept);
    if ((*kept ? (*kept)->rev : 0) != expected_rev)
        return fail("conflict", "the plan was changed meanwhile");
    if (auto put = txn->put(plan_key, encode(next)); !put) return pass(put);
    const std::uint64_t rev = txn->rev();
    if (auto done = finish(*std::move(txn)); !done) return pass(done);
    return rev;
}

result<std::uint64_t> local_coordinator::set_store_state(const store_id& store, store_state state,
                                                         std::uint64_t expected_rev) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    const auto kept = txn->get(store_key(store));
    if (!kept) return pass(kept);
    if (!*kept) return fail("no_store", "there is no store " + to_text(store));
    if ((*kept)->rev != expected_rev) return fail("conflict", "the store was changed meanwhile");
    auto entry = decode_store((*kept)->key, (*kept)->value);
    if (!entry) return pass(entry);
    entry->state = state;
    if (auto put = txn->put((*kept)->key, encode(*entry)); !put) return pass(put);
    const std::uint64_t rev = txn->rev();
    if (auto done = finish(*std::move(txn)); !done) return pass(done);
    return rev;
}

result<void> local_coordinator::retire(const std::string& where) {
    if (watch_.is_interrupted()) return fail("unreachable", "closed");
    auto txn = file_.write();
    if (!txn) return pass(txn);
    const auto kept = txn->get(meta_key);
    if (!kept) return pass(kept);
    if (!*kept) return recognise(nullptr, known_);
    auto meta = decode_meta((*kept)->value);
    if (!meta) return pass(meta);
    meta->moved_to.clear();
    if (auto ok = recognise(&*meta, known_); !ok) return ok;
    meta->moved_to = where;
    if (auto put = txn->put(meta_key, encode(*meta)); !put) return put;
    return finish(*std::move(txn));
}

result<void> local_coordinator::mark_outdated(const cluster_meta& what, const std::string& why) {
    auto txn = on_cluster(true);
    if (!txn && txn.error().is("outdated")) return {};
    if (!txn) return pass(txn);
    const auto kept = txn->get(meta_key);
    if (!kept) return pass(kept);
    auto meta = decode_meta((*kept)->value);
    if (!meta) return pass(meta);
    if (!(*meta == what))
        return fail("conflict", "the cluster's description was changed meanwhile");
    meta->outdated = why;
    if (auto put = txn->put(meta_key, encode(*meta)); !put) return put;
    return finish(*std::move(txn));
}

result<std::unique_ptr<coordinator>> open_local(const local_options& options) {
    if (options.folder.empty() || options.runtime_folder.empty() || options.node.empty() ||
        options.look_every <= std::chrono::milliseconds(0))
        return fail("bad_options", "a local coordinator needs its folders and the node's name");
    auto file = local_file::open(options.folder);
    if (!file) return pass(file);
    // One name for the folder, however it is written: locks of this process are found by it.
    char path[PATH_MAX];
    const char* whole = ::realpath(options.folder.c_str(), path);
    auto wake = local_wake::open(options.runtime_folder, options.node);
    if (!wake) return pass(wake);
    auto made = std::make_unique<local_coordinator>(options, whole ? whole : options.folder,
                                                    *std::move(file), *std::move(wake));
    if (auto ok = made->open(); !ok) return pass(ok);
    return made;
}

}  // namespace kv
