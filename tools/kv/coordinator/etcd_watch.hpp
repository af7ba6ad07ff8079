// etcd_watch: waits for changes of a cluster's keys, by a stream that etcd keeps open. For one thread.
//
// A stream that breaks is opened again from the revision after the last one told, so nothing is missed; one that is
// silent though revisions go on elsewhere is asked about (a connection may be dead without either side knowing).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/etcd_cluster.hpp"

namespace kv {

class etcd_watch {
public:
    /// `seen_rev`: a revision that etcd has told elsewhere; by any thread.
    etcd_watch(const etcd_options& options, known_cluster& known,
               std::function<std::uint64_t()> seen_rev);

    /// See coordinator::wait.
    [[nodiscard]] bool wait(std::uint64_t rev, steady_time deadline);
    void interrupt() { cluster_.gateway().interrupt(); }

private:
    enum class news : std::uint8_t { none, some, broken };

    [[nodiscard]] bool open();
    [[nodiscard]] news take(const std::string& line);
    [[nodiscard]] bool has_missed_some();

    etcd_cluster cluster_;
    const std::function<std::uint64_t()> seen_rev_;
    std::uint64_t told_ = 0;     // all changes up to here were told
    std::uint64_t checked_ = 0;  // no change from told_ up to here, by a look
    std::optional<steady_time> ahead_since_;
    std::size_t failures_ = 0;   // to open a stream, one after the other
    bool is_confirmed_ = false;  // etcd has said that this stream watches
};

}  // namespace kv
