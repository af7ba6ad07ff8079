// beamd: a node. The parent process and the commands are here; the runtime is libbeamcore, which only
// the child loads.
#include <dlfcn.h>

#include <cstdio>

#include "libbeamcore/node/certificates_entry.hpp"
#include "libbeamcore/node/node.hpp"
#include "tools/beamd/beamd.hpp"

namespace {

// Null, and the reason is on stderr.
template <class Function>
Function* find(const char* name) {
    void* library = ::dlopen(BEAMCORE_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    void* entry = library ? ::dlsym(library, name) : nullptr;
    if (!entry) std::fprintf(stderr, "beamd: cannot load the runtime: %s\n", ::dlerror());
    return reinterpret_cast<Function*>(entry);
}

int run_runtime(const beam::node_options& options) {
    auto* entry = find<decltype(beam_node_main)>("beam_node_main");
    return entry ? entry(&options) : 70;
}

beam::result<std::vector<beam::dist::certificate_state>> make_certificates(
    const beam::dist::certificates_wish& wish) {
    beam::result<std::vector<beam::dist::certificate_state>> made =
        beam::fail("no_library", "libbeamcore cannot be loaded");
    if (auto* entry = find<decltype(beam_make_certificates)>("beam_make_certificates"))
        entry(&wish, &made);
    return made;
}

}  // namespace

int main(int argc, char** argv) {
    return beam::beamd::run(argc, argv, run_runtime, make_certificates);
}
