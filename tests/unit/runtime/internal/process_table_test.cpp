#include "libbeamcore/runtime/internal/process_table.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "libbeamcore/base/random.hpp"

using beam::detail::process_block;
using beam::detail::process_table;
using beam::detail::slot_cache;

TEST_CASE("slots have numbers from 1 on, and are found by them") {
    process_table table(10'000);
    slot_cache cache;
    std::set<std::uint32_t> ids;
    for (int i = 0; i < 5000; ++i) {
        process_block* pb = table.take(cache);
        REQUIRE(pb != nullptr);
        REQUIRE(pb->id > 0);
        REQUIRE(table.find(pb->id) == pb);
        REQUIRE(ids.insert(pb->id).second);
        REQUIRE(pb->id < table.end());
    }
    CHECK(table.find(0) != nullptr);  // the slot of the false pid: never taken
    CHECK(table.find(9'999'999) == nullptr);
}

TEST_CASE("a slot is not used again before a thousand others were") {
    process_table table(1u << 20);
    slot_cache cache;
    std::unordered_map<std::uint32_t, std::uint64_t> given_at;
    std::uint64_t n = 0, reused = 0;
    beam::random_generator random(5);
    std::vector<process_block*> out;
    for (int i = 0; i < 100'000; ++i) {
        process_block* pb = table.take(cache);
        REQUIRE(pb != nullptr);
        if (auto it = given_at.find(pb->id); it != given_at.end()) {
            ++reused;
            REQUIRE(n - it->second >= 900);
        }
        out.push_back(pb);
        ++n;
        // One to three are alive at once.
        while (out.size() > random.below(3)) {
            const std::size_t at = random.below(out.size());
            given_at[out[at]->id] = n;
            table.give_back(cache, out[at]);
            out.erase(out.begin() + std::ptrdiff_t(at));
        }
    }
    CHECK(reused > 50'000);
    CHECK(table.end() < 3000);
}

TEST_CASE("at the limit there is none, until one is given back") {
    process_table table(500);
    slot_cache cache;
    std::vector<process_block*> all;
    while (process_block* pb = table.take(cache)) all.push_back(pb);
    CHECK(all.size() > 400);
    CHECK(all.size() < 500);
    for (int i = 0; i < 1000; ++i) {
        table.give_back(cache, all.back());
        all.pop_back();
        process_block* pb = table.take(cache);
        REQUIRE(pb != nullptr);
        all.push_back(pb);
    }
    CHECK(table.take(cache) == nullptr);
}

TEST_CASE("threads with caches of their own never get the same slot") {
    process_table table(1u << 16);
    std::vector<std::unique_ptr<slot_cache>> caches;
    for (int i = 0; i < 4; ++i) caches.push_back(std::make_unique<slot_cache>());
    std::vector<std::thread> threads;
    std::atomic<bool> twice{false};
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, cache = caches[std::size_t(i)].get(), i] {
            beam::random_generator random(std::uint64_t(i) + 1);
            std::vector<process_block*> mine;
            for (int n = 0; n < 30'000; ++n) {
                if (mine.empty() || (random.below(2) == 0 && mine.size() < 500)) {
                    process_block* pb = table.take(*cache);
                    if (!pb || pb->reductions_left != 0) {
                        twice = true;
                        return;
                    }
                    pb->reductions_left = i + 1;  // ours
                    mine.push_back(pb);
                } else {
                    const std::size_t at = random.below(mine.size());
                    if (mine[at]->reductions_left != i + 1) twice = true;
                    mine[at]->reductions_left = 0;
                    table.give_back(*cache, mine[at]);
                    mine.erase(mine.begin() + std::ptrdiff_t(at));
                }
            }
            for (process_block* pb : mine) {
                pb->reductions_left = 0;
                table.give_back(*cache, pb);
            }
            table.flush(*cache);
        });
    for (auto& t : threads) t.join();
    CHECK_FALSE(twice);
    // All were given back: they are enough for many more.
    slot_cache cache;
    const std::uint32_t end = table.end();
    for (int i = 0; i < 1000; ++i) {
        process_block* pb = table.take(cache);
        REQUIRE(pb != nullptr);
        table.give_back(cache, pb);
    }
    CHECK(table.end() <= end + 64);
}
