// Seeing to it that kv runs on a node that is of a cluster of its.
#pragma once

#include <string>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/pid.hpp"

namespace tenant {

/// To who has started start_kv.
struct kv_runs {};

/// Starts kv on this node, and tells `whom` when it runs: kv_runs. With `has_ended` it gives kv time to come back by itself, and the
/// node to end: then `whom` does, and this process with it (it is to be linked). `application` is for the log.
beam::process start_kv(beam::self me, beam::pid whom, std::string application, bool has_ended);

/// Waits until kv runs here and has found its cluster, as after the start of a node; no longer than 5 s.
[[nodiscard]] beam::awaitable<void> await_kv();

}  // namespace tenant
