// inline_words: the words of an inline command, by the quoting rules of redis-server and redis-cli.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace beam::io::resp::detail {

/// Adds the words of `line` to `words`; their bytes are in `text`, which is written anew. White space
/// stands between words. "..." knows \n \r \t \b \a \xHH, and \ before any other byte is that byte;
/// '...' knows \' only. False: a quote is not closed, or no white space follows a closing one.
[[nodiscard]] bool split_words(std::string_view line, std::string& text,
                               std::vector<std::string_view>& words);

}  // namespace beam::io::resp::detail
