// `TOOL batch`: many requests from stdin, answered in order.
#pragma once

#include <string>

#include "tools/common/client.hpp"
#include "tools/common/exit_code.hpp"

namespace beam::tool {

/// Reads requests from descriptor `input`, one a line (`{"method":"put","params":{...}}`, `prefix`
/// left out), sends them with many in flight, and prints the answers in order, one a line:
/// `{"result":...}` or `{"error":...}`, with the request's `id` if it had one. Keeps going after
/// errors; a malformed line is answered with exit 65. Returns the worst code.
[[nodiscard]] exit_code run_batch(client& node, const std::string& prefix, int input);

}  // namespace beam::tool
