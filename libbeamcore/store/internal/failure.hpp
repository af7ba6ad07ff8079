// The system's error numbers as errors that name the file.
#pragma once

#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// `enospc`; of a number without a name, `errno_N`.
[[nodiscard]] BEAM_EXPORT std::string code_of_errno(int number);
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> failed(int number, const std::string& file);

}  // namespace beam::store::detail
