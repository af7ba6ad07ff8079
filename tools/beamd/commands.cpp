#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/beamd/beamd.hpp"
#include "tools/common/attach.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/interrupt.hpp"

namespace beam::beamd {

using nlohmann::json;
using tool::common_state;
using tool::connect_result;
using tool::deadline;
using tool::exit_code;
using tool::failure;
using tool::lock_state;
using namespace std::chrono_literals;

namespace {

// A drain takes up to 10 s: longer than other commands wait.
constexpr auto stop_time = 15s;

deadline stop_deadline(const common_state& common) {
    return common.timeout_is_default ? deadline::in(stop_time) : common.until();
}

enum class life { running, between, absent };

life look(const common_state& common, const deadline& until) {
    const auto place = place_of(common);
    unique_fd fd;
    // A full queue is a sign of life too.
    if (tool::connect_to(place.socket, until, fd) != connect_result::absent) return life::running;
    if (place.lock.empty()) return life::absent;
    return tool::look_at_lock(place.lock) == lock_state::held ? life::between : life::absent;
}

void wait_a_moment() {
    tool::check_interrupted();
    ::usleep(5'000);
}

// The process that listens: the parent. It is told by signal, so that this works however stuck the
// runtime is.
void signal_parent(client& node, int signal) {
    const int pid = node.peer_pid();
    node.disconnect();
    if (pid <= 1)
        throw failure(exit_code::not_permitted,
                      "the node's process cannot be seen from here (another pid namespace)");
    if (::kill(pid, signal) != 0 && errno != ESRCH)
        throw failure(exit_code::not_permitted,
                      "cannot signal process " + std::to_string(pid) + ": " + std::strerror(errno));
}

json not_running(const common_state& common, const char* state) {
    return {{"node", common.node}, {"state", state}};
}

template <class T>
T member(const json& object, const char* key, T otherwise) {
    const auto it = object.find(key);
    if (it == object.end()) return otherwise;
    try {
        return it->get<T>();
    } catch (const json::exception&) {
        return otherwise;
    }
}

// How others reach it, and above all whether strangers can read along.
std::string dist_text(const json& s) {
    const auto d = s.find("dist");
    if (d == s.end() || !d->is_object()) return {};
    std::string text = "\nother nodes: at " + member(*d, "address", std::string("?"));
    text += member(*d, "tls", false) ? ", with TLS" : ", without TLS";
    if (member(*d, "insecure", false))
        text += " (--dist-insecure): whoever is on that network can read along";
    return text;
}

std::string status_text(const json& s) {
    std::string apps;
    for (const auto& app : member(s, "applications", json::array()))
        apps += (apps.empty() ? "" : ",") +
                (app.is_string() ? app.get<std::string>() : member(app, "name", std::string("?")));
    const auto uptime = std::chrono::milliseconds(member<std::int64_t>(s, "uptime_ms", 0));
    std::string text =
        member(s, "node", std::string("?")) + ": " + member(s, "state", std::string("?"));
    text += " (pid=" + std::to_string(member(s, "os_pid", 0)) +
            " uptime=" + print_duration(uptime) +
            " restarts=" + std::to_string(member(s, "restarts", 0)) + ")";
    text += "\nversion: " + member(s, "version", std::string("?"));
    text += "\napplications: " + (apps.empty() ? "none" : apps);
    text += dist_text(s);
    text += "\nstarted by: " + member(s, "started_by", std::string("?"));
    const auto stops = s.find("stops_when");
    text += "\nstops when: " + (stops != s.end() && stops->is_string() ? stops->get<std::string>()
                                                                       : std::string("told to"));
    return text;
}

}  // namespace

node_place place_of(const common_state& common) {
    if (!common.socket.empty()) return {{}, common.socket, {}};
    auto folder = tool::runtime_folder();
    auto socket = tool::socket_path(folder, common.node);
    auto lock = folder + "/" + common.node + ".lock";
    return {std::move(folder), std::move(socket), std::move(lock)};
}

exit_code status(client& node) {
    auto& common = *node.common();
    switch (look(common, common.until())) {
        case life::absent:
            common.print(common.node + ": not running", not_running(common, "not_running"));
            return exit_code::no;
        case life::between:
            common.print(common.node + ": starting or stopping", not_running(common, "changing"));
            return exit_code::no;
        case life::running:
            break;
    }
    const auto answer = node.ask("node.status");
    common.print(status_text(answer), answer);
    return exit_code::done;
}

exit_code ping(client& node) {
    const auto before = deadline::clock::now();
    (void)node.ask("node.ping");
    const std::chrono::duration<double, std::milli> took = deadline::clock::now() - before;
    node.common()->print("pong", {{"node", node.common()->node}, {"round_trip_ms", took.count()}});
    return exit_code::done;
}

exit_code await(client& node) {
    auto& common = *node.common();
    const auto until = common.until();
    node.set_deadline(until);
    for (;; wait_a_moment()) {
        try {
            // It answers before all its applications run, so that tools wait for their own only.
            if (member(node.ask("node.status"), "state", std::string()) == "ready") {
                common.print("", {{"node", common.node}, {"state", "ready"}});
                return exit_code::done;
            }
        } catch (const failure& error) {
            if (error.exit != exit_code::unavailable && error.exit != exit_code::try_again) throw;
        }
        if (until.is_over())
            throw failure(exit_code::try_again,
                          "the node \"" + common.node + "\" did not come up in time",
                          "beamd status --node " + common.node, "timeout");
    }
}

exit_code stop(client& node) {
    auto& common = *node.common();
    const auto until = stop_deadline(common);
    node.set_deadline(until);
    auto state = look(common, until);
    if (state == life::absent) {
        common.print(common.node + ": not running", not_running(common, "not_running"));
        return exit_code::done;
    }
    if (state == life::running) {
        try {
            signal_parent(node, SIGTERM);
        } catch (const failure& error) {
            if (error.exit != exit_code::unavailable) throw;  // it ended by itself meanwhile
        }
    }
    for (; look(common, until) != life::absent; wait_a_moment())
        if (until.is_over())
            throw failure(exit_code::try_again,
                          "the node \"" + common.node + "\" has not stopped yet",
                          "beamd logs --node " + common.node, "timeout");
    common.print(common.node + ": stopped", not_running(common, "stopped"));
    return exit_code::done;
}

exit_code restart(client& node) {
    auto& common = *node.common();
    const auto until = stop_deadline(common);
    node.set_deadline(until);
    if (look(common, until) == life::absent) {
        if (!common.socket.empty())
            throw failure(exit_code::unavailable, "no node listens at " + common.socket);
        start_daemon(node.common(), {});
        common.print(common.node + ": started", not_running(common, "ready"));
        return exit_code::done;
    }
    int old_pid = -1;
    try {
        node.set_deadline(deadline::in(2s));
        old_pid = member(node.ask("node.status"), "os_pid", -1);
    } catch (const failure& error) {
        // A runtime that does not answer is a good reason to restart it.
        if (error.exit != exit_code::try_again) throw;
    }
    node.set_deadline(until);
    signal_parent(node, SIGUSR2);
    for (;; wait_a_moment()) {
        try {
            const auto answer = node.ask("node.status");
            if (member(answer, "os_pid", -1) != old_pid) break;
        } catch (const failure& error) {
            if (error.exit != exit_code::try_again) throw;
        }
        node.disconnect();
        if (until.is_over())
            throw failure(exit_code::try_again,
                          "the node \"" + common.node + "\" has not restarted yet",
                          "beamd logs --node " + common.node, "timeout");
    }
    common.print(common.node + ": restarted", not_running(common, "ready"));
    return exit_code::done;
}

exit_code socket(client& node) {
    auto& common = *node.common();
    const auto path = place_of(common).socket;
    common.print(path, {{"socket", path}});
    return exit_code::done;
}

}  // namespace beam::beamd
