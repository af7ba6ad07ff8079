// What survives a node: rooms, their last messages, and the names of guests. In the node's store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/chatctl/app/post.hpp"

namespace chat::history {

/// The store's process, as a child of the application's supervisor.
[[nodiscard]] beam::child_start child();

/// The messages of a room, the oldest first. Exits the caller if the store cannot be read.
[[nodiscard]] beam::awaitable<std::vector<post>> load(std::string room);
/// Keeps messages, and forgets those with ids below `first_kept`, in one durable commit.
[[nodiscard]] beam::awaitable<beam::outcome<void>> append(std::string room, std::vector<post> posts,
                                                          std::uint64_t first_kept);

[[nodiscard]] beam::awaitable<std::vector<std::string>> rooms();
/// Whether there is such a room, though its process may be between two lives.
[[nodiscard]] bool has_room(const std::string& room);
[[nodiscard]] beam::awaitable<beam::outcome<void>> add_room(std::string room);
/// Forgets a room and its messages.
[[nodiscard]] beam::awaitable<beam::outcome<void>> remove_room(std::string room);

/// Numbers of guests by OS user.
[[nodiscard]] beam::awaitable<std::map<std::uint32_t, std::uint64_t>> guests();
[[nodiscard]] beam::awaitable<beam::outcome<void>> add_guest(std::uint32_t uid,
                                                             std::uint64_t number);

}  // namespace chat::history
