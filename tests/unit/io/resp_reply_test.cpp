#include "libbeamcore/io/resp_reply.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/resp_text.hpp"

using namespace beam::io;
using namespace std::string_literals;
using resp::reply_kind;

namespace {

struct decoded {
    std::vector<resp::reply> replies;
    std::string failure;
    friend bool operator==(const decoded&, const decoded&) = default;
};

decoded decode(std::string_view bytes, std::size_t size, const resp::reply_limits& limits = {}) {
    resp::reply_decoder d(limits);
    decoded found;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        const std::string piece(bytes.substr(at, size));
        d.feed(piece);
        while (auto r = d.next()) found.replies.push_back(std::move(*r));
    }
    found.failure = d.failure();
    return found;
}

// In pieces of all sizes, which must make no difference.
decoded decode(std::string_view bytes, const resp::reply_limits& limits = {}) {
    auto whole = decode(bytes, bytes.size() + 1, limits);
    for (const std::size_t size : {1, 2, 3, 5, 7, 100}) {
        CAPTURE(size);
        CHECK(decode(bytes, size, limits) == whole);
    }
    return whole;
}

std::string failure_of(std::string_view bytes, const resp::reply_limits& limits = {}) {
    const auto found = decode(bytes, limits);
    CHECK(found.replies.empty());
    return found.failure;
}

// The only reply, as resp_text() shows it.
std::string shown(std::string_view bytes) {
    const auto found = decode(bytes);
    CHECK(found.failure == "");
    REQUIRE(found.replies.size() == 1);
    return resp_text(found.replies[0]);
}

}  // namespace

TEST_CASE("each type of both versions is read") {
    CHECK(shown("+OK\r\n") == "+OK");
    CHECK(shown("-ERR no\r\n") == "-ERR no");
    CHECK(shown(":-42\r\n") == ":-42");
    CHECK(shown("$4\r\na\r\nb\r\n") == "\"a\\x0d\\x0ab\"");
    CHECK(shown("$0\r\n\r\n") == "\"\"");
    CHECK(shown("$-1\r\n") == "_");
    CHECK(shown("*-1\r\n") == "_");
    CHECK(shown("_\r\n") == "_");
    CHECK(shown("*0\r\n") == "[]");
    CHECK(shown("*2\r\n:1\r\n*1\r\n+a\r\n") == "[:1 [+a]]");
    CHECK(shown("#t\r\n") == "#t");
    CHECK(shown("#f\r\n") == "#f");
    CHECK(shown(",1.5\r\n") == ",1.5");
    CHECK(shown(",-inf\r\n") == ",-inf");
    CHECK(shown("(-3492890328409238509324850943850943825024385\r\n") ==
          "(-3492890328409238509324850943850943825024385");
    CHECK(shown("!7\r\nERR a\nb\r\n") == "!\"ERR a\\x0ab\"");
    CHECK(shown("=8\r\ntxt:some\r\n") == "=\"txt:some\"");
    CHECK(shown("%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n") == "%[+a :1 +b []]");
    CHECK(shown("~2\r\n:1\r\n:1\r\n") == "~[:1 :1]");
    CHECK(shown(">2\r\n+message\r\n$1\r\nx\r\n") == ">[+message \"x\"]");
    CHECK(decode("-ERR no\r\n").replies[0].is_error());
    CHECK(decode("!2\r\nNO\r\n").replies[0].is_error());
    CHECK(std::isnan(decode(",nan\r\n", 100).replies.at(0).number));
}

TEST_CASE("attributes are left out, wherever they stand") {
    CHECK(shown("|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n") == "\"x\"");
    CHECK(shown("*2\r\n|1\r\n+a\r\n*1\r\n+b\r\n:1\r\n|0\r\n:2\r\n") == "[:1 :2]");
    CHECK(decode("|1\r\n+ttl\r\n:3600\r\n").replies.empty());
}

TEST_CASE("replies come one after the other") {
    const auto found = decode("+a\r\n:1\r\n*1\r\n_\r\n$1\r\nx\r\n+cut");
    REQUIRE(found.replies.size() == 4);
    CHECK(resp_text(found.replies[2]) == "[_]");
}

TEST_CASE("malformed replies are said, and end the reading") {
    CHECK(failure_of("x\r\n") == "a reply of an unknown type");
    CHECK(failure_of("\r\n") == "an empty line");
    CHECK(failure_of("+a\n") == "a line that does not end in CRLF");
    CHECK(failure_of("+a\rb\r\n") == "a line that does not end in CRLF");
    CHECK(failure_of(":1x\r\n") == "an invalid integer");
    CHECK(failure_of(":9223372036854775808\r\n") == "an invalid integer");
    CHECK(failure_of(",1,5\r\n") == "an invalid double");
    CHECK(failure_of("#x\r\n") == "an invalid boolean");
    CHECK(failure_of("_x\r\n") == "an invalid null");
    CHECK(failure_of("(1a\r\n") == "an invalid big number");
    CHECK(failure_of("(\r\n") == "an invalid big number");
    for (const char* length : {"-2", "", "x", "536870913", "18446744073709551616"})
        CHECK(failure_of("$" + std::string(length) + "\r\n") ==
              "an invalid length of a bulk string");
    for (const char* length : {"-2", "", "x", "16777217"})
        CHECK(failure_of("*" + std::string(length) + "\r\n") == "an invalid number of elements");
    CHECK(failure_of("%-1\r\n") == "an invalid number of elements");
    CHECK(failure_of("$1\r\nabc") == "a bulk string that does not end in CRLF");
    CHECK(failure_of("=3\r\ntxt\r\n") == "a verbatim string without a format of three letters");
    CHECK(failure_of("*1\r\n*1\r\n?\r\n") == "a reply of an unknown type");
    const auto found = decode("+OK\r\n?\r\n+OK\r\n");
    CHECK(found.replies.size() == 1);
    CHECK(found.failure == "a reply of an unknown type");
}

TEST_CASE("nesting and lines are bounded") {
    std::string deep;
    for (int i = 0; i < 32; ++i) deep += "*1\r\n";
    CHECK(decode(deep + ":1\r\n").replies.size() == 1);
    CHECK(failure_of(deep + "*1\r\n:1\r\n") == "nested too deep");
    const resp::reply_limits limits{.line_max = 5};
    CHECK(decode("+1234\r\n", limits).replies.size() == 1);
    CHECK(failure_of("+12345\r\n", limits) == "a line that is too long");
    CHECK(failure_of("+123456", limits) == "a line that is too long");
}

TEST_CASE("a large bulk string in small pieces takes memory in proportion") {
    constexpr std::size_t size = 32 << 20;
    const std::string piece(1000, 'v');
    resp::reply_decoder d;
    d.feed("*2\r\n$33554432\r\n");
    CHECK_FALSE(d.next());
    for (std::size_t sent = 0; sent < size; sent += piece.size()) {
        d.feed(std::string_view(piece).substr(0, size - sent));
        REQUIRE_FALSE(d.next());
    }
    d.feed("\r\n:7\r\n");
    const auto r = d.next();
    REQUIRE(r);
    REQUIRE(r->elements.size() == 2);
    CHECK(r->elements[0].text == std::string(size, 'v'));
    CHECK(r->elements[0].text.capacity() <= 2 * size);
}

TEST_CASE("what is written is read back, and written the same again") {
    std::string bytes;
    resp::writer w(bytes, resp::protocol::resp3);
    w.map(4);
    w.simple("a"), w.real(0.1);
    w.boolean(true), w.null();
    w.verbatim("text"), w.bulk_error("ERR x");
    w.set(2), w.big_number("12"), w.bulk("\0\r\n"s);
    w.push(1), w.integer(5);
    auto found = decode(bytes);
    REQUIRE(found.replies.size() == 1);
    std::string again;
    resp::writer to(again, resp::protocol::resp3);
    write_reply(to, found.replies[0]);
    CHECK(again == bytes);
}
