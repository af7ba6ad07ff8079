// coordinator_threads: what of a coordinator_process blocks in its backend runs on the dirty pool: one call at a time, and one
// wait for changes. In a deterministic node calls are made in the process's own turn.
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
    /// Interrupts what blocks, and waits for nothing: what is under way has the backend as long as it needs it, and tells a
    /// process that is gone.
    ~coordinator_threads();

    /// One at a time: job_done comes for it.
    void start(std::shared_ptr<coordinator_job> job);
    /// may_have_changed comes once, when there may be a later revision, or after `limit`.
    void watch(std::uint64_t rev, std::chrono::milliseconds limit);

    /// See coordinator::tend_every.
    [[nodiscard]] std::chrono::milliseconds tend_every() const { return backend_->tend_every(); }

private:
    std::shared_ptr<coordinator> backend_;
    beam::pid process_;
    bool is_deterministic_;
};

}  // namespace kv
