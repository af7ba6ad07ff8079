// Which nodes hold a room besides the one where it lives, and which of them goes on when that one dies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"
#include "tools/chatctl/app/post.hpp"

namespace chat {

inline constexpr std::size_t backups_max = 2;

/// What a node that holds a room writes down about it.
struct room_record {
    std::uint64_t number = 1;  ///< how often the room has begun a new epoch
    std::uint64_t epoch = 0;   ///< its id: no other has the same
    /// Who holds it in full: its home first, then those that go on, in this order. Empty: it was never shared, and
    /// this node is its home.
    std::vector<beam::atom> seats;
    marks seen;         ///< a room_log's
    bool whole = true;  ///< false while a copy is being made
    BEAM_FIELDS(room_record, number, epoch, seats, seen, whole)
};

/// Whether the one goes on when two processes have the same room: the later epoch, by chance among equals.
[[nodiscard]] bool outranks(std::uint64_t number, std::uint64_t epoch, std::uint64_t other_number,
                            std::uint64_t other_epoch);
[[nodiscard]] std::uint64_t new_epoch_id();

/// Of these nodes the ones that should hold that room, the first the best; the same on every node that asks.
[[nodiscard]] std::vector<beam::atom> backups_for(const std::string& room,
                                                  std::vector<beam::atom> nodes);
/// How many of the seats in front of `me` are taken by nodes that are up; nothing if `me` has none.
[[nodiscard]] std::optional<std::size_t> turn_of(beam::atom me,
                                                 const std::vector<beam::atom>& seats,
                                                 const std::vector<beam::atom>& up);

}  // namespace chat
