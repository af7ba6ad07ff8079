// A local pid in one word, so that it may be read while it is exchanged.
#pragma once

#include <atomic>
#include <cstdint>

#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

class atomic_pid {
public:
    [[nodiscard]] pid load() const {
        const std::uint64_t word = word_.load();
        return {std::uint32_t(word), std::uint32_t(word >> 32), 0};
    }
    void store(const pid& p) { word_.store(std::uint64_t(p.serial) << 32 | p.id); }

private:
    std::atomic<std::uint64_t> word_{0};
};

}  // namespace beam::detail
