#include "tools/presence/app/notices/owners.hpp"

#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/dist/cluster.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/presence/app/notices/kv_records.hpp"
#include "tools/tenant/refusals.hpp"
#include "tools/tenant/requests.hpp"
#include "tools/tenant/running.hpp"

namespace presence {

namespace {

constexpr std::uint64_t shards = 64;

}  // namespace

place place_now() {
    return kv::has_cluster_here() ? place::kv : place::disk;
}

beam::awaitable<asked<owner>> find_owner(std::string user) {
    owner o;
    o.where = place_now();
    if (o.where == place::disk) {
        o.node = owner_among(members(), user);
        co_return o;
    }
    co_await tenant::await_kv();
    const beam::outcome<kv::leader> found = co_await tenant::leader_of(records::leading_key(user));
    if (!found) co_return tenant::unavailable(found.error());
    o.node = found->node;
    o.shard = found->shard;
    co_return o;
}

std::vector<beam::atom> members() {
    return beam::dist::cluster_members();
}

beam::atom owner_among(const std::vector<beam::atom>& members, std::string_view user) {
    return members[beam::xxh3_64(user) % shards % members.size()];
}

tl::unexpected<beam::request_error> refuse_kept(const beam::term& why, const std::string& user) {
    if (why == beam::atom("other_place"))
        return beam::refuse("moving", "the messages of " + user + " are moving to another place",
                            "kv cluster health", 75);
    if (tenant::has_code(why, "conflict"))
        return beam::refuse("moving", "another node keeps the messages of " + user + " now",
                            "presence queue " + user, 75);
    if (auto e = tenant::refusal_of(why, "presence queue " + user))
        return tl::unexpected<beam::request_error>(*std::move(e));
    return beam::refuse_for(why);
}

bool may_pass(const beam::request_error& e) {
    return e.kind == "unavailable" || e.kind == "moving" || e.kind == "overloaded";
}

}  // namespace presence
