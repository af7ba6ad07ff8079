// Copies of rooms that live on other nodes. Their homes write them here, message by message, and compare what they have
// with what is here; this process writes to its node's store and answers when that is on disk.
//
// There are several on each node, and each looks after a part of the rooms, so that rooms do not wait for each other's
// disk. A room that lives here is not touched.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "tools/chatctl/app/post.hpp"
#include "tools/chatctl/app/seats.hpp"

namespace chat {

/// A home that is not answered for so long goes on without that node.
inline constexpr beam::timeout copy_within = std::chrono::seconds(2);
/// Text that goes in one message between nodes, about.
inline constexpr std::size_t chunk_bytes = 512 * 1024;

/// What a node has of a room that another asks for.
struct compared {
    /// The room is a process there, and will be heard of as such.
    bool lives_here = false;
    /// It was deleted, with all that the one who asks has.
    bool is_deleted = false;
    bool is_copied = false;
    std::uint64_t epoch = 0;    ///< of the copy, if it is whole; else 0
    std::uint64_t last_id = 0;  ///< of the copy
    std::vector<post> unseen;   ///< what the one who asks lacks; there may be more
    BEAM_FIELDS(compared, lives_here, is_deleted, is_copied, epoch, last_id, unseen)
};

/// What joins on to a copy.
struct copy_part {
    std::string room;
    room_record record;
    std::uint64_t before = 0;  ///< the last id that the copy has
    std::vector<post> posts;
    std::uint64_t first_kept = 0;
    BEAM_FIELDS(copy_part, room, record, before, posts, first_kept)
};

class copies : public beam::gen_server<copies> {
    struct compare_with {
        using reply = compared;
        std::string room;
        marks seen;
        BEAM_FIELDS(compare_with, room, seen)
    };
    struct begin_copy {
        using reply = beam::outcome<bool>;
        std::string room;
        room_record record;
        std::uint64_t before = 0;
        BEAM_FIELDS(begin_copy, room, record, before)
    };
    struct add_part {
        using reply = beam::outcome<bool>;
        copy_part part;
        BEAM_FIELDS(add_part, part)
    };
    struct drop_copy {
        std::string room;
        BEAM_FIELDS(drop_copy, room)
    };
    struct forget_room {
        std::string room;
        marks seen;
        BEAM_FIELDS(forget_room, room, seen)
    };
    struct are_you_there {
        using reply = bool;
        BEAM_FIELDS(are_you_there)
    };

public:
    // To those of a node. All but the last two answer within copy_within, or fail.

    /// Never tells of more than a chunk: ask again with what was new.
    static beam::future<compared> compare(beam::atom node, const std::string& room, marks seen);
    /// Empties the copy; the first part joins on to `before`.
    static beam::future<beam::outcome<bool>> begin(beam::atom node, const std::string& room,
                                                   room_record record, std::uint64_t before);
    /// Errors: `gap` (it does not join on), `lives_here`, `moves` (rooms are in kv there), the store's reason.
    static beam::future<beam::outcome<bool>> add(beam::atom node, copy_part part);
    /// Whether the chat application runs there.
    static beam::future<bool> is_there(beam::atom node);
    static void drop(beam::atom node, const std::string& room);
    /// The room was deleted with all up to these marks. A copy that has more stays.
    static void forget(beam::atom node, const std::string& room, marks seen);

    static constexpr unsigned count = 4;
    static beam::atom name(unsigned number);

    using arguments = std::tuple<unsigned>;
    using calls = beam::messages<compare_with, begin_copy, add_part, are_you_there>;
    using casts = beam::messages<drop_copy, forget_room>;

    static beam::awaitable<beam::init_result<copies>> init(unsigned number);
    beam::awaitable<compared> handle_call(compare_with m);
    beam::awaitable<beam::outcome<bool>> handle_call(begin_copy m);
    beam::awaitable<beam::outcome<bool>> handle_call(add_part m);
    bool handle_call(are_you_there) { return true; }
    beam::awaitable<void> handle_cast(drop_copy m);
    beam::awaitable<void> handle_cast(forget_room m);

private:
    struct extent {
        std::uint64_t epoch = 0;
        std::uint64_t last_id = 0;
    };
    /// How far a copy goes.
    [[nodiscard]] extent extent_of(const std::string& room);

    std::map<std::string, extent> known_;
};

}  // namespace chat
