// Records: what survives a node. Notices that wait, and for a day what became of them, in the node's store.
//
// All that changes with a notice is written in one transaction with the head of its user's queue, so the order of
// numbers is the order of acceptance, and an owner that has been replaced is told so (`conflict`).
//
// Reading is done in the caller, from what is committed. What cannot be read ends the caller, with the file's name in
// the reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/presence/app/notices/mailbox_state.hpp"
#include "tools/presence/app/notices/notice.hpp"

namespace presence::records {

/// The store's process, as a child of the application's supervisor.
[[nodiscard]] beam::child_start child();

/// A user's queue as it was left. `next_seq` is above any number that was ever given, also by a store that was lost
/// with its disk: a new queue begins with the time.
struct queue {
    std::uint64_t next_seq = 0;
    std::vector<notice> open;
};
[[nodiscard]] queue load(const std::string& user, std::int64_t now_ms);
[[nodiscard]] bool has_open(const std::string& user);

/// Keeps changes of one user's queue; `before` and `after` are next_seq. Errors: the store's reason, `{store, Code, Text}`;
/// nothing was written then, unless Code is `timeout` or `unavailable`.
[[nodiscard]] beam::awaitable<beam::outcome<void>> write(std::string user, std::uint64_t before,
                                                         std::uint64_t after,
                                                         std::vector<change> changes);

/// What became of a sender's notice for that user. Nothing: not known, or forgotten.
[[nodiscard]] std::optional<receipt> find(const std::string& from, const std::string& id,
                                          const std::string& user);
/// The same for all users of this store: an id may have been used for several.
[[nodiscard]] std::vector<receipt> find_all(const std::string& from, const std::string& id);

/// Notices of a user that expired in the last day, oldest first.
[[nodiscard]] std::vector<notice> expired(const std::string& user);

/// A user for whom something waits.
struct waiting {
    std::string user;
    std::uint64_t notices = 0;
    std::int64_t oldest_ms = 0;
    std::uint64_t expired = 0;  ///< in the last day
    BEAM_FIELDS(waiting, user, notices, oldest_ms, expired)
};
/// All of them, by name. Looks at every key, and lets others run in between.
[[nodiscard]] beam::awaitable<std::vector<waiting>> all_waiting();

/// Users of whom a notice has expired by now, so that their mailboxes are to look; at most `limit`.
[[nodiscard]] std::vector<std::string> overdue(std::int64_t now_ms, std::size_t limit);
/// Forgets what was closed a day ago, at most `limit` of it. How many.
[[nodiscard]] beam::awaitable<beam::outcome<std::size_t>> forget(std::int64_t now_ms,
                                                                 std::size_t limit);

}  // namespace presence::records
