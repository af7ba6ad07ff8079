#include "tools/presence/app/notices/owners.hpp"

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/dist/cluster.hpp"

namespace presence {

namespace {
constexpr std::uint64_t shards = 64;
}

std::vector<beam::atom> members() {
    return beam::dist::cluster_members();
}

beam::atom owner_among(const std::vector<beam::atom>& members, std::string_view user) {
    return members[beam::xxh3_64(user) % shards % members.size()];
}

beam::atom owner_of(std::string_view user) {
    return owner_among(members(), user);
}

}  // namespace presence
