// Where rooms are, as a request finds it without asking a process: first among this node's own, then in the
// directory's table of those on other nodes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "tools/chatctl/app/keeping.hpp"

namespace chat {

/// To who watches a room's name: a new process serves it; it is gone for good.
struct room_up {
    std::string name;
    beam::pid pid;
};
struct room_deleted {
    std::string name;
};

/// What the room's process is registered by.
[[nodiscard]] beam::term room_key(medium kept, const std::string& name);
/// The room's process on this node, the one in kv if there are two.
[[nodiscard]] std::optional<beam::pid> find_local_room(const std::string& name);
[[nodiscard]] std::optional<beam::pid> find_local_room(medium kept, const std::string& name);
/// On any node. One whose node is not connected just now does not count.
[[nodiscard]] std::optional<beam::pid> find_room(const std::string& name);
/// Whether there is such a room, as far as is known without asking kv, though its process may be between two lives, or two nodes.
[[nodiscard]] bool has_room(const std::string& name);
/// The same, also if nobody can tell just now: the store is started again, and with it all rooms.
[[nodiscard]] bool may_have_room(const std::string& name);
/// All that have a process, sorted.
[[nodiscard]] std::vector<std::string> room_names();
/// The rooms that live here.
[[nodiscard]] std::vector<std::string> local_room_names();

/// The other nodes on which the chat application is known to run.
[[nodiscard]] std::vector<beam::atom> other_nodes();
/// Makes sure that the rooms of all connected nodes are known here: with a node that is met for the first time it may
/// take a moment, at most a second.
[[nodiscard]] beam::awaitable<void> meet_others();

/// The caller gets room_up and room_deleted of that name until it ends.
void watch_room(const std::string& name);
void tell_watchers_up(const std::string& name, beam::pid room);
void tell_watchers_deleted(const std::string& name);

}  // namespace chat
