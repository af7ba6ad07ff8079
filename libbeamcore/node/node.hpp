// A node's runtime process: what beamd-runtime runs.
#pragma once

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/node/node_options.hpp"

namespace beam {

/// Runs one node until it is told to stop, and returns its exit code: 0 after an ordered stop. The
/// parent starts it again after anything else. Talks to the parent through child_link.
BEAM_EXPORT int node_main(const node_options& options);

}  // namespace beam
