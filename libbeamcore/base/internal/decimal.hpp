// Reading decimal numbers digit by digit: no locale, no rounding through a double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace beam::internal {

struct decimal {
    std::uint64_t whole = 0;
    std::string_view fraction;  // the digits behind the point
    std::size_t length = 0;     // of the text that was read; 0: no number
    bool overflow = false;      // whole does not fit
};

inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// The number that `text` begins with: digits, or digits, a point and digits.
inline decimal read_decimal(std::string_view text) {
    decimal d;
    std::size_t i = 0;
    for (; i < text.size() && is_digit(text[i]); ++i) {
        if (__builtin_mul_overflow(d.whole, 10U, &d.whole) ||
            __builtin_add_overflow(d.whole, static_cast<unsigned>(text[i] - '0'), &d.whole)) {
            d.overflow = true;
        }
    }
    if (i == 0) return d;
    d.length = i;
    if (i < text.size() && text[i] == '.') {
        std::size_t end = i + 1;
        while (end < text.size() && is_digit(text[end])) ++end;
        if (end > i + 1) {
            d.fraction = text.substr(i + 1, end - i - 1);
            d.length = end;
        }
    }
    return d;
}

struct scaled {
    std::uint64_t value = 0;
    bool exact = true;
};

/// The number times `unit`, rounded down; nothing if it does not fit. `unit` is at most 2^60.
inline std::optional<scaled> scale(const decimal& d, std::uint64_t unit) {
    if (d.overflow) return std::nullopt;
    scaled s;
    if (__builtin_mul_overflow(d.whole, unit, &s.value)) return std::nullopt;
    // Long division by hand: the remainder stays below 10 * unit whatever the number of digits.
    __extension__ using wide = unsigned __int128;
    constexpr std::size_t digits_max = 18;
    wide part = 0, power = 1;
    for (std::size_t i = 0; i < d.fraction.size(); ++i) {
        if (i >= digits_max) {
            if (d.fraction[i] != '0') s.exact = false;
            continue;
        }
        part = part * 10 + static_cast<unsigned>(d.fraction[i] - '0');
        power *= 10;
    }
    wide product = part * unit;
    if (product % power != 0) s.exact = false;
    if (__builtin_add_overflow(s.value, static_cast<std::uint64_t>(product / power), &s.value)) {
        return std::nullopt;
    }
    return s;
}

}  // namespace beam::internal
