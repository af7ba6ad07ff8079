// What one node is: its name, its folders, what it starts. Made by beamd from its command line, and
// handed to the runtime's process on that process's own command line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// One node. A plain value.
struct node_options {
    std::string name = "beam";              ///< as in `--node`
    std::string runtime_folder;             ///< holds NAME.sock, NAME.lock and NAME.spawn; 0700
    std::string state_folder;               ///< holds NAME.log and, in NAME/, the stores; 0700
    std::vector<std::string> applications;  ///< started at boot, in this order
    std::string dist;            ///< `--dist`: address to listen on; empty: do not listen
    std::string dist_tls;        ///< folder of certificates; empty: without TLS
    bool dist_insecure = false;  ///< `--dist-insecure`: without TLS also beyond loopback
    /// What the other `--dist-NAME` say: `join`, `dns`, `tick`, `port`, `hidden`.
    std::map<std::string, std::string> dist_settings;
    /// The names of the nodes of the default cluster, this one's among them; empty: it is not one of them. They listen on
    /// loopback and find each other by files in the runtime folder.
    std::vector<std::string> members;
    std::string started_by = "by hand";  ///< for `status`
    bool spawned = false;                ///< started by a tool: leaves when idle for long
    std::string version;                 ///< of the beamd that was started
    /// What config.toml says that the environment does not: `idle_exit`, `line_max`, `log`.
    std::map<std::string, std::string> settings;

    int link_fd = -1;    ///< in the runtime's process: the socket to the parent
    int listen_fd = -1;  ///< the listening control socket; the parent keeps it open
    int lock_fd = -1;  ///< NAME.lock; kept open so that no second runtime can start beside this one

    /// What a node of the default cluster is called by others.
    [[nodiscard]] static std::string full_name_of(const std::string& member) {
        return member + "@127.0.0.1";
    }
    [[nodiscard]] std::string socket_path() const { return runtime_folder + "/" + name + ".sock"; }
    [[nodiscard]] std::string lock_path() const { return runtime_folder + "/" + name + ".lock"; }
    [[nodiscard]] std::string log_path() const { return state_folder + "/" + name + ".log"; }
    [[nodiscard]] std::string store_folder() const { return state_folder + "/" + name; }
};

/// The arguments that child_options() reads back, without the program.
[[nodiscard]] std::vector<std::string> child_arguments(const node_options& options);

/// Reads child_arguments(). An argument it does not know is ignored: a newer parent may send more.
[[nodiscard]] BEAM_EXPORT node_options child_options(const std::vector<std::string>& arguments);

}  // namespace beam
