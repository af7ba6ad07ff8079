// Records on this node's disk: the store's process, what time does to them, and how they leave for another place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_start.hpp"
#include "tools/presence/app/notices/records.hpp"

namespace presence::records {

/// The store's process, as a child of the application's supervisor.
[[nodiscard]] beam::child_start store_child();

/// Users of whom a notice has expired by now, so that their mailboxes are to look; at most `limit`.
[[nodiscard]] std::vector<std::string> overdue(std::int64_t now_ms, std::size_t limit);
/// Forgets what was closed a day ago, at most `limit` of it. How many.
[[nodiscard]] beam::awaitable<beam::outcome<std::size_t>> forget(std::int64_t now_ms,
                                                                 std::size_t limit);

/// Some notices of one user, in their order.
struct bundle {
    std::string user;
    std::vector<change> changes;
};
/// What waits for the first user for whom anything does: the oldest ones, at most about a MiB. Those who are named are
/// passed over. Nothing: there is no other.
[[nodiscard]] std::optional<bundle> next_open(const std::set<std::string>& but);
/// The same of what was closed within the last day.
[[nodiscard]] std::optional<bundle> next_closed(const std::set<std::string>& but);
/// Takes them out, for good.
[[nodiscard]] beam::awaitable<beam::outcome<void>> drop(bundle what);

}  // namespace presence::records
