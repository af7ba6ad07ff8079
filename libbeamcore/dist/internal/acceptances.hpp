// Connections that others are making to this node, by the name that they say they have.
//
// Two nodes may connect with each other at once. Each would end its own attempt when the other's is through, and both be left
// with none, if one had begun while it was already answering the other. So from the moment that somebody says he is a node
// until it stands, or has failed, no connection to that node is begun from here: it is ordered, and kept (net_kernel's
// mark_pending). A stranger can do so too, for as long as a handshake may take.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace beam::dist::detail {

class peer;

class acceptances {
public:
    struct order {
        peer* to = nullptr;
        std::uint64_t attempt = 0;
    };
    /// True: somebody is connecting from there, and the order is kept until he is through.
    [[nodiscard]] bool keep(std::string_view name, const order& o);
    void begin(const std::string& name);
    /// The order that was kept, with the last of those that say they are that node.
    [[nodiscard]] std::optional<order> end(const std::string& name);

private:
    struct acceptance {
        unsigned count = 0;
        std::optional<order> kept;
    };
    std::mutex mutex_;
    std::unordered_map<std::string, acceptance> under_way_;
};

}  // namespace beam::dist::detail
