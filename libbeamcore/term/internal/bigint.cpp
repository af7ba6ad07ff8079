#include "libbeamcore/term/internal/bigint.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace beam::bigint {
namespace {

__extension__ typedef unsigned __int128 uwide;

void multiply_add(limbs& value, std::uint64_t factor, std::uint64_t add) {
    uwide carry = add;
    for (auto& limb : value) {
        carry += uwide(limb) * factor;
        limb = std::uint64_t(carry);
        carry >>= 64;
    }
    if (carry != 0) value.push_back(std::uint64_t(carry));
}

std::uint64_t divide(limbs& value, std::uint64_t divisor) {
    uwide rest = 0;
    for (auto i = value.size(); i-- > 0;) {
        rest = rest << 64 | value[i];
        value[i] = std::uint64_t(rest / divisor);
        rest %= divisor;
    }
    while (!value.empty() && value.back() == 0) value.pop_back();
    return std::uint64_t(rest);
}

int digit_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

// |d| >= 1, whole.
limbs magnitude_of(double d) {
    int exponent;
    auto mantissa = std::uint64_t(std::ldexp(std::frexp(std::fabs(d), &exponent), 53));
    int shift = exponent - 53;
    if (shift <= 0) return {mantissa >> -shift};
    limbs made(std::size_t(shift) / 64, 0);
    auto bits = unsigned(shift) % 64;
    made.push_back(mantissa << bits);
    if (bits > 0 && (mantissa >> (64 - bits)) != 0) made.push_back(mantissa >> (64 - bits));
    return made;
}

}  // namespace

term make(bool negative, limbs magnitude) {
    while (!magnitude.empty() && magnitude.back() == 0) magnitude.pop_back();
    if (magnitude.empty()) return 0;
    constexpr auto min_magnitude = std::uint64_t(1) << 62;  // of the least small integer
    if (magnitude.size() == 1 && magnitude[0] < min_magnitude)
        return negative ? -std::int64_t(magnitude[0]) : std::int64_t(magnitude[0]);
    if (magnitude.size() == 1 && magnitude[0] == min_magnitude && negative)
        return -std::int64_t(min_magnitude);
    auto bytes = magnitude.size() * sizeof(std::uint64_t);
    auto* n = detail::new_node(term_kind::integer, magnitude.size(), bytes);
    n->flags = negative;
    std::memcpy(static_cast<void*>(n + 1), magnitude.data(), bytes);
    return detail::term_access::from_node(n);
}

term make(wide value) {
    auto m = value < 0 ? -uwide(value) : uwide(value);
    return make(value < 0, {std::uint64_t(m), std::uint64_t(m >> 64)});
}

std::span<const std::uint64_t> magnitude(const detail::term_node* n) noexcept {
    return {reinterpret_cast<const std::uint64_t*>(n + 1), n->size};
}

bool is_negative(const detail::term_node* n) noexcept {
    return n->flags != 0;
}

int compare_magnitudes(std::span<const std::uint64_t> a,
                       std::span<const std::uint64_t> b) noexcept {
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    for (auto i = a.size(); i-- > 0;)
        if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
    return 0;
}

int compare(const detail::term_node* a, const detail::term_node* b) noexcept {
    if (is_negative(a) != is_negative(b)) return is_negative(a) ? -1 : 1;
    auto c = compare_magnitudes(magnitude(a), magnitude(b));
    return is_negative(a) ? -c : c;
}

int compare(std::int64_t a, double b) noexcept {
    constexpr double two63 = 9223372036854775808.0;
    if (b >= two63) return -1;
    if (b < -two63) return 1;
    auto whole = std::int64_t(b);
    if (a != whole) return a < whole ? -1 : 1;
    auto fraction = b - double(whole);
    return fraction > 0 ? -1 : fraction < 0 ? 1 : 0;
}

int compare(const detail::term_node* a, double b) noexcept {
    // A big integer is beyond 2^62, where every double is whole.
    bool negative = is_negative(a);
    if (std::signbit(b) != negative || std::fabs(b) < 1) return negative ? -1 : 1;
    // Without allocating: the double's bits are those of its mantissa, shifted.
    int exponent;
    auto mantissa = std::uint64_t(std::ldexp(std::frexp(std::fabs(b), &exponent), 53));
    auto m = magnitude(a);
    auto bits = std::int64_t(m.size()) * 64 - std::countl_zero(m.back());
    int c = 0;
    if (bits != exponent) {
        c = bits < exponent ? -1 : 1;
    } else {
        auto shift = unsigned(exponent - 53);  // bits == exponent >= 63
        auto first = shift / 64, off = shift % 64;
        for (auto i = m.size(); i-- > 0 && c == 0;) {
            std::uint64_t limb = i == first                   ? mantissa << off
                                 : i == first + 1 && off != 0 ? mantissa >> (64 - off)
                                                              : 0;
            if (m[i] != limb) c = m[i] < limb ? -1 : 1;
        }
    }
    return negative ? -c : c;
}

double to_double(const detail::term_node* n) noexcept {
    auto m = magnitude(n);
    auto bits = m.size() * 64 - std::size_t(std::countl_zero(m.back()));
    // The top 64 bits, the last of which also stands for all below it: enough to round right.
    std::uint64_t top = m.back();
    bool rest = false;
    if (bits > 64) {
        auto shift = (bits - 64) % 64, from = (bits - 64) / 64;
        top = m[from] >> shift;
        if (shift != 0) {
            top |= m[from + 1] << (64 - shift);
            rest = (m[from] << (64 - shift)) != 0;
        }
        for (std::size_t i = 0; i < from && !rest; ++i) rest = m[i] != 0;
    }
    if (rest) top |= 1;
    if (bits > 2000)
        return is_negative(n) ? -std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::infinity();
    auto value = std::ldexp(double(top), bits > 64 ? int(bits - 64) : 0);
    return is_negative(n) ? -value : value;
}

term from_double(double d) {
    d = std::trunc(d);
    if (std::fabs(d) < 1) return 0;
    return make(d < 0, magnitude_of(d));
}

std::string to_text(bool negative, std::span<const std::uint64_t> magnitude) {
    constexpr std::uint64_t chunk = 10'000'000'000'000'000'000u;  // 19 digits
    limbs left(magnitude.begin(), magnitude.end());
    std::string reversed;
    while (!left.empty()) {
        auto digits = divide(left, chunk);
        for (int i = 0; i < 19 && (digits != 0 || !left.empty()); ++i) {
            reversed += char('0' + digits % 10);
            digits /= 10;
        }
    }
    if (reversed.empty()) reversed = "0";
    if (negative) reversed += '-';
    std::reverse(reversed.begin(), reversed.end());
    return reversed;
}

std::optional<limbs> parse(std::string_view digits, int base) {
    if (digits.empty()) return {};
    limbs made;
    std::uint64_t factor = 1, add = 0;
    for (char c : digits) {
        auto value = digit_value(c);
        if (value >= base) return {};
        add = add * unsigned(base) + unsigned(value);
        factor *= unsigned(base);
        if (factor < std::numeric_limits<std::uint64_t>::max() / 36 / 36) continue;
        multiply_add(made, factor, add);
        factor = 1, add = 0;
    }
    if (factor > 1) multiply_add(made, factor, add);
    while (!made.empty() && made.back() == 0) made.pop_back();
    return made;
}

}  // namespace beam::bigint
