#include "libbeamcore/base/duration.hpp"

#include <array>
#include <cstdint>
#include <limits>

#include "libbeamcore/base/internal/decimal.hpp"

namespace beam {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t ns;
};

constexpr std::array<unit, 6> units{{
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
}};

constexpr auto ns_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::size_t letters(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() &&
           ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z')))
        ++n;
    return n;
}

const unit* find_unit(std::string_view name) {
    for (const auto& u : units)
        if (u.name == name) return &u;
    return nullptr;
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

std::uint64_t magnitude(std::chrono::nanoseconds duration) {
    auto n = duration.count();
    return n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
}

}  // namespace

result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
    if (text.empty()) return fail("empty", "a duration is missing, such as 30s");
    if (text == "0") return std::chrono::nanoseconds{0};

    std::uint64_t total = 0;
    std::uint64_t smallest = std::numeric_limits<std::uint64_t>::max();
    bool fraction_seen = false;
    for (auto rest = text; !rest.empty();) {
        auto number = internal::read_decimal(rest);
        if (number.length == 0 || fraction_seen)
            return fail("bad_number", quoted(text) + " is not a duration such as 30s or 1m30s");
        rest.remove_prefix(number.length);
        auto name = rest.substr(0, letters(rest));
        rest.remove_prefix(name.size());
        if (name.empty()) {
            if (!rest.empty())
                return fail("bad_number", quoted(text) + " is not a duration such as 30s or 1m30s");
            return fail("missing_unit", quoted(text) + " has no unit: us, ms, s, m, h or d");
        }
        const auto* u = find_unit(name);
        if (u == nullptr)
            return fail("unknown_unit", "no unit " + quoted(name) + " among us, ms, s, m, h, d");
        if (u->ns >= smallest)
            return fail("unit_order", quoted(text) + " must go from large units to small ones");
        smallest = u->ns;
        fraction_seen = !number.fraction.empty();

        auto part = internal::scale(number, u->ns);
        if (part && !part->exact) ++part->value;
        if (!part || __builtin_add_overflow(total, part->value, &total) || total > ns_max)
            return fail("out_of_range", quoted(text) + " is longer than 292 years");
    }
    return std::chrono::nanoseconds{static_cast<std::int64_t>(total)};
}

std::string print_duration(std::chrono::nanoseconds duration) {
    auto n = magnitude(duration);
    if (n == 0) return "0s";
    std::size_t i = 0;
    while (i + 1 < units.size() && n < units[i].ns) ++i;
    auto count = n / units[i].ns + (n % units[i].ns != 0 ? 1 : 0);
    // Rounding up may have made a whole one of the next unit.
    while (i > 0 && count * units[i].ns >= units[i - 1].ns) {
        --i;
        count = count * units[i + 1].ns / units[i].ns;
    }
    auto text = std::to_string(count) + std::string(units[i].name);
    return duration.count() < 0 ? '-' + text : text;
}

std::string print_duration_exact(std::chrono::nanoseconds duration) {
    auto n = magnitude(duration);
    if (n == 0) return "0s";
    std::string text = duration.count() < 0 ? "-" : "";
    for (const auto& u : units) {
        bool last = u.ns == units.back().ns;
        auto count = n / u.ns;
        auto left = n % u.ns;
        if (count == 0 && !(last && left != 0)) continue;
        text += std::to_string(count);
        if (last && left != 0) {
            auto digits = std::to_string(left);
            digits.insert(0, 3 - digits.size(), '0');
            digits.erase(digits.find_last_not_of('0') + 1);
            text += '.' + digits;
        }
        text += u.name;
        n = left;
    }
    return text;
}

}  // namespace beam
