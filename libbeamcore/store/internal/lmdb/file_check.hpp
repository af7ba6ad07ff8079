// Whether a file that is shorter than LMDB made it has lost anything.
#pragma once

#include <lmdb.h>

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// Looks at an environment that was just opened, and brings a short file that has lost nothing to its
/// length. The cost is a walk through a short file, and nothing for another.
///
/// Errors: `corrupt`; the file is then as it was.
[[nodiscard]] result<void> check_length(MDB_env* env, const std::string& file);

}  // namespace beam::store::detail
