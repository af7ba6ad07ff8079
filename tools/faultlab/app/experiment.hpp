// An experiment: injects the faults of a plan into a tree of its own and watches, through monitors, pids and
// which_children, what becomes of it. It compares that with the promise and tells the client.
#pragma once

#include <memory>

#include "libbeamcore/runtime/process.hpp"
#include "tools/faultlab/app/lease.hpp"
#include "tools/faultlab/app/run_plan.hpp"

namespace faultlab {

/// What a lease does for a run.
[[nodiscard]] leased_work work_of(std::shared_ptr<const run_plan> plan);

}  // namespace faultlab
