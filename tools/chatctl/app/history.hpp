// What survives a node: rooms that live here or are held for others, their last messages, and the names of
// guests. In the node's store.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/chatctl/app/post.hpp"
#include "tools/chatctl/app/seats.hpp"

namespace chat::history {

/// The store's process, as a child of the application's supervisor.
[[nodiscard]] beam::child_start child();
/// Brings what an earlier version has left up to date, and forgets old deletions.
[[nodiscard]] beam::awaitable<void> tidy();

/// The messages of a room, the oldest first. Exits the caller if the store cannot be read.
[[nodiscard]] beam::awaitable<std::vector<post>> load(std::string room);
/// The id of the last one; 0 without any.
[[nodiscard]] std::uint64_t last_id(const std::string& room);
/// Keeps messages, forgets those with ids below `first_kept`, and writes the record if there is one, in one durable
/// commit.
[[nodiscard]] beam::awaitable<beam::outcome<void>> append(std::string room, std::vector<post> posts,
                                                          std::uint64_t first_kept,
                                                          std::optional<room_record> record = {});

[[nodiscard]] beam::awaitable<std::vector<std::string>> rooms();
[[nodiscard]] std::vector<std::pair<std::string, room_record>> records();
/// What is written of a room, though its process may be between two lives, or of another node.
[[nodiscard]] std::optional<room_record> record_of(const std::string& room);
/// Also forgets that it was deleted. With `empty` its messages, too.
[[nodiscard]] beam::awaitable<beam::outcome<void>> put_record(std::string room, room_record record,
                                                              bool empty = false);
/// Forgets a room and its messages. With `deleted` it is remembered that messages up to these marks are gone for good.
[[nodiscard]] beam::awaitable<beam::outcome<void>> remove_room(std::string room,
                                                               std::optional<marks> deleted = {});
/// The marks of a room that was deleted.
[[nodiscard]] std::optional<marks> deleted(const std::string& room);
/// Of all that were.
[[nodiscard]] std::vector<std::pair<std::string, marks>> deletions();
[[nodiscard]] beam::awaitable<beam::outcome<void>> forget_deletion(std::string room);

/// Numbers of guests by OS user.
[[nodiscard]] beam::awaitable<std::map<std::uint32_t, std::uint64_t>> guests();
[[nodiscard]] beam::awaitable<beam::outcome<void>> add_guest(std::uint32_t uid,
                                                             std::uint64_t number);

}  // namespace chat::history
