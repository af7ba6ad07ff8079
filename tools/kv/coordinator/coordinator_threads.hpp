// coordinator_threads: the threads of a coordinator_process that block in its backend: one for calls, one that waits for
// changes. In a deterministic node there are none: calls are made in the process's own turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "libbeamcore/runtime/runtime.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/coordinator_job.hpp"

namespace kv {

class coordinator_threads {
public:
    coordinator_threads(std::unique_ptr<coordinator> backend, beam::runtime& node,
                        beam::pid process);
    coordinator_threads(const coordinator_threads&) = delete;
    coordinator_threads& operator=(const coordinator_threads&) = delete;
    /// Interrupts what blocks. A thread that does not come back (a file that another process holds locked) is left behind;
    /// it tells nobody any more.
    ~coordinator_threads();

    /// One at a time: job_done comes for it.
    void start(std::shared_ptr<coordinator_job> job);
    /// may_have_changed comes once, when there may be a later revision, or after `limit`.
    void watch(std::uint64_t rev, std::chrono::milliseconds limit);

private:
    struct shared_state;
    std::shared_ptr<shared_state> state_;
    bool is_deterministic_;
};

}  // namespace kv
