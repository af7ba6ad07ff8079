// Terms to Erlang syntax, without recursion.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/lexis.hpp"
#include "libbeamcore/term/internal/list_part.hpp"
#include "libbeamcore/term/internal/small_stack.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {

bool lexis::is_reserved(std::string_view word) noexcept {
    static constexpr std::string_view words[] = {
        "after", "and",  "andalso", "band",   "begin",   "bnot", "bor", "bsl",  "bsr",
        "bxor",  "case", "catch",   "cond",   "div",     "end",  "fun", "if",   "let",
        "not",   "of",   "or",      "orelse", "receive", "rem",  "try", "when", "xor"};
    return std::binary_search(std::begin(words), std::end(words), word);
}

namespace {

using detail::term_access;

bool is_plain_atom(std::string_view text) noexcept {
    if (text.empty() || lexis::is_reserved(text)) return false;
    for (bool first = true; !text.empty(); first = false) {
        auto c = decode_utf8(text);
        if (!(first ? lexis::is_lower(c.code) : lexis::is_name_character(c.code))) return false;
        text.remove_prefix(c.length);
    }
    return true;
}

// The letter after the backslash, or 0.
char escape_letter(char32_t c) noexcept {
    switch (c) {
        case '\n':
            return 'n';
        case '\t':
            return 't';
        case '\r':
            return 'r';
        case '\v':
            return 'v';
        case '\b':
            return 'b';
        case '\f':
            return 'f';
        case 0x1b:
            return 'e';
        case 0x7f:
            return 'd';
        default:
            return 0;
    }
}

void append_escaped(std::string& out, std::string_view text, char quote) {
    while (!text.empty()) {
        auto c = decode_utf8(text);
        if (auto letter = escape_letter(c.code)) {
            (out += '\\') += letter;
        } else if (c.code == char32_t(quote) || c.code == '\\') {
            (out += '\\') += char(c.code);
        } else if (c.code < ' ' || (c.code >= 0x80 && c.code < 0xa0)) {
            out += '\\';
            for (int shift = 6; shift >= 0; shift -= 3) out += char('0' + (c.code >> shift & 7));
        } else if (!is_printable(c.code)) {
            char hex[16];
            auto end = std::to_chars(hex, hex + sizeof hex, std::uint32_t(c.code), 16).ptr;
            std::transform(hex, end, hex, [](char h) { return h >= 'a' ? char(h - 32) : h; });
            out.append("\\x{").append(hex, end) += '}';
        } else {
            out += text.substr(0, c.length);
        }
        text.remove_prefix(c.length);
    }
}

void append_atom(std::string& out, atom a) {
    auto text = a.name();
    if (is_plain_atom(text)) {
        out += text;
        return;
    }
    out += '\'';
    append_escaped(out, text, '\'');
    out += '\'';
}

template <class Int>
void append_number(std::string& out, Int i) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, i).ptr);
}

// As Erlang writes it: the shortest digits that read back the same, without an exponent where that
// is no longer; from 2^53 on, where digits begin to stand for more than is there, always with one.
void append_float(std::string& out, double d) {
    if (std::signbit(d)) out += '-';
    d = std::fabs(d);
    if (d == 0) {
        out += "0.0";
        return;
    }
    char text[32];
    auto* end = std::to_chars(text, text + sizeof text, d, std::chars_format::scientific).ptr;
    auto* e = std::find(text, end, 'e');
    std::string digits(text, 1);
    if (e - text > 2) digits.append(text + 2, e);
    int exponent = 0;
    std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);

    int length = int(digits.size()), point = exponent + 1;  // 0.DIGITS times 10^point
    auto exponent_length = int(std::to_string(exponent).size());
    int cost = exponent_length + 1 + (length == 1 ? 2 : 1);
    if (point > 0 && point < length) {
        out.append(digits, 0, std::size_t(point)).append(".").append(digits, std::size_t(point));
    } else if (point == 0) {
        out.append("0.").append(digits);
    } else if (point < 0 && 2 - point <= cost) {
        out.append("0.").append(std::size_t(-point), '0').append(digits);
    } else if (point > 0 && point - length + 2 <= cost && d < 9007199254740992.0) {
        out.append(digits).append(std::size_t(point - length), '0').append(".0");
    } else {
        (out += digits[0]) += '.';
        out.append(length == 1 ? "0" : digits.substr(1)).append("e");
        append_number(out, exponent);
    }
}

// Whether a binary is shown as text: all of it can be read, or is an escape with a letter.
bool is_text(std::string_view bytes, bool& ascii) noexcept {
    ascii = true;
    while (!bytes.empty()) {
        auto c = decode_utf8(bytes);
        if (!c.valid || (c.code != 0x7f && escape_letter(c.code) == 0 && !is_printable(c.code)) ||
            c.code == 0x7f)
            return false;
        ascii = ascii && c.code < 0x80;
        bytes.remove_prefix(c.length);
    }
    return true;
}

class printer {
public:
    explicit printer(std::size_t max)
        : max_(max == 0 ? std::string::npos : std::max(max, std::size_t(8))) {}

    std::string run(const term& t) {
        value(t);
        while (!left_.empty() && out_.size() <= max_) step();
        if (out_.size() <= max_) return std::move(out_);
        auto keep = max_ - 3;
        while (keep > 0 && (static_cast<unsigned char>(out_[keep]) & 0xc0) == 0x80) --keep;
        out_.resize(keep);
        return std::move(out_ += "...");
    }

private:
    // A container of which some elements are not printed yet.
    struct open {
        const term* at;
        std::size_t count;
        const term* tail;  // of a list
        term_kind kind;
        bool first;
        bool is_value;  // of a map: what comes is a value
    };

    void step() {
        auto& top = left_.top();
        if (top.count == 0) {
            if (top.kind == term_kind::list) {
                if (auto part = detail::part_of(*top.tail); part.count > 0) {
                    top.at = part.first, top.count = part.count, top.tail = part.tail;
                    return;
                }
                if (!top.tail->is_nil()) {
                    out_ += '|';
                    top.at = top.tail;  // then only the bracket is left
                    top.count = 1;
                    static const term nothing = nil;
                    top.tail = &nothing;
                    top.first = true;
                    return;
                }
                out_ += ']';
            } else {
                out_ += '}';
            }
            left_.pop();
            return;
        }
        if (top.is_value)
            out_ += " => ";
        else if (!top.first)
            out_ += ',';
        top.first = false;
        if (top.kind == term_kind::map) top.is_value = !top.is_value;
        const auto* t = top.at++;
        --top.count;
        value(*t);  // `top` may move
    }

    void value(const term& t) {
        switch (t.kind()) {
            case term_kind::integer:
                if (auto i = t.as_int64())
                    append_number(out_, *i);
                else
                    big(t);
                break;
            case term_kind::floating:
                append_float(out_, *t.as_double());
                break;
            case term_kind::atom:
                append_atom(out_, *t.as_atom());
                break;
            case term_kind::ref:
                out_ += to_string(*t.as_ref());
                break;
            case term_kind::port:
                out_ += to_string(*t.as_port());
                break;
            case term_kind::pid:
                out_ += to_string(*t.as_pid());
                break;
            case term_kind::fun:
                fun(*t.as_fun());
                break;
            case term_kind::bitstring:
                bits(t);
                break;
            case term_kind::nil:
                out_ += "[]";
                break;
            case term_kind::tuple: {
                auto e = t.elements();
                out_ += '{';
                left_.push({e.data(), e.size(), nullptr, term_kind::tuple, true, false});
                break;
            }
            case term_kind::map: {
                auto e = t.entries();
                out_ += "#{";
                left_.push({e.empty() ? nullptr : &e[0].key, 2 * e.size(), nullptr, term_kind::map,
                            true, false});
                break;
            }
            case term_kind::list: {
                auto part = detail::part_of(t);
                out_ += '[';
                left_.push({part.first, part.count, part.tail, term_kind::list, true, false});
                break;
            }
        }
    }

    void big(const term& t) {
        const auto* n = term_access::node(t);
        out_ += bigint::to_text(bigint::is_negative(n), bigint::magnitude(n));
    }

    void fun(const beam::fun& f) {
        out_ += f.external ? "fun " : "#Fun<";
        append_atom(out_, f.module);
        out_ += f.external ? ':' : '.';
        append_atom(out_, f.name);
        out_ += f.external ? '/' : '.';
        append_number(out_, f.arity);
        if (f.external) return;
        out_ += '.';
        append_number(out_, f.unique);
        out_ += '>';
    }

    void bits(const term& t) {
        auto bytes = t.bytes();
        auto size = t.bit_size();
        bool ascii = true;
        // What is beyond the limit need not be looked at; a code point cut there does not count.
        auto shown = bytes;
        if (max_ != std::string::npos && shown.size() > max_ + 1) {
            shown = shown.substr(0, max_ + 1);
            while (!shown.empty() &&
                   (static_cast<unsigned char>(bytes[shown.size()]) & 0xc0) == 0x80)
                shown.remove_suffix(1);
        }
        out_ += "<<";
        if (size % 8 == 0 && !shown.empty() && is_text(shown, ascii)) {
            out_ += '"';
            append_escaped(out_, shown, '"');
            out_ += ascii ? "\"" : "\"/utf8";
        } else {
            for (std::size_t i = 0; i < bytes.size() && out_.size() <= max_; ++i) {
                if (i > 0) out_ += ',';
                auto byte = unsigned(static_cast<unsigned char>(bytes[i]));
                bool partial = i + 1 == bytes.size() && size % 8 != 0;
                append_number(out_, partial ? byte >> (8 - size % 8) : byte);
                if (partial) (out_ += ':') += char('0' + size % 8);
            }
        }
        out_ += ">>";
    }

    std::size_t max_;
    std::string out_;
    detail::small_stack<open, 12> left_;
};

}  // namespace

std::string to_string(const term& t, const print_options& options) {
    return printer(options.max_bytes).run(t);
}

std::string to_string(atom a) {
    std::string text;
    append_atom(text, a);
    return text;
}

}  // namespace beam
