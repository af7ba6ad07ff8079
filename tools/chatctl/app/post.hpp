// One message of a room, as it is kept and shown.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/term/fields.hpp"

namespace chat {

struct post {
    std::uint64_t id = 0;  ///< rises by one in each room, from 1; never used again
    std::string from;
    std::string text;
    std::int64_t at_ms = 0;  ///< Unix time
    std::string key;         ///< the sender's own id for it: the same post sent again has the same
    BEAM_FIELDS(post, id, from, text, at_ms, key)
};

}  // namespace chat
