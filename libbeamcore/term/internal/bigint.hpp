// Integers of any size, sign and magnitude: what terms need of them, which is not arithmetic.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/term/term.hpp"

namespace beam::bigint {

using limbs = std::vector<std::uint64_t>;  // least significant first, the last not zero

// The integer term of that value: a small one where it fits.
term make(bool negative, limbs magnitude);
// The integer of a 128-bit value.
__extension__ typedef __int128 wide;
term make(wide value);

std::span<const std::uint64_t> magnitude(const detail::term_node* n) noexcept;
bool is_negative(const detail::term_node* n) noexcept;

// < 0, 0, > 0.
int compare_magnitudes(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) noexcept;
int compare(const detail::term_node* a, const detail::term_node* b) noexcept;
int compare(std::int64_t a, double b) noexcept;
int compare(const detail::term_node* a, double b) noexcept;

// The double nearest to it (ties to even); infinite where it is too large.
double to_double(const detail::term_node* n) noexcept;
// The integer that d, which is finite, is without its fraction.
term from_double(double d);

std::string to_text(bool negative, std::span<const std::uint64_t> magnitude);
// Digits only, at least one, all below `base`; else none.
std::optional<limbs> parse(std::string_view digits, int base);

}  // namespace beam::bigint
