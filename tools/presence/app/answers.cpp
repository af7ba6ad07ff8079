#include "tools/presence/app/answers.hpp"

#include <utility>

#include "tools/presence/app/limits.hpp"

namespace presence {

tl::unexpected<beam::request_error> malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}

tl::unexpected<beam::request_error> not_here(const std::string& user) {
    return beam::refuse("not_found", "\"" + user + "\" is not here", "presence login " + user);
}

tl::unexpected<beam::request_error> refused(std::string_view code, const std::string& user) {
    if (code == "too_many_sessions")
        return beam::refuse("too_many",
                            user + " has " + std::to_string(sessions_max) + " sessions already",
                            "presence logout " + user, 75);
    if (code == "too_many_entries")
        return beam::refuse(
            "too_many",
            "this node has " + std::to_string(tracker_config().entries_max) + " sessions already",
            "presence nodes", 75);
    return beam::refuse("refused", "the tracker says " + std::string(code), "beamd logs", 70);
}

}  // namespace presence
