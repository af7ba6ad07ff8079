// What a node does because it has fellows (dist/cluster.hpp): it waits for them when it boots, runs the applications that they
// run, and leaves when they do.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/json_rpc.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::control {

/// To a fellow: run that application. The answer is empty, or why it cannot.
struct run_application {
    using reply = std::string;
    std::string name;
    BEAM_FIELDS(run_application, name)
};

/// To a fellow: may all leave, since nobody came for so long? The answer is empty, or why not.
struct may_all_leave {
    using reply = std::string;
    std::int64_t idle_ms = 0;
    BEAM_FIELDS(may_all_leave, idle_ms)
};

/// To a fellow: all leave now.
struct leave_together {
    std::string reason;
    BEAM_FIELDS(leave_together, reason)
};

/// Registered as `node_cluster` on each node that has fellows.
class cluster_server : public gen_server<cluster_server> {
public:
    using calls = messages<run_application, may_all_leave>;
    using casts = messages<leave_together>;
    using infos = messages<nodeup_message, nodedown_message>;

    explicit cluster_server(node_context* node);

    call_result<std::string> handle_call(const run_application& m, const from& caller);
    call_result<std::string> handle_call(const may_all_leave& m, const from& caller);
    void handle_cast(const leave_together& m);
    void handle_info(const nodeup_message& m);
    void handle_info(const nodedown_message&) {}

private:
    node_context* node_;
};

[[nodiscard]] child_spec cluster_child(node_context* node);

/// Waits until the members of the default cluster that run, or are about to (their locks say it), are connected; not for
/// ever: one that does not come is said in the log.
[[nodiscard]] awaitable<void> join_cluster(self me, node_context* node);

/// ensure_application() here, and if it was not running, on all fellows that are connected: when it returns they run it too, or
/// the log says why not.
[[nodiscard]] awaitable<std::optional<rpc::failure>> ensure_everywhere(
    std::string name, restart_type type = restart_type::temporary);

/// Why a fellow wants to stay; none: nobody does.
[[nodiscard]] awaitable<std::optional<std::string>> objection_of_fellows(
    std::chrono::milliseconds idle);
/// Tells all fellows to leave.
void tell_fellows_to_leave(const std::string& reason);

}  // namespace beam::control
