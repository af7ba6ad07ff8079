#include "tools/resp/info_text.hpp"

#include "tools/resp/arguments.hpp"

namespace resp {

bool info_text::begin(std::string_view section) {
    const bool is_wanted = wanted_.empty() || equals(wanted_, "ALL") ||
                           equals(wanted_, "EVERYTHING") || equals(wanted_, "DEFAULT") ||
                           small(wanted_) == small(section);
    if (!is_wanted) return false;
    if (!text_.empty()) text_ += "\r\n";
    text_.append("# ").append(section).append("\r\n");
    return true;
}

void info_text::line(std::string_view name, std::string_view value) {
    text_.append(name).append(":").append(value).append("\r\n");
}

void info_text::count(std::string_view name, std::int64_t n) {
    line(name, std::to_string(n));
}

}  // namespace resp
