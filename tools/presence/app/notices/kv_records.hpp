// What others than the records need of how they lie in kv.
#pragma once

#include <string>

#include "libbeamcore/term/term.hpp"

namespace presence::records {

/// A key of the user's shard: who leads it keeps the user's notices.
[[nodiscard]] std::string leading_key(const std::string& user);

}  // namespace presence::records
