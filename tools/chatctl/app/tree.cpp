#include "tools/chatctl/app/tree.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/caretaker.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/guests.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/router.hpp"

namespace chat {

namespace {

// People crash rooms to watch them come back; a room that cannot live is given up after these.
constexpr beam::dynamic_supervisor_flags rooms_flags{.max_restarts = 1000,
                                                     .max_seconds = std::chrono::seconds(5)};

}  // namespace

beam::supervisor_init chat_sup::init() {
    const bool others = is_distributed();
    std::vector<beam::child_spec> children;
    children.push_back(beam::child_spec("store", history::child()));
    children.push_back(beam::supervisor::child_of(
        "rooms", beam::registry::child(beam::registry_options(rooms_registry()))));
    if (others) {
        children.push_back(beam::tracker::child_of(
            "tracker", beam::tracker::options(beam::tracker::handle(tracker_name()))));
        for (unsigned i = 0; i < copies::count; ++i)
            children.push_back(
                beam::child_spec("copies " + std::to_string(i), beam::child<copies>(i)));
    }
    children.push_back(beam::supervisor::child_of(
        "room_sup", beam::dynamic_supervisor::child(rooms_flags, rooms_supervisor())));
    children.push_back(beam::child_spec("guests", beam::child<guests>()));
    if (others) children.push_back(beam::child_spec("directory", beam::child<directory>()));
    children.push_back(beam::child_spec("caretaker", beam::child<caretaker>()));
    children.push_back(beam::child_spec("router", beam::child<router>()));
    beam::supervisor_flags flags;
    flags.strategy = beam::restart_strategy::rest_for_one;
    flags.intensity = 10;
    return beam::supervisor_init(flags, std::move(children));
}

}  // namespace chat
