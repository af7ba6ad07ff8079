#include "libbeamcore/io/resp_writer.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace beam::io::resp {

namespace {

constexpr std::string_view crlf = "\r\n";

// Integers as themselves, which is how people and clients' own parsers want to see them: 100000, not
// 1e+05. Up to here a double holds each of them.
constexpr double integers_end = 9007199254740992.0;

struct number_text {
    char bytes[32];
    std::size_t size;

    [[nodiscard]] std::string_view view() const { return {bytes, size}; }
};

template <class Number>
void print(number_text& to, Number n) {
    to.size = std::size_t(std::to_chars(to.bytes, to.bytes + sizeof to.bytes, n).ptr - to.bytes);
}

number_text text_of(double d) {
    number_text text;
    if (std::isnan(d))
        text = {"nan", 3};
    else if (d != 0 && std::fabs(d) < integers_end && d == std::trunc(d))
        print(text, std::int64_t(d));
    else
        print(text, d);
    return text;
}

}  // namespace

void writer::line(char type, std::string_view text) {
    const auto first = out_->size() + 1;
    *out_ += type;
    *out_ += text;
    auto is_line_end = [](char c) { return c == '\r' || c == '\n'; };
    std::replace_if(out_->begin() + std::ptrdiff_t(first), out_->end(), is_line_end, ' ');
    *out_ += crlf;
}

void writer::number(char type, std::int64_t i) {
    char text[32] = {type};
    char* end = std::to_chars(text + 1, text + sizeof text - 2, i).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out_->append(text, std::size_t(end - text));
}

void writer::bytes_with_size(char type, std::string_view bytes) {
    number(type, std::int64_t(bytes.size()));
    *out_ += bytes;
    *out_ += crlf;
}

void writer::null() {
    *out_ += version_ == protocol::resp3 ? "_\r\n" : "$-1\r\n";
}

void writer::null_array() {
    *out_ += version_ == protocol::resp3 ? "_\r\n" : "*-1\r\n";
}

void writer::boolean(bool b) {
    if (version_ == protocol::resp3)
        *out_ += b ? "#t\r\n" : "#f\r\n";
    else
        integer(b ? 1 : 0);
}

void writer::real(double d) {
    const auto text = text_of(d);
    if (version_ == protocol::resp3)
        line(',', text.view());
    else
        bulk(text.view());
}

void writer::big_number(std::string_view digits) {
    if (version_ == protocol::resp3)
        line('(', digits);
    else
        bulk(digits);
}

void writer::bulk_error(std::string_view bytes) {
    if (version_ == protocol::resp3)
        bytes_with_size('!', bytes);
    else
        error(bytes);
}

void writer::verbatim(std::string_view text, std::string_view format) {
    if (version_ == protocol::resp2) {
        bulk(text);
        return;
    }
    number('=', std::int64_t(format.size() + 1 + text.size()));
    *out_ += format;
    *out_ += ':';
    *out_ += text;
    *out_ += crlf;
}

void writer::map(std::size_t size) {
    if (version_ == protocol::resp3)
        number('%', std::int64_t(size));
    else
        array(2 * size);
}

void writer::set(std::size_t size) {
    number(version_ == protocol::resp3 ? '~' : '*', std::int64_t(size));
}

void writer::push(std::size_t size) {
    number(version_ == protocol::resp3 ? '>' : '*', std::int64_t(size));
}

void append_request(std::string& out, std::span<const std::string_view> arguments) {
    writer w(out);
    w.array(arguments.size());
    for (auto a : arguments) w.bulk(a);
}

}  // namespace beam::io::resp
