// What the parts of a run tell its experiment: all of it is also what the experiment has seen.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace faultlab {

/// A worker has done one task.
struct task_done {
    beam::pid worker;
};

/// A program ended, or never became ready.
struct program_ended {
    std::string name;
    std::string how;  ///< `exited with 0`, `was killed by signal 9`, `not ready within 10s`
};

/// What a worker says when it is asked whether it is there.
struct pulse {
    std::uint64_t done = 0;   ///< tasks since it was started: its state, kept in memory only
    std::int64_t os_pid = 0;  ///< of a program
};

/// Answers `pulse_of`, whichever kind of child it is asked of.
struct pulse_request {
    using reply = pulse;
};
[[nodiscard]] inline beam::future<pulse> pulse_of(beam::pid child, beam::timeout limit) {
    return beam::call<pulse_request>(child, limit);
}

/// The scope of the groups that say which starts must fail: see worker.hpp.
[[nodiscard]] inline beam::atom failing_scope() {
    return beam::atom("faultlab_failing");
}

}  // namespace faultlab
