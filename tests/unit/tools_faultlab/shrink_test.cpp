#include "tools/faultlab/shrink.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace faultlab;

namespace {

bool has(const fault_places& all, std::uint64_t one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("one fault of many that is enough is found") {
    for (const std::uint64_t culprit : {0, 1, 499, 998, 999}) {
        const auto s =
            smallest_failing(1000, 1000, [&](const fault_places& p) { return has(p, culprit); });
        CHECK(s.places == fault_places{culprit});
        CHECK(s.trials <= 40);
    }
}

TEST_CASE("faults that are needed together stay together, in their order") {
    const auto s = smallest_failing(
        100, 1000, [](const fault_places& p) { return has(p, 3) && has(p, 50) && has(p, 97); });
    CHECK(s.places == fault_places{3, 50, 97});
    const auto any_four =
        smallest_failing(64, 1000, [](const fault_places& p) { return p.size() >= 4; });
    CHECK(any_four.places.size() == 4);
}

TEST_CASE("nothing is ever tried with no fault, and not for ever") {
    const auto all = smallest_failing(20, 1000, [](const fault_places& p) {
        CHECK(!p.empty());
        CHECK(std::is_sorted(p.begin(), p.end()));
        return false;
    });
    CHECK(all.places.size() == 20);
    const auto one = smallest_failing(1, 1000, [](const fault_places&) { return true; });
    CHECK(one.places == fault_places{0});
    CHECK(one.trials == 0);
    std::uint64_t asked = 0;
    const auto cut = smallest_failing(1000, 7, [&](const fault_places&) {
        ++asked;
        return false;
    });
    CHECK(cut.trials == 7);
    CHECK(asked == 7);
}
