#include "libbeamcore/io/resp_reply.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace beam::io::resp {

namespace {

template <class Number>
std::optional<Number> parsed(std::string_view text) {
    Number n{};
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, n);
    if (read.ec != std::errc() || read.ptr != end) return {};
    return n;
}

bool is_big_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

void reply_decoder::feed(std::string_view bytes) {
    if (*failure_ == '\0') rest_ = bytes;
}

std::optional<reply> reply_decoder::next() {
    while (*failure_ == '\0') {
        if (!(bulk_left_ > 0 ? read_bulk() : read())) break;
        if (done_) return std::exchange(done_, std::nullopt);
    }
    return {};
}

// The next line without its CRLF, once it is whole; valid until the next call.
std::optional<std::string_view> reply_decoder::line() {
    if (line_is_whole_) line_.clear();
    const auto end = rest_.find('\n');
    line_is_whole_ = end != std::string_view::npos;
    auto text = rest_.substr(0, end);
    rest_.remove_prefix(line_is_whole_ ? end + 1 : rest_.size());
    if (line_.size() + text.size() > limits_.line_max + 1) {
        fail("a line that is too long");
        return {};
    }
    if (!line_is_whole_ || !line_.empty()) {
        line_ += text;
        text = line_;
    }
    if (!line_is_whole_) return {};
    if (text.find('\r') + 1 != text.size()) {
        fail("a line that does not end in CRLF");
        return {};
    }
    text.remove_suffix(1);
    return text;
}

// True: something was read, perhaps not yet a whole reply.
bool reply_decoder::read() {
    const auto text = line();
    if (!text) return false;
    if (text->empty()) return fail("an empty line");
    return read_line(text->front(), text->substr(1));
}

bool reply_decoder::read_line(char type, std::string_view rest) {
    reply made;
    switch (type) {
        case '$':
            return begin_bulk(reply_kind::bulk, rest);
        case '!':
            return begin_bulk(reply_kind::bulk_error, rest);
        case '=':
            return begin_bulk(reply_kind::verbatim, rest);
        case '*':
            return begin_elements(reply_kind::array, rest);
        case '%':
            return begin_elements(reply_kind::map, rest);
        case '~':
            return begin_elements(reply_kind::set, rest);
        case '>':
            return begin_elements(reply_kind::push, rest);
        case '|':
            return begin_elements(attribute, rest);
        case '+':
        case '-':
            made.kind = type == '+' ? reply_kind::simple : reply_kind::error;
            made.text = rest;
            break;
        case '(':
            if (!is_big_number(rest)) return fail("an invalid big number");
            made.kind = reply_kind::big_number;
            made.text = rest;
            break;
        case ':': {
            const auto i = parsed<std::int64_t>(rest);
            if (!i) return fail("an invalid integer");
            made.kind = reply_kind::integer;
            made.integer = *i;
            break;
        }
        case ',': {
            const auto d = parsed<double>(rest);
            if (!d) return fail("an invalid double");
            made.kind = reply_kind::real;
            made.number = *d;
            break;
        }
        case '#':
            if (rest != "t" && rest != "f") return fail("an invalid boolean");
            made.kind = reply_kind::boolean;
            made.integer = rest == "t" ? 1 : 0;
            break;
        case '_':
            if (!rest.empty()) return fail("an invalid null");
            break;
        default:
            return fail("a reply of an unknown type");
    }
    return complete(std::move(made));
}

bool reply_decoder::begin_bulk(reply_kind kind, std::string_view length) {
    if (kind == reply_kind::bulk && length == "-1") return complete({});
    const auto size = parsed<std::size_t>(length);
    if (!size || *size > limits_.bulk_max) return fail("an invalid length of a bulk string");
    bulk_ = {};
    bulk_.kind = kind;
    bulk_left_ = *size + crlf_size;
    return true;
}

bool reply_decoder::read_bulk() {
    if (bulk_left_ > crlf_size) {
        const auto more = rest_.substr(0, bulk_left_ - crlf_size);
        bulk_.text += more;
        bulk_left_ -= more.size();
        rest_.remove_prefix(more.size());
    }
    for (; !rest_.empty() && bulk_left_ > 0; --bulk_left_) {
        if (rest_.front() != (bulk_left_ == crlf_size ? '\r' : '\n'))
            return fail("a bulk string that does not end in CRLF");
        rest_.remove_prefix(1);
    }
    if (bulk_left_ > 0) return false;
    if (bulk_.kind == reply_kind::verbatim && bulk_.text.find(':') != 3)
        return fail("a verbatim string without a format of three letters");
    return complete(std::move(bulk_));
}

bool reply_decoder::begin_elements(reply_kind kind, std::string_view length) {
    if (kind == reply_kind::array && length == "-1") return complete({});
    const auto size = parsed<std::size_t>(length);
    if (!size || *size > limits_.elements_max) return fail("an invalid number of elements");
    if (open_.size() >= limits_.depth_max) return fail("nested too deep");
    const bool has_pairs = kind == reply_kind::map || kind == attribute;
    open_.push_back({{}, has_pairs ? 2 * *size : *size});
    open_.back().made.kind = kind;
    return *size > 0 || close();
}

// The innermost array is whole.
bool reply_decoder::close() {
    auto made = std::move(open_.back().made);
    open_.pop_back();
    return made.kind == attribute || complete(std::move(made));
}

bool reply_decoder::complete(reply made) {
    if (open_.empty()) {
        done_ = std::move(made);
        return true;
    }
    auto& in = open_.back();
    in.made.elements.push_back(std::move(made));
    return --in.left > 0 || close();
}

bool reply_decoder::fail(const char* why) {
    failure_ = why;
    line_ = {};
    bulk_ = {};
    open_.clear();
    return false;
}

}  // namespace beam::io::resp
