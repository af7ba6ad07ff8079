#include "libbeamcore/io/internal/inline_words.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace beam::io::resp::detail {

namespace {

// What may stand before a word and after a closing quote.
constexpr std::string_view white_space = " \t\n\v\f\r";
// What ends a word.
constexpr std::string_view separators = " \t\n\r";

bool is_in(std::string_view set, char c) {
    return set.find(c) != std::string_view::npos;
}

char escaped(char c) {
    switch (c) {
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'b':
            return '\b';
        case 'a':
            return '\a';
        default:
            return c;
    }
}

class words_reader {
public:
    words_reader(std::string_view line, std::string& text) : line_(line), text_(text) {}

    void skip_white_space() {
        while (!ended() && is_in(white_space, line_[at_])) ++at_;
    }
    [[nodiscard]] bool ended() const { return at_ == line_.size(); }

    // Appends one word; it may have quoted parts, of which each ends it.
    [[nodiscard]] bool read_word() {
        while (!ended() && !is_in(separators, line_[at_])) {
            const char c = line_[at_++];
            if (c == '"' || c == '\'') return read_quoted(c);
            text_ += c;
        }
        return true;
    }

private:
    bool read_quoted(char quote) {
        while (!ended()) {
            const char c = line_[at_++];
            if (c == quote) return ended() || is_in(white_space, line_[at_]);
            if (c != '\\' || ended()) {
                text_ += c;
            } else if (quote == '"') {
                read_escape();
            } else if (line_[at_] == '\'') {
                text_ += line_[at_++];
            } else {
                text_ += c;
            }
        }
        return false;
    }

    void read_escape() {
        if (auto digits = line_.substr(at_, 3); digits.size() == 3 && digits[0] == 'x') {
            std::uint8_t byte = 0;
            const auto read = std::from_chars(digits.data() + 1, digits.data() + 3, byte, 16);
            if (read.ptr == digits.data() + 3) {
                text_ += char(byte);
                at_ += 3;
                return;
            }
        }
        text_ += escaped(line_[at_++]);
    }

    std::string_view line_;
    std::string& text_;
    std::size_t at_ = 0;
};

}  // namespace

bool split_words(std::string_view line, std::string& text, std::vector<std::string_view>& words) {
    text.clear();
    text.reserve(line.size());  // no word is longer than it was written: the views stay right
    words_reader reader(line, text);
    for (reader.skip_white_space(); !reader.ended(); reader.skip_white_space()) {
        const auto first = text.size();
        if (!reader.read_word()) return false;
        words.emplace_back(text.data() + first, text.size() - first);
    }
    return true;
}

}  // namespace beam::io::resp::detail
