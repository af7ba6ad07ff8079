// Random numbers: a fast generator that a seed repeats exactly, and the kernel's for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// One step of splitmix64: spreads seeds that are close to each other.
[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15ULL;
    std::uint64_t x = state;
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

/// xoshiro256**: a UniformRandomBitGenerator. The same seed gives the same numbers in every version.
/// Not for secrets. Not thread-safe: one a thread.
class random_generator {
public:
    using result_type = std::uint64_t;

    explicit constexpr random_generator(std::uint64_t seed) {
        for (auto& word : state_) word = splitmix64(seed);
    }

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

    constexpr result_type operator()() {
        auto rotl = [](std::uint64_t x, unsigned k) { return (x << k) | (x >> (64 - k)); };
        const std::uint64_t value = rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17U;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = rotl(state_[3], 45);
        return value;
    }

    /// Uniform in [0, n), without bias (Lemire). `n` is at least 1.
    constexpr std::uint64_t below(std::uint64_t n) {
        __extension__ using wide = unsigned __int128;
        wide product = static_cast<wide>((*this)()) * n;
        if (static_cast<std::uint64_t>(product) < n) {
            const std::uint64_t threshold = (0 - n) % n;
            while (static_cast<std::uint64_t>(product) < threshold)
                product = static_cast<wide>((*this)()) * n;
        }
        return static_cast<std::uint64_t>(product >> 64U);
    }

    /// Uniform in [0, 1), 53 bits.
    constexpr double real() { return static_cast<double>((*this)() >> 11U) * 0x1p-53; }

    /// True with probability `p`.
    constexpr bool chance(double p) { return real() < p; }

private:
    std::array<std::uint64_t, 4> state_{};
};

/// Fills `size` bytes with the kernel's random numbers; aborts the node if there are none.
BEAM_EXPORT void secure_random(void* bytes, std::size_t size);

[[nodiscard]] BEAM_EXPORT std::uint64_t secure_random_64();

/// `bytes` secure random bytes in hexadecimal: cookies, tokens.
[[nodiscard]] BEAM_EXPORT std::string secure_random_hex(std::size_t bytes);

}  // namespace beam
