// The parts of the cache that are too small for a file each: patterns, and the ring of removals.
#include <doctest/doctest.h>

#include <string>

#include "tools/cache/app/glob.hpp"
#include "tools/cache/app/removals.hpp"

using cache::matches;

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

namespace {
cache::removal removed(const char* key, cache::removal_reason why) {
    return {cache::hash_of(key), why, 1, 0, 5};
}
}  // namespace

TEST_CASE("the last removal of a key is known until the ring has gone round") {
    using why = cache::removal_reason;
    cache::removals ring(3);
    ring.add(removed("a", why::expired));
    ring.add(removed("b", why::evicted));
    ring.add(removed("a", why::deleted));
    CHECK(ring.last_of(cache::hash_of("a"))->reason == why::deleted);
    ring.add(removed("c", why::deleted));  // in the place of a's first
    CHECK(ring.last_of(cache::hash_of("a"))->reason == why::deleted);
    CHECK(ring.last_of(cache::hash_of("b"))->reason == why::evicted);
    ring.add(removed("d", why::deleted));
    CHECK_FALSE(ring.last_of(cache::hash_of("b")));
    ring.add(removed("e", why::deleted));
    CHECK_FALSE(ring.last_of(cache::hash_of("a")));
    CHECK_FALSE(ring.last_of(cache::hash_of("never")));
}
