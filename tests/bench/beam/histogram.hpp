// Latencies, kept exactly enough: 64 buckets to each power of two (1.6 % wide), the maximum exact.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bench {

class histogram {
public:
    void record(std::int64_t ns) {
        auto v = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
        max_ = std::max(max_, v);
        ++counts_[index(v)];
        ++total_;
    }

    [[nodiscard]] double percentile_us(double p) const {
        auto left = static_cast<std::int64_t>(std::max(1.0, std::ceil(double(total_) * p / 100)));
        for (std::size_t i = 0; i < counts_.size(); ++i)
            if ((left -= counts_[i]) <= 0) return value(i) / 1000;
        return max_us();
    }
    [[nodiscard]] double max_us() const { return double(max_) / 1000; }

private:
    static constexpr int sub_bits = 6;
    static std::size_t index(std::uint64_t v) {
        int e = std::max(0, static_cast<int>(std::bit_width(v)) - sub_bits - 1);
        return (static_cast<std::size_t>(e) << sub_bits) + static_cast<std::size_t>(v >> e);
    }
    /// The middle of a bucket.
    static double value(std::size_t i) {
        if (i < 2u << sub_bits) return static_cast<double>(i);
        auto e = (i >> sub_bits) - 1;
        return static_cast<double>(((i - (e << sub_bits)) << e) + (std::size_t{1} << e) / 2);
    }

    std::array<std::int64_t, std::size_t{65 - sub_bits} << sub_bits> counts_{};
    std::int64_t total_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace bench
