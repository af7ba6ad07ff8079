// coordinator_job: what a coordinator_process has its threads do, and what they tell it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"

namespace kv {

/// One piece of work for the backend.
struct coordinator_job {
    std::function<void(coordinator&)> work;    ///< on the thread
    std::function<void()> finish;              ///< then, in the process
    std::function<void(beam::error)> give_up;  ///< in the process, when it takes too long, or threw
    bool writes = false;                       ///< so that once begun it is `unknown`, not undone
    std::chrono::nanoseconds deadline{};       ///< on the node's clock
    std::string thrown{};                      ///< what the work threw
};

/// Messages to the process.
struct job_done {
    std::shared_ptr<coordinator_job> job;
};
struct may_have_changed {};

}  // namespace kv
