// A request's own process: finds its method, starts the application if need be, runs the handler, and
// sends what comes of it to the connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/release/method.hpp"

namespace beam::control {

struct request_job {
    node_context* node = nullptr;
    std::uint64_t key = 0;
    pid connection;
    std::string id_text;  // the id as JSON
    std::string method;
    term params;
    std::string tool;
    std::uint32_t uid = 0;
    bool is_notification = false;
    std::shared_ptr<lossy_gate> gate = std::make_shared<lossy_gate>();
};

/// Linked to the calling connection: a client that went away wants nothing.
pid start_request(std::shared_ptr<request_job> job);

}  // namespace beam::control
