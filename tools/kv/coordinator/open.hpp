// Which coordinator, and how to reach it.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"

namespace kv {

/// A file that all nodes of the host open; there is no server.
struct local_options {
    std::string folder;  ///< for cluster.mdb and members/; made if its parent exists, mode 0700
    std::string runtime_folder;  ///< for the sockets by which nodes wake each other; likewise
    std::string node;            ///< a name for the socket
    std::string uuid{};          ///< of the cluster that this node knows; empty: none yet
    std::chrono::milliseconds look_every{250};  ///< for changes of which no wake-up came
};

struct etcd_options {
    std::vector<std::string> endpoints;  ///< "http://h1:2379" or "https://..."
    std::string cluster = "kv";          ///< all keys begin with /beamcore/CLUSTER/
    std::string uuid{};                  ///< as above
    std::string ca_file{};  ///< whom to believe, for https; empty: whom the system does
    std::string certificate_file{}, key_file{};  ///< of this client, if etcd wants one
    /// Two lines, user and password; of mode 0600. Read anew at each log-in. Empty: none.
    std::string password_file{};
    std::chrono::milliseconds patience{2000};  ///< for one call, over all endpoints
    std::chrono::seconds lease{10};            ///< of the entry of a member
};

using coordinator_options = std::variant<local_options, etcd_options>;

/// Opens the file (in a millisecond or so), or takes note of where etcd is without asking it. Errors: those of
/// coordinator.hpp; `bad_options`.
[[nodiscard]] beam::result<std::unique_ptr<coordinator>> open_coordinator(
    const coordinator_options& options);

}  // namespace kv
