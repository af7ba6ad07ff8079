// Which engine keeps a store, made but not opened.
#pragma once

#include <memory>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/internal/engine.hpp"

namespace beam::store::detail {

/// Errors: `no_engine` (it is not installed; the detail says what was looked for).
[[nodiscard]] result<std::unique_ptr<engine>> make_engine(engine_type type,
                                                          const std::string& folder,
                                                          const open_options& options);

}  // namespace beam::store::detail
