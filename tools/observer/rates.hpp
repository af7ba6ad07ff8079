// Reductions a second, from one answer to the next.
#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace observer {

class rates {
public:
    using clock = std::chrono::steady_clock;

    /// Adds `reductions_per_s` to every process in `answer` (a list, or one process) that the answer
    /// before had too. An answer of its own measuring is left as it is.
    void add_to(nlohmann::json& answer, clock::time_point now = clock::now());

private:
    std::map<std::string, double> before_;
    clock::time_point at_;
};

}  // namespace observer
