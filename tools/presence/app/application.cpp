// The presence application: who is here, on all nodes. What runs, and under whom.
//
//   presence_sup (one_for_one)
//     tracker      what all nodes know of each other's sessions
//     session_sup  a process a session; one that ends is gone
//     sessions     which process a user's session is
#include "tools/presence/app/application.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/session.hpp"
#include "tools/presence/app/sessions.hpp"

BEAM_APPLICATION(presence, "1", presence::session, presence::sessions) {
    app.spec.description = "Who is here, on which node";
    app.callbacks<presence::presence_app>();
    app.objection = &presence::why_it_stays;
    presence::add_login_methods(app);
    presence::add_look_methods(app);
    presence::add_watch_method(app);
    presence::add_listen_method(app);
}
