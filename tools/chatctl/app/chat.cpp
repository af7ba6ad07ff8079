// The chat application's entry.
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/chatctl/app/caretaker.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/guests.hpp"
#include "tools/chatctl/app/methods.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"
#include "tools/chatctl/app/tree.hpp"

namespace chat {

namespace {

struct chat_app {
    static beam::awaitable<beam::start_result> start(beam::term) {
        beam::start_result started =
            co_await beam::supervisor::start_link_named<chat_sup>(beam::atom("chat_sup"));
        // What is asked first is to find the rooms of all nodes.
        if (started) co_await meet_others();
        co_return started;
    }
};

}  // namespace

}  // namespace chat

BEAM_APPLICATION(chat, "1", chat::room, chat::router, chat::guests, chat::copies, chat::directory,
                 chat::caretaker) {
    app.spec.description = "Chat rooms that heal";
    app.callbacks<chat::chat_app>();
    chat::add_methods(app);
}
