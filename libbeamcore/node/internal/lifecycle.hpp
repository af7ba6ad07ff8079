// The life of a node: what its parent says, when it leaves, and how it stops.
#pragma once

#include <optional>
#include <string>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::control {

/// Why an application that runs here wants the node to stay; none: no one does. Asks them all, in turn, and takes who does
/// not answer for one that objects.
[[nodiscard]] awaitable<std::optional<std::string>> own_objection(self me);

class lifecycle : public gen_server<lifecycle> {
public:
    using calls = messages<stop_node>;
    using infos =
        messages<link_readable, settings_reread, idle_check, objections_heard, leave_with_fellows>;

    explicit lifecycle(node_context* node);

    void handle_call(stop_node m);
    void handle_info(link_readable);
    void handle_info(settings_reread m);
    void handle_info(idle_check);
    void handle_info(objections_heard m);
    void handle_info(const leave_with_fellows& m);
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
