// peers: all other nodes that were ever spoken of, and the runtime's way to them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "libbeamcore/dist/internal/acceptances.hpp"
#include "libbeamcore/dist/internal/known_nodes.hpp"
#include "libbeamcore/dist/internal/peer.hpp"
#include "libbeamcore/dist/internal/strangers.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"

namespace beam::dist::detail {

/// To net_kernel: connect to that node.
struct connect_order {
    peer* to = nullptr;
    std::uint64_t attempt = 0;
};

struct peer_settings {
    /// Bytes that may wait for a peer before who sends to it is suspended.
    std::size_t busy_limit = std::size_t(1) << 20;
    /// New atoms and nodes that all peers together may bring in.
    std::size_t atoms_max = 400'000;
};

class peers final : public beam::detail::carrier {
public:
    peers(runtime& node, node_identity self, peer_settings settings)
        : node_(node),
          self_(self),
          settings_(settings),
          atoms_left_(settings.atoms_max),
          waiting_room_(node) {}
    ~peers();

    [[nodiscard]] runtime& node() const { return node_; }
    [[nodiscard]] const node_identity& self() const { return self_; }
    [[nodiscard]] const peer_settings& settings() const { return settings_; }
    [[nodiscard]] known_nodes& known() { return known_; }
    [[nodiscard]] const known_nodes& known() const { return known_; }
    /// Who makes connections.
    void set_connector(const pid& p) {
        connector_.store(std::uint64_t(p.serial) << 32 | p.id, std::memory_order_release);
    }
    [[nodiscard]] bool is_connector(const pid& p) const {
        return (std::uint64_t(p.serial) << 32 | p.id) == connector_.load(std::memory_order_relaxed);
    }
    void order_connection(peer& to);
    /// Somebody says he is that node; until accept_end() no connection to it is begun from here.
    void accept_begin(const std::string& name) { accepting_.begin(name); }
    void accept_end(const std::string& name);

    [[nodiscard]] std::atomic<std::size_t>& atoms_left() { return atoms_left_; }
    [[nodiscard]] strangers& waiting_room() { return waiting_room_; }

    [[nodiscard]] peer& of(atom name);
    /// Null: it was never spoken of.
    [[nodiscard]] peer* find(atom name) const;
    /// Null for an earlier life of this node.
    [[nodiscard]] peer* of(const pid& p);
    [[nodiscard]] std::vector<peer*> all() const;

    // carrier
    void message(const pid& from, const server_ref& to, term value) noexcept override;
    void message_if_connected(const pid& from, const server_ref& to, term value) noexcept override;
    void alias_message(const pid& from, const ref& alias, term value) noexcept override;
    void link(const pid& from, const pid& to) noexcept override;
    void unlink(const pid& from, const pid& to, std::uint64_t id) noexcept override;
    void unlink_ack(const pid& from, const pid& to, std::uint64_t id) noexcept override;
    void monitor(const pid& from, const server_ref& to, const ref& monitor) noexcept override;
    void demonitor(const pid& from, const server_ref& to, const ref& monitor) noexcept override;
    void down(const pid& from, atom by_name, const pid& to, const ref& monitor,
              const term& reason) noexcept override;
    void exit(const pid& from, const pid& to, const term& reason) noexcept override;
    void link_exit(const pid& from, const pid& to, const term& reason) noexcept override;
    void connect(atom node) noexcept override;
    bool disconnect(atom node) noexcept override;

private:
    void send_order(const acceptances::order& o);
    struct place {
        peer* to;
        control::target target;
    };
    void message(const pid& from, const server_ref& to, const term& value, bool connects) noexcept;
    [[nodiscard]] place place_of(const server_ref& to);
    [[nodiscard]] peer* by_index(std::uint32_t index);

    static constexpr std::size_t chunk = 1024;
    using row = std::array<std::atomic<peer*>, chunk>;

    runtime& node_;
    const node_identity self_;
    const peer_settings settings_;
    known_nodes known_;
    std::atomic<std::uint64_t> connector_{0};  // its pid
    std::atomic<std::size_t> atoms_left_;
    strangers waiting_room_;
    acceptances accepting_;
    // By the index in the table of nodes, found without a lock; several indices may be one peer.
    std::array<std::atomic<row*>, 1024> rows_{};
    mutable std::shared_mutex mutex_;
    std::unordered_map<atom, std::unique_ptr<peer>> by_name_;
};

}  // namespace beam::dist::detail
