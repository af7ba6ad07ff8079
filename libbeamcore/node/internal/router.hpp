// From a method's name to its handler: the part before the first dot is the application, or an alias of it;
// it is loaded and started if need be.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libbeamcore/node/internal/json_rpc.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::control {

struct routed {
    std::shared_ptr<const loaded_module> module;
    const method_spec* method = nullptr;  // the module's
    std::optional<rpc::failure> failure;
};

[[nodiscard]] awaitable<routed> route(std::string method);

/// Loads and starts an application and what it depends on. Nothing if it runs (already); else why not. One that failed again
/// and again is not tried for a while (failed_starts.hpp).
[[nodiscard]] awaitable<std::optional<rpc::failure>> ensure_application(
    std::string name, restart_type type = restart_type::temporary);

/// Has the calling process's node load applications from their modules. Once, at boot.
void install_loader();

}  // namespace beam::control
