#include "tools/observer/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/shown_text.hpp"

namespace observer {

using beam::tool::decode_utf8;
using nlohmann::json;

namespace {

struct range {
    char32_t first, last;
};

bool is_in(char32_t c, const range* begin, const range* end) {
    return std::any_of(begin, end, [c](range r) { return c >= r.first && c <= r.last; });
}

// The C library's wcwidth depends on the locale, which may know nothing beyond ASCII.
std::size_t columns_of(char32_t c) {
    static constexpr range none[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},
                                     {0x610, 0x61A},   {0x64B, 0x65F},   {0x1AB0, 0x1AFF},
                                     {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x20D0, 0x20FF},
                                     {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}};
    static constexpr range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
                                     {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},
                                     {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                     {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F},
                                     {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if (c < 0x300) return 1;
    if (is_in(c, std::begin(none), std::end(none))) return 0;
    return is_in(c, std::begin(wide), std::end(wide)) ? 2 : 1;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
    constexpr const char* units[] = {"", "K", "M", "G", "T", "P"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.95 would be written 1024.0.
    while (value >= (unit == 0 ? 1024 : 1023.5) && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit > 0 && value < 9.95 ? "%.1f%s" : "%.0f%s", value,
                  units[unit]);
    return text;
}

std::string uptime_text(std::int64_t ms) {
    const bool whole = ms >= 10'000;
    return beam::print_duration_exact(std::chrono::milliseconds(whole ? ms / 1000 * 1000 : ms));
}

std::size_t width_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto c = decode_utf8(text);
        columns += c.length > 0 ? columns_of(c.code) : 1;
        text.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
    if (width_of(text) <= columns) return std::string(text);
    if (columns == 0) return {};
    std::string kept;
    for (std::size_t used = 0; !text.empty();) {
        const auto c = decode_utf8(text);
        const std::size_t length = std::max<std::size_t>(c.length, 1);
        used += c.length > 0 ? columns_of(c.code) : 1;
        if (used > columns - 1) break;
        kept += text.substr(0, length);
        text.remove_prefix(length);
    }
    return kept + "…";
}

std::string pad(std::string_view text, std::size_t columns, bool right) {
    const std::size_t width = width_of(text);
    const std::string blanks(width < columns ? columns - width : 0, ' ');
    return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string shown_value(const json& value) {
    if (value.is_null()) return {};
    return beam::tool::shown_text(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string text_of(const json& object, const char* key) {
    const auto at = object.find(key);
    return at == object.end() ? std::string() : shown_value(*at);
}

std::int64_t number_of(const json& object, const char* key) {
    const auto at = object.find(key);
    return at != object.end() && at->is_number() ? at->get<std::int64_t>() : 0;
}

std::string number_text(const json& object, const char* key) {
    return std::to_string(number_of(object, key));
}

}  // namespace observer
