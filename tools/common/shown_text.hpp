// Text from elsewhere, made safe to show on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace beam::tool {

/// One line whatever is in it: control characters and what is not UTF-8 become escapes (`\n`, `\x1b`),
/// as do the characters that turn the direction of text around.
[[nodiscard]] std::string shown_text(std::string_view text);

/// The first character of `text`: its code point and how many bytes it takes. What is not UTF-8 gives
/// its first byte and the length 0.
struct decoded_character {
    char32_t code = 0;
    std::size_t length = 0;
};
[[nodiscard]] decoded_character decode_utf8(std::string_view text);

}  // namespace beam::tool
