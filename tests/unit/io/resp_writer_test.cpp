#include "libbeamcore/io/resp_writer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

using namespace beam::io;

namespace {

template <class Write>
std::string in(resp::protocol version, Write write) {
    std::string out;
    resp::writer w(out, version);
    write(w);
    return out;
}
template <class Write>
std::string in_2(Write write) {
    return in(resp::protocol::resp2, write);
}
template <class Write>
std::string in_3(Write write) {
    return in(resp::protocol::resp3, write);
}

std::string real(double d) {
    return in_3([&](resp::writer& w) { w.real(d); });
}

}  // namespace

TEST_CASE("strings, errors, integers and arrays are the same in both versions") {
    auto write = [](resp::writer& w) {
        w.array(5);
        w.simple("OK");
        w.error("ERR no");
        w.integer(-42);
        w.bulk("a\r\nb");
        w.bulk("");
    };
    CHECK(in_2(write) == "*5\r\n+OK\r\n-ERR no\r\n:-42\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
    CHECK(in_3(write) == in_2(write));
    auto extreme = [](resp::writer& w) { w.integer(std::numeric_limits<std::int64_t>::min()); };
    CHECK(in_2(extreme) == ":-9223372036854775808\r\n");
}

TEST_CASE("what version 2 has no type for becomes what it has one for") {
    auto null = [](resp::writer& w) { w.null(); };
    CHECK(in_2(null) == "$-1\r\n");
    CHECK(in_3(null) == "_\r\n");
    auto null_array = [](resp::writer& w) { w.null_array(); };
    CHECK(in_2(null_array) == "*-1\r\n");
    CHECK(in_3(null_array) == "_\r\n");
    auto booleans = [](resp::writer& w) { w.boolean(true), w.boolean(false); };
    CHECK(in_2(booleans) == ":1\r\n:0\r\n");
    CHECK(in_3(booleans) == "#t\r\n#f\r\n");
    auto number = [](resp::writer& w) { w.real(3.25); };
    CHECK(in_2(number) == "$4\r\n3.25\r\n");
    CHECK(in_3(number) == ",3.25\r\n");
    auto big = [](resp::writer& w) { w.big_number("-12345678901234567890"); };
    CHECK(in_2(big) == "$21\r\n-12345678901234567890\r\n");
    CHECK(in_3(big) == "(-12345678901234567890\r\n");
    auto error = [](resp::writer& w) { w.bulk_error("ERR a\nb"); };
    CHECK(in_2(error) == "-ERR a b\r\n");
    CHECK(in_3(error) == "!7\r\nERR a\nb\r\n");
    auto text = [](resp::writer& w) { w.verbatim("a\nb"); };
    CHECK(in_2(text) == "$3\r\na\nb\r\n");
    CHECK(in_3(text) == "=7\r\ntxt:a\nb\r\n");
    auto map = [](resp::writer& w) { w.map(2); };
    CHECK(in_2(map) == "*4\r\n");
    CHECK(in_3(map) == "%2\r\n");
    auto set = [](resp::writer& w) { w.set(2); };
    CHECK(in_2(set) == "*2\r\n");
    CHECK(in_3(set) == "~2\r\n");
    auto push = [](resp::writer& w) { w.push(3); };
    CHECK(in_2(push) == "*3\r\n");
    CHECK(in_3(push) == ">3\r\n");
}

TEST_CASE("the version may change between two replies") {
    std::string out;
    resp::writer w(out);
    w.null();
    w.set_version(resp::protocol::resp3);
    w.null();
    CHECK(w.version() == resp::protocol::resp3);
    CHECK(out == "$-1\r\n_\r\n");
}

TEST_CASE("doubles are the shortest text that reads back the same, integers plain") {
    CHECK(real(0.1) == ",0.1\r\n");
    CHECK(real(100000) == ",100000\r\n");
    CHECK(real(-3) == ",-3\r\n");
    CHECK(real(0.0) == ",0\r\n");
    CHECK(real(-0.0) == ",-0\r\n");
    CHECK(real(1e300) == ",1e+300\r\n");
    CHECK(real(INFINITY) == ",inf\r\n");
    CHECK(real(-INFINITY) == ",-inf\r\n");
    CHECK(real(NAN) == ",nan\r\n");
    CHECK(real(-NAN) == ",nan\r\n");
}

TEST_CASE("a line end in a simple string or an error cannot forge another reply") {
    auto write = [](resp::writer& w) { w.error("ERR unknown 'a\r\n+OK\r\n'"), w.simple("a\nb"); };
    CHECK(in_2(write) == "-ERR unknown 'a  +OK  '\r\n+a b\r\n");
}
