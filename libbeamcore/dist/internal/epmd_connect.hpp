// Connecting to EPMD, within a time limit.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::dist::detail {

class time_left {
public:
    explicit time_left(std::chrono::milliseconds limit) : end_(monotonic_time() + limit) {}
    [[nodiscard]] std::chrono::nanoseconds operator()() const {
        return std::max(std::chrono::nanoseconds(0), end_ - monotonic_time());
    }
    [[nodiscard]] bool none() const { return (*this)().count() == 0; }

private:
    std::chrono::nanoseconds end_;
};

/// As io::connect_tcp.
[[nodiscard]] awaitable<result<io::connection>> connect_to_epmd(std::string address,
                                                                std::uint16_t port, time_left left);

}  // namespace beam::dist::detail
