#include "libbeamcore/io/resp.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "libbeamcore/io/resp_writer.hpp"

using namespace beam::io;
using namespace std::string_literals;

namespace {

using words = std::vector<std::string>;

struct decoded {
    std::vector<words> requests;
    std::string failure;
    friend bool operator==(const decoded&, const decoded&) = default;
};

words copied(resp::request r) {
    return {r.begin(), r.end()};
}

void take(resp::request_decoder& from, decoded& to) {
    while (auto r = from.next()) to.requests.push_back(copied(*r));
    to.failure = from.failure();
}

// What comes of `bytes` that arrive in pieces of up to `size`, each of which is gone with the next one.
decoded decode(std::string_view bytes, std::size_t size, const resp::request_limits& limits = {}) {
    resp::request_decoder d(limits);
    decoded found;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        const std::string piece(bytes.substr(at, size));
        d.feed(piece);
        take(d, found);
    }
    return found;
}

// The same in pieces of all sizes, which must make no difference.
decoded decode(std::string_view bytes, const resp::request_limits& limits = {}) {
    const auto whole = decode(bytes, bytes.size() + 1, limits);
    for (const std::size_t size : {1, 2, 3, 5, 7, 16, 100, 513}) {
        CAPTURE(size);
        CHECK(decode(bytes, size, limits) == whole);
    }
    return whole;
}

std::string failure_of(std::string_view bytes, const resp::request_limits& limits = {}) {
    const auto found = decode(bytes, limits);
    CHECK(found.requests.empty());
    return found.failure;
}

words inline_words(std::string_view line) {
    const auto found = decode(std::string(line) + "\r\n");
    REQUIRE(found.failure == "");
    REQUIRE(found.requests.size() == 1);
    return found.requests[0];
}

std::string encoded(const words& arguments) {
    const std::vector<std::string_view> views(arguments.begin(), arguments.end());
    std::string out;
    resp::append_request(out, views);
    return out;
}

}  // namespace

TEST_CASE("a command is an array of bulk strings of any bytes") {
    const words set{"SET", "k\0\r\n"s, ""};
    CHECK(encoded(set) == "*3\r\n$3\r\nSET\r\n$4\r\nk\0\r\n\r\n$0\r\n\r\n"s);
    CHECK(decode(encoded(set)) == decoded{{set}, ""});
}

TEST_CASE("commands come one after the other, whatever their kind") {
    const auto found =
        decode("*1\r\n$4\r\nPING\r\nget a\n\r\n  \r\n*0\r\n*-1\r\n*1\r\n$4\r\nQUIT\r\nset");
    CHECK(found == decoded{{{"PING"}, {"get", "a"}, {"QUIT"}}, ""});
}

TEST_CASE("a command that lies whole in the input is not copied") {
    resp::request_decoder d;
    const auto bytes = encoded({"GET", "first"}) + encoded({"GET", "second"});
    d.feed(bytes);
    for (int i = 0; i < 2; ++i) {
        const auto r = d.next();
        REQUIRE(r);
        const auto* const key = (*r)[1].data();
        CHECK((key > bytes.data() && key < bytes.data() + bytes.size()));
    }
    CHECK_FALSE(d.next());
}

TEST_CASE("of input that is cut only the command at the cut is copied") {
    resp::request_decoder d;
    const auto get = encoded({"GET", std::string(300, 'k')});
    const auto bytes = get + get + get + get;
    d.feed(std::string_view(bytes).substr(0, 10));
    CHECK_FALSE(d.next());
    d.feed(std::string_view(bytes).substr(10));
    int copied = 0, seen = 0;
    for (; auto r = d.next(); ++seen) {
        const auto* const key = (*r)[1].data();
        if (key < bytes.data() || key > bytes.data() + bytes.size()) ++copied;
    }
    CHECK(seen == 4);
    CHECK(copied < 4);
    CHECK(d.memory() < 8192);
}

TEST_CASE("input may be fed before all commands of the one before were taken") {
    resp::request_decoder d;
    const auto first = encoded({"GET", "a"}) + encoded({"GET", "b"}),
               second = encoded({"GET", "c"});
    d.feed(first);
    CHECK(copied(*d.next()) == words{"GET", "a"});
    d.feed(second);
    CHECK(copied(*d.next()) == words{"GET", "b"});
    CHECK(copied(*d.next()) == words{"GET", "c"});
    CHECK_FALSE(d.next());
}

TEST_CASE("asking again and again changes nothing") {
    const auto get = encoded({"GET", "key"});
    std::string bytes = get + get + get;
    resp::request_decoder d;
    d.feed(std::string_view(bytes).substr(0, 5));
    CHECK_FALSE(d.next());
    d.feed(std::string_view(bytes).substr(5, 2 * get.size()));
    for (int i = 0; i < 2; ++i) CHECK(copied(*d.next()) == words{"GET", "key"});
    CHECK_FALSE(d.next());
    const std::string rest = bytes.substr(5 + 2 * get.size());
    bytes.assign(bytes.size(), 'x');  // what was fed is gone
    CHECK_FALSE(d.next());
    d.feed(rest);
    CHECK(copied(*d.next()) == words{"GET", "key"});
    CHECK_FALSE(d.next());
}

TEST_CASE("a decoder may be moved in the middle of a command") {
    resp::request_decoder d;
    const auto bytes = encoded({"a", "b", "c"});
    d.feed(std::string_view(bytes).substr(0, 15));
    CHECK_FALSE(d.next());
    resp::request_decoder other(std::move(d));
    other.feed(std::string_view(bytes).substr(15));
    CHECK(copied(*other.next()) == words{"a", "b", "c"});
}

TEST_CASE("words of an inline command are quoted as in redis-cli") {
    CHECK(inline_words("  set\tkey  value ") == words{"set", "key", "value"});
    CHECK(inline_words(R"(set "a b" 'c d')") == words{"set", "a b", "c d"});
    CHECK(inline_words(R"("\n\r\t\b\a\\\"\q" x)") == words{"\n\r\t\b\a\\\"q", "x"});
    CHECK(inline_words(R"("\x41\x6a\xFf\x0" x)") == words{"A\x6a\xffx0", "x"});
    CHECK(inline_words(R"('\n\'"' x)") == words{R"(\n'")", "x"});
    CHECK(inline_words(R"(pre"fix ed" \n)") == words{"prefix ed", R"(\n)"});
    CHECK(inline_words(R"("" '')") == words{"", ""});
    CHECK(inline_words("a\vb \v\fc") == words{"a\vb", "c"});
    CHECK(inline_words("a\0b"s) == words{"a\0b"s});
}

TEST_CASE("a quote that is not closed, or stands before a letter, is an error") {
    constexpr auto unbalanced = "ERR Protocol error: unbalanced quotes in request";
    for (const char* line :
         {"\"a\r\n", "'a\r\n", "\"a\"b\r\n", "'a''b'\r\n", "\"\\\r\n", "a\"\n"}) {
        CAPTURE(line);
        CHECK(failure_of(line) == unbalanced);
    }
}

TEST_CASE("lengths are written in one way only") {
    constexpr auto count = "ERR Protocol error: invalid multibulk length";
    for (const char* bytes :
         {"*\r\n", "*+1\r\n", "*01\r\n", "*-0\r\n", "*1x\r\n", "*x\r\n", "* 1\r\n", "*1\n", "*1\rx",
          "*--1\r\n", "*-\r\n", "*1.0\r\n", "*2147483648\r\n", "*1048577\r\n",
          "*9223372036854775807\r\n", "*99999999999999999999999"}) {
        CAPTURE(bytes);
        CHECK(failure_of(bytes) == count);
    }
    constexpr auto bulk = "ERR Protocol error: invalid bulk length";
    for (const char* bytes :
         {"$\r\n", "$-1\r\n", "$01\r\n", "$x\r\n", "$536870913\r\n", "$4294967297\r\n",
          "$18446744073709551615\r\n", "$9223372036854775807\r\n"}) {
        CAPTURE(bytes);
        CHECK(failure_of(std::string("*1\r\n") + bytes) == bulk);
    }
}

TEST_CASE("what is no command is said with the byte that is wrong") {
    CHECK(failure_of("*1\r\n:1\r\n") == "ERR Protocol error: expected '$', got ':'");
    CHECK(failure_of("*1\r\n\r\n") == "ERR Protocol error: expected '$', got '\\x0d'");
    CHECK(failure_of("*1\r\n$1\r\nabc\r\n") ==
          "ERR Protocol error: expected CRLF after a bulk string");
    CHECK(failure_of("*1\r\n$1\r\na\n\n") ==
          "ERR Protocol error: expected CRLF after a bulk string");
}

TEST_CASE("after an error nothing is read any more, and what came before it was") {
    const auto found = decode("PING\r\n*1\r\n+x\r\nPING\r\n");
    CHECK(found == decoded{{{"PING"}}, "ERR Protocol error: expected '$', got '+'"});
}

TEST_CASE("limits hold, to the byte") {
    const resp::request_limits limits{
        .bulk_max = 10, .elements_max = 3, .inline_max = 12, .request_max = 60};
    const words fits{"0123456789", "0123456789", "0123456789"};
    CHECK(decode(encoded(fits), limits).requests.size() == 1);
    CHECK(failure_of(encoded({"0123456789a"}), limits) ==
          "ERR Protocol error: invalid bulk length");
    CHECK(failure_of(encoded({"", "", "", ""}), limits) ==
          "ERR Protocol error: invalid multibulk length");
    CHECK(decode("123456789012\n", limits).requests.size() == 1);
    CHECK(decode("12345678901\r\n", limits).requests.size() == 1);
    CHECK(failure_of("1234567890123\n", limits) == "ERR Protocol error: too big inline request");
    CHECK(failure_of("1234567890123", limits) == "ERR Protocol error: too big inline request");
    resp::request_limits smaller = limits;
    smaller.request_max = encoded(fits).size() - 3;
    CHECK(failure_of(encoded(fits), smaller) == "ERR Protocol error: too big request");
    smaller.request_max = encoded(fits).size() - 2;
    CHECK(decode(encoded(fits), smaller).requests.size() == 1);
}

TEST_CASE("what is only announced costs nothing") {
    resp::request_decoder d;
    d.feed("*1048576\r\n$536870912\r\nabc");
    CHECK_FALSE(d.next());
    CHECK(d.failure().empty());
    CHECK(d.memory() < 1024);
}

TEST_CASE("a large value in small pieces takes time and memory in proportion") {
    constexpr std::size_t size = 64 << 20;
    const std::string piece(1000, 'v');
    resp::request_decoder d;
    d.feed("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\n");
    CHECK_FALSE(d.next());
    for (std::size_t sent = 0; sent < size; sent += piece.size()) {
        d.feed(std::string_view(piece).substr(0, size - sent));
        REQUIRE_FALSE(d.next());
        REQUIRE(d.memory() <= 2 * (sent + piece.size()) + 4096);
    }
    d.feed("\r\nPING\r\n");
    const auto r = d.next();
    REQUIRE(r);
    CHECK((*r)[1] == "k");
    CHECK((*r)[2].size() == size);
    CHECK((*r)[2].find_first_not_of('v') == std::string_view::npos);
    CHECK(d.memory() <= size + 4096);
    CHECK(copied(*d.next()) == words{"PING"});
    CHECK(d.memory() <= 8192);
}

TEST_CASE("a command of very many arguments comes byte by byte") {
    std::string bytes = "*50000\r\n";
    for (int i = 0; i < 50000; ++i) bytes += "$1\r\na\r\n";
    CHECK(decode(bytes, 1).requests.at(0) == words(50000, "a"));
    CHECK(decode(bytes, 4096).requests.at(0) == words(50000, "a"));
}

TEST_CASE("random commands, cut at random places, are what was sent") {
    std::mt19937 random(7);
    auto below = [&](std::size_t n) { return random() % n; };
    std::vector<words> sent;
    std::string bytes;
    for (int i = 0; i < 3000; ++i) {
        words w(1 + below(5));
        for (auto& text : w) {
            text.resize(below(10) == 0 ? below(3000) : below(20));
            for (auto& c : text) c = char(below(256));
        }
        bytes += encoded(w);
        sent.push_back(w);
    }
    resp::request_decoder d;
    decoded found;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::string piece = bytes.substr(at, 1 + below(below(2) == 0 ? 20 : 5000));
        at += piece.size();
        d.feed(piece);
        take(d, found);
    }
    CHECK(found == decoded{sent, ""});
}
