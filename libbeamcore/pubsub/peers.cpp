#include "libbeamcore/pubsub/peers.hpp"

#include <utility>

#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/server_ref.hpp"

namespace beam {

namespace {

class runtime_peers final : public peers {
public:
    [[nodiscard]] atom self() const override { return node(); }
    [[nodiscard]] std::vector<atom> watch() override {
        monitor_nodes(true, node_kind::connected);
        return nodes(node_kind::connected);
    }
    void send(atom to, atom name, term what) override {
        beam::send(server_ref(name, to), std::move(what));
    }
};

}  // namespace

peers::~peers() = default;

std::shared_ptr<peers> connected_nodes() {
    return std::make_shared<runtime_peers>();
}

}  // namespace beam
