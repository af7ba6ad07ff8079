#include "tools/kv/coordinator/local.hpp"

#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "tools/kv/coordinator/local_file.hpp"
#include "tools/kv/coordinator/local_life.hpp"
#include "tools/kv/coordinator/local_wake.hpp"
#include "tools/kv/coordinator/local_watch.hpp"
#include "tools/kv/coordinator/values.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

namespace {

std::string holder_of(const kept_member& k) {
    return k.member.node + ", process " + std::to_string(k.os_pid) + ", store " +
           to_text(k.member.store);
}

class local_coordinator final : public coordinator {
public:
    local_coordinator(const local_options& options, std::string folder, local_file file,
                      local_wake wake)
        : folder_(std::move(folder)),
          uuid_(options.uuid),
          file_(std::move(file)),
          wake_(std::move(wake)),
          watch_(folder_, file_, wake_, options.look_every) {}

    [[nodiscard]] result<void> open() { return watch_.open(); }

    result<cluster_view> snapshot() override;
    result<std::vector<known_record>> read(const std::vector<std::uint32_t>& shards) override;
    result<std::vector<changed_record>> change(const std::vector<record_swap>& changes) override;
    result<void> create(const first_cluster& first) override;
    result<std::uint64_t> write_plan(const plan& next, std::uint64_t expected_rev) override;
    result<void> join(const join_request& request) override;
    result<void> leave() override;
    result<std::uint64_t> set_store_state(const store_id& store, store_state state,
                                          std::uint64_t expected_rev) override;
    result<known_record> overwrite_record(std::uint32_t shard, const store_id& primary,
                                          const std::vector<store_id>& isr,
                                          std::uint64_t expected_rev) override;
    result<void> retire(const std::string& where) override;
    bool wait(std::uint64_t rev, steady_time deadline) override {
        return watch_.wait(rev, deadline);
    }
    void interrupt() override { watch_.interrupt(); }

private:
    /// A transaction on the cluster that is known.
    [[nodiscard]] result<local_transaction> on_cluster(bool writes);
    [[nodiscard]] result<void> finish(local_transaction txn);
    [[nodiscard]] result<known_record> record_in(const local_transaction& txn, std::uint32_t shard);
    [[nodiscard]] result<kept_view> look();
    [[nodiscard]] result<void> note_deaths(const std::vector<member>& dead);
    [[nodiscard]] result<void> note_leaving();
    [[nodiscard]] std::vector<member> dead_of(const cluster_view& view) const;
    [[nodiscard]] result<void> enter(local_transaction& txn, const join_request& request);
    [[nodiscard]] result<void> enter_store(local_transaction& txn, const cluster_view& seen,
                                           const join_request& request);

    const std::string folder_;
    std::string uuid_;  // of the cluster that is known
    const local_file file_;
    const local_wake wake_;
    local_watch watch_;
    std::optional<local_life> life_;
    join_request joined_;
};

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
    if (auto ok = recognise(meta ? &*meta : nullptr, uuid_); !ok) return pass(ok);
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
    const auto known = recognise(&kept->view.meta, uuid_);
    if (!known && !known.error().is("no_cluster") && !known.error().is("moved")) return pass(known);
    return kept;
}

std::vector<member> local_coordinator::dead_of(const cluster_view& view) const {
    std::vector<member> dead;
    for (const member& m : view.members)
        if (m.is_alive && !local_life::may_go_on(folder_, m.node, m.incarnation)) dead.push_back(m);
    return dead;
}

result<void> local_coordinator::note_deaths(const std::vector<member>& dead) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    bool is_news = false;
    for (const member& m : dead) {
        const auto kept = txn->get(member_key(m.node));
        if (!kept) return pass(kept);
        if (!*kept) continue;
        auto now = decode_member((*kept)->key, (*kept)->value);
        if (!now) return pass(now);
        // Somebody may have noted it, or the node has joined again.
        if (!now->member.is_alive || now->member.incarnation != m.incarnation) continue;
        now->member.is_alive = false;
        if (auto put = txn->put((*kept)->key, encode(*now)); !put) return put;
        is_news = true;
    }
    if (!is_news) return {};
    return finish(*std::move(txn));
}

result<cluster_view> local_coordinator::snapshot() {
    if (watch_.is_interrupted()) return fail("unreachable", "closed");
    auto kept = look();
    if (!kept) return pass(kept);
    const bool has_moved = !kept->view.meta.moved_to.empty();
    if (const auto dead = dead_of(kept->view); !dead.empty() && !has_moved) {
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
    const shard_record next{now->record.epoch + 1, primary, isr};
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
        return fail("exists", meta ? meta->uuid : meta.error().detail);
    }
    std::string known = uuid_;
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
    if (done) uuid_ = known;
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
    if (!*kept) return recognise(nullptr, uuid_);
    auto meta = decode_meta((*kept)->value);
    if (!meta) return pass(meta);
    meta->moved_to.clear();
    if (auto ok = recognise(&*meta, uuid_); !ok) return ok;
    meta->moved_to = where;
    if (auto put = txn->put(meta_key, encode(*meta)); !put) return put;
    return finish(*std::move(txn));
}

// Members.

result<void> local_coordinator::enter_store(local_transaction& txn, const cluster_view& seen,
                                            const join_request& request) {
    const store_entry* there = seen.find_store(request.store);
    if (there && there->state == store_state::removed)
        return fail("removed", "store " + to_text(request.store) + " was removed");
    if (there && there->node == request.node) return {};
    store_entry entry = there ? *there : store_entry{request.store, request.node};
    entry.node = request.node;
    if (!there) entry.order = next_order(seen.stores);
    return txn.put(store_key(entry.id), encode(entry));
}

result<void> local_coordinator::enter(local_transaction& txn, const join_request& request) {
    const auto all = txn.all();
    if (!all) return pass(all);
    const auto kept = view_of(txn.rev(), *all);
    if (!kept) return pass(kept);
    for (std::size_t i = 0; i < kept->view.members.size(); ++i) {
        const member& m = kept->view.members[i];
        if (m.store == request.store && m.node != request.node && m.is_alive &&
            local_life::may_go_on(folder_, m.node, m.incarnation))
            return fail("store_taken", holder_of({m, kept->os_pids[i]}));
    }
    if (auto entered = enter_store(txn, kept->view, request); !entered) return entered;
    const kept_member me{
        {request.node, request.store, request.incarnation, request.dist_address, true}, ::getpid()};
    return txn.put(member_key(request.node), encode(me));
}

result<void> local_coordinator::join(const join_request& request) {
    if (auto ok = check(request); !ok) return ok;
    if (life_) return fail("name_taken", joined_.node + ", by this coordinator itself");
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    auto life = local_life::begin(folder_, request.node, request.incarnation);
    if (!life && life.error().is("name_taken")) {
        const auto kept = txn->get(member_key(request.node));
        const auto holder = kept && *kept ? decode_member((*kept)->key, (*kept)->value)
                                          : result<kept_member>(fail("corrupt"));
        return fail("name_taken", holder ? holder_of(*holder) : request.node);
    }
    if (!life) return pass(life);
    auto done = enter(*txn, request);
    if (done) done = finish(*std::move(txn));
    if (!done) {
        life->end();
        return done;
    }
    life_.emplace(*std::move(life));
    joined_ = request;
    return {};
}

result<void> local_coordinator::note_leaving() {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    const auto kept = txn->get(member_key(joined_.node));
    if (!kept) return pass(kept);
    if (!*kept) return {};
    auto me = decode_member((*kept)->key, (*kept)->value);
    if (!me) return pass(me);
    if (me->member.incarnation != joined_.incarnation) return {};
    me->member.is_alive = false;
    if (auto put = txn->put((*kept)->key, encode(*me)); !put) return put;
    return finish(*std::move(txn));
}

// The lock is let go in any case: it says the same.
result<void> local_coordinator::leave() {
    if (!life_) return {};
    auto noted = note_leaving();
    life_->end();
    life_.reset();
    wake_.wake_all();
    return noted;
}

}  // namespace

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
