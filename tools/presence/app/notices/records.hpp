// Records: what survives a node. Notices that wait, and for a day what became of them.
//
// They are kept in one of two places: on the disk of the node that owns the user (owners.hpp), or, where kv has a cluster,
// in kv, on as many nodes as that keeps copies. Both keep the same promises:
//
// All that changes with a notice is written in one transaction with the head of its user's queue, so the order of
// numbers is the order of acceptance, and an owner that has been replaced is told so (`conflict`).
//
// Reasons of failure: of the disk `{store, Code, Text}`; of kv `{kv, Code, Text}`, where Code is one of kv.hpp's, or
// `bad_record`: a key holds what was not written for it. After `{store, timeout | unavailable, _}` and `{kv, unknown, _}` it may
// have been written, else nothing was. What cannot be read of what is on the disk ends the caller, with where it is in the
// reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/presence/app/notices/mailbox_state.hpp"
#include "tools/presence/app/notices/notice.hpp"

namespace presence {

enum class place : std::uint8_t {
    disk,
    kv,
};
BEAM_ENUM(place, disk, kv)

}  // namespace presence

namespace presence::records {

/// Where a queue stands: what its owner compares and swaps with each change.
struct queue_head {
    std::uint64_t next_seq = 0;  ///< above any number that was ever given, whatever was lost
    std::uint64_t version = 0;   ///< of the record, in kv
};
/// A user's queue as it was left.
struct queue {
    queue_head head;
    std::vector<notice> open;
};

/// A user for whom something waits.
struct waiting {
    std::string user;
    std::uint64_t notices = 0;
    std::int64_t oldest_ms = 0;
    std::uint64_t expired = 0;  ///< in the last day
    BEAM_FIELDS(waiting, user, notices, oldest_ms, expired)
};

/// A place. Stateless: what differs from user to user is in the queue's head.
class keeping {
public:
    /// For its owner, who is the only one from now on: what an earlier one still writes is refused.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<queue>> open(std::string user,
                                                                     std::int64_t now_ms) const = 0;
    [[nodiscard]] virtual beam::awaitable<beam::outcome<bool>> has_open(std::string user) const = 0;

    /// Keeps changes of one user's queue, whose next number is `next_seq` then. Gives its head as it is then.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<queue_head>> write(
        std::string user, queue_head before, std::uint64_t next_seq,
        std::vector<change> changes) const = 0;

    /// What became of a sender's notice for that user. Nothing: not known, or forgotten.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<std::optional<receipt>>> find(
        std::string from, std::string id, std::string user) const = 0;
    /// The same for all users that are kept there: an id may have been used for several.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<std::vector<receipt>>> find_all(
        std::string from, std::string id) const = 0;

    /// Notices of a user that expired in the last day, oldest first.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<std::vector<notice>>> expired(
        std::string user) const = 0;
    /// All users for whom something waits, by name. Looks at every key, and lets others run in between.
    [[nodiscard]] virtual beam::awaitable<beam::outcome<std::vector<waiting>>> all_waiting()
        const = 0;

protected:
    ~keeping() = default;
};

/// What is on this node's disk.
[[nodiscard]] const keeping& on_disk();
/// What is in kv, the same on all nodes.
[[nodiscard]] const keeping& in_kv();
[[nodiscard]] const keeping& of(place p);

/// Of a failed write or read: it is for another owner to go on, here or on another node. Nothing was written.
[[nodiscard]] bool is_elsewhere(const beam::term& why);

/// Of an open notice's receipt.
[[nodiscard]] receipt receipt_of(const std::string& user, const notice& n);
/// That a change leaves.
[[nodiscard]] receipt receipt_of(const std::string& user, const change& c);

}  // namespace presence::records
