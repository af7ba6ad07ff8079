// The names that the parts of the application know each other by.
#pragma once

#include <string_view>

#include "libbeamcore/term/atom.hpp"

namespace presence {

inline beam::atom tracker_name() {
    return beam::atom("presence_tracker");
}
inline beam::atom session_supervisor() {
    return beam::atom("presence_session_sup");
}
inline beam::atom sessions_name() {
    return beam::atom("presence_sessions");
}

/// The tracker's topic that has all sessions. One that names a topic has an entry there too.
inline constexpr std::string_view all_sessions = "";

}  // namespace presence
