#include "tools/resp/glob.hpp"

#include <doctest/doctest.h>

#include <string>

using resp::matches;

TEST_CASE("patterns are redis's") {
    CHECK(matches("*", ""));
    CHECK(matches("*", "anything"));
    CHECK(matches("h?llo", "hallo"));
    CHECK_FALSE(matches("h?llo", "hllo"));
    CHECK(matches("h*llo", "heeeello"));
    CHECK(matches("h[ae]llo", "hallo"));
    CHECK_FALSE(matches("h[ae]llo", "hillo"));
    CHECK(matches("h[^e]llo", "hallo"));
    CHECK_FALSE(matches("h[^e]llo", "hello"));
    CHECK(matches("h[a-c]llo", "hbllo"));
    CHECK(matches("h[c-a]llo", "hbllo"));
    CHECK(matches("h\\*llo", "h*llo"));
    CHECK_FALSE(matches("h\\*llo", "hxllo"));
    CHECK(matches("a*b*c", "a-b-b-c"));
    CHECK_FALSE(matches("a*b*c", "a-b-b-"));
    CHECK(matches("[", "[") == false);
    CHECK(matches(std::string("a\0b", 3), std::string("a\0b", 3)));
    CHECK_FALSE(matches("", "a"));
}

TEST_CASE("a pattern of many stars does not take for ever") {
    std::string pattern;
    for (int i = 0; i < 50; ++i) pattern += "a*";
    CHECK_FALSE(matches(pattern + "b", std::string(5000, 'a')));
}
