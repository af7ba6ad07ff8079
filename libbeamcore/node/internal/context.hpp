// What the parts of one node share. Made before its runtime's processes, destroyed after them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/node/child_link.hpp"
#include "libbeamcore/node/node_options.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam {

/// restarting: it stops, and its parent starts another runtime at once.
enum class node_state : std::uint8_t { starting, ready, stopping, restarting };

[[nodiscard]] constexpr bool is_ending(node_state s) {
    return s == node_state::stopping || s == node_state::restarting;
}

/// What a node's environment may change; the defaults are cli.md's.
struct node_settings {
    std::size_t line_max = std::size_t{1} << 20;    ///< BEAM_LINE_MAX, at most 64 MiB
    std::size_t output_max = std::size_t{1} << 20;  ///< bytes that wait for one client
    std::size_t requests_max = 1000;                ///< in flight on one connection
    std::uint32_t connections_max = 10'000;
    std::chrono::milliseconds drain = std::chrono::seconds(8);  ///< then requests are cut off
    std::chrono::milliseconds idle = std::chrono::minutes(30);  ///< BEAM_IDLE_EXIT
    std::chrono::milliseconds idle_max = std::chrono::hours(12);
    bool peers_of_other_users = false;  ///< only tests

    std::string log_level = "info";  ///< BEAM_LOG

    /// The environment's, else those of `configured` (node_options::settings), else the defaults.
    [[nodiscard]] BEAM_EXPORT static node_settings from_environment(
        const std::map<std::string, std::string>& configured = {});
};

/// The settings that may change while the node runs.
struct live_settings {
    std::atomic<std::size_t> line_max{0};  ///< for connections made from then on
    std::atomic<std::chrono::milliseconds> idle{};
    std::atomic<std::chrono::milliseconds> idle_max{};

    void take(const node_settings& s) {
        line_max.store(s.line_max);
        idle.store(s.idle);
        idle_max.store(s.idle_max);
    }
};

struct node_context {
    node_options options;
    node_settings settings;  ///< as they were at the start
    live_settings live;
    child_link* link = nullptr;  ///< used by the lifecycle process only, once the node is ready
    unique_fd listen;            ///< the control socket; the acceptor works on a copy

    std::atomic<node_state> state{node_state::starting};
    std::atomic<std::uint32_t> clients{0};
    std::atomic<std::int64_t> last_client_ms{0};  ///< of the steady clock
    std::atomic<std::uint64_t> requests{0};
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

    /// The node's end, with the code of its OS process. Called once, by any thread.
    std::function<void(int code)> finish;
    /// The lifecycle process has read what the parent said.
    std::function<void()> link_read;

    [[nodiscard]] std::int64_t now_ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }
};

/// The registered names of the node's own processes.
namespace node_names {
inline const atom& supervisor() {
    static const atom a("node_sup");
    return a;
}
inline const atom& connections() {
    static const atom a("node_connections");
    return a;
}
inline const atom& events() {
    static const atom a("node_events");
    return a;
}
inline const atom& lifecycle() {
    static const atom a("node_lifecycle");
    return a;
}
inline const atom& cluster() {
    static const atom a("node_cluster");
    return a;
}
inline const atom& acceptor() {
    static const atom a("node_acceptor");
    return a;
}
}  // namespace node_names

}  // namespace beam
