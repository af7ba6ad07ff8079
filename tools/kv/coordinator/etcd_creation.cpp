#include "tools/kv/coordinator/etcd_creation.hpp"

#include <utility>

#include "libbeamcore/base/random.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;
using effect = etcd_gateway::effect;

namespace {

// etcd takes 128.
constexpr std::size_t puts_a_transaction = 100;
const std::string creating_key = "creating";
constexpr std::chrono::seconds creating_lease{10};

}  // namespace

beam::error etcd_creation::whose_is_it(const json& refused) const {
    std::vector<kept_value> found;
    for (const json& a : array_in(refused, "responses"))
        for (kept_value& k : cluster_.found_in(a)) found.push_back(std::move(k));
    for (const kept_value& k : found) {
        if (k.key != meta_key) continue;
        const auto meta = decode_meta(k.value);
        return {"exists", meta ? meta->uuid : meta.error().detail};
    }
    return {"conflict", "somebody else makes a cluster of this name now"};
}

result<std::string> etcd_creation::to_be_replaced(const first_cluster& first) {
    auto range = cluster_.gateway().call("kv/range", {{"key", cluster_.keys().key(meta_key)}},
                                         effect::reads);
    if (!range) return pass(range);
    const auto found = cluster_.keys().kept_in(*range);
    if (found.empty()) return std::string();
    const auto meta = decode_meta(found[0].value);
    if (!meta) return fail("exists", meta.error().detail);
    if (auto ok = may_replace(*meta, first.meta); !ok) return pass(ok);
    return found[0].value;
}

result<void> etcd_creation::begin(const std::string& token, const std::string& lease,
                                  const std::string& replaced) {
    const etcd_keys& keys = cluster_.keys();
    const json is_as_seen =
        replaced.empty() ? keys.is_absent(meta_key) : keys.has_value(meta_key, replaced);
    const json body{
        {"compare", json::array({is_as_seen, keys.is_absent(creating_key)})},
        {"success", json::array({keys.put(creating_key, token, lease), keys.erase(meta_key),
                                 keys.erase_all("shards/"), keys.erase_all("stores/"),
                                 keys.erase_all("members/"), keys.erase_all("holders/")})},
        {"failure", json::array({keys.get(meta_key), keys.get(creating_key)})}};
    auto done = cluster_.gateway().call("kv/txn", body, effect::writes);
    if (!done) return pass(done);
    if (flag_in(*done, "succeeded")) return {};
    // An attempt that got no answer may have been this very one.
    for (const json& a : array_in(*done, "responses"))
        for (const kept_value& k : cluster_.found_in(a))
            if (k.key == creating_key && k.value == token) return {};
    return tl::unexpected(whose_is_it(*done));
}

result<void> etcd_creation::step(const std::string& token, std::vector<json> operations) {
    const etcd_keys& keys = cluster_.keys();
    const json body{
        {"compare", json::array({keys.is_absent(meta_key), keys.has_value(creating_key, token)})},
        {"success", std::move(operations)},
        {"failure", json::array({keys.get(meta_key)})}};
    auto done = cluster_.gateway().call("kv/txn", body, effect::writes);
    if (!done) return pass(done);
    if (flag_in(*done, "succeeded")) return {};
    return tl::unexpected(whose_is_it(*done));
}

result<void> etcd_creation::write(const first_cluster& first, const std::string& token) {
    const etcd_keys& keys = cluster_.keys();
    // Until the last step nothing is there: an attempt without an answer leaves nothing either.
    const auto not_created = [](const result<void>& r) -> result<void> {
        if (r.error().is("unknown")) return fail("unreachable", r.error().detail);
        return r;
    };
    std::vector<json> puts;
    for (std::size_t s = 0; s < first.records.size(); ++s) {
        puts.push_back(keys.put(shard_key(std::uint32_t(s)), encode(first.records[s])));
        if (puts.size() < puts_a_transaction && s + 1 < first.records.size()) continue;
        if (auto done = step(token, std::exchange(puts, {})); !done) return not_created(done);
    }
    std::uint64_t order = 0;
    for (store_entry s : first.stores) {
        s.order = ++order;
        puts.push_back(keys.put(store_key(s.id), encode(s)));
        if (puts.size() < puts_a_transaction) continue;
        if (auto done = step(token, std::exchange(puts, {})); !done) return not_created(done);
    }
    puts.push_back(keys.put(plan_key, encode(first.plan)));
    puts.push_back(keys.put(meta_key, encode(first.meta)));
    puts.push_back(keys.erase(creating_key));
    auto done = step(token, std::move(puts));
    const bool is_ours =
        !done && done.error().is("exists") && done.error().detail == first.meta.uuid;
    if (is_ours) return {};
    return done;
}

result<void> etcd_creation::create(const first_cluster& first) {
    if (auto ok = check(first); !ok) return ok;
    if (auto ok = cluster_.known().may_be(first.meta); !ok) return ok;
    const auto replaced = to_be_replaced(first);
    if (!replaced) return pass(replaced);
    auto lease = cluster_.gateway().call(
        "lease/grant", {{"TTL", std::to_string(creating_lease.count())}}, effect::reads);
    if (!lease) return pass(lease);
    const std::string id = text_in(*lease, "ID");
    const std::string token = beam::secure_random_hex(16);
    auto done = begin(token, id, *replaced);
    if (!done && done.error().is("unknown")) done = fail("unreachable", done.error().detail);
    if (done) done = write(first, token);
    (void)cluster_.gateway().call("lease/revoke", {{"ID", id}}, effect::writes);
    return done;
}

}  // namespace kv
