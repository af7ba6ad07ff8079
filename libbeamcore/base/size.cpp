#include "libbeamcore/base/size.hpp"

#include <array>
#include <optional>

#include "libbeamcore/base/internal/decimal.hpp"

namespace beam {
namespace {

constexpr std::string_view prefixes = "KMGTP";

std::uint64_t power(std::uint64_t base, std::size_t exponent) {
    std::uint64_t n = 1;
    for (; exponent > 0; --exponent) n *= base;
    return n;
}

std::optional<std::uint64_t> unit_of(std::string_view name) {
    if (name.empty() || name == "B") return 1;
    if (name == "kB") return 1000;
    auto i = prefixes.find(name.front());
    if (i == std::string_view::npos) return std::nullopt;
    auto rest = name.substr(1);
    if (rest.empty() || rest == "iB") return power(1024, i + 1);
    if (rest == "B" && name.front() != 'K') return power(1000, i + 1);
    return std::nullopt;
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

}  // namespace

result<std::uint64_t> parse_size(std::string_view text) {
    if (text.empty()) return fail("empty", "a size is missing, such as 64K");
    auto number = internal::read_decimal(text);
    if (number.length == 0) return fail("bad_number", quoted(text) + " is not a size such as 64K");
    auto name = text.substr(number.length);
    auto unit = unit_of(name);
    if (!unit)
        return fail("unknown_unit",
                    "no unit " + quoted(name) + "; K, M, G are powers of 1024, kB, MB, GB of 1000");
    auto bytes = internal::scale(number, *unit);
    if (!bytes) return fail("out_of_range", quoted(text) + " is too large");
    if (!bytes->exact) return fail("not_whole", quoted(text) + " is not a whole number of bytes");
    return bytes->value;
}

std::string print_size(std::uint64_t bytes) {
    std::size_t i = 0;
    while (i < prefixes.size() && bytes >= power(1024, i + 1)) ++i;
    if (i == 0) return std::to_string(bytes) + 'B';
    auto unit = power(1024, i);
    auto whole = bytes / unit;
    auto tenths = ((bytes % unit) * 10 + unit / 2) / unit;
    if (tenths == 10) {
        ++whole;
        tenths = 0;
    }
    if (whole == 1024 && i < prefixes.size()) {
        whole = 1;
        ++i;
    }
    auto text = std::to_string(whole);
    if (tenths != 0) text += '.' + std::to_string(tenths);
    return text + prefixes[i - 1];
}

}  // namespace beam
