// beamd: a node. The parent process and the commands are here; the runtime is libbeamcore, which only
// the child loads.
#include <dlfcn.h>

#include <cstdio>

#include "tools/beamd/beamd.hpp"

namespace {

int run_runtime(const beam::node_options& options) {
    void* library = ::dlopen(BEAMCORE_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    void* entry = library ? ::dlsym(library, "beam_node_main") : nullptr;
    if (!entry) {
        std::fprintf(stderr, "beamd: cannot load the runtime: %s\n", ::dlerror());
        return 70;
    }
    return reinterpret_cast<int (*)(const beam::node_options*)>(entry)(&options);
}

}  // namespace

int main(int argc, char** argv) {
    return beam::beamd::run(argc, argv, run_runtime);
}
