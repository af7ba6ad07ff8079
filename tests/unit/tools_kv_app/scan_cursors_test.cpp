#include "tools/kv/app/scan_cursors.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace kv;

TEST_CASE("a cursor stands for its place, as often as it is asked for") {
    cursor_table table(10);
    const std::uint64_t at = table.keep({3, "user:42"});
    const std::uint64_t begin = table.keep({4, std::nullopt});
    CHECK(at != begin);
    for (int i = 0; i < 3; ++i) {
        const auto place = table.find(at);
        REQUIRE(place);
        CHECK(place->shard == 3);
        CHECK(place->after == "user:42");
    }
    CHECK_FALSE(table.find(begin)->after);
    CHECK_FALSE(table.find(0));
}

TEST_CASE("the places that nobody asked for longest are forgotten") {
    cursor_table table(3);
    const std::uint64_t used = table.keep({1, "a"});
    const std::uint64_t left = table.keep({2, "b"});
    for (int i = 0; i < 100; ++i) {
        CHECK(table.find(used));
        (void)table.keep({3, std::to_string(i)});
    }
    CHECK(table.find(used)->after == "a");
    CHECK_FALSE(table.find(left));
}

TEST_CASE("cursors are numbers that every client can hold") {
    cursor_table table(1000);
    std::set<std::uint64_t> all;
    for (std::uint32_t i = 0; i < 1000; ++i) all.insert(table.keep({i, std::nullopt}));
    CHECK(all.size() == 1000);
    CHECK(*all.begin() > 0);
    CHECK(*all.rbegin() < (std::uint64_t{1} << 53U));
}
