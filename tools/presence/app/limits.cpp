#include "tools/presence/app/limits.hpp"

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/pubsub/tracker_entry.hpp"

namespace presence {

namespace {

std::string too_long(std::string_view what, std::size_t bytes, std::size_t most) {
    return std::string(what) + " has " + std::to_string(bytes) + " bytes, at most " +
           std::to_string(most) + " are allowed";
}

}  // namespace

beam::tracker::config tracker_config() {
    beam::tracker::config c;
    constexpr std::size_t of_the_application = 1024;  // topic, status, kind, since
    c.meta_bytes_max = meta_max + of_the_application;
    return c;
}

std::optional<std::string> bad_name(std::string_view what, std::string_view name) {
    if (name.empty()) return std::string(what) + " is empty";
    if (name.size() > name_max) return too_long(what, name.size(), name_max);
    if (!beam::is_printable_utf8(name))
        return std::string(what) + " has control characters or is not UTF-8";
    if (name.front() == ' ' || name.back() == ' ')
        return std::string(what) + " begins or ends with a space";
    return std::nullopt;
}

std::optional<std::string> bad_status(std::string_view text) {
    if (text.size() > name_max) return too_long("the status", text.size(), name_max);
    if (!beam::is_printable_utf8(text)) return "the status has control characters or is not UTF-8";
    return std::nullopt;
}

std::optional<std::string> bad_meta(const beam::term& meta) {
    if (meta == beam::term()) return std::nullopt;
    if (!meta.is_map()) return "the meta is no JSON object";
    if (const auto bytes = beam::tracker::encoded_bytes(meta); bytes > meta_max)
        return too_long("the meta", bytes, meta_max);
    return std::nullopt;
}

}  // namespace presence
