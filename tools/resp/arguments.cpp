#include "tools/resp/arguments.hpp"

#include <charconv>

namespace resp {

std::string small(std::string_view name) {
    std::string text(name);
    for (char& ch : text)
        if (ch >= 'A' && ch <= 'Z') ch = char(ch - 'A' + 'a');
    return text;
}

bool equals(std::string_view argument, std::string_view capitals) {
    if (argument.size() != capitals.size()) return false;
    for (std::size_t i = 0; i < capitals.size(); ++i)
        if (capital(argument[i]) != capitals[i]) return false;
    return true;
}

std::optional<std::int64_t> integer_of(std::string_view argument) {
    std::int64_t value = 0;
    const char* end = argument.data() + argument.size();
    const auto [at, ec] = std::from_chars(argument.data(), end, value);
    if (ec != std::errc() || at != end) return {};
    const std::string_view digits = argument.substr(argument.front() == '-');
    if (digits.size() > 1 && digits.front() == '0') return {};
    if (argument == "-0") return {};
    return value;
}

}  // namespace resp
