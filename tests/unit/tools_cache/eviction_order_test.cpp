#include "tools/cache/app/eviction_order.hpp"

#include <doctest/doctest.h>

#include <set>
#include <unordered_set>
#include <vector>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/random.hpp"

using cache::eviction_order;
using cache::no_slot;
using cache::policy;
using cache::slot;

namespace {

std::uint64_t hash_of(slot key) {
    std::uint64_t h = (key + 1) * 0x9E3779B97F4A7C15;
    return h ^ h >> 29;
}

std::vector<slot> all_victims(eviction_order& order) {
    std::vector<slot> gone;
    for (slot s = order.victim(); s != no_slot; s = order.victim()) {
        gone.push_back(s);
        order.remove(s);
    }
    return gone;
}

/// How many of `uses` find their key in a cache of that size.
double hit_rate(policy p, std::size_t size, const std::vector<slot>& uses) {
    eviction_order order(p);
    std::unordered_set<slot> there;
    std::size_t hits = 0;
    for (slot key : uses) {
        if (there.contains(key)) {
            ++hits;
            order.used(key);
            continue;
        }
        order.add(key, hash_of(key));
        there.insert(key);
        if (there.size() <= size) continue;
        const slot victim = order.victim();
        order.remove(victim);
        there.erase(victim);
    }
    return double(hits) / double(uses.size());
}

}  // namespace

TEST_CASE("lru: what was not used for longest goes first") {
    eviction_order order(policy::lru);
    for (slot s : {0u, 1u, 2u, 3u}) order.add(s, hash_of(s));
    order.used(0);
    order.used(2);
    CHECK(all_victims(order) == std::vector<slot>{1, 3, 0, 2});
}

TEST_CASE("fifo: what was put in first goes first, used or not") {
    eviction_order order(policy::fifo);
    for (slot s : {3u, 1u, 2u}) order.add(s, hash_of(s));
    order.used(3);
    order.used(3);
    CHECK(all_victims(order) == std::vector<slot>{3, 1, 2});
}

TEST_CASE("lfu: what is used often outlives a scan of keys that are used once") {
    eviction_order order(policy::lfu);
    constexpr slot often = 100;
    for (slot s = 0; s < often; ++s) order.add(s, hash_of(s));
    for (int round = 0; round < 5; ++round)
        for (slot s = 0; s < often; ++s) order.used(s);
    for (slot s = often; s < 2000; ++s) {
        order.add(s, hash_of(s));
        const slot victim = order.victim();
        order.remove(victim);
    }
    std::set<slot> left;
    for (slot s : all_victims(order)) left.insert(s);
    CHECK(left.size() == often);
    std::size_t kept = 0;
    for (slot s : left) kept += s < often;
    CHECK(kept >= 85);
}

TEST_CASE("lfu finds more than lru where a few keys are popular and many pass by") {
    beam::random_generator random(7);
    std::vector<slot> uses;
    slot passing = 10'000;
    for (int i = 0; i < 60'000; ++i) {
        // Two in three are passers-by, the others one of a thousand, some much more often than others.
        if (random.below(3) != 0)
            uses.push_back(passing++);
        else
            uses.push_back(slot(random.below(1 + random.below(1000))));
    }
    const double lru = hit_rate(policy::lru, 300, uses);
    const double lfu = hit_rate(policy::lfu, 300, uses);
    CAPTURE(lru);
    CAPTURE(lfu);
    CHECK(lfu > lru * 1.2);
}

TEST_CASE("lfu forgets what was popular once") {
    beam::random_generator random(3);
    std::vector<slot> uses;
    for (int i = 0; i < 20'000; ++i) uses.push_back(slot(random.below(200)));
    const std::size_t first = uses.size();
    for (int i = 0; i < 20'000; ++i) uses.push_back(1000 + slot(random.below(200)));
    const std::vector<slot> both = uses;
    const std::vector<slot> before(uses.begin(), uses.begin() + std::ptrdiff_t(first));
    const double then = hit_rate(policy::lfu, 200, before);
    const double all = hit_rate(policy::lfu, 200, both);
    CHECK(then > 0.95);
    CHECK(all > 0.9);
}

TEST_CASE("entries that leave by themselves leave every order whole") {
    for (policy p : {policy::lru, policy::lfu, policy::fifo}) {
        CAPTURE(cache::name_of(p));
        beam::random_generator random(11);
        eviction_order order(p);
        std::set<slot> there;
        for (int i = 0; i < 20'000; ++i) {
            const auto s = slot(random.below(300));
            switch (random.below(4)) {
                case 0:
                    if (there.insert(s).second) order.add(s, hash_of(s));
                    break;
                case 1:
                    if (there.contains(s)) order.used(s);
                    break;
                case 2:
                    if (there.erase(s)) order.remove(s);
                    break;
                default:
                    if (const slot victim = order.victim(); victim != no_slot)
                        REQUIRE(there.contains(victim));
            }
            REQUIRE(order.size() == there.size());
        }
        for (slot s : all_victims(order)) REQUIRE(there.erase(s) == 1);
        CHECK(there.empty());
    }
}
