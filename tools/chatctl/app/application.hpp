// The names that the parts of the chat application know each other by.
#pragma once

#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/term/atom.hpp"

namespace chat {

inline beam::atom rooms_registry() {
    return beam::atom("chat_rooms");
}
inline beam::atom rooms_supervisor() {
    return beam::atom("chat_room_sup");
}
inline beam::atom router_name() {
    return beam::atom("chat_router");
}
/// On every node: who opens rooms of kv's there.
inline beam::atom caretaker_name() {
    return beam::atom("chat_caretaker");
}
/// While rooms move from the node's disk to kv.
inline beam::atom mover_name() {
    return beam::atom("chat_mover");
}
inline beam::atom guests_name() {
    return beam::atom("chat_guests");
}
inline beam::atom store_name() {
    return beam::atom("chat_store");
}
inline beam::atom watchers_scope() {
    return beam::atom("chat_watchers");
}
inline beam::atom directory_name() {
    return beam::atom("chat_directory");
}
inline beam::atom tracker_name() {
    return beam::atom("chat_tracker");
}

/// Whether other nodes can reach this one. Without them there are no tracker, directory and copies.
inline bool is_distributed() {
    return beam::node() != beam::atom("nonode@nohost");
}

}  // namespace chat
