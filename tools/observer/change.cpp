#include "tools/observer/change.hpp"

#include <nlohmann/json.hpp>

#include "tools/observer/ask.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

void need_write(client& node, const change_options& options) {
    if (options.write || options.dry_run) return;
    throw failure(exit_code::usage, "observer only reads unless it is given --write",
                  "observer " + node.common()->what + " --write");
}

// `<0.134.0> (chat_router)`: what it is about, so that nobody agrees to the wrong thing.
std::string described(const json& info) {
    auto what = text_of(info, "name");
    if (what.empty()) what = text_of(info, "label");
    if (what.empty()) what = text_of(info, "initial_call");
    return text_of(info, "pid") + (what.empty() ? "" : " (" + what + ")");
}

// The process by its pid, so that what is answered for is what is changed.
json look_up(client& node, const std::string& pid) {
    return ask(node, "node.process_info", {{"pid", pid}});
}

exit_code only_say(client& node, const char* verb, const json& info) {
    node.common()->print("would " + std::string(verb) + " " + described(info),
                         {{"pid", info.at("pid")}, {"dry_run", true}});
    return exit_code::done;
}

}  // namespace

exit_code kill_process(client& node, const std::string& pid, const change_options& options) {
    need_write(node, options);
    const json info = look_up(node, pid);
    if (options.dry_run) return only_say(node, "kill", info);
    confirm(node.common(), "kill " + described(info));
    const json done =
        node.ask("node.exit_process", {{"pid", info.at("pid")}, {"reason", options.reason}});
    const bool ended = done.at("ended").get<bool>();
    node.common()->print(described(info) + (ended ? " ended: " + text_of(done, "reason")
                                                  : " still runs 2s after " + options.reason),
                         done);
    return ended ? exit_code::done : exit_code::no;
}

exit_code suspend_process(client& node, const std::string& pid, const change_options& options) {
    need_write(node, options);
    const json info = look_up(node, pid);
    if (options.dry_run) return only_say(node, "suspend", info);
    confirm(node.common(), "suspend " + described(info));
    const json done = node.ask("node.suspend_process", {{"pid", info.at("pid")}});
    node.common()->print(described(info) + " suspended", done);
    return exit_code::done;
}

exit_code resume_process(client& node, const std::string& pid, const change_options& options) {
    need_write(node, options);
    const json info = look_up(node, pid);
    if (options.dry_run) return only_say(node, "resume", info);
    const json done = node.ask("node.resume_process", {{"pid", info.at("pid")}});
    node.common()->print(described(info) + " resumed", done);
    return exit_code::done;
}

}  // namespace observer
