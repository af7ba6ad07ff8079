// relay: the process of a pubsub that sends to other nodes and hands out what comes from them.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/pubsub/peers.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::pubsub {

/// To all other nodes, or to one.
struct pass_on {
    term topic, what;
    std::optional<atom> node{};
};

class relay : public gen_server<relay> {
public:
    using casts = messages<pass_on>;
    using infos = messages<nodeup_message, nodedown_message>;

    relay(atom pubsub, atom own_name, std::shared_ptr<peers> others);

    void handle_cast(pass_on m);
    void handle_info(const nodeup_message& m) { nodes_.insert(m.node); }
    void handle_info(const nodedown_message& m) { nodes_.erase(m.node); }
    void handle_info(const term& from_another_node);

private:
    atom pubsub_, name_;
    std::shared_ptr<peers> others_;
    std::set<atom> nodes_;
};

}  // namespace beam::pubsub
