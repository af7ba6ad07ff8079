#include "tools/chatctl/app/seats.hpp"

#include <algorithm>
#include <tuple>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/random.hpp"

namespace chat {

bool outranks(std::uint64_t number, std::uint64_t epoch, std::uint64_t other_number,
              std::uint64_t other_epoch) {
    return std::tie(number, epoch) > std::tie(other_number, other_epoch);
}

std::uint64_t new_epoch_id() {
    // Exact as a number of JSON, and not 0.
    return (beam::secure_random_64() >> 11U) | 1U;
}

std::vector<beam::atom> backups_for(const std::string& room, std::vector<beam::atom> nodes) {
    const auto weight = [&room](beam::atom node) {
        return std::pair(beam::xxh3_64(room + '/' + std::string(node.name())), node.name());
    };
    std::sort(nodes.begin(), nodes.end(),
              [&](beam::atom a, beam::atom b) { return weight(a) > weight(b); });
    if (nodes.size() > backups_max) nodes.resize(backups_max);
    return nodes;
}

std::optional<std::size_t> turn_of(beam::atom me, const std::vector<beam::atom>& seats,
                                   const std::vector<beam::atom>& up) {
    std::size_t before = 0;
    for (beam::atom seat : seats) {
        if (seat == me) return before;
        if (std::find(up.begin(), up.end(), seat) != up.end()) ++before;
    }
    return {};
}

}  // namespace chat
