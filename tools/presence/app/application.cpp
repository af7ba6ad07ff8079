// The presence application: who is here, on all nodes. What runs, and under whom.
//
//   presence_sup (one_for_one)
//     tracker      what all nodes know of each other's sessions
//     session_sup  a process a session; one that ends is gone
//     sessions     which process a user's session is
//     notices      (rest_for_one) messages for users
//       store        what survives a node
//       mailboxes    the registry: a user's name to his mailbox
//       mailbox_sup  a process a mailbox, restarted by itself
//       post_office  starts mailboxes; last, so that its death hurts nobody
#include "tools/presence/app/application.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/presence/app/methods.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/presence/app/session.hpp"
#include "tools/presence/app/sessions.hpp"

BEAM_APPLICATION(presence, "1", presence::session, presence::sessions, presence::mailbox,
                 presence::post_office) {
    app.spec.description = "Who is here, on which node";
    app.callbacks<presence::presence_app>();
    app.objection = &presence::why_it_stays;
    presence::add_login_methods(app);
    presence::add_look_methods(app);
    presence::add_watch_method(app);
    presence::add_listen_method(app);
    presence::add_notice_methods(app);
}
