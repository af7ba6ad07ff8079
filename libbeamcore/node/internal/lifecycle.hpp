// The life of a node: what its parent says, when it leaves, and how it stops.
#pragma once

#include <string>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::control {

class lifecycle : public gen_server<lifecycle> {
public:
    using calls = messages<stop_node>;
    using infos = messages<link_readable, settings_reread, idle_check, objections_heard>;

    explicit lifecycle(node_context* node);

    void handle_call(stop_node m);
    void handle_info(link_readable);
    void handle_info(settings_reread m);
    void handle_info(idle_check);
    void handle_info(objections_heard m);
    void handle_info(exit_message) {}  // of the process that drains, or asks for objections

private:
    void handle(link_event e);
    void leave(const std::string& reason);
    void stop(const std::string& reason, bool again);
    void look_again(std::chrono::milliseconds after);

    node_context* node_;
    std::string log_level_;
    bool idle_is_watched_ = false;
    ref next_look_;
};

}  // namespace beam::control
