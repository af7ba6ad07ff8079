// Writes to the log what gets in the way of others: processes that do not give way, mailboxes that grow.
#pragma once

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/system_monitor.hpp"

namespace beam::control {

/// The node's system_monitor. An application that sets itself up as the receiver takes the events over.
class event_log : public gen_server<event_log> {
public:
    using infos = messages<system_event>;

    event_log();

    void handle_info(system_event e);
};

}  // namespace beam::control
