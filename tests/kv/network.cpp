#include "tests/kv/network.hpp"

#include <unistd.h>

#include <stdexcept>

#include "tools/common/child_process.hpp"

namespace test {

namespace {

using words = std::vector<std::string>;

bool run(const words& command) {
    beam::tool::child_options o;
    beam::tool::child_process p(command, o);
    return p.exec_error() == 0 && p.reap() == 0;
}

void must(const words& command) {
    if (run(command)) return;
    std::string text;
    for (const std::string& w : command) text += w + " ";
    throw std::runtime_error("failed: " + text);
}

words after(words first, const words& command) {
    first.insert(first.end(), command.begin(), command.end());
    return first;
}

}  // namespace

bool kv_network::is_possible() {
    const std::string probe = "kvp" + std::to_string(::getpid());
    if (::geteuid() != 0 || !run({"ip", "netns", "add", probe})) return false;
    const bool has_bridge = run({"ip", "-n", probe, "link", "add", "name", "b", "type", "bridge"});
    return run({"ip", "netns", "del", probe}) && has_bridge;
}

kv_network::kv_network(int nodes) : nodes_(nodes), prefix_("kvt" + std::to_string(::getpid())) {
    must({"ip", "netns", "add", hub()});
    must({"ip", "-n", hub(), "link", "set", "dev", "lo", "up"});
    must({"ip", "-n", hub(), "link", "add", "name", "switch", "type", "bridge"});
    must({"ip", "-n", hub(), "addr", "add", hub_address() + "/24", "dev", "switch"});
    must({"ip", "-n", hub(), "link", "set", "dev", "switch", "up"});
    for (std::size_t i = 0; i < std::size_t(nodes); ++i) {
        const std::string port = "port" + std::to_string(i);
        must({"ip", "netns", "add", space(i)});
        must({"ip", "-n", space(i), "link", "set", "dev", "lo", "up"});
        must({"ip", "link", "add", "name", "wire", "netns", space(i), "type", "veth", "peer",
              "name", port, "netns", hub()});
        must({"ip", "-n", hub(), "link", "set", "dev", port, "master", "switch", "up"});
        must({"ip", "-n", space(i), "addr", "add", address(i) + "/24", "dev", "wire"});
        must({"ip", "-n", space(i), "link", "set", "dev", "wire", "up"});
    }
}

kv_network::~kv_network() {
    for (std::size_t i = 0; i < std::size_t(nodes_); ++i) run({"ip", "netns", "del", space(i)});
    run({"ip", "netns", "del", hub()});
}

std::string kv_network::hub() const {
    return prefix_ + "hub";
}
std::string kv_network::space(std::size_t node) const {
    return prefix_ + "n" + std::to_string(node);
}
std::string kv_network::address(std::size_t node) const {
    return "10.78.0." + std::to_string(node + 1);
}
std::string kv_network::hub_address() const {
    return "10.78.0.100";
}

words kv_network::in_node(std::size_t node, words command) const {
    return after({"ip", "netns", "exec", space(node)}, command);
}
words kv_network::in_hub(words command) const {
    return after({"ip", "netns", "exec", hub()}, command);
}

void kv_network::cut(std::size_t node) const {
    must({"ip", "-n", hub(), "link", "set", "dev", "port" + std::to_string(node), "down"});
}
void kv_network::heal(std::size_t node) const {
    must({"ip", "-n", hub(), "link", "set", "dev", "port" + std::to_string(node), "up"});
}
void kv_network::deafen(std::size_t from, std::size_t to) const {
    must({"ip", "-n", space(from), "neigh", "replace", address(to), "lladdr", "02:00:00:00:00:99",
          "dev", "wire", "nud", "permanent"});
}
void kv_network::hear(std::size_t from, std::size_t to) const {
    must({"ip", "-n", space(from), "neigh", "del", address(to), "dev", "wire"});
}

}  // namespace test
