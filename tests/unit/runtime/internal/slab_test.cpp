#include "libbeamcore/runtime/internal/slab.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "libbeamcore/base/random.hpp"

namespace slab = beam::detail::slab;
using beam::random_generator;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool plain_malloc = true;
#else
constexpr bool plain_malloc = false;
#endif

struct block {
    unsigned char* memory;
    std::size_t bytes;
    unsigned char mark;
};

block take(random_generator& random) {
    const std::size_t bytes = 16 + random.below(random.below(10) == 0 ? 4000 : 500);
    auto* p = static_cast<unsigned char*>(slab::take(slab::class_of(bytes), bytes));
    const auto mark = static_cast<unsigned char>(random.below(256));
    std::memset(p, mark, bytes);
    return {p, bytes, mark};
}

/// Whether nobody has written into it.
bool give(block b) {
    bool good = true;
    for (std::size_t i = 0; i < b.bytes; ++i) good &= b.memory[i] == b.mark;
    slab::give(slab::class_of(b.bytes), b.memory);
    return good;
}

}  // namespace

TEST_CASE(
    "a size class holds what it is for, with little waste, and beyond the largest is malloc's") {
    for (std::size_t n = 1; n <= slab::small_max; ++n) {
        const std::uint8_t c = slab::class_of(n);
        REQUIRE(c != slab::no_class);
        REQUIRE(c < slab::classes);
        REQUIRE(slab::size_of(c) >= n);
        REQUIRE(slab::size_of(c) % 16 == 0);
        REQUIRE(slab::size_of(c) < n + 128);
        if (c > 1) REQUIRE(slab::size_of(std::uint8_t(c - 1)) < n);
    }
    CHECK(slab::class_of(slab::small_max + 1) == slab::no_class);
    CHECK(slab::class_of(0) == 1);
}

TEST_CASE("cells are apart from each other and aligned to 16") {
    random_generator random(1);
    std::vector<block> all;
    for (int i = 0; i < 5000; ++i) {
        all.push_back(take(random));
        REQUIRE(reinterpret_cast<std::uintptr_t>(all.back().memory) % 16 == 0);
    }
    for (block b : all) REQUIRE(give(b));
}

TEST_CASE("cells that were given are used again") {
    if (plain_malloc) return;
    std::vector<void*> cells;
    auto round = [&] {
        for (int i = 0; i < 1000; ++i) cells.push_back(slab::take(4, 64));
        while (!cells.empty()) {
            slab::give(4, cells.back());
            cells.pop_back();
        }
    };
    round();
    const auto before = slab::reserved_bytes();
    for (int i = 0; i < 50; ++i) round();
    CHECK(slab::reserved_bytes() == before);
}

TEST_CASE(
    "taken on one thread and given on another: nothing is handed out twice, memory goes round") {
    std::mutex mutex;
    std::deque<block> travelling;
    std::atomic<bool> done{false}, bad{false};
    auto producer = [&](std::uint64_t seed) {
        random_generator random(seed);
        for (int i = 0; i < 20'000; ++i) {
            block b = take(random);
            std::lock_guard lock(mutex);
            travelling.push_back(b);
        }
    };
    auto consumer = [&] {
        for (;;) {
            block b{};
            {
                std::lock_guard lock(mutex);
                if (travelling.empty()) {
                    if (done) return;
                    continue;
                }
                b = travelling.front();
                travelling.pop_front();
            }
            if (!give(b)) bad = true;
        }
    };
    std::uint64_t after_first = 0;
    for (int round = 0; round < 3; ++round) {
        done = false;
        std::vector<std::thread> consumers, producers;
        for (int i = 0; i < 2; ++i) consumers.emplace_back(consumer);
        for (std::uint64_t i = 0; i < 2; ++i) producers.emplace_back(producer, i + 1);
        for (auto& t : producers) t.join();
        done = true;
        for (auto& t : consumers) t.join();
        if (round == 0) after_first = slab::reserved_bytes();
    }
    CHECK_FALSE(bad);
    // Threads that ended gave their cells back; how many are under way at once varies.
    CHECK(slab::reserved_bytes() < 3 * after_first + 1'000'000);
}
