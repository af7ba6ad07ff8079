// The chat application's tree: what runs, and under whom.
//
//   chat_sup (rest_for_one)
//     store     what survives a node
//     rooms     the registry: a room's name to its process
//     tracker   which rooms are on which nodes              | only on a node
//     copies    of rooms of other nodes                     | that others reach
//     room_sup  a process a room, restarted by itself
//     guests    names of OS users
//     directory sees to it that each room lives somewhere   | this, too
//     caretaker opens rooms of kv's, and moves those on the disk there
//     router    makes and removes rooms on the disk; last, so that its death hurts nobody
#pragma once

#include "libbeamcore/otp/supervisor.hpp"

namespace chat {

struct chat_sup {
    static beam::supervisor_init init();
};

}  // namespace chat
