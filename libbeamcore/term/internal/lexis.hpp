// What printing and reading Erlang's syntax share: which words are atoms as they stand.
#pragma once

#include <string_view>

namespace beam::lexis {

// Latin-1 letters count as in Erlang; other letters do not.
constexpr bool is_lower(char32_t c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7);
}
constexpr bool is_upper(char32_t c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}
constexpr bool is_digit(char32_t c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_name_character(char32_t c) noexcept {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '@';
}

// Words of the language, which are atoms in quotes only.
bool is_reserved(std::string_view word) noexcept;

}  // namespace beam::lexis
