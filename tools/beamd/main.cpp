// beamd: a node. The parent process and the commands are here; the runtime is a program of its own, beamd-runtime.
#include <dlfcn.h>

#include <cstdio>
#include <filesystem>

#include "libbeamcore/node/certificates_entry.hpp"
#include "tools/beamd/beamd.hpp"

namespace {

std::string runtime_path() {
    const std::filesystem::path own = beam::beamd::own_path();
    return (own.parent_path() / BEAMD_RUNTIME).lexically_normal();
}

beam::result<std::vector<beam::dist::certificate_state>> make_certificates(
    const beam::dist::certificates_wish& wish) {
    beam::result<std::vector<beam::dist::certificate_state>> made =
        beam::fail("no_library", "libbeamcore cannot be loaded");
    void* library = ::dlopen(BEAMCORE_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    void* entry = library ? ::dlsym(library, "beam_make_certificates") : nullptr;
    if (entry)
        reinterpret_cast<decltype(beam_make_certificates)*>(entry)(&wish, &made);
    else
        std::fprintf(stderr, "beamd: cannot load libbeamcore: %s\n", ::dlerror());
    return made;
}

}  // namespace

int main(int argc, char** argv) {
    return beam::beamd::run(argc, argv, {runtime_path()}, make_certificates);
}
