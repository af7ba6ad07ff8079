// beamd-runtime: the runtime process of a node. beamd starts it, and starts it again; it is not for people.
#include <cstdio>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/node/node.hpp"

// jemalloc's, where it is linked: what is not used goes back to the system within a second, also from a node that does nothing
// any more. Without that thread only who allocates gives back.
extern "C" BEAM_EXPORT const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000";

int main(int argc, char** argv) {
    if (argc > 1) return beam::node_main(beam::child_options({argv + 1, argv + argc}));
    std::fputs("beamd-runtime: beamd starts this; try: beamd --help\n", stderr);
    return 2;
}
