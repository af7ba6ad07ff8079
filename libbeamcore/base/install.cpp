#include "libbeamcore/base/install.hpp"

#include <dlfcn.h>

#include <system_error>

namespace beam {

std::string_view version() {
    return BEAM_VERSION;
}

std::filesystem::path applications_dir() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&version), &info) == 0 || info.dli_fname == nullptr)
        return {};
    std::error_code ignored;
    auto library = std::filesystem::weakly_canonical(info.dli_fname, ignored);
    auto installed = library.parent_path() / "beamcore";
    if (std::filesystem::is_directory(installed, ignored)) return installed;
    return library.parent_path().parent_path() / "apps";
}

std::filesystem::path sysconf_dir() {
    return BEAM_SYSCONF_DIR;
}

}  // namespace beam
