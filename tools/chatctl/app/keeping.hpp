// Keeping: where a room's record and its messages lie, which is one of two places.
//
// On the disk of its home and of its seats (history.hpp), where each side of a cut goes on and both are merged later; or, where this node
// is of a cluster of kv's, in kv, on as many nodes as that keeps copies. There a room is what kv says it is: all that its home
// writes is one transaction with the room's record, so a home that has been replaced is refused (`conflict`) and nothing is ever
// merged.
//
// Reasons of failure: of the disk `{store, Code, Text}`; of kv `{kv, Code, Text}`, where Code is one of kv.hpp's. After
// `{kv, unknown, _}` it may have been written; after any other of kv's nothing was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/chatctl/app/log.hpp"
#include "tools/chatctl/app/post.hpp"
#include "tools/chatctl/app/seats.hpp"

namespace chat {

enum class medium : std::uint8_t {
    disk,
    kv,
};
BEAM_ENUM(medium, disk, kv)

/// kv, once this node has been of a cluster of kv's. One look at the disk.
[[nodiscard]] medium medium_now();

/// Where a room stands: what its home compares and swaps with each change.
struct room_head {
    room_record record;
    std::uint64_t last_id = 0;
    std::uint64_t version = 0;  ///< of the record, in kv
};

/// A room as it was left.
struct kept_room {
    room_head head;
    std::vector<post> posts;
    bool is_taken_over = false;  ///< on disk: its record is to be written before anything else
};

/// What a home adds.
struct addition {
    room_record record;       ///< as it is then
    bool with_record = true;  ///< the disk writes the record only then; kv always does
    std::vector<post> posts;  ///< at most posts_at_once in kv; their ids join on
    std::uint64_t first_kept = 1;
};

/// Messages behind those of a log, as its home's record is then.
[[nodiscard]] addition added_to(const room_log& log, room_record record, std::vector<post> posts);

/// A place. Stateless: what differs from room to room is in its head.
class keeping {
public:
    /// Error: `already_exists`.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<void>> create(std::string room) const = 0;
    /// Nothing: there is no such room.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<std::optional<room_head>>> find(
        std::string room) const = 0;
    /// For its home. In kv it is the only one from now on: what an earlier one still writes is refused. Errors: `not_found`;
    /// `{bad_record, Key, Why}`, also of find(). (What cannot be read of the disk ends the caller.)
    [[nodiscard]] virtual beam::awaitable<beam::outcome<kept_room>> open(
        std::string room) const = 0;
    /// Keeps what a home adds, and forgets messages below `first_kept`. Gives the head as it is then.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<room_head>> append(std::string room,
                                                                           room_head before,
                                                                           addition what) const = 0;

protected:
    ~keeping() = default;
};

/// What is on this node's disk.
[[nodiscard]] const keeping& on_disk();
/// What is in kv, the same on all nodes.
[[nodiscard]] const keeping& in_kv();
[[nodiscard]] const keeping& kept_in(medium m);

/// Of a failed read or write: it is for another home to go on.
[[nodiscard]] bool is_replaced(const beam::term& why);

}  // namespace chat
