// The chat application: what runs, and under whom.
//
//   chat_sup (rest_for_one)
//     store    what survives a node
//     rooms    the registry: a room's name to its process
//     room_sup a process a room, restarted by itself
//     guests   names of OS users
//     router   makes and removes rooms; last, so that its death hurts nobody
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/guests.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/methods.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"

namespace chat {

namespace {

// People crash rooms to watch them come back; a room that cannot live is given up after these.
constexpr beam::dynamic_supervisor_flags rooms_flags{.max_restarts = 1000,
                                                     .max_seconds = std::chrono::seconds(5)};

struct chat_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        children.push_back(beam::child_spec("store", history::child()));
        children.push_back(beam::supervisor::child_of(
            "rooms", beam::registry::child(beam::registry_options(rooms_registry()))));
        children.push_back(beam::supervisor::child_of(
            "room_sup", beam::dynamic_supervisor::child(rooms_flags, rooms_supervisor())));
        children.push_back(beam::child_spec("guests", beam::child<guests>()));
        children.push_back(beam::child_spec("router", beam::child<router>()));
        beam::supervisor_flags flags;
        flags.strategy = beam::restart_strategy::rest_for_one;
        flags.intensity = 10;
        return beam::supervisor_init(flags, std::move(children));
    }
};

struct chat_app {
    static beam::awaitable<beam::start_result> start(beam::term) {
        return beam::supervisor::start_link_named<chat_sup>(beam::atom("chat_sup"));
    }
};

}  // namespace

}  // namespace chat

BEAM_APPLICATION(chat, "1", chat::room, chat::router, chat::guests) {
    app.spec.description = "Chat rooms that heal";
    app.callbacks<chat::chat_app>();
    chat::add_methods(app);
}
