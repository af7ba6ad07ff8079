#include "libbeamcore/node/node_options.hpp"

#include <charconv>
#include <string_view>

namespace beam {
namespace {

int to_int(std::string_view text) {
    int value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

std::vector<std::string> child_arguments(const node_options& o) {
    std::vector<std::string> out{"name=" + o.name,
                                 "runtime=" + o.runtime_folder,
                                 "state=" + o.state_folder,
                                 "dist=" + o.dist,
                                 "dist-tls=" + o.dist_tls,
                                 "dist-insecure=" + std::string(o.dist_insecure ? "1" : "0"),
                                 "started-by=" + o.started_by,
                                 "spawned=" + std::string(o.spawned ? "1" : "0"),
                                 "version=" + o.version,
                                 "link=" + std::to_string(o.link_fd),
                                 "listen=" + std::to_string(o.listen_fd),
                                 "lock=" + std::to_string(o.lock_fd)};
    for (const auto& app : o.applications) out.push_back("app=" + app);
    for (const auto& member : o.members) out.push_back("member=" + member);
    for (const auto& [key, value] : o.dist_settings)
        out.push_back(std::string("dist-set=").append(key).append("=").append(value));
    for (const auto& [key, value] : o.settings)
        out.push_back(std::string("set=").append(key).append("=").append(value));
    return out;
}

node_options child_options(const std::vector<std::string>& arguments) {
    node_options o;
    for (const auto& argument : arguments) {
        const auto equals = argument.find('=');
        if (equals == std::string::npos) continue;
        const auto key = std::string_view(argument).substr(0, equals);
        auto value = argument.substr(equals + 1);
        if (key == "name")
            o.name = std::move(value);
        else if (key == "runtime")
            o.runtime_folder = std::move(value);
        else if (key == "state")
            o.state_folder = std::move(value);
        else if (key == "dist")
            o.dist = std::move(value);
        else if (key == "dist-tls")
            o.dist_tls = std::move(value);
        else if (key == "dist-insecure")
            o.dist_insecure = value == "1";
        else if (key == "started-by")
            o.started_by = std::move(value);
        else if (key == "spawned")
            o.spawned = value == "1";
        else if (key == "version")
            o.version = std::move(value);
        else if (key == "link")
            o.link_fd = to_int(value);
        else if (key == "listen")
            o.listen_fd = to_int(value);
        else if (key == "lock")
            o.lock_fd = to_int(value);
        else if (key == "app")
            o.applications.push_back(std::move(value));
        else if (key == "member")
            o.members.push_back(std::move(value));
        else if (const auto inner = value.find('='); key == "set" && inner != std::string::npos)
            o.settings[value.substr(0, inner)] = value.substr(inner + 1);
        else if (key == "dist-set" && inner != std::string::npos)
            o.dist_settings[value.substr(0, inner)] = value.substr(inner + 1);
    }
    return o;
}

}  // namespace beam
