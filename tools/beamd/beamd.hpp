// beamd's command line: the node itself, and what asks and tells a running one.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/dist/certificates.hpp"
#include "libbeamcore/node/node_options.hpp"
#include "tools/beamd/dist_settings.hpp"
#include "tools/common/client.hpp"
#include "tools/common/exit_code.hpp"

namespace beam::beamd {

/// dist::make_certificates().
using certificates_entry =
    result<std::vector<dist::certificate_state>> (*)(const dist::certificates_wish&);

/// The whole program. `runtime` is the command that runs a node's runtime process, to which child_arguments() are added; tests
/// have one of their own, and no certificates.
[[nodiscard]] int run(int argc, char** argv, std::vector<std::string> runtime,
                      certificates_entry certificates = nullptr);

/// What the command line says about the node to start.
struct serve_options {
    std::vector<std::string> runtime;  ///< run()'s
    std::vector<std::string> applications;
    std::string dist;
    std::string dist_tls;  ///< folder of certificates
    bool dist_insecure = false;
    typed_dist_settings dist_settings;
    std::string started_by;
    bool daemon = false;
    bool spawned = false;
    int ready_fd = -1;
};

/// Becomes the node's parent and returns its exit code; with `daemon`, starts one and returns when it
/// is ready.
[[nodiscard]] int serve(const tool::common_options& common, const serve_options& options,
                        const std::vector<std::string>& command_line);

/// Starts a node in the background and waits until it is ready. Throws a failure.
void start_daemon(const tool::common_options& common, const serve_options& options);

/// The path of this program, also after it was replaced on disk.
[[nodiscard]] std::string own_path();

/// Where the node's files are, and whether it lives.
struct node_place {
    std::string folder;
    std::string socket;
    std::string lock;
};
[[nodiscard]] node_place place_of(const tool::common_state& common);

// The commands. Each throws a failure, as a tool's body may.
tool::exit_code status(client& node);
tool::exit_code ping(client& node);
tool::exit_code await(client& node);
tool::exit_code stop(client& node);
tool::exit_code restart(client& node);
tool::exit_code socket(client& node);
tool::exit_code doctor(client& node);

/// Of other nodes.
tool::exit_code nodes(client& node);
tool::exit_code connect(client& node, const std::string& name);
tool::exit_code ping_node(client& node, const std::string& name);

struct rpc_options {
    std::string node, module, function;
    std::string arguments = "[]";
};
tool::exit_code rpc(client& node, const rpc_options& call);

/// `beamd cert`. Needs no node.
struct cert_options {
    std::string folder;  ///< empty: default_certificate_folder()
    dist::certificates_wish wish;
};
tool::exit_code make_certificates(client& node, cert_options options, certificates_entry make);
tool::exit_code show_certificates(client& node, cert_options options, certificates_entry make);
/// `certs` beside the user's config.toml.
[[nodiscard]] std::string default_certificate_folder();
/// Where the node that is to be started finds its certificates; empty: it listens without TLS. Throws a failure.
[[nodiscard]] std::string certificate_folder_for(const serve_options& options);
/// What `--dist-tls` without a folder reads as.
inline constexpr const char* default_certificates = "default";

struct logs_options {
    long lines = -1;  ///< all
    bool follow = false;
    tool::stream_limits limits;
};
tool::exit_code logs(client& node, const logs_options& options);

}  // namespace beam::beamd
