#include "tools/kv/coordinator/etcd.hpp"

#include <algorithm>
#include <utility>

#include "tools/kv/coordinator/etcd_cluster.hpp"
#include "tools/kv/coordinator/etcd_creation.hpp"
#include "tools/kv/coordinator/etcd_membership.hpp"
#include "tools/kv/coordinator/etcd_watch.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;
using effect = etcd_gateway::effect;

namespace {

// etcd takes 128 operations a transaction, those inside of others with them.
constexpr std::size_t reads_a_transaction = 100;
constexpr std::size_t changes_a_transaction = 60;

class etcd_coordinator final : public coordinator {
public:
    explicit etcd_coordinator(const etcd_options& options)
        : known_(options.uuid),
          cluster_(options, known_),
          membership_(options),
          watch_(options, known_, [this] { return membership_.seen_rev(); }) {}

    result<cluster_view> snapshot() override { return cluster_.snapshot(); }
    result<std::vector<known_record>> read(const std::vector<std::uint32_t>& shards) override;
    result<std::vector<changed_record>> change(const std::vector<record_swap>& changes) override;
    result<void> create(const first_cluster& first) override {
        return etcd_creation(cluster_).create(first);
    }
    result<std::uint64_t> write_plan(const plan& next, std::uint64_t expected_rev) override {
        return overwrite(plan_key, encode(next), expected_rev);
    }
    result<void> join(const join_request& request) override {
        return membership_.join(cluster_, request);
    }
    result<void> leave() override { return membership_.leave(cluster_); }
    result<std::uint64_t> set_store_state(const store_id& store, store_state state,
                                          std::uint64_t expected_rev) override;
    result<known_record> overwrite_record(std::uint32_t shard, const store_id& primary,
                                          const std::vector<store_id>& isr,
                                          std::uint64_t expected_rev) override;
    void tend() override { membership_.tend(cluster_); }
    std::chrono::milliseconds tend_every() const override { return membership_.tend_every(); }
    result<void> retire(const std::string& where) override;
    result<void> mark_outdated(const cluster_meta& what, const std::string& why) override;
    bool wait(std::uint64_t rev, steady_time deadline) override {
        return watch_.wait(rev, deadline);
    }
    void interrupt() override {
        cluster_.gateway().interrupt();
        watch_.interrupt();
    }

private:
    [[nodiscard]] result<void> has_shard(std::uint32_t shard) const;
    [[nodiscard]] result<std::vector<changed_record>> change_some(
        const std::vector<record_swap>& changes, std::size_t first, std::size_t count);
    [[nodiscard]] result<std::uint64_t> overwrite(const std::string& key, const std::string& value,
                                                  std::uint64_t expected_rev);

    known_cluster known_;
    etcd_cluster cluster_;
    etcd_membership membership_;
    etcd_watch watch_;
};

// Records.

result<void> etcd_coordinator::has_shard(std::uint32_t shard) const {
    if (shard < known_.meta().shards) return {};
    return fail("no_shard", "there is no shard " + std::to_string(shard));
}

result<known_record> record_of(const kept_value& kept) {
    auto record = decode_record(kept.key, kept.value);
    if (!record) return pass(record);
    return known_record{*std::move(record), kept.rev};
}

result<std::vector<known_record>> etcd_coordinator::read(const std::vector<std::uint32_t>& shards) {
    std::vector<known_record> records;
    // Without shards, too: so that another cluster is told.
    std::size_t first = 0;
    do {
        std::vector<json> gets;
        const std::size_t end = std::min(shards.size(), first + reads_a_transaction);
        for (std::size_t i = first; i < end; ++i)
            gets.push_back(cluster_.keys().get(shard_key(shards[i])));
        auto made = cluster_.guarded(std::move(gets), effect::reads);
        if (!made) return pass(made);
        for (std::size_t i = first; i < end; ++i) {
            if (auto ok = has_shard(shards[i]); !ok) return pass(ok);
            const auto found = cluster_.found_in(made->answers.at(i - first));
            if (found.empty()) return fail("corrupt", shard_key(shards[i]) + " is missing");
            auto record = record_of(found[0]);
            if (!record) return pass(record);
            records.push_back(*std::move(record));
        }
        first = end;
    } while (first < shards.size());
    return records;
}

// A change that was asked for twice, because the first got no answer, is refused the second time: then what is there is
// what was asked for.
changed_record outcome_of(const record_swap& asked, known_record now) {
    const bool is_made = now.rev > asked.expected_rev && now.record == asked.target;
    return {std::move(now), is_made ? change_outcome::made : change_outcome::refused};
}

result<std::vector<changed_record>> etcd_coordinator::change_some(
    const std::vector<record_swap>& changes, std::size_t first, std::size_t count) {
    const etcd_keys& keys = cluster_.keys();
    std::vector<json> swaps;
    for (std::size_t i = first; i < first + count; ++i) {
        const std::string key = shard_key(changes[i].shard);
        swaps.push_back(etcd_cluster::swap({keys.is_of_rev(key, changes[i].expected_rev)},
                                           {keys.put(key, encode(changes[i].target))},
                                           {keys.get(key)}));
    }
    auto made = cluster_.guarded(std::move(swaps), effect::writes);
    if (!made) return pass(made);
    std::vector<changed_record> answers;
    for (std::size_t i = first; i < first + count; ++i) {
        const json& answer = made->answers.at(i - first);
        if (etcd_cluster::was_made(answer)) {
            answers.push_back({{changes[i].target, made->rev}, change_outcome::made});
            continue;
        }
        const auto found = cluster_.found_in(answer);
        result<known_record> now = fail("corrupt");
        if (!found.empty()) now = record_of(found[0]);
        // Others of this transaction were made: one that cannot be read is no error of all.
        answers.push_back(now ? outcome_of(changes[i], *std::move(now)) : changed_record{});
    }
    return answers;
}

result<std::vector<changed_record>> etcd_coordinator::change(
    const std::vector<record_swap>& changes) {
    if (known_.meta_text().empty())
        if (auto known = cluster_.guarded({}, effect::reads); !known) return pass(known);
    for (const record_swap& c : changes)
        if (auto ok = has_shard(c.shard); !ok) return pass(ok);
    std::vector<changed_record> answers;
    for (std::size_t first = 0; first < changes.size();) {
        const std::size_t count = std::min(changes.size() - first, changes_a_transaction);
        auto some = change_some(changes, first, count);
        // Once something may have been written, the rest is not known rather than an error.
        if (!some && first == 0 && !some.error().is("unknown")) return some;
        if (!some) break;
        std::move(some->begin(), some->end(), std::back_inserter(answers));
        first += count;
    }
    answers.resize(changes.size());
    return answers;
}

// What is one key.

result<std::uint64_t> etcd_coordinator::overwrite(const std::string& key, const std::string& value,
                                                  std::uint64_t expected_rev) {
    const etcd_keys& keys = cluster_.keys();
    auto made = cluster_.guarded({etcd_cluster::swap({keys.is_of_rev(key, expected_rev)},
                                                     {keys.put(key, value)}, {keys.get(key)})},
                                 effect::writes);
    if (!made) return pass(made);
    const json& answer = made->answers.at(0);
    if (etcd_cluster::was_made(answer)) return made->rev;
    const auto found = cluster_.found_in(answer);
    // As with records: made by an attempt that got no answer.
    if (!found.empty() && found[0].rev > expected_rev && found[0].value == value)
        return found[0].rev;
    return fail("conflict", key + " was changed meanwhile");
}

result<std::uint64_t> etcd_coordinator::set_store_state(const store_id& store, store_state state,
                                                        std::uint64_t expected_rev) {
    const std::string key = store_key(store);
    auto read = cluster_.guarded({cluster_.keys().get(key)}, effect::reads);
    if (!read) return pass(read);
    const auto found = cluster_.found_in(read->answers.at(0));
    if (found.empty()) return fail("no_store", "there is no store " + to_text(store));
    if (found[0].rev != expected_rev) return fail("conflict", key + " was changed meanwhile");
    auto entry = decode_store(key, found[0].value);
    if (!entry) return pass(entry);
    entry->state = state;
    return overwrite(key, encode(*entry), expected_rev);
}

result<known_record> etcd_coordinator::overwrite_record(std::uint32_t shard,
                                                        const store_id& primary,
                                                        const std::vector<store_id>& isr,
                                                        std::uint64_t expected_rev) {
    const auto now = read({shard});
    if (!now) return pass(now);
    if (now->at(0).rev != expected_rev) return fail("conflict", "the record was changed meanwhile");
    shard_record next = now->at(0).record.next(primary);
    next.isr = isr;
    if (auto ok = check(next); !ok) return pass(ok);
    auto rev = overwrite(shard_key(shard), encode(next), expected_rev);
    if (!rev) return pass(rev);
    return known_record{next, *rev};
}

// Its description is what all transactions compare: with this one, none of them is made any more.
result<void> etcd_coordinator::retire(const std::string& where) {
    const etcd_keys& keys = cluster_.keys();
    auto range = cluster_.gateway().call("kv/range", {{"key", keys.key(meta_key)}}, effect::reads);
    if (!range) return pass(range);
    const auto found = keys.kept_in(*range);
    if (found.empty()) return known_.recognise(nullptr);
    auto meta = decode_meta(found[0].value);
    if (!meta) return pass(meta);
    meta->moved_to.clear();
    if (auto ok = known_.may_be(*meta); !ok) return ok;
    meta->moved_to = where;
    const std::string value = encode(*meta);
    if (value == found[0].value) return {};
    const json body{{"compare", json::array({keys.is_of_rev(meta_key, found[0].rev)})},
                    {"success", json::array({keys.put(meta_key, value)})},
                    {"failure", json::array({keys.get(meta_key)})}};
    auto done = cluster_.gateway().call("kv/txn", body, effect::writes);
    if (!done) return pass(done);
    if (flag_in(*done, "succeeded")) return {};
    for (const json& a : array_in(*done, "responses"))
        for (const kept_value& k : cluster_.found_in(a))
            if (k.value == value) return {};
    return fail("conflict", "the cluster's description was changed meanwhile");
}

// As with retire(): no transaction is made any more.
result<void> etcd_coordinator::mark_outdated(const cluster_meta& what, const std::string& why) {
    if (!(known_.meta() == what))
        return fail("conflict", "the cluster's description was changed meanwhile");
    cluster_meta meta = what;
    meta.outdated = why;
    auto made = cluster_.guarded({cluster_.keys().put(meta_key, encode(meta))}, effect::writes);
    // By an attempt that got no answer, or by another.
    if (made || made.error().is("outdated")) return {};
    return pass(made);
}

}  // namespace

result<std::unique_ptr<coordinator>> open_etcd(const etcd_options& options) {
    const auto is_url = [](const std::string& e) {
        return e.starts_with("http://") || e.starts_with("https://");
    };
    if (options.endpoints.empty() ||
        !std::all_of(options.endpoints.begin(), options.endpoints.end(), is_url))
        return fail("bad_options", "etcd's endpoints are http:// or https:// URLs");
    if (options.cluster.empty() || options.cluster.find('/') != std::string::npos)
        return fail("bad_options", "\"" + options.cluster + "\" cannot be a cluster's name");
    if (options.patience.count() <= 0 || options.lease.count() < 2)
        return fail("bad_options", "a time of no length, or a lease under 2 s");
    if (!options.password_file.empty())
        if (auto ok = read_password_file(options.password_file); !ok) return pass(ok);
    etcd_options o = options;
    // "http://h:1/" as "http://h:1".
    for (std::string& e : o.endpoints)
        while (e.ends_with('/')) e.pop_back();
    return std::make_unique<etcd_coordinator>(o);
}

}  // namespace kv
