#include "tools/kv/coordinator/etcd_text.hpp"

#include <charconv>

#include "libbeamcore/base/base64.hpp"

namespace kv {

using beam::base64_encode;

std::uint64_t number_in(const json& object, const char* name) {
    if (!object.is_object()) return 0;
    const auto it = object.find(name);
    if (it == object.end()) return 0;
    if (it->is_number_unsigned()) return it->get<std::uint64_t>();
    if (!it->is_string()) return 0;
    const auto& text = it->get_ref<const std::string&>();
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

std::string bytes_in(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto it = object.find(name);
    if (it == object.end() || !it->is_string()) return {};
    return beam::base64_decode(it->get_ref<const std::string&>()).value_or(std::string());
}

std::string text_in(const json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto it = object.find(name);
    return it == object.end() || !it->is_string() ? std::string() : it->get<std::string>();
}

bool flag_in(const json& object, const char* name) {
    if (!object.is_object()) return false;
    const auto it = object.find(name);
    return it != object.end() && it->is_boolean() && it->get<bool>();
}

const json& array_in(const json& object, const char* name) {
    static const json none = json::array();
    if (!object.is_object()) return none;
    const auto it = object.find(name);
    return it == object.end() || !it->is_array() ? none : *it;
}

std::uint64_t revision_of(const json& answer) {
    if (!answer.is_object()) return 0;
    const auto it = answer.find("header");
    return it == answer.end() ? 0 : number_in(*it, "revision");
}

std::string etcd_keys::key(std::string_view relative) const {
    return base64_encode(prefix_ + std::string(relative));
}

std::string etcd_keys::end_of(std::string_view relative_prefix) const {
    std::string end = prefix_ + std::string(relative_prefix);
    ++end.back();  // '/' in all of ours
    return base64_encode(end);
}

json etcd_keys::put(std::string_view k, std::string_view value, const std::string& lease) const {
    json p{{"key", key(k)}, {"value", base64_encode(value)}};
    if (!lease.empty()) p["lease"] = lease;
    return {{"request_put", std::move(p)}};
}
json etcd_keys::get(std::string_view k) const {
    return {{"request_range", {{"key", key(k)}}}};
}
json etcd_keys::get_all(std::string_view prefix) const {
    return {{"request_range", {{"key", key(prefix)}, {"range_end", end_of(prefix)}}}};
}
json etcd_keys::erase(std::string_view k) const {
    return {{"request_delete_range", {{"key", key(k)}}}};
}
json etcd_keys::erase_all(std::string_view prefix) const {
    return {{"request_delete_range", {{"key", key(prefix)}, {"range_end", end_of(prefix)}}}};
}
json etcd_keys::is_absent(std::string_view k) const {
    return {{"key", key(k)}, {"target", "CREATE"}, {"result", "EQUAL"}, {"create_revision", "0"}};
}
json etcd_keys::is_of_rev(std::string_view k, std::uint64_t rev) const {
    return {{"key", key(k)},
            {"target", "MOD"},
            {"result", "EQUAL"},
            {"mod_revision", std::to_string(rev)}};
}
json etcd_keys::has_value(std::string_view k, std::string_view value) const {
    return {
        {"key", key(k)}, {"target", "VALUE"}, {"result", "EQUAL"}, {"value", base64_encode(value)}};
}

std::vector<kept_value> etcd_keys::kept_in(const json& range) const {
    std::vector<kept_value> found;
    for (const json& kv : array_in(range, "kvs")) {
        std::string whole = bytes_in(kv, "key");
        if (!whole.starts_with(prefix_)) continue;
        found.push_back(
            {whole.substr(prefix_.size()), bytes_in(kv, "value"), number_in(kv, "mod_revision")});
    }
    return found;
}

}  // namespace kv
