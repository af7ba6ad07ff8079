#include "tools/chatctl/app/limits.hpp"

#include "libbeamcore/base/utf8.hpp"

namespace chat {

std::optional<std::string> bad_name(std::string_view what, std::string_view name) {
    std::string w(what);
    if (name.empty()) return w + " is empty";
    if (name.size() > name_max)
        return w + " has " + std::to_string(name.size()) + " bytes, at most " +
               std::to_string(name_max) + " are allowed";
    if (!beam::is_printable_utf8(name)) return w + " has control characters or is not UTF-8";
    if (name.find('/') != std::string_view::npos) return w + " has a slash";
    if (name.front() == ' ' || name.back() == ' ') return w + " begins or ends with a space";
    return {};
}

std::optional<std::string> bad_text(std::string_view text) {
    if (text.empty()) return "the message is empty";
    if (text.size() > text_max)
        return "the message has " + std::to_string(text.size()) + " bytes, at most " +
               std::to_string(text_max) + " are allowed";
    if (!beam::is_valid_utf8(text)) return "the message is not UTF-8";
    return {};
}

}  // namespace chat
