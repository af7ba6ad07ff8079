#include "tools/common/suggestion.hpp"

#include <doctest/doctest.h>

using namespace beam::tool;

TEST_CASE("a swap of neighbours is one mistake") {
    CHECK(edit_distance("gte", "get") == 1);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("same", "same") == 0);
}

TEST_CASE("the nearest command is meant, or one that begins with the word") {
    const std::vector<std::string> commands{"put", "get", "stats", "flush"};
    CHECK(nearest("gte", commands) == "get");
    CHECK(nearest("flsh", commands) == "flush");
    CHECK(nearest("st", commands) == "stats");
    CHECK(nearest("status", commands) == "stats");
}

TEST_CASE("what is like nothing gets no suggestion") {
    const std::vector<std::string> commands{"put", "get", "stats"};
    CHECK(!nearest("configure", commands));
    CHECK(!nearest("", commands));
    CHECK(!nearest(std::string(100'000, 'p'), commands));
}
