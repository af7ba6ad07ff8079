#include "libbeamcore/pubsub/hybrid_clock.hpp"

#include <doctest/doctest.h>

using beam::tracker::hybrid_clock;
using namespace std::chrono_literals;

TEST_CASE("stamps follow the wall clock and never go back") {
    hybrid_clock c;
    const auto first = c.tick(1000);
    CHECK(hybrid_clock::milliseconds_of(first) == 1000);
    const auto same = c.tick(1000), back = c.tick(400), later = c.tick(2000);
    CHECK(same > first);
    CHECK(back > same);
    CHECK(later > back);
    CHECK(hybrid_clock::milliseconds_of(later) == 2000);
}

TEST_CASE("a stamp is greater than those seen of others") {
    hybrid_clock c;
    const auto seen = hybrid_clock::stamp_of(30'000) + 7;
    CHECK(c.observe(seen, 1000, 60s));
    CHECK(c.tick(1000) > seen);
}

TEST_CASE("a stamp too far ahead is not believed") {
    hybrid_clock c;
    CHECK(c.observe(hybrid_clock::stamp_of(61'000), 1000, 60s));
    CHECK_FALSE(c.observe(hybrid_clock::stamp_of(61'001), 1000, 60s));
    CHECK(hybrid_clock::milliseconds_of(c.tick(1000)) == 61'000);
}
