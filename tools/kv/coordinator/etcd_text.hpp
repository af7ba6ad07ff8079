// etcd_text: the shapes of etcd's JSON: base64 keys and values, numbers as strings, fields that are absent at their default.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kv/coordinator/values.hpp"

namespace kv {

using nlohmann::json;

/// Of an int64, which is a string; absent: 0.
[[nodiscard]] std::uint64_t number_in(const json& object, const char* name);
/// The text of a base64 field; absent, or none: empty.
[[nodiscard]] std::string bytes_in(const json& object, const char* name);
/// A text as it stands; absent, or none: empty.
[[nodiscard]] std::string text_in(const json& object, const char* name);
/// Absent, or none: false.
[[nodiscard]] bool flag_in(const json& object, const char* name);
/// The array of that name; absent: empty.
[[nodiscard]] const json& array_in(const json& object, const char* name);
/// The revision that an answer's header tells.
[[nodiscard]] std::uint64_t revision_of(const json& answer);

/// The keys of one cluster: "/beamcore/NAME/" and then those of values.hpp.
class etcd_keys {
public:
    explicit etcd_keys(const std::string& cluster) : prefix_("/beamcore/" + cluster + "/") {}

    /// For `key`, `range_end` fields.
    [[nodiscard]] std::string key(std::string_view relative) const;
    [[nodiscard]] std::string end_of(std::string_view relative_prefix) const;

    // Operations of a transaction, and their conditions.

    [[nodiscard]] json put(std::string_view key, std::string_view value,
                           const std::string& lease = {}) const;
    [[nodiscard]] json get(std::string_view key) const;
    [[nodiscard]] json get_all(std::string_view prefix) const;
    [[nodiscard]] json erase(std::string_view key) const;
    [[nodiscard]] json erase_all(std::string_view prefix) const;
    [[nodiscard]] json is_absent(std::string_view key) const;
    /// Absent for 0.
    [[nodiscard]] json is_of_rev(std::string_view key, std::uint64_t rev) const;
    [[nodiscard]] json has_value(std::string_view key, std::string_view value) const;

    /// `kvs` of a range's answer, with relative keys.
    [[nodiscard]] std::vector<kept_value> kept_in(const json& range) const;

private:
    std::string prefix_;
};

}  // namespace kv
