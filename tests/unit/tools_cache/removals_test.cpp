// The ring of what was removed last.
#include <doctest/doctest.h>

#include "tools/cache/app/removals.hpp"

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
