#include "tools/kv/coordinator/etcd_membership.hpp"

#include <algorithm>
#include <utility>

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

namespace {

constexpr int enter_tries = 5;

std::string holder_key(const store_id& store) {
    return "holders/" + to_text(store);
}

const kept_value* find(const std::vector<kept_value>& all, const std::string& key) {
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const kept_value& k) { return k.key == key; });
    return it == all.end() ? nullptr : &*it;
}

/// Whether an entry stands in the way of a life that wants its place.
bool is_in_the_way(const kept_member& there, const join_request& request) {
    if (!there.member.is_alive) return false;
    return there.member.incarnation != request.incarnation &&
           (request.ended_incarnation == 0 ||
            there.member.incarnation != request.ended_incarnation);
}

std::string named(const kept_member& k) {
    return k.member.node + " at " + k.member.dist_address + ", store " + to_text(k.member.store);
}

std::uint64_t rev_of(const kept_value* k) {
    return k ? k->rev : 0;
}

/// Errors: `name_taken`, `store_taken`, `corrupt`.
result<void> check_free(const std::vector<kept_value>& found, const join_request& request) {
    const std::string me = member_key(request.node);
    if (const kept_value* k = find(found, me)) {
        const auto there = decode_member(me, k->value);
        if (!there) return pass(there);
        if (is_in_the_way(*there, request)) return fail("name_taken", named(*there));
    }
    if (const kept_value* k = find(found, holder_key(request.store))) {
        auto there = decode_member(member_key(""), k->value);
        if (!there) return pass(there);
        there->member.node = text_in(json::parse(k->value), "node");
        if (is_in_the_way(*there, request)) return fail("store_taken", named(*there));
    }
    return {};
}

/// The store as it is known, or new: then of no node yet. Errors: `removed`, `corrupt`.
result<store_entry> store_for(const std::vector<kept_value>& found, const join_request& request) {
    std::vector<store_entry> stores;
    for (const kept_value& k : found) {
        if (!k.key.starts_with("stores/")) continue;
        auto entry = decode_store(k.key, k.value);
        if (!entry) return pass(entry);
        stores.push_back(*std::move(entry));
    }
    for (const store_entry& s : stores) {
        if (s.id != request.store) continue;
        if (s.state == store_state::removed)
            return fail("removed", "store " + to_text(request.store) + " was removed");
        return s;
    }
    return new_entry(stores, request);
}

}  // namespace

etcd_membership::etcd_membership(const etcd_options& options) : ttl_(options.lease) {}

result<std::string> etcd_membership::grant(etcd_cluster& cluster, std::chrono::seconds ttl) {
    // Granted twice, when an answer was lost, one is kept by nobody and runs out.
    auto lease = cluster.gateway().call("lease/grant", {{"TTL", std::to_string(ttl.count())}},
                                        etcd_gateway::effect::reads);
    if (!lease) return pass(lease);
    std::string id = text_in(*lease, "ID");
    if (id.empty()) return fail("corrupt", "a lease without a name");
    return id;
}

// The conditions are those of what was read: if it changes meanwhile it is read again.
result<void> etcd_membership::enter(etcd_cluster& cluster, const join_request& request,
                                    const std::string& lease) {
    const etcd_keys& keys = cluster.keys();
    const std::string me = member_key(request.node), holder = holder_key(request.store),
                      store = store_key(request.store);
    const kept_member entry{{request.node, request.store, request.incarnation, request.dist_address,
                             true, request.sync}};
    json held = json::parse(encode(entry));
    held["node"] = request.node;
    for (int i = 0; i < enter_tries; ++i) {
        auto read = cluster.guarded({keys.get(me), keys.get(holder), keys.get_all("stores/")},
                                    etcd_gateway::effect::reads);
        if (!read) return pass(read);
        std::vector<kept_value> found;
        for (const json& a : read->answers)
            for (kept_value& k : cluster.found_in(a)) found.push_back(std::move(k));
        if (auto free = check_free(found, request); !free) return free;
        auto known = store_for(found, request);
        if (!known) return pass(known);

        std::vector<json> puts{keys.put(me, encode(entry), lease),
                               keys.put(holder, held.dump(), lease)};
        if (known->node != request.node) {
            known->node = request.node;
            puts.push_back(keys.put(store, encode(*known)));
        }
        std::vector<json> conditions;
        for (const std::string& key : {me, holder, store})
            conditions.push_back(keys.is_of_rev(key, rev_of(find(found, key))));
        auto done = cluster.guarded({etcd_cluster::swap(conditions, puts, {})},
                                    etcd_gateway::effect::writes);
        if (!done) return pass(done);
        if (etcd_cluster::was_made(done->answers.at(0))) return {};
        // Changed meanwhile; or made by an attempt that got no answer, as the next look shows.
    }
    return fail("conflict", "the members change all the time");
}

result<void> etcd_membership::join(etcd_cluster& cluster, const join_request& request) {
    if (auto ok = check(request); !ok) return ok;
    if (is_joined_) return fail("name_taken", joined_.node + ", by this coordinator itself");
    auto lease = grant(cluster, ttl_);
    if (!lease) return pass(lease);
    if (auto entered = enter(cluster, request, *lease); !entered) return entered;
    joined_ = request;
    lease_ = *std::move(lease);
    is_joined_ = true;
    return {};
}

// The entry stays, and says that this life has ended, for good: it has no lease any more.
result<void> etcd_membership::leave(etcd_cluster& cluster) {
    if (!is_joined_) return {};
    is_joined_ = false;
    const etcd_keys& keys = cluster.keys();
    const std::string me = member_key(joined_.node);
    auto read = cluster.guarded({keys.get(me)}, etcd_gateway::effect::reads);
    result<void> noted;
    if (!read) noted = pass(read);
    const auto found = read ? cluster.found_in(read->answers.at(0)) : std::vector<kept_value>();
    if (!found.empty()) {
        auto there = decode_member(me, found[0].value);
        if (there && there->member.incarnation == joined_.incarnation) {
            there->member.is_alive = false;
            auto done = cluster.guarded(
                {etcd_cluster::swap(
                    {keys.is_of_rev(me, found[0].rev)},
                    {keys.put(me, encode(*there)), keys.erase(holder_key(joined_.store))}, {})},
                etcd_gateway::effect::writes);
            if (!done) noted = pass(done);
        }
    }
    (void)cluster.gateway().call("lease/revoke", {{"ID", lease_}}, etcd_gateway::effect::writes);
    return noted;
}

void etcd_membership::tend(etcd_cluster& cluster) {
    if (!is_joined_) return;
    auto kept =
        cluster.gateway().call("lease/keepalive", {{"ID", lease_}}, etcd_gateway::effect::reads);
    if (!kept) return;
    const auto result = kept->find("result");
    if (result == kept->end()) return;
    const std::uint64_t rev = revision_of(*result);
    if (rev > seen_rev_) seen_rev_ = rev;
    if (number_in(*result, "TTL") > 0) return;
    auto lease = grant(cluster, ttl_);
    if (lease && enter(cluster, joined_, *lease)) lease_ = *std::move(lease);
}

}  // namespace kv
