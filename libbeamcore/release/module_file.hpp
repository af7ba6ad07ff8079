// Application modules on disk: where they lie, and what they say of themselves before they are loaded.
//
// A module is NAME-VERSION/NAME.so. Loading one already runs its static constructors, so what decides
// whether it may be loaded stands in an ELF note, which is read as data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

/// What a module's note says.
struct module_note {
    std::uint64_t stamp = 0;  ///< abi_stamp where it was compiled
    std::string name;
    std::string version;
};

/// Reads the note of a file without loading it.
///
/// Errors: `not_found` (or not readable), `bad_module` (not a shared library of this machine, or without
/// a note: it has no BEAM_APPLICATION).
[[nodiscard]] BEAM_EXPORT result<module_note> read_module_note(const std::filesystem::path& file);

/// A module in a folder of modules.
struct module_file {
    std::string name;
    std::string version;
    std::filesystem::path path;
};

/// Where modules are looked for: the folders of BEAM_APPLICATIONS_PATH (separated by colons), then
/// applications_dir().
[[nodiscard]] BEAM_EXPORT std::vector<std::filesystem::path> module_folders();

/// The versions of an application that lie in the folders, newest first; of one version the file in the
/// first folder that has it. An empty name: of all applications, by name.
[[nodiscard]] BEAM_EXPORT std::vector<module_file> find_modules(
    std::string_view name, const std::vector<std::filesystem::path>& folders = module_folders());

/// The application that answers methods whose names begin with `prefix`: what the file PREFIX.alias in one of
/// the folders says (`breaker.alias` holds `ratelimit`), for an application that answers under more than one
/// name; else `prefix` itself.
[[nodiscard]] BEAM_EXPORT std::string method_owner(
    std::string_view prefix, const std::vector<std::filesystem::path>& folders = module_folders());

/// `1.10` after `1.9`: numbers are compared as numbers.
[[nodiscard]] BEAM_EXPORT int compare_versions(std::string_view a, std::string_view b);

/// Names that an application may have: a lower case letter, then those, digits and `_`.
[[nodiscard]] BEAM_EXPORT bool is_application_name(std::string_view name);

/// The hexadecimal text of a stamp, as messages show it.
[[nodiscard]] BEAM_EXPORT std::string stamp_text(std::uint64_t stamp);

}  // namespace beam
