// Erlang syntax to terms, without recursion: containers being read are on a stack of our own.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/internal/bigint.hpp"
#include "libbeamcore/term/internal/lexis.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam {
namespace {

// Thrown and caught in this file only: how a deep loop gives up. What the caller sees is a result.
struct stopped {
    error why;
};

class parser {
public:
    parser(std::string_view text, const parse_options& options) : text_(text), options_(options) {}

    term whole() {
        auto t = read();
        blanks();
        if (peek() == '.') ++at_, blanks();
        if (at_ < text_.size()) unexpected("the end of the text");
        return t;
    }

    std::vector<term> all() {
        std::vector<term> made;
        for (blanks(); at_ < text_.size(); blanks()) {
            made.push_back(read());
            blanks();
            if (peek() != '.') unexpected("'.'");
            ++at_;
        }
        return made;
    }

private:
    enum class open_kind { tuple, list, list_tail, map_key, map_value };
    struct open {
        open_kind kind;
        std::size_t first;  // where its elements begin in values_
    };

    // -- containers -------------------------------------------------------------------------------

    term read() {
        for (;;) {
            blanks();
            if (opens()) continue;  // an element comes, or the container was empty
            if (!have_) values_.push_back(scalar());
            have_ = false;
            while (!open_.empty() && !goes_on()) {
            }
            if (!open_.empty()) continue;
            auto t = std::move(values_.back());
            values_.clear();
            return t;
        }
    }

    // Reads an opening bracket. An empty container is a value at once (have_).
    bool opens() {
        open_kind kind;
        char closing;
        auto from = at_;
        if (take("{"))
            kind = open_kind::tuple, closing = '}';
        else if (take("["))
            kind = open_kind::list, closing = ']';
        else if (take("#{"))
            kind = open_kind::map_key, closing = '}';
        else
            return false;
        if (open_.size() >= options_.depth_max)
            stop(from, "too_deep",
                 "more than " + std::to_string(options_.depth_max) + " brackets in each other");
        blanks();
        if (peek() != closing) {
            open_.push_back({kind, values_.size()});
            return true;
        }
        ++at_;
        values_.push_back(kind == open_kind::tuple  ? tuple()
                          : kind == open_kind::list ? term(nil)
                                                    : map());
        have_ = true;
        return false;
    }

    // After an element: true if another one comes, false if that container is a value now.
    bool goes_on() {
        auto& top = open_.back();
        blanks();
        switch (top.kind) {
            case open_kind::tuple:
                if (take(",")) return true;
                if (!take("}")) unexpected("',' or '}'");
                close(tuple_of(taken(top.first)));
                return false;
            case open_kind::list:
                if (take(",")) return true;
                if (take("|")) {
                    top.kind = open_kind::list_tail;
                    return true;
                }
                if (!take("]")) unexpected("',', '|' or ']'");
                close(list_of(taken(top.first)));
                return false;
            case open_kind::list_tail: {
                if (!take("]")) unexpected("']'");
                auto tail = std::move(values_.back());
                values_.pop_back();
                close(list_of(taken(top.first), std::move(tail)));
                return false;
            }
            case open_kind::map_key:
                if (!take("=>")) unexpected("'=>'");
                top.kind = open_kind::map_value;
                return true;
            case open_kind::map_value:
                if (take(",")) {
                    top.kind = open_kind::map_key;
                    return true;
                }
                if (!take("}")) unexpected("',' or '}'");
                std::vector<map_entry> entries;
                for (auto i = top.first; i < values_.size(); i += 2)
                    entries.push_back({std::move(values_[i]), std::move(values_[i + 1])});
                values_.resize(top.first);
                close(map_of(std::move(entries)));
                return false;
        }
        return false;
    }

    std::vector<term> taken(std::size_t first) {
        auto from = values_.begin() + std::ptrdiff_t(first);
        std::vector<term> elements(std::make_move_iterator(from),
                                   std::make_move_iterator(values_.end()));
        values_.resize(first);
        return elements;
    }

    void close(term t) {
        open_.pop_back();
        values_.push_back(std::move(t));
    }

    // -- what is in no brackets -------------------------------------------------------------------

    term scalar() {
        auto c = character();
        if (lexis::is_digit(c) || c == '-' || c == '+') return number();
        if (lexis::is_lower(c)) return word();
        switch (c) {
            case '\'':
                return quoted_atom();
            case '"':
                return string();
            case '$':
                ++at_;
                return std::uint32_t(one_character());
            case '<':
                return text_.substr(at_).starts_with("<<") ? bits() : identifier_of_process();
            case '#':
                return reference_or_port();
            default:
                unexpected("a term");
        }
    }

    term word() {
        auto from = at_;
        auto text = name();
        if (text == "fun") return external_fun(from);
        if (lexis::is_reserved(text))
            stop(from, "syntax",
                 "expected a term, found the reserved word " + std::string(text) +
                     "; as an atom it is written '" + std::string(text) + "'");
        return made_atom(from, text);
    }

    std::string_view name() {
        auto from = at_;
        while (at_ < text_.size()) {
            auto c = decode_utf8(text_.substr(at_));
            if (!c.valid || !lexis::is_name_character(c.code)) break;
            at_ += c.length;
        }
        return text_.substr(from, at_ - from);
    }

    atom made_atom(std::size_t from, std::string_view text) {
        if (!options_.create_atoms) {
            if (auto a = existing_atom(text)) return *a;
            stop(from, "unknown_atom", "there is no atom " + std::string(text.substr(0, 80)));
        }
        auto a = try_atom(text);
        if (!a) stop(from, a.error().code, a.error().detail);
        return *a;
    }

    atom quoted_atom() {
        auto from = at_;
        return made_atom(from, quoted('\''));
    }

    atom any_atom() {
        blanks();
        if (peek() == '\'') return quoted_atom();
        auto from = at_;
        if (!lexis::is_lower(character())) unexpected("an atom");
        return made_atom(from, name());
    }

    term external_fun(std::size_t from) {
        beam::fun f;
        f.external = true;
        blanks();
        if (!lexis::is_lower(character()) && peek() != '\'')
            stop(from, "syntax", "expected a term, found a fun that is not fun Module:Name/Arity");
        f.module = any_atom();
        blanks();
        if (!take(":")) unexpected("':'");
        f.name = any_atom();
        blanks();
        if (!take("/")) unexpected("'/'");
        blanks();
        f.arity = plain_number<std::uint32_t>();
        return f;
    }

    term identifier_of_process() {
        pid p;
        ++at_;
        p.node = plain_number<std::uint32_t>();
        expect(".");
        p.id = plain_number<std::uint32_t>();
        expect(".");
        p.serial = plain_number<std::uint32_t>();
        expect(">");
        return p;
    }

    term reference_or_port() {
        if (take("#Port<")) {
            port p;
            p.node = plain_number<std::uint32_t>();
            expect(".");
            p.id = plain_number<std::uint64_t>();
            expect(">");
            return p;
        }
        if (!take("#Ref<")) unexpected("a term");
        ref r;
        r.node = plain_number<std::uint32_t>();
        std::uint32_t words[5];
        std::size_t n = 0;
        while (n < 5 && take(".")) words[n++] = plain_number<std::uint32_t>();
        if (n == 0) unexpected("'.'");
        expect(">");
        for (std::size_t i = 0; i < n; ++i) r.words[i] = words[n - 1 - i];
        return r;
    }

    template <class Int>
    Int plain_number() {
        Int value{};
        auto [end, failed] =
            std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
        if (failed != std::errc()) unexpected("a number");
        at_ = std::size_t(end - text_.data());
        return value;
    }

    // -- numbers ----------------------------------------------------------------------------------

    term number() {
        auto from = at_;
        bool negative = false;
        if (peek() == '-' || peek() == '+') {
            negative = peek() == '-';
            ++at_;
            blanks();
            if (peek() == '$') {
                ++at_;
                auto code = std::int64_t(one_character());
                return negative ? -code : code;
            }
            if (!lexis::is_digit(character())) unexpected("a number");
        }
        auto whole = digits(from, 10);
        if (peek() == '#') {
            int base = 0;
            std::from_chars(whole.data(), whole.data() + whole.size(), base);
            if (base < 2 || base > 36 || whole.size() > 2)
                stop(from, "syntax", "expected a base from 2 to 36, found " + whole.substr(0, 20));
            ++at_;
            whole = digits(from, base);
            if (whole.empty()) unexpected("a digit of base " + std::to_string(base));
            return bigint::make(negative, *bigint::parse(whole, base));
        }
        bool is_float = peek() == '.' && at_ + 1 < text_.size() &&
                        lexis::is_digit(static_cast<unsigned char>(text_[at_ + 1]));
        if (!is_float) return bigint::make(negative, *bigint::parse(whole, 10));
        ++at_;
        whole += '.' + digits(from, 10);
        if (peek() == 'e' || peek() == 'E') {
            whole += 'e';
            ++at_;
            if (peek() == '-' || peek() == '+') {
                if (peek() == '-') whole += '-';
                ++at_;
            }
            if (!lexis::is_digit(character())) unexpected("an exponent");
            whole += digits(from, 10);
        }
        double d = 0;
        auto [end, failed] = std::from_chars(whole.data(), whole.data() + whole.size(), d);
        // Too small is zero, as near as a double gets; too large is an error.
        if (failed == std::errc::result_out_of_range) d = std::strtod(whole.c_str(), nullptr);
        if (!std::isfinite(d))
            stop(from, "syntax", "expected a float, found one that is too large");
        return negative ? -d : d;
    }

    // Digits, without the underscores that may stand between them.
    std::string digits(std::size_t from, int base) {
        std::string found;
        auto is_digit = [base](char c) {
            int value = lexis::is_digit(static_cast<unsigned char>(c)) ? c - '0'
                        : c >= 'a' && c <= 'z'                         ? c - 'a' + 10
                        : c >= 'A' && c <= 'Z'                         ? c - 'A' + 10
                                                                       : 99;
            return value < base;
        };
        while (at_ < text_.size()) {
            char c = text_[at_];
            bool joins =
                c == '_' && !found.empty() && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
            if (!joins && !is_digit(c)) break;
            if (!joins) found += c;
            ++at_;
        }
        if (found.size() > options_.digits_max)
            stop(from, "too_long",
                 "a number of more than " + std::to_string(options_.digits_max) + " digits");
        return found;
    }

    // -- text -------------------------------------------------------------------------------------

    std::string quoted(char quote) {
        auto from = at_++;
        std::string made;
        for (;;) {
            if (at_ >= text_.size())
                stop(from, "syntax",
                     std::string("expected a closing ") + quote + ", found the end of the text");
            if (text_[at_] == quote) break;
            append_utf8(made, one_character());
        }
        ++at_;
        return made;
    }

    term string() {
        std::vector<term> codes;
        std::size_t after;
        do {
            for (auto text = quoted('"'); const auto& c : utf8_codes(text)) codes.emplace_back(c);
            after = at_;
            blanks();
        } while (peek() == '"');
        at_ = after;
        return list_of(std::move(codes));
    }

    static std::vector<std::uint32_t> utf8_codes(std::string_view text) {
        std::vector<std::uint32_t> codes;
        while (!text.empty()) {
            auto c = decode_utf8(text);
            codes.push_back(std::uint32_t(c.code));
            text.remove_prefix(c.length);
        }
        return codes;
    }

    // One character of a string, a quoted atom, or after $; escapes are read.
    char32_t one_character() {
        if (at_ >= text_.size()) unexpected("a character");
        auto c = decode_utf8(text_.substr(at_));
        if (!c.valid) unexpected("UTF-8");
        auto from = at_;
        at_ += c.length;
        if (c.code != '\\') return c.code;
        if (at_ >= text_.size()) unexpected("an escape");
        c = decode_utf8(text_.substr(at_));
        if (!c.valid) unexpected("UTF-8");
        at_ += c.length;
        switch (c.code) {
            case 'n':
                return '\n';
            case 't':
                return '\t';
            case 'r':
                return '\r';
            case 'v':
                return '\v';
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'e':
                return 0x1b;
            case 's':
                return ' ';
            case 'd':
                return 0x7f;
            case '^': {
                auto control = character();
                if (control < '@' || control > '_') unexpected("a control character");
                ++at_;
                return control - '@';
            }
            case 'x':
                return hexadecimal(from);
            default:
                break;
        }
        if (c.code < '0' || c.code > '7') return c.code;
        char32_t code = c.code - '0';
        for (int i = 0; i < 2 && peek() >= '0' && peek() <= '7'; ++i)
            code = code * 8 + char32_t(text_[at_++] - '0');
        return code;
    }

    char32_t hexadecimal(std::size_t from) {
        bool braces = take("{");
        std::uint32_t code = 0;
        auto length = braces ? text_.size() - at_ : std::min<std::size_t>(2, text_.size() - at_);
        auto* first = text_.data() + at_;
        auto [end, failed] = std::from_chars(first, first + length, code, 16);
        at_ += std::size_t(end - first);
        if (failed != std::errc() || (!braces && end - first != 2) || (braces && !take("}")) ||
            code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            stop(from, "syntax", "expected a character, found a wrong \\x escape");
        return char32_t(code);
    }

    // -- bit strings ------------------------------------------------------------------------------

    term bits() {
        at_ += 2;
        std::string bytes;
        std::size_t size = 0;
        blanks();
        if (take(">>")) return bytes;
        do segment(bytes, size);
        while (blanks(), take(","));
        if (!take(">>")) unexpected("',' or '>>'");
        return bitstring(bytes, size);
    }

    void segment(std::string& bytes, std::size_t& size) {
        blanks();
        if (peek() == '"') {
            auto text = quoted('"');
            if (take("/")) {
                expect("utf8");
                for (char c : text) add_bits(bytes, size, term(static_cast<unsigned char>(c)), 8);
                return;
            }
            // As in Erlang: a byte a character, of those beyond Latin-1 the low eight bits.
            for (auto code : utf8_codes(text)) add_bits(bytes, size, code, 8);
            return;
        }
        auto c = character();
        if (!lexis::is_digit(c) && c != '-' && c != '+' && c != '$')
            unexpected("a number or string");
        term value = c == '$' ? (++at_, term(std::uint32_t(one_character()))) : number();
        if (!value.is_integer()) unexpected("an integer before here");
        std::size_t width = 8;
        if (take(":")) {
            auto from = at_;
            width = plain_number<std::uint32_t>();
            if (width > 65536) stop(from, "syntax", "expected a size up to 65536 bits");
        }
        add_bits(bytes, size, value, width);
    }

    // The low `width` bits of the integer's two's complement.
    static void add_bits(std::string& bytes, std::size_t& size, const term& value,
                         std::size_t width) {
        auto number = *value.as_big_integer();
        auto& m = number.magnitude;
        m.resize(std::max(m.size(), (width + 7) / 8), 0);
        if (number.negative) {
            unsigned carry = 1;
            for (auto& byte : m) {
                carry += std::uint8_t(~byte);
                byte = std::uint8_t(carry);
                carry >>= 8;
            }
        }
        for (auto i = width; i-- > 0; ++size) {
            if (size % 8 == 0) bytes += '\0';
            if (m[i / 8] >> (i % 8) & 1)
                bytes.back() = char(static_cast<unsigned char>(bytes.back()) | 0x80u >> (size % 8));
        }
    }

    // -- characters -------------------------------------------------------------------------------

    [[nodiscard]] char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
    // 0 at the end.
    [[nodiscard]] char32_t character() const {
        return at_ < text_.size() ? decode_utf8(text_.substr(at_)).code : 0;
    }
    bool take(std::string_view token) noexcept {
        if (!text_.substr(at_).starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    void expect(std::string_view token) {
        if (!take(token)) unexpected("'" + std::string(token) + "'");
    }
    void blanks() noexcept {
        while (at_ < text_.size()) {
            auto c = text_[at_];
            if (c == '%') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
                ++at_;
            } else {
                return;
            }
        }
    }

    [[noreturn]] void unexpected(const std::string& wanted) const {
        std::string found = "the end of the text";
        if (at_ < text_.size()) {
            auto c = decode_utf8(text_.substr(at_));
            if (lexis::is_upper(c.code) || c.code == '_')
                found = "a variable";
            else if (!c.valid)
                found = "a byte that is not UTF-8";
            else
                found = "'" + escape_unprintable(text_.substr(at_, c.length)) + "'";
        }
        stop(at_, "syntax", "expected " + wanted + ", found " + found);
    }

    [[noreturn]] void stop(std::size_t at, std::string code, const std::string& what) const {
        auto before = text_.substr(0, at);
        auto line = 1 + std::size_t(std::count(before.begin(), before.end(), '\n'));
        auto column = 1 + utf8_length(before.substr(before.rfind('\n') + 1));
        throw stopped{
            {std::move(code), std::to_string(line) + ":" + std::to_string(column) + ": " + what}};
    }

    std::string_view text_;
    parse_options options_;
    std::size_t at_ = 0;
    std::vector<open> open_;
    std::vector<term> values_;
    bool have_ = false;
};

}  // namespace

result<term> parse_term(std::string_view text, const parse_options& options) {
    try {
        return parser(text, options).whole();
    } catch (stopped& s) {
        return tl::unexpected<error>(std::move(s.why));
    }
}

result<std::vector<term>> parse_terms(std::string_view text, const parse_options& options) {
    try {
        return parser(text, options).all();
    } catch (stopped& s) {
        return tl::unexpected<error>(std::move(s.why));
    }
}

}  // namespace beam
