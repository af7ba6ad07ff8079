#include "tools/kv/app/limits.hpp"

namespace kv {

std::optional<std::string> bad_key(const std::string& key) {
    if (key.empty()) return "a key is not empty";
    if (key.size() > key_max)
        return "the key has " + std::to_string(key.size()) + " bytes; at most 1024 are allowed";
    return std::nullopt;
}

std::optional<std::string> bad_value(const std::string& value) {
    if (value.size() <= value_max) return std::nullopt;
    return "the value has " + std::to_string(value.size()) + " bytes; at most 1 MiB is allowed";
}

std::optional<std::string> bad_ttl(const std::optional<std::int64_t>& ttl_ms) {
    if (!ttl_ms || (*ttl_ms > 0 && *ttl_ms <= ttl_max_ms)) return std::nullopt;
    return "a ttl is longer than 0 and at most 1000 years";
}

}  // namespace kv
