// One message of a room, as it is kept and shown, and how far somebody has read.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "libbeamcore/term/fields.hpp"

namespace chat {

struct post {
    /// Its place: rises by one in each room, from 1. When two halves of a network meet again, what was said in the
    /// one gets places behind what was said in the other.
    std::uint64_t id = 0;
    std::string from;
    std::string text;
    std::int64_t at_ms = 0;   ///< Unix time
    std::string key;          ///< the sender's own id for it: the same post sent again has the same
    std::uint64_t epoch = 0;  ///< under which process's rule it was said (log.hpp)
    std::uint64_t seq = 0;    ///< the place it got then: with `epoch`, which post it is for ever
    BEAM_FIELDS(post, id, from, text, at_ms, key, epoch, seq)
};

/// For each epoch the last `seq` of it that somebody has: all up to it are there, or are not wanted.
using marks = std::map<std::uint64_t, std::uint64_t>;

}  // namespace chat
