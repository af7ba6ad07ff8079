// Values as applications write them: a term, marked with the format's number; and numbers in keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace tenant {

template <class T>
[[nodiscard]] std::string stored(const T& value) {
    const beam::term format = 1;  // a later version converts what it finds
    return beam::store::encode_term(format, beam::to_term(value));
}

/// Error: `{bad_record, Key, Why}`.
template <class T>
[[nodiscard]] beam::outcome<T> read_value(const std::string& key, const std::string& bytes) {
    const auto bad = [&](const std::string& why) {
        return beam::fail_term(beam::tuple(beam::atom("bad_record"), key, why));
    };
    auto read = beam::store::decode_term(bytes);
    if (!read) return bad(read.error().code + ": " + read.error().detail);
    auto value = beam::from_term<T>(read->value);
    if (!value) return bad(value.error().detail);
    return *std::move(value);
}
/// What cannot be read ends the caller, with that reason.
template <class T>
[[nodiscard]] T value_of(const std::string& key, const std::string& bytes) {
    beam::outcome<T> value = read_value<T>(key, bytes);
    if (!value) beam::exit(value.error());
    return *std::move(value);
}

/// 16 hexadecimal digits, so that the order of keys is that of the numbers.
inline constexpr std::size_t digits_length = 16;
[[nodiscard]] inline std::string digits(std::uint64_t n) {
    char text[digits_length + 1];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(n));
    return text;
}

}  // namespace tenant
