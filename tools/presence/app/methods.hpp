// What the application answers on the control socket.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace presence {

/// login, logout, kick.
void add_login_methods(beam::application_definition& app);
/// status, list, nodes, health.
void add_look_methods(beam::application_definition& app);
/// watch.
void add_watch_method(beam::application_definition& app);
/// listen: a session as long as the request, and what is sent to it.
void add_listen_method(beam::application_definition& app);
/// notify, queue, ack, receipt, confirm.
void add_notice_methods(beam::application_definition& app);

}  // namespace presence
