#include "libbeamcore/runtime/internal/page_source.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

using beam::detail::page_source;

TEST_CASE("page_source: what is taken is zero, aligned, and nobody else's") {
    page_source pages;
    const std::size_t sizes[] = {1, 64, 65, 4096, 100'000, 128 << 10, 300'000, 8};
    std::vector<std::pair<char*, std::size_t>> taken;
    for (int round = 0; round < 20; ++round) {
        for (const std::size_t size : sizes) {
            auto* p = static_cast<char*>(pages.take(size));
            CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
            CHECK(std::all_of(p, p + size, [](char c) { return c == 0; }));
            std::memset(p, 1 + round, size);
            taken.emplace_back(p, size);
        }
    }
    std::sort(taken.begin(), taken.end());
    for (std::size_t i = 1; i < taken.size(); ++i)
        CHECK(taken[i - 1].first + taken[i - 1].second <= taken[i].first);
}
