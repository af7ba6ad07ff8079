// What a tracker knows of one node: as the origin of entries, and as somebody to send to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "libbeamcore/pubsub/detail/whole.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam::tracker {

/// All entries on their way to that node.
struct sending {
    std::shared_ptr<const snapshot> what;
    std::size_t next = 0;
    std::size_t confirmed = 0;              ///< how many of them
    std::chrono::nanoseconds give_up_at{};  ///< if nothing is confirmed: it will ask again
};

struct origin {
    atom node;
    std::uint32_t list = 0;  ///< its entries in the roster

    std::uint64_t incarnation = 0;
    std::uint64_t version = 0;  ///< of the entries that are here
    std::uint64_t target = 0;   ///< the newest version heard of: below it, changes are missing
    std::uint64_t left =
        0;  ///< the incarnation that said bye: neither it nor an older one comes back

    std::uint64_t seen = 0;  ///< the version of this node's entries that it said it has

    bool visible = false;
    bool forgotten = true;   ///< nothing heard, or bye, or down for too long
    bool connected = false;  ///< messages go to it
    bool repair = false;     ///< its digest differed: all its entries are wanted
    bool clock_reported = false;

    std::chrono::nanoseconds last_heard{}, down_since{};
    std::optional<std::chrono::nanoseconds> hide_at;   ///< the connection was lost
    std::optional<std::chrono::nanoseconds> asked_at;  ///< for what is missing
    std::optional<assembly> arriving;
    std::optional<sending> leaving;
};

}  // namespace beam::tracker
