#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/size.hpp"
#include "libbeamcore/node/parent.hpp"
#include "libbeamcore/node/ready_pipe.hpp"
#include "tools/beamd/beamd.hpp"
#include "tools/common/attach.hpp"
#include "tools/common/default_cluster.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/run.hpp"

#ifndef BEAM_VERSION
#define BEAM_VERSION "0.1.0"
#endif

namespace beam::beamd {
namespace {

using tool::exit_code;
using tool::failure;

std::string who_starts() {
    if (std::getenv("NOTIFY_SOCKET")) return "the service manager";
    return "by hand (uid " + std::to_string(::getuid()) + ")";
}

bool is_distributed(const tool::common_state& common, const serve_options& options) {
    return !options.dist.empty() || !tool::default_cluster(common.node).empty();
}

// What is wrong with the command line or the folders, before anything is started. Throws a failure.
void check_before_start(const tool::common_state& common, const serve_options& options) {
    if (common.app && !common.typed.socket.empty())
        throw failure(exit_code::usage, "a node's socket follows from its name", "--node NAME");
    if (options.dist_settings.any() && !is_distributed(common, options))
        throw failure(exit_code::usage, "what --dist-... says is for a node that has --dist",
                      "beamd --dist --node NAME@127.0.0.1");
    (void)resolve_dist_settings(common, options.dist_settings);
    if (!options.dist.empty() && common.node.find('@') == std::string::npos)
        throw failure(exit_code::usage, "a node that others reach is called name@host",
                      "beamd --dist --node " + common.node + "@127.0.0.1");
    (void)certificate_folder_for(options);
    (void)tool::socket_path(tool::runtime_folder(), common.node);
}

constexpr struct {
    const char* key;
    const char* variable;
} node_settings[] = {
    {"idle_exit", "BEAM_IDLE_EXIT"}, {"line_max", "BEAM_LINE_MAX"}, {"log", "BEAM_LOG"}};

[[noreturn]] void bad_setting(const char* key, const tool::config_value& value, const char* why) {
    failure error(exit_code::bad_config, why);
    error.what_failed = value.origin + ": " + key + " " + value.text;
    throw error;
}

// What config.toml says of the node's own settings. Throws a failure for a value that is none.
reread_settings settings_of(const tool::common_state& common) {
    reread_settings read;
    for (const auto& [key, variable] : node_settings) {
        const auto at = common.config.find(key);
        if (at == common.config.end()) continue;
        const auto& value = at->second;
        const std::string_view name(key);
        if (const auto d = parse_duration(value.text);
            name == "idle_exit" && (!d || d->count() <= 0))
            bad_setting(key, value, "not a duration, as 30m or 1h");
        if (const auto s = parse_size(value.text); name == "line_max" && (!s || *s < 1024))
            bad_setting(key, value, "not a size of at least 1K");
        if (const char* set = std::getenv(variable); set && *set)
            read.remarks.push_back(std::string(key) + " in " + value.origin +
                                   " does not count: " + variable + " is set");
        read.settings[key] = value.text;
    }
    return read;
}

// Reads the files again into a copy: what the node is called, and where its socket is, stays.
result<reread_settings> read_again(tool::common_state common) {
    try {
        const auto old_node = common.config.find("node");
        const auto before = old_node == common.config.end() ? std::string() : old_node->second.text;
        tool::reread_config(common);
        auto read = settings_of(common);
        const auto node = common.config.find("node");
        if (node != common.config.end() && node->second.text != before)
            read.remarks.push_back("node in " + node->second.origin +
                                   " does not count: a running node keeps its name");
        return read;
    } catch (const failure& error) {
        return fail("bad_configuration",
                    error.what_failed.empty() ? error.why : error.what_failed + ": " + error.why);
    }
}

int become_parent(const tool::common_state& common, const serve_options& options,
                  const std::vector<std::string>& command_line) {
    check_before_start(common, options);
    parent_options parent;
    parent.node.settings = settings_of(common).settings;
    parent.reread = [&common] { return read_again(common); };
    parent.node.name = common.node;
    parent.node.runtime_folder = tool::runtime_folder();
    parent.node.state_folder = tool::state_folder(parent.node.runtime_folder);
    parent.node.applications = options.applications;
    parent.node.dist = options.dist;
    parent.node.dist_settings = resolve_dist_settings(common, options.dist_settings);
    parent.node.members = tool::default_cluster(common.node);
    parent.node.dist_tls = certificate_folder_for(options);
    parent.node.dist_insecure = options.dist_insecure;
    parent.node.spawned = options.spawned;
    parent.node.started_by = options.started_by.empty() ? who_starts() : options.started_by;
    parent.node.version = BEAM_VERSION;
    parent.child_command = options.runtime;
    parent.self_command = command_line;
    parent.self_command.front() = own_path();
    parent.foreground = options.ready_fd < 0;
    parent.ready_fd = options.ready_fd;
    return run_parent(parent);
}

}  // namespace

std::string own_path() {
    char path[4096];
    const auto n = ::readlink("/proc/self/exe", path, sizeof path);
    std::string out(path, n > 0 ? static_cast<std::size_t>(n) : 0);
    constexpr std::string_view deleted = " (deleted)";
    if (out.size() > deleted.size() &&
        out.compare(out.size() - deleted.size(), deleted.size(), deleted) == 0)
        out.resize(out.size() - deleted.size());
    return out;
}

void start_daemon(const tool::common_options& common, const serve_options& options) {
    // Here too, for what the new node says comes without its exit code.
    check_before_start(*common, options);
    std::vector<std::string> arguments{"--node", common->node, "--started-by", who_starts()};
    for (const auto& app : options.applications) arguments.insert(arguments.end(), {"--app", app});
    if (!options.dist.empty()) arguments.push_back("--dist=" + options.dist);
    // As resolved: the new node does not see an option --config.
    if (is_distributed(*common, options))
        for (const auto& [name, value] : resolve_dist_settings(*common, options.dist_settings))
            arguments.push_back(dist_argument(name, value));
    if (const auto folder = certificate_folder_for(options); !folder.empty())
        arguments.push_back("--dist-tls=" + folder);
    if (options.dist_insecure) arguments.emplace_back("--dist-insecure");
    auto line = tool::start_detached(own_path(), std::move(arguments), true, common->until());
    if (line == "ready") return;
    if (line.empty()) line = "it ended before it was ready; try: beamd logs --node " + common->node;
    std::string next;
    if (const auto at = line.find("; try: "); at != std::string::npos) {
        next = line.substr(at + 7);
        line.resize(at);
    }
    const bool runs = line.find("is already running") != std::string::npos;
    failure error(runs ? exit_code::no : exit_code::unavailable, line, next,
                  runs ? "already_running" : "");
    error.what_failed = "start " + common->node;
    throw error;
}

int serve(const tool::common_options& common, const serve_options& options,
          const std::vector<std::string>& command_line) {
    common->what = "start " + common->node;
    if (options.daemon) {
        return tool::guarded(common, [&](client&) {
            start_daemon(common, options);
            common->print("", {{"node", common->node}, {"state", "ready"}});
            return exit_code::done;
        });
    }
    try {
        return become_parent(*common, options, command_line);
    } catch (const failure& error) {
        const auto why = error.why + (error.next.empty() ? "" : "; try: " + error.next);
        if (options.ready_fd >= 0 && !std::getenv(parent_handover_variable)) {
            ready_pipe(options.ready_fd).failed(why);
            return static_cast<int>(error.exit);
        }
        return tool::guarded(common, [&](client&) -> exit_code { throw error; });
    }
}

}  // namespace beam::beamd
