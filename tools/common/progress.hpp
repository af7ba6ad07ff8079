// How far a long command is: one line on stderr that is drawn over, if that is a tty, and not with --quiet or --json.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/common/options.hpp"

namespace beam::tool {

class progress {
public:
    /// `what` is done with `unit`: "imported", "keys". `all`: how many there are; 0: nobody knows.
    progress(common_options common, std::string what, std::string unit, std::uint64_t all = 0);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    /// Takes the line away.
    ~progress();

    /// So many are done; drawn ten times a second at most.
    void at(std::uint64_t done);

private:
    const common_options common_;
    const std::string what_, unit_;
    const std::uint64_t all_;
    const bool is_shown_;
    std::chrono::steady_clock::time_point begun_, drawn_{};
};

}  // namespace beam::tool
