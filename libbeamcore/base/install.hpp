// Where this copy of libbeamcore lies, and what came with it.
#pragma once

#include <filesystem>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// This library's version, such as 0.1.0.
[[nodiscard]] BEAM_EXPORT std::string_view version();

/// The folder of installed applications, NAME-VERSION/NAME.so each: beside this library, wherever
/// that was moved to. In a build folder it is that build's.
[[nodiscard]] BEAM_EXPORT std::filesystem::path applications_dir();

/// The folder for configuration of the whole machine, CMake's sysconfdir.
[[nodiscard]] BEAM_EXPORT std::filesystem::path sysconf_dir();

}  // namespace beam
