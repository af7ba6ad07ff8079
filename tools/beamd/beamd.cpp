#include "tools/beamd/beamd.hpp"

#include <CLI/CLI.hpp>
#include <utility>

#include "tools/common/failure.hpp"
#include "tools/common/run.hpp"

namespace beam::beamd {

namespace {

void add_listen_options(CLI::App& app, serve_options& serving) {
    app.add_flag("--dist{127.0.0.1}", serving.dist, "Listen for other nodes (127.0.0.1)")
        ->option_text("[=ADDR]");
    app.add_flag(std::string("--dist-tls{") + default_certificates + "}", serving.dist_tls,
                 "With TLS, by the certificates in this folder (as beamd cert init made it)")
        ->option_text("[=DIR]");
    app.add_flag("--dist-insecure", serving.dist_insecure,
                 "Without TLS also beyond loopback: whoever is on that network can read along");
}

struct cert_commands {
    CLI::App* all;
    CLI::App* init;
    CLI::App* show;
};

cert_commands add_cert_commands(CLI::App& app, cert_options& o) {
    auto* all = app.add_subcommand("cert", "Certificates for TLS between nodes");
    all->require_subcommand(1);
    auto* init = all->add_subcommand(
        "init", "Make the cluster's authority and certificates; renew what is missing or ends");
    auto* show = all->add_subcommand("show", "List the certificates, for whom and until when");
    for (auto* command : {init, show})
        command
            ->add_option("--dir", o.folder, "Where they are (certs, beside the user's config.toml)")
            ->option_text("DIR");
    init->add_option("--name", o.wish.cluster, "What a new authority is called (beamcore)")
        ->option_text("CLUSTER");
    init->add_option("--host", o.wish.names, "A further name or address of this host; repeatable")
        ->option_text("NAME")
        ->allow_extra_args(false);
    init->add_flag("--force", o.wish.renew_authority,
                   "Make a new authority: all certificates of the old one are void");
    init->add_option("HOST", o.wish.others, "Other hosts, or nodes there, name@host");
    tool::examples(*init, "beamd cert init\nbeamd cert init b.example.org c.example.org");
    return {all, init, show};
}

}  // namespace

int run(int argc, char** argv, std::vector<std::string> runtime, certificates_entry certificates) {
    CLI::App app{"A beamcore node: runs applications, and restarts its runtime when that dies",
                 "beamd"};
    auto common = tool::add_common_options(app);
    common->has_batch = false;
    common->config_keys = {"idle_exit", "line_max"};
    common->config_keys.insert(common->config_keys.end(), dist_config_keys().begin(),
                               dist_config_keys().end());
    tool::examples(app, "beamd --daemon && beamd status\nbeamd logs --follow");
    app.require_subcommand(0, 1);

    serve_options serving;
    serving.runtime = std::move(runtime);
    app.add_option("--app", serving.applications, "Start this application at once; repeatable")
        ->option_text("APP")
        ->allow_extra_args(false);
    app.add_flag("--daemon", serving.daemon,
                 "Run in the background; returns when the node is ready");
    add_listen_options(app, serving);
    add_dist_options(app, serving.dist_settings);
    // How tools and --daemon start a node; not for people.
    app.add_flag("--spawned", serving.spawned)->group("");
    app.add_option("--ready-fd", serving.ready_fd)->group("");
    app.add_option("--started-by", serving.started_by)->group("");

    auto* status_command =
        app.add_subcommand("status", "Say whether the node runs, since when and for whom");
    auto* ping_command =
        app.add_subcommand("ping", "Ask the node, or NODE through it, for a sign of life");
    std::string pinged;
    ping_command->add_option("NODE", pinged, "Another node, name@host");
    auto* await_command = app.add_subcommand("await", "Wait until the node is ready; starts none");
    auto* stop_command =
        app.add_subcommand("stop", "Stop the node: drain for up to 10s, then kill");
    auto* restart_command = app.add_subcommand(
        "restart", "Restart the node, as the beamd that is installed now; clients wait");
    auto* logs_command = app.add_subcommand("logs", "Print the node's log");
    auto* socket_command = app.add_subcommand("socket", "Print the path of the control socket");
    auto* doctor_command =
        app.add_subcommand("doctor", "Check folders, modes, locks, versions and limits");

    auto* nodes_command = app.add_subcommand("nodes", "List the nodes that this one knows");
    auto* connect_command = app.add_subcommand("connect", "Connect to another node");
    std::string connected;
    connect_command->add_option("NODE", connected, "The other node, name@host")->required();
    auto* rpc_command =
        app.add_subcommand("rpc", "Call a function on another node and print its value");
    rpc_options call;
    rpc_command->add_option("NODE", call.node, "The other node, name@host")->required();
    rpc_command->add_option("MODULE", call.module)->required();
    rpc_command->add_option("FUNCTION", call.function)->required();
    rpc_command->add_option("ARGS", call.arguments, "Its arguments in Erlang's syntax ([])");
    tool::examples(*rpc_command,
                   "beamd rpc other@127.0.0.1 lists seq '[1, 3]' --node me@127.0.0.1");

    cert_options certs;
    const auto cert = add_cert_commands(app, certs);

    logs_options log_lines;
    logs_command->add_option("--lines", log_lines.lines, "Only the last N lines")
        ->option_text("N")
        ->check(tool::whole_number("--lines"));
    logs_command->add_flag("--follow", log_lines.follow, "Go on as the log grows");
    tool::stream_options limits(*logs_command);
    for (const auto* command :
         {await_command, stop_command, restart_command, logs_command, cert.init})
        tool::runs_once(*command, common);

    if (const auto code = tool::parse(app, argc, argv, common)) return *code;
    const bool serves = app.get_subcommands().empty();
    if (serves && !common->watch) return serve(common, serving, {argv, argv + argc});
    return tool::guarded(common, [&](client& node) {
        if (serves)
            throw tool::failure(tool::exit_code::usage,
                                "--watch repeats a command, and there is none",
                                "beamd status --watch");
        if (serving.daemon || !serving.applications.empty() || !serving.dist.empty() ||
            !serving.dist_tls.empty() || serving.dist_insecure || serving.dist_settings.any())
            throw tool::failure(tool::exit_code::usage,
                                "--daemon, --app and --dist are for starting a node",
                                "beamd --help");
        node.set_spawn(false);
        if (*status_command) return status(node);
        if (*ping_command) return pinged.empty() ? ping(node) : ping_node(node, pinged);
        if (*nodes_command) return nodes(node);
        if (*connect_command) return connect(node, connected);
        if (*rpc_command) return rpc(node, call);
        if (*await_command) return await(node);
        if (*stop_command) return stop(node);
        if (*restart_command) return restart(node);
        if (*socket_command) return socket(node);
        if (*doctor_command) return doctor(node);
        if (*cert.init) return make_certificates(node, certs, certificates);
        if (*cert.show) return show_certificates(node, certs, certificates);
        (void)logs_command;
        log_lines.limits = limits.limits();
        return logs(node, log_lines);
    });
}

}  // namespace beam::beamd
