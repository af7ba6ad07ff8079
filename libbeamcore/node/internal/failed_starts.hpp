// Applications that do not start: how often each was tried of late, and why it failed. A request starts what it needs, so a
// thousand requests a second would try, and log, a thousand times what a damaged file will not let happen.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/node/internal/json_rpc.hpp"

namespace beam::control {

/// As a supervisor's restart intensity: after `starts_max` failed starts within `period` there is no further try until the first
/// of them is older than that; the answer is the last failure, and when the next try is. Used by any process of a node.
/// Exported for its tests.
class BEAM_EXPORT failed_starts {
public:
    using clock = std::chrono::steady_clock;

    static constexpr std::size_t starts_max = 5;
    static constexpr std::chrono::seconds period{5};

    /// The node's of the calling process.
    [[nodiscard]] static failed_starts& current();

    /// Why not to try now; none: try.
    [[nodiscard]] std::optional<rpc::failure> answer(const std::string& application,
                                                     clock::time_point now);
    /// A try that began then has failed. Requests that waited for one and the same try say so each, and it counts once.
    void add(const std::string& application, rpc::failure why, clock::time_point began,
             clock::time_point now);
    /// It runs.
    void forget(const std::string& application);

private:
    struct history {
        std::deque<clock::time_point> failed;  // the last starts_max
        rpc::failure last;
    };

    std::mutex mutex_;
    std::map<std::string, history> applications_;
};

}  // namespace beam::control
