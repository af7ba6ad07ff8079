// The commands of breaker: each asks the node and prints. The breakers are in tools/ratelimit/app.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/common/tool.hpp"

namespace breaker {

struct call_options {
    std::string name;
    std::uint64_t permit = 0;  ///< 0: the oldest
    std::string took;          ///< a duration, or empty
    std::string slow;          ///< likewise
    std::string reason;
};

struct force_options {
    std::string name;
    std::string time;  ///< a duration, or empty: until it is reset
    std::string reason;
};

/// An option of `set` and its text, by the name that the node knows.
using settings = std::vector<std::pair<std::string, std::string>>;

beam::tool::exit_code status(beam::client& node, const std::string& name);
beam::tool::exit_code list(beam::client& node, const std::string& state);
beam::tool::exit_code allow(beam::client& node, const call_options& o);
/// `method`: success or failure.
beam::tool::exit_code tell(beam::client& node, const char* method, const call_options& o);
beam::tool::exit_code run(beam::client& node, const call_options& o,
                          const std::vector<std::string>& command);
/// `method`: trip, reset, disable or enable.
beam::tool::exit_code force(beam::client& node, const char* method, const force_options& o);
beam::tool::exit_code set(beam::client& node, const std::string& name, const settings& changes);
beam::tool::exit_code forget(beam::client& node, const std::string& name);
/// `on_open`: a command of the shell for each that opens, or empty.
beam::tool::exit_code watch(beam::client& node, const std::string& name, const std::string& on_open,
                            const beam::tool::stream_limits& limits);

}  // namespace breaker
