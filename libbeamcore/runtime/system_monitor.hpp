// system_monitor: events about processes that get in the way of others (erlang:system_monitor/2).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam {

struct system_monitor_options {
    /// Report a process that ran longer than this without giving way; 0 = no.
    std::chrono::milliseconds long_schedule{0};
    /// Report a mailbox that reached this length (and again only after it fell below half); 0 = no.
    std::uint32_t long_message_queue = 0;
    /// Report a process whose scheduler was handed over because it did not give way.
    bool hog = true;
};

/// One event. At most one a process and kind each second; `suppressed` counts those left out.
struct system_event {
    enum class kind : std::uint8_t { long_schedule, long_message_queue, hog, hog_limit };
    kind what = kind::hog;
    beam::pid pid;
    std::string registered_name;
    std::string doing;  ///< code or message type
    std::chrono::nanoseconds ran_for{0};
    std::uint32_t queue_length = 0;
    std::uint64_t suppressed = 0;
    /// Of long_schedule, hog and hog_limit: the functions it is in, innermost first, at most 16, as
    /// symbol_of() names them. Empty when it sleeps in the kernel, or they could not be had.
    std::vector<std::string> stack;
};

/// Sends system_event messages to `receiver` from now on; one receiver a node, as in OTP. A false pid ends
/// it; so does the receiver's death.
BEAM_EXPORT void system_monitor(pid receiver, const system_monitor_options& options = {});

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::system_event);
