// Trackers in bad weather, over many seeds: all agree after it, and each rule is needed.
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/support/simulated.hpp"
#include "tracker_world.hpp"

using namespace test;
using beam::tracker::rules;

namespace {

// Ten thousand where the compiler optimises; else as many as a test may take.
std::uint64_t seeds() {
#ifdef NDEBUG
    return 1000 * seed_count();
#else
    return 30 * seed_count();
#endif
}

weather weather_of(std::uint64_t seed) {
    weather w;
    switch (seed % 4) {
        case 0:
            w.loss = w.doubling = 0.3;
            w.delay_max = std::chrono::milliseconds{2500};
            break;
        case 1:
            w.loss = 0;
            w.doubling = 0.5;
            break;
        case 2:
            w.loss = w.doubling = 0;
            w.delay_max = std::chrono::milliseconds{5};
            break;
        default:
            break;
    }
    w.nodes = 2 + int(seed % 3);
    return w;
}

/// What went wrong with that seed, or nothing.
std::optional<std::string> run_world(std::uint64_t seed, const rules& r, int orders) {
    try {
        tracker_world world(seed, weather_of(seed), r);
        world.run();
        world.replay(orders);
        return {};
    } catch (const broken& b) {
        return b.what();
    }
}

/// The first seed that a tracker without one of its rules fails.
std::uint64_t first_failing(bool rules::*rule) {
    rules r;
    r.*rule = false;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const auto failed = run_world(seed, r, 1);
        if (!failed) continue;
        MESSAGE(*failed);
        return seed;
    }
    return 0;
}

}  // namespace

TEST_CASE(
    "trackers agree after loss, doubling, reordering, cuts, pauses and restarts, in any order") {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        const auto failed = run_world(seed, {}, seed % 4 == 0 ? 3 : 0);
        REQUIRE_MESSAGE(!failed, *failed);
    }
}

TEST_CASE("a tracker that applies a delta again is found out") {
    CHECK(first_failing(&rules::drop_seen) > 0);
}
TEST_CASE("a tracker that applies a delta over a gap is found out") {
    CHECK(first_failing(&rules::drop_over_gap) > 0);
}
TEST_CASE("a tracker that goes back to an older incarnation is found out") {
    CHECK(first_failing(&rules::drop_older) > 0);
}
TEST_CASE("a tracker that keeps an old incarnation is found out") {
    CHECK(first_failing(&rules::replace_incarnation) > 0);
}
TEST_CASE("a tracker that shows a node before what was missed is in is found out") {
    CHECK(first_failing(&rules::wait_for_missed) > 0);
}
TEST_CASE("a tracker that applies a part of all entries is found out") {
    CHECK(first_failing(&rules::whole_full) > 0);
}
TEST_CASE("a tracker that forgets who has left is found out") {
    CHECK(first_failing(&rules::remember_bye) > 0);
}

TEST_CASE("entries that were changed on their way are found by the digest and repaired") {
    std::uint64_t found = 0;
    for (std::uint64_t seed = 2; seed <= 82; seed += 4) {
        tracker_world world(seed, weather_of(seed), {});
        world.corrupt(3);
        REQUIRE_NOTHROW(world.run());
        found += world.digest_mismatches();
    }
    CHECK(found > 0);
}
