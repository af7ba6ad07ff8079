// Rooms in kv: what others than their homes need of how they lie there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/chatctl/app/keeping.hpp"

namespace chat::kv_rooms {

/// A key of the room's shard: who leads that is to be its home.
[[nodiscard]] std::string leading_key(const std::string& room);

/// Makes a room that is still to be filled, from the id after `last_id` on: its record is not `whole` until that is done, and nobody
/// but who fills it may open it. Error: `already_exists`.
[[nodiscard]] beam::awaitable<beam::outcome<void>> make_unfilled(std::string room,
                                                                 std::uint64_t last_id);

/// open() of a home that does not know what became of what it wrote. Gives only the messages after `after`. Error: `conflict` if
/// there has been another home since, which begins a `number` of its own.
[[nodiscard]] beam::awaitable<beam::outcome<kept_room>> open_again(std::string room,
                                                                   std::uint64_t number,
                                                                   std::uint64_t after);

/// Deletes a room for good; its marks are kept for a week. What its home still writes is refused. Gives the marks. Errors:
/// `not_found`; `moves`: it is being filled.
[[nodiscard]] beam::awaitable<beam::outcome<marks>> remove(std::string room);
/// Notes that a room was deleted, if there is none of that name.
[[nodiscard]] beam::awaitable<beam::outcome<void>> bury(std::string room, marks seen);
/// The marks of a room that was deleted, and was not made again since.
[[nodiscard]] beam::awaitable<beam::outcome<std::optional<marks>>> deleted(std::string room);

/// All there are, by name.
struct listed_room {
    std::string name;
    bool is_leaving = false;  ///< a removal of it broke off: remove() goes on with it
    bool is_whole = true;
};
[[nodiscard]] beam::awaitable<beam::outcome<std::vector<listed_room>>> all();

}  // namespace chat::kv_rooms
