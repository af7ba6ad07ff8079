#include "libbeamcore/base/hash.hpp"

#include <doctest/doctest.h>

using beam::xxh3_64;

TEST_CASE("XXH3-64 gives the published values") {
    CHECK(xxh3_64("") == 0x2D06800538D394C2ULL);
    CHECK(xxh3_64("", 0x9E3779B185EBCA8DULL) == 0xA8A6B918B2F0364AULL);
}

TEST_CASE("user:42 is shard 42 of 64") {
    CHECK(xxh3_64("user:42") % 64 == 42);
}

TEST_CASE("combining depends on the order") {
    CHECK(beam::hash_combine(1, 2) != beam::hash_combine(2, 1));
    CHECK(beam::hash_combine(0, 0) != 0);
}
