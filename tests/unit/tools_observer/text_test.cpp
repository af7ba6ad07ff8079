#include "tools/observer/text.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace observer;

TEST_CASE("sizes have three digits at most and powers of 1024") {
    CHECK(size_text(0) == "0");
    CHECK(size_text(1023) == "1023");
    CHECK(size_text(1024) == "1.0K");
    CHECK(size_text(1536) == "1.5K");
    CHECK(size_text(10 * 1024) == "10K");
    CHECK(size_text(1024 * 1024 - 1) == "1.0M");
    CHECK(size_text(std::uint64_t(12) << 20) == "12M");
    CHECK(size_text(std::uint64_t(3) << 30) == "3.0G");
}

TEST_CASE("uptimes are exact, from ten seconds on in seconds") {
    CHECK(uptime_text(0) == "0s");
    CHECK(uptime_text(350) == "350ms");
    CHECK(uptime_text(130'999) == "2m10s");
}

TEST_CASE("width counts columns: none for accents, two for wide characters") {
    CHECK(width_of("abc") == 3);
    CHECK(width_of("größe") == 5);
    CHECK(width_of("e\xCC\x81") == 1);
    CHECK(width_of("日本") == 4);
    CHECK(width_of("\xff") == 1);
}

TEST_CASE("what is cut is never wider, and never half a character") {
    CHECK(cut("abc", 3) == "abc");
    CHECK(cut("abcd", 3) == "ab…");
    CHECK(cut("日本語", 4) == "日…");
    CHECK(cut("日本語", 1) == "…");
    CHECK(cut("abc", 0).empty());
    for (std::size_t n = 0; n < 8; ++n) CHECK(width_of(cut("aé日b\xff本", n)) <= n);
}

TEST_CASE("padding is by columns") {
    CHECK(pad("ö", 3) == "ö  ");
    CHECK(pad("ö", 3, true) == "  ö");
    CHECK(pad("long", 2) == "long");
}

TEST_CASE("members are safe to show") {
    const nlohmann::json j = {{"a", "x\n\x1b[2J"}, {"b", nullptr}, {"c", 5}, {"d", {1, 2}}};
    CHECK(text_of(j, "a") == "x\\n\\x1b[2J");
    CHECK(text_of(j, "b").empty());
    CHECK(text_of(j, "absent").empty());
    CHECK(text_of(j, "c") == "5");
    CHECK(text_of(j, "d") == "[1,2]");
    CHECK(number_of(j, "a") == 0);
    CHECK(number_text(j, "c") == "5");
}
