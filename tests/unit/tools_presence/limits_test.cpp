#include "tools/presence/app/limits.hpp"

#include <doctest/doctest.h>

using namespace presence;

TEST_CASE("a name has 1 to 255 printable bytes, and no space around it") {
    CHECK_FALSE(bad_name("the user's name", "ann"));
    CHECK_FALSE(bad_name("the user's name", "Ann Bee/ö"));
    CHECK_FALSE(bad_name("the user's name", std::string(255, 'x')));
    CHECK(bad_name("the user's name", "") == "the user's name is empty");
    CHECK(bad_name("the topic", std::string(256, 'x')) ==
          "the topic has 256 bytes, at most 255 are allowed");
    CHECK(bad_name("the topic", "bell\a") == "the topic has control characters or is not UTF-8");
    CHECK(bad_name("the topic", "\xff") == "the topic has control characters or is not UTF-8");
    CHECK(bad_name("the topic", " x") == "the topic begins or ends with a space");
    CHECK(bad_name("the topic", "x ") == "the topic begins or ends with a space");
}

TEST_CASE("a status may be empty, and is one printable line") {
    CHECK_FALSE(bad_status(""));
    CHECK_FALSE(bad_status("at lunch"));
    CHECK(bad_status("two\nlines") == "the status has control characters or is not UTF-8");
    CHECK(bad_status(std::string(256, 'x')) == "the status has 256 bytes, at most 255 are allowed");
}

TEST_CASE("a meta is a map of at most 4 KiB, as it is sent") {
    CHECK_FALSE(bad_meta(beam::term()));
    CHECK_FALSE(bad_meta(beam::map({})));
    CHECK_FALSE(bad_meta(beam::map({{"x", std::string(4000, 'x')}})));
    CHECK(bad_meta(beam::term(7)) == "the meta is no JSON object");
    CHECK(bad_meta(beam::map({{"x", std::string(5000, 'x')}})));
}

TEST_CASE("the largest that a session may say fits in an entry, and the periods go together") {
    CHECK(check(tracker_config()).has_value());
    CHECK(tracker_config().meta_bytes_max >= meta_max + 2 * name_max + 200);
    CHECK(tracker_config().sessions_max == sessions_max);
}
