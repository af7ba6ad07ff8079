// A network of nodes within one runtime, for what is made on peers: each node is a name, its processes are
// registered as `NODE.NAME`, and terms pass as they are. Connections can be cut, with or without anybody being told.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/pubsub/peers.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace test {

class mesh : public std::enable_shared_from_this<mesh> {
public:
    static std::shared_ptr<mesh> make() { return std::make_shared<mesh>(); }

    /// The network as one of its nodes sees it.
    std::shared_ptr<beam::peers> of(const std::string& node) {
        return std::make_shared<port>(shared_from_this(), beam::atom(node));
    }
    /// What that node calls the process.
    static beam::atom name(const std::string& node, const std::string& name) {
        return beam::atom(node + "." + name);
    }

    void cut(const std::string& a, const std::string& b, bool told = true) {
        std::lock_guard guard(lock_);
        cut_.insert({beam::atom(a), beam::atom(b)});
        cut_.insert({beam::atom(b), beam::atom(a)});
        if (!told) return;
        tell<beam::nodedown_message>(beam::atom(a), {beam::atom(b), beam::atom("cut")});
        tell<beam::nodedown_message>(beam::atom(b), {beam::atom(a), beam::atom("cut")});
    }
    void join(const std::string& a, const std::string& b) {
        std::lock_guard guard(lock_);
        cut_.erase({beam::atom(a), beam::atom(b)});
        cut_.erase({beam::atom(b), beam::atom(a)});
        tell<beam::nodeup_message>(beam::atom(a), {beam::atom(b)});
        tell<beam::nodeup_message>(beam::atom(b), {beam::atom(a)});
    }

private:
    class port final : public beam::peers {
    public:
        port(std::shared_ptr<mesh> net, beam::atom node) : net_(std::move(net)), node_(node) {}
        [[nodiscard]] beam::atom self() const override { return node_; }
        [[nodiscard]] std::vector<beam::atom> watch() override { return net_->watch(node_); }
        void send(beam::atom to, beam::atom name, beam::term what) override {
            net_->send(node_, to, name, std::move(what));
        }

    private:
        std::shared_ptr<mesh> net_;
        beam::atom node_;
    };

    std::vector<beam::atom> watch(beam::atom node) {
        std::lock_guard guard(lock_);
        std::vector<beam::atom> others;
        const bool is_new = !watchers_.contains(node);
        for (const auto& [other, _] : watchers_) {
            if (other == node || cut_.contains({node, other})) continue;
            others.push_back(other);
            if (is_new) tell<beam::nodeup_message>(other, {node});
        }
        watchers_[node].push_back(beam::this_process().id());
        return others;
    }
    void send(beam::atom from, beam::atom to, beam::atom name, beam::term what) {
        {
            std::lock_guard guard(lock_);
            if (cut_.contains({from, to})) return;
        }
        const std::string_view here = name.name();
        const auto local =
            beam::existing_atom(std::string(to.name()) + std::string(here.substr(here.find('.'))));
        const auto p = local ? beam::whereis(*local) : std::nullopt;
        if (p) beam::send(*p, std::move(what));
    }
    template <class Message>
    void tell(beam::atom node, const Message& what) {
        auto found = watchers_.find(node);
        if (found == watchers_.end()) return;
        for (const auto& p : found->second) beam::send(p, what);
    }

    std::mutex lock_;
    std::map<beam::atom, std::vector<beam::pid>> watchers_;
    std::set<std::pair<beam::atom, beam::atom>> cut_;
};

}  // namespace test
