// What beamd says of other nodes, and to them.
#include <nlohmann/json.hpp>
#include <string>

#include "tools/beamd/beamd.hpp"
#include "tools/common/failure.hpp"

namespace beam::beamd {

using nlohmann::json;
using tool::exit_code;

exit_code nodes(client& node) {
    const auto answer = node.ask("node.peers");
    std::string text = answer.at("node").get<std::string>() + " (this node)";
    for (const auto& p : answer.at("peers")) {
        text += "\n" + p.at("name").get<std::string>() + " " + p.at("state").get<std::string>();
        if (p.at("hidden").get<bool>()) text += " hidden";
        const auto why = p.value("why", std::string());
        if (!why.empty()) text += " (" + why + ")";
    }
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code connect(client& node, const std::string& name) {
    const auto answer = node.ask("node.connect", {{"node", name}});
    node.common()->print(name + ": connected", answer);
    return exit_code::done;
}

exit_code ping_node(client& node, const std::string& name) {
    const auto answer = node.ask("node.ping_node", {{"node", name}});
    const bool there = answer.at("pong").get<bool>();
    node.common()->print(there ? "pong" : "pang", answer);
    return there ? exit_code::done : exit_code::no;
}

exit_code rpc(client& node, const rpc_options& call) {
    const auto answer = node.ask("node.rpc", {{"node", call.node},
                                              {"module", call.module},
                                              {"function", call.function},
                                              {"arguments", call.arguments}});
    node.common()->print(answer.at("value").get<std::string>(), answer);
    return exit_code::done;
}

}  // namespace beam::beamd
