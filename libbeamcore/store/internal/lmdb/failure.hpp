// LMDB's error numbers, which the system's are among, as errors that name the file.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

[[nodiscard]] error lmdb_failure(int number, const std::string& file);
/// After which the file is not to be trusted by who has it open: the process ends and opens it anew.
[[nodiscard]] bool is_fatal(int number);

}  // namespace beam::store::detail
