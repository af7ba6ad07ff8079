// The links and monitors between this node and another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libbeamcore/runtime/detail/flat_table.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam::dist::detail {

struct link_key {
    pid here, there;
    friend bool operator==(const link_key&, const link_key&) = default;
};
inline std::size_t place_of(const link_key& k) {
    return beam::detail::scatter_eights(
        k.here.id, std::uint64_t(k.there.serial) << 32 | (k.there.id ^ k.here.serial));
}

struct ties {
    beam::detail::flat_table<link_key, std::uint64_t>
        links;                                    // to the id of an unlink under way, or 0
    beam::detail::flat_table<ref, pid> monitors;  // ours: who watches
    beam::detail::flat_table<ref, pid> watchers;  // theirs: whom they watch
};

/// What a connection, or an attempt, that ends leaves to be told.
struct lost_ties {
    ties of;
    std::vector<pid> suspended;
};

}  // namespace beam::dist::detail
