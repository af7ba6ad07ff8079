#include "libbeamcore/dist/internal/builtin/erlang_format.hpp"

#include <string_view>
#include <vector>

#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

// A stranger's text is cut where nobody would read on.
constexpr std::size_t text_max = 16'000;

// The directive at `at`, behind its `~`: field width, precision, padding and modifiers lie in front of its letter.
std::size_t letter_of(std::string_view format, std::size_t at) {
    while (at < format.size()) {
        const char c = format[at];
        if (c == '.' && at + 1 < format.size() && format[at + 1] != '*' &&
            (format[at + 1] < '0' || format[at + 1] > '9'))
            at += 2;  // a padding character
        else if ((c >= '0' && c <= '9') || c == '-' || c == '.' || c == '*' || c == 't' || c == 'l')
            ++at;
        else
            break;
    }
    return at;
}

std::size_t arguments_of(char letter) {
    switch (letter) {
        case 'n':
        case '~':
            return 0;
        case 'P':
        case 'W':
        case 'X':
        case 'x':
            return 2;  // a depth or a prefix besides
        default:
            return 1;
    }
}

std::string one(char letter, const term& value) {
    if (letter == 's') return text_or_term(value);
    if (letter == 'i') return {};
    if (letter == 'c')
        return chardata_text(list({value})).value_or(to_string(value, {.max_bytes = text_max}));
    // ~p shows printable lists as texts.
    if ((letter == 'p' || letter == 'P') && value.is_list() && !value.is_nil())
        if (const auto text = chardata_text(value)) return '"' + *text + '"';
    return to_string(value, {.max_bytes = text_max});
}

}  // namespace

std::string text_or_term(const term& t) {
    if (const auto text = chardata_text(t)) return text->substr(0, text_max);
    if (const auto name = t.as_atom()) return std::string(name->name());
    return to_string(t, {.max_bytes = text_max});
}

std::string format_text(const term& format, const term& arguments) {
    const std::string text = text_or_term(format);
    const auto given = arguments.as_list().value_or(std::vector<term>{arguments});
    std::string made;
    std::size_t next = 0;
    for (std::size_t at = 0; at < text.size() && made.size() < text_max; ++at) {
        if (text[at] != '~') {
            made += text[at];
            continue;
        }
        const std::size_t letter = letter_of(text, at + 1);
        if (letter >= text.size()) break;
        const std::size_t wanted = arguments_of(text[letter]);
        // `*` takes its width from the arguments.
        for (std::size_t i = at; i < letter; ++i)
            if (text[i] == '*') ++next;
        if (wanted == 0)
            made += text[letter] == 'n' ? '\n' : '~';
        else if (next < given.size())
            made += one(text[letter], given[next]);
        else
            made.append(text, at, letter - at + 1);
        next += wanted;
        at = letter;
    }
    return made;
}

}  // namespace beam::dist::detail
