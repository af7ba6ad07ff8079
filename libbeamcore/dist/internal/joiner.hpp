// joiner: the process that keeps this node connected to those that it was told of.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "libbeamcore/dist/discovery.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist::detail {

struct try_node {
    atom node;
};
struct try_ended {
    atom node;
};
struct ask_dns {
    std::size_t which = 0;
};
struct dns_answer {
    std::size_t which = 0;
    std::vector<std::string> nodes;
    std::string trouble;  // instead of nodes
};

/// Linked to net_kernel. Everybody is tried at once; whoever cannot be reached, or is lost, again after a pause.
class joiner : public gen_server<joiner> {
public:
    using infos =
        messages<try_node, try_ended, ask_dns, dns_answer, nodeup_message, nodedown_message>;

    joiner(peers* all, discovery how);

    void handle_info(try_node m);
    void handle_info(try_ended m);
    void handle_info(ask_dns m);
    void handle_info(const dns_answer& m);
    void handle_info(const nodeup_message& m);
    void handle_info(const nodedown_message& m);

private:
    struct wanted {
        std::chrono::milliseconds pause{0};  // before the next attempt; 0: at once
        bool waits = false;                  // a timer runs, or an attempt
        std::size_t dns_name = none;         // which has it
    };
    static constexpr std::size_t none = std::size_t(-1);

    void want(const std::string& name, const char* found_by, std::size_t dns_name = none);
    void try_later(atom node, wanted& w);
    [[nodiscard]] bool is_up(atom node) const;

    peers* all_;
    discovery how_;
    std::vector<std::string> dns_trouble_;  // what was last said in the log
    std::unordered_map<atom, wanted> wanted_;
};

}  // namespace beam::dist::detail
