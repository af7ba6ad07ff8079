#include "tools/faultlab/strike.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/json_line.hpp"

namespace faultlab {

using beam::client;
using beam::tool::deadline;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto holding_within = 10s;  // a hang must be in effect

}  // namespace

json striker::attack_params(const step& s) {
    json params = {{"target", s.target}, {"fault", s.fault}, {"within_ms", 0}};
    // Each step draws its own victim, the same ones again with the same seed.
    params["seed"] = seed_++;
    return params;
}

verdict striker::strike(const step& s, const deadline& until) {
    bool is_node = s.is_node;
    if (!is_node && !s.time && beam::tool::is_node_name(s.target))
        is_node =
            ::access(beam::tool::socket_path(beam::tool::runtime_folder_path(), s.target).c_str(),
                     F_OK) == 0;
    if (is_node) return strike_node(s, s.fault == "kill" ? SIGKILL : SIGABRT);
    return s.time ? hold_process(s, until) : strike_process(s);
}

verdict striker::strike_node(const step& s, int signal) {
    if (!beam::tool::is_node_name(s.target)) return "\"" + s.target + "\" is no node's name";
    auto options = std::make_shared<beam::tool::common_state>(*node_.common());
    options->node = s.target;
    options->socket.clear();
    options->spawn = false;
    try {
        client other(options);
        const auto pid = other.ask("node.status").at("os_pid").get<int>();
        if (::kill(pid, signal) != 0) return std::string("cannot kill it: ") + std::strerror(errno);
    } catch (const failure& error) {
        return error.why;
    }
    return {};
}

verdict striker::strike_process(const step& s) {
    try {
        const auto summary =
            node_.stream("faultlab.attack", attack_params(s), [](const json&) { return true; });
        if (summary && summary->value("hits", 0) > 0) return {};
        return "nobody was there any more";
    } catch (const failure& error) {
        return error.why;
    }
}

// In a process of its own, since it goes on beside the script.
verdict striker::hold_process(const step& s, const deadline& until) {
    const auto& common = *node_.common();
    char self[4096];
    const auto n = ::readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) throw failure(exit_code::bug, "cannot find out what program this is");
    const json params = attack_params(s);
    std::vector<std::string> words{
        std::string(self, static_cast<std::size_t>(n)),
        "attack",
        "--json",
        "--target=" + s.target,
        "--fault=" + s.fault,
        "--hold=" + std::to_string(s.time->count()) + "ms",
        "--seed=" + std::to_string(params.at("seed").get<std::uint64_t>()),
        "--node=" + common.node};
    if (!common.socket.empty()) words.push_back("--socket=" + common.socket);
    holds_.emplace_back(words);
    const auto line = holds_.back().read_line(deadline::in(holding_within).earlier(until));
    const auto said = line ? beam::tool::parse_line(*line) : std::nullopt;
    if (said && said->is_object() && said->value("event", "") == "holding") return {};
    holds_.pop_back();
    if (!said || !said->is_object() || !said->contains("error")) return "it did not take effect";
    return said->at("error").value("why", "it did not take effect");
}

}  // namespace faultlab
