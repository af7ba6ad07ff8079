#include "tools/observer/rates.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_observer/answers.hpp"

using namespace std::chrono_literals;
using observer::rates;
using test::json;

TEST_CASE("rates are of the time between two answers, of processes in both") {
    const auto t0 = rates::clock::time_point(1000s);
    rates r;
    json first = {{"processes", {test::process(1), test::process(2)}}};
    r.add_to(first, t0);
    CHECK_FALSE(first["processes"][0].contains("reductions_per_s"));
    json second = {{"processes", {test::process(2), test::process(3)}}};
    second["processes"][0]["reductions"] = 20 + 300;
    r.add_to(second, t0 + 2s);
    CHECK(second["processes"][0]["reductions_per_s"] == 150);
    CHECK_FALSE(second["processes"][1].contains("reductions_per_s"));
}

TEST_CASE("a rate that the node has measured stays, and one process has one too") {
    const auto t0 = rates::clock::time_point(1000s);
    rates r;
    json one = test::process(5);
    r.add_to(one, t0);
    one = test::process(5);
    one["reductions"] = 150;
    r.add_to(one, t0 + 1s);
    CHECK(one["reductions_per_s"] == 100);
    one = test::process(5);
    one["reductions_per_s"] = 7;
    r.add_to(one, t0 + 2s);
    CHECK(one["reductions_per_s"] == 7);
    json gone = {{"gone", "no such process"}};
    r.add_to(gone, t0 + 3s);
    CHECK(gone.size() == 1);
}
