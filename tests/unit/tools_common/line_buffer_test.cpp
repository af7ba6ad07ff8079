#include "tools/common/line_buffer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tools/common/json_line.hpp"

using namespace beam::tool;

TEST_CASE("lines come out whole however the bytes were cut") {
    const std::string text = "{\"a\":1}\n\nsecond\r\nthird\n";
    for (std::size_t cut = 1; cut <= text.size(); ++cut) {
        line_buffer lines(100);
        std::vector<std::string> got;
        for (std::size_t at = 0; at < text.size(); at += cut) {
            lines.append(text.substr(at, cut));
            while (auto line = lines.next()) got.push_back(*line);
        }
        CHECK(got == std::vector<std::string>{"{\"a\":1}", "", "second", "third"});
        CHECK(lines.rest().empty());
    }
}

TEST_CASE("half a line is kept and nothing comes out") {
    line_buffer lines(100);
    lines.append("half");
    CHECK(!lines.next());
    CHECK(lines.rest() == "half");
    lines.append(" more\n");
    CHECK(lines.next() == "half more");
}

TEST_CASE("a line of exactly the limit passes, one byte more does not") {
    line_buffer lines(5);
    lines.append("12345\n");
    CHECK(lines.next() == "12345");
    CHECK(!lines.is_too_long());
    lines.append("123456");
    CHECK(!lines.next());
    CHECK(lines.is_too_long());
    lines.append("\nok\n");
    CHECK(!lines.next());
}

TEST_CASE("many lines do not pile up") {
    line_buffer lines(1000);
    for (int i = 0; i < 100'000; ++i) {
        lines.append("0123456789\n0123");
        lines.append("456789\n");
        REQUIRE(lines.next() == "0123456789");
        REQUIRE(lines.next() == "0123456789");
    }
    CHECK(lines.rest().empty());
}

TEST_CASE("a line that is no JSON, not UTF-8 or too deep is no message") {
    CHECK(parse_line("{\"a\":[1,2]}"));
    CHECK(!parse_line("}{"));
    CHECK(!parse_line(""));
    CHECK(!parse_line("{\"a\":1} trailing"));
    CHECK(!parse_line("\"\xff\xfe\""));
    CHECK(parse_line(std::string(64, '[') + std::string(64, ']')));
    CHECK(!parse_line(std::string(65, '[') + std::string(65, ']')));
    CHECK(!parse_line(std::string(5'000'000, '[')));
    CHECK(parse_line("\"" + std::string(100, '[') + "\\\"" + std::string(100, '{') + "\""));
}
