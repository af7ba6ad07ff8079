// A shard of kv in bad weather, over many seeds: it keeps its word, and each rule is needed for that.
#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "kv_world.hpp"
#include "tests/support/simulated.hpp"

using namespace test;
using kv::rules;

namespace {

// This file and the shard are optimised in every build: ten thousand, but fewer under sanitizers.
std::uint64_t seeds() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 30 * seed_count();
#else
    return 1000 * seed_count();
#endif
}

kv_weather weather_of(std::uint64_t seed) {
    kv_weather w;
    switch (seed % 4) {
        case 0:
            w.loss = w.doubling = 0.2;
            w.delay_max = std::chrono::milliseconds{1500};
            break;
        case 1:
            w.loss = w.doubling = 0;
            w.delay_max = std::chrono::milliseconds{20};
            break;
        case 2:
            w.doubling = 0.4;
            w.delay_max = std::chrono::milliseconds{4000};
            break;
        default:
            break;
    }
    w.nodes = 3 + int(seed % 3);
    w.copies = 1 + seed / 3 % 3;
    if (w.copies == 1 && seed % 2 == 0) w.copies = 2;
    w.is_one_host = seed % 5 == 0;
    if (seed % 6 == 5) {
        // Little happens, and lasts.
        w.gap_max = std::chrono::seconds{12};
        w.steps = 25;
    }
    if (seed % 7 == 3) w.doom = 0.15;
    if (seed % 13 == 5) w.outages = 0.15;
    if (seed % 5 == 1) w.coordinator_late = 0.5, w.spite = 0.7;
    if (seed % 11 == 7) {
        // A plan that comes and goes, and messages that come when it is another one.
        w.fickle = 0.9, w.slow = 0.3, w.loss = 0.02;
        w.delay_max = std::chrono::seconds{2};
        w.gap_max = std::chrono::milliseconds{600};
        w.steps = 120;
    }
    return w;
}

/// What went wrong with that seed, or nothing.
std::optional<std::string> run_world(std::uint64_t seed, const rules& r,
                                     kv_world::figures* sum = nullptr, bool renames = true) {
    try {
        kv_weather weather = weather_of(seed);
        weather.renames = renames;
        kv_world world(seed, weather, r);
        world.run();
        if (sum) {
            const auto& c = world.counts();
            sum->events += c.events, sum->done += c.done, sum->reads += c.reads;
            sum->replica_reads += c.replica_reads, sum->terms += c.terms, sum->pieces += c.pieces,
                sum->fillings += c.fillings;
            sum->entry_reads += c.entry_reads, sum->pages += c.pages;
            sum->recovered += c.recovered, sum->permits += c.permits, sum->erased += c.erased;
            sum->outages += c.outages, sum->succeeded += c.succeeded;
            sum->hand_overs += c.hand_overs, sum->unknown += c.unknown, sum->joins += c.joins;
            sum->definite += c.definite, sum->lost += c.lost, sum->expired += c.expired;
        }
        return {};
    } catch (const kv_broken& b) {
        return b.what();
    }
}

// Which worlds are searched: one of each `every`, from `first` on.
struct some_worlds {
    std::uint64_t first = 1, every = 1;
};
constexpr some_worlds spiteful{1, 5};             // a spiteful coordinator
constexpr some_worlds spiteful_and_late{26, 60};  // and messages that take seconds
constexpr some_worlds fickle{7, 11};              // a plan that comes and goes
constexpr some_worlds with_outages{5, 13};        // machines that stop before a sync
constexpr some_worlds three_in_peace{17, 36};     // three copies; little happens, and lasts

/// The first of a thousand seeds that a store without one of its rules fails; 0: none.
std::uint64_t first_failing(const rules& r, some_worlds of, bool renames = true) {
    for (std::uint64_t n = 0; n < 1000; ++n) {
        const std::uint64_t seed = of.first + n * of.every;
        const auto failed = run_world(seed, r, nullptr, renames);
        if (!failed) continue;
        MESSAGE(*failed);
        return seed;
    }
    return 0;
}
std::uint64_t first_failing(bool rules::*rule, some_worlds of = {}) {
    rules r;
    r.*rule = false;
    return first_failing(r, of);
}

}  // namespace

TEST_CASE(
    "a shard keeps its word through crashes, pauses, wipes, cuts, late messages and wrong clocks") {
    kv_world::figures sum;
    const char* from = std::getenv("BEAMCORE_TEST_FIRST_SEED");
    const std::uint64_t first = from ? std::strtoull(from, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + seeds(); ++seed) {
        const auto failed = run_world(seed, {}, &sum);
        REQUIRE_MESSAGE(!failed, *failed);
    }
    // What the runs are about did happen.
    MESSAGE("events " << sum.events << ", done " << sum.done << ", reads " << sum.reads
                      << " (by replicas " << sum.replica_reads << "), terms " << sum.terms
                      << ", fillings " << sum.fillings << " (pieces " << sum.pieces
                      << "), entries from disk " << sum.entry_reads << ", hand-overs "
                      << sum.hand_overs << ", joins " << sum.joins << ", permits " << sum.permits
                      << ", unknown " << sum.unknown << ", definite " << sum.definite
                      << ", expired " << sum.expired << ", scans " << sum.pages
                      << ", copies erased " << sum.erased << ", given up by the operator "
                      << sum.recovered << ", machines that stopped before a sync " << sum.outages
                      << " (shards led anew " << sum.succeeded << "), lost with their last disk "
                      << sum.lost);
    CHECK(100 * sum.lost <= seeds());
    CHECK(sum.done > 20 * seeds());
    CHECK(sum.replica_reads > seeds());
    CHECK(sum.hand_overs > seeds() / 2);
    CHECK(sum.joins > seeds());
    CHECK(sum.permits > seeds());
    CHECK(sum.fillings > seeds() / 2);
    CHECK(sum.erased > seeds() / 2);
    CHECK(sum.outages > seeds() / 2);
    CHECK(sum.succeeded > seeds() / 20);
}

TEST_CASE("a store that changes its record and not the epoch is found out") {
    CHECK(first_failing(&rules::raise_epoch) > 0);
}
TEST_CASE("a store that leads without being in sync is found out") {
    CHECK(first_failing(&rules::only_members_lead) > 0);
}
TEST_CASE("a member that joins before it holds all is found out") {
    CHECK(first_failing(&rules::join_when_complete) > 0);
}
TEST_CASE("a primary that goes on in its old epoch after a start is found out") {
    CHECK(first_failing(&rules::new_epoch_at_start) > 0);
}
TEST_CASE("a replica that listens to an older epoch is found out") {
    CHECK(first_failing(&rules::drop_older_epochs) > 0);
}
TEST_CASE("a replica that applies what is only prepared is found out") {
    CHECK(first_failing(&rules::apply_committed_only) > 0);
}
TEST_CASE("a primary that reads without leases is found out") {
    CHECK(first_failing(&rules::check_leases) > 0);
}
TEST_CASE("a primary that does a request twice is found out") {
    CHECK(first_failing(&rules::deduplicate) > 0);
}
TEST_CASE("a new primary that breaks its promise to the last one is found out") {
    CHECK(first_failing(&rules::wait_for_own_promise, spiteful_and_late) > 0);
}
TEST_CASE("a primary that reads without the lease of one who may have joined is found out") {
    CHECK(first_failing(&rules::lease_of_joining) > 0);
}
TEST_CASE("a replica that believes a primary which may not read itself is found out") {
    CHECK(first_failing(&rules::serving_beacons_only, three_in_peace) > 0);
}
TEST_CASE("a primary that calls a member fresh which may be removed already is found out") {
    CHECK(first_failing(&rules::leaving_not_fresh, spiteful) > 0);
}
TEST_CASE("a primary that hides what has expired by its own clock is found out") {
    CHECK(first_failing(&rules::log_expiry) > 0);
}
TEST_CASE("a primary that forgets what it refused is found out") {
    CHECK(first_failing(&rules::log_refusals) > 0);
}
TEST_CASE("a scan that hides what has expired by its primary's clock is found out") {
    CHECK(first_failing(&rules::log_scan_expiry) > 0);
}
TEST_CASE("a primary that does what was settled and forgotten is found out") {
    CHECK(first_failing(&rules::settled_is_over) > 0);
}
TEST_CASE("a primary that takes the state of another history for a part of its own is found out") {
    CHECK(first_failing(&rules::refill_strangers) > 0);
}
TEST_CASE("a start that knows only the requests of its checkpoint is found out") {
    CHECK(first_failing(&rules::replay_requests) > 0);
}
TEST_CASE("a store that erases its copy without asking is found out") {
    CHECK(first_failing(&rules::ask_before_erasing) > 0);
}
TEST_CASE("a primary that brings up who erased its copy in the same epoch is found out") {
    CHECK(first_failing(&rules::new_epoch_after_erasing, fickle) > 0);
}
TEST_CASE("a store that keeps its name after it lost what it acknowledged is found out") {
    CHECK(first_failing(rules(), with_outages, false) > 0);
}
