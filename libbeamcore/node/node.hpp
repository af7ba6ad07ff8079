// A node's runtime process: what `beamd --child` runs.
#pragma once

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/node/node_options.hpp"

namespace beam {

/// Runs one node until it is told to stop, and returns its exit code: 0 after an ordered stop. The
/// parent starts it again after anything else. Talks to the parent through child_link.
BEAM_EXPORT int node_main(const node_options& options);

}  // namespace beam

/// node_main under a name that beamd can look up: the parent does not load libbeamcore, which would
/// cost it memory and every start some milliseconds; only `--child` does, with dlopen.
extern "C" BEAM_EXPORT int beam_node_main(const beam::node_options* options);
