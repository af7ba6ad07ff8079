#include "tools/faultlab/app/schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tools/faultlab/app/words.hpp"

using namespace faultlab;
using namespace std::chrono_literals;

namespace {

std::vector<planned_fault> planned(const schedule_request& r) {
    auto made = make_schedule(r);
    REQUIRE(made.has_value());
    return *std::move(made);
}

schedule_request seeded(std::uint64_t seed) {
    schedule_request r;
    r.seed = seed;
    return r;
}

}  // namespace

TEST_CASE("with nothing said there is one fault, at once") {
    const auto plan = planned({});
    REQUIRE(plan.size() == 1);
    CHECK(plan[0].at == 0ms);
    CHECK_FALSE(is_drawn({}));
}

TEST_CASE("the same seed gives the same schedule, another seed another") {
    for (auto make :
         {+[](schedule_request& r) { r.count = 50; }, +[](schedule_request& r) { r.during = 5s; },
          +[](schedule_request& r) { r.count = 50, r.during = 5s; },
          +[](schedule_request& r) {
              r.rate = beam::rate{10, 1s}, r.during = 5s;
          },
          +[](schedule_request& r) { r.percent = 0.5, r.count = 50; },
          +[](schedule_request& r) { r.percent = 0.5, r.during = 5s; }}) {
        auto one = seeded(1), again = seeded(1), two = seeded(2);
        make(one), make(again), make(two);
        CHECK(is_drawn(one));
        CHECK(planned(one) == planned(again));
        CHECK(planned(one) != planned(two));
    }
}

TEST_CASE("the schedule of a seed is the same in every version") {
    auto r = seeded(7);
    r.count = 3;
    r.during = 1s;
    const auto plan = planned(r);
    REQUIRE(plan.size() == 3);
    std::vector<std::int64_t> at;
    std::vector<std::uint64_t> victims;
    for (const auto& f : plan) {
        at.push_back(f.at.count());
        victims.push_back(f.draw % 10);
    }
    CHECK(at == std::vector<std::int64_t>{701, 840, 991});
    CHECK(victims == std::vector<std::uint64_t>{4, 4, 1});
}

TEST_CASE("faults come in order and within their time") {
    auto r = seeded(3);
    r.during = 2s;
    r.rate = beam::rate{100, 1s};
    const auto plan = planned(r);
    CHECK(plan.size() > 100);
    CHECK(plan.size() < 400);
    CHECK(std::is_sorted(plan.begin(), plan.end(),
                         [](const auto& a, const auto& b) { return a.at < b.at; }));
    CHECK(plan.back().at < 2s);
    r.count = 5;
    CHECK(planned(r).size() == 5);
}

TEST_CASE("a probability of 0 never happens, of 1 always") {
    for (auto make : {+[](schedule_request& r) { r.count = 1000; },
                      +[](schedule_request& r) { r.during = 10s; }}) {
        auto never = seeded(5), always = seeded(5);
        make(never), make(always);
        never.percent = 0;
        always.percent = 1;
        CHECK(planned(never).empty());
        CHECK(planned(always).size() >= 100);
    }
}

TEST_CASE("a rate alone is one fault, after its time") {
    auto r = seeded(1);
    r.rate = beam::rate{1, 1s};
    const auto plan = planned(r);
    REQUIRE(plan.size() == 1);
    CHECK(plan[0].at >= 500ms);
    CHECK(plan[0].at < 1500ms);
}

TEST_CASE("more faults than anybody wants are refused, and quickly") {
    auto r = seeded(1);
    r.count = UINT64_MAX;
    CHECK(make_schedule(r).error().is("too_many"));
    r.percent = 0;
    CHECK(make_schedule(r).error().is("too_many"));
    r = seeded(1);
    r.during = 24h;
    r.rate = beam::rate{1'000'000'000, 1s};
    CHECK(make_schedule(r).error().is("too_many"));
}
