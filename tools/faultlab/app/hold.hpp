// A hold: a process that keeps another from running for a while, and lets it go whatever happens to whoever
// wanted it.
#pragma once

#include <chrono>

#include "libbeamcore/runtime/process.hpp"

namespace faultlab {

/// What a hold tells the process that started it: `victim` is held from now on.
struct held {
    beam::pid victim;
};
/// It runs again; or it was not there to be held.
struct released {
    beam::pid victim;
    bool was_held = true;
};

/// Suspends `victim` for `time`, most of the time only if `slow`. It ends early when the caller does.
/// Sends `held`, unless there is no such process, and `released`.
void start_hold(beam::pid victim, std::chrono::milliseconds time, bool slow);

}  // namespace faultlab
