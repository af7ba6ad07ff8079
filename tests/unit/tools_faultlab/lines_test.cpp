#include "tools/faultlab/lines.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace faultlab;
using nlohmann::json;

namespace {

json worker(const char* name, const char* change, bool answers = true) {
    return {{"name", name}, {"change", change}, {"was_there", true}, {"answers", answers}};
}

json event(const char* strategy, json workers) {
    return {{"event", "fault"},       {"fault", "crash"},   {"strategy", strategy},
            {"worker", "A"},          {"hold_ms", nullptr}, {"workers", std::move(workers)},
            {"broken", json::array()}};
}

using lines = text_lines;

}  // namespace

TEST_CASE("the lines of each strategy") {
    CHECK(round_lines(event("one_for_one", {worker("A", "restarted"), worker("B", "same")}),
                      false) == lines{"worker A crashed -> restarted", "worker B unaffected"});
    CHECK(round_lines(event("one_for_all", {worker("A", "restarted"), worker("B", "restarted")}),
                      false) == lines{"worker A crashed -> all workers restarted"});
    CHECK(round_lines(event("rest_for_one", {worker("0", "same"), worker("A", "restarted"),
                                             worker("B", "restarted")}),
                      false) == lines{"worker A crashed -> restarted", "worker B restarted with it",
                                      "worker 0 unaffected"});
    CHECK(round_lines(event("one_for_all", {worker("A", "restarted"), worker("B", "restarted")}),
                      true) == lines{"A crashed -> all programs restarted"});
}

TEST_CASE("what went wrong is said in full") {
    auto e = event("one_for_all",
                   {worker("A", "restarted"), worker("B", "same", false), worker("C", "gone")});
    e["broken"] = {"worker B should have been restarted"};
    CHECK(round_lines(e, false) == lines{"worker A crashed -> restarted", "worker C gone with it",
                                         "worker B does not answer",
                                         "not as promised: worker B should have been restarted"});
    e["tree_gone"] = true;
    e["broken"] = json::array();
    CHECK(round_lines(e, false) ==
          lines{"worker A crashed -> supervisor gave up, and so did its parent"});
}

TEST_CASE("a victim that did not end, and one that was not there") {
    auto e = event("one_for_one", {worker("A", "same")});
    CHECK(round_lines(e, false) == lines{"worker A crashed -> did not end"});
    e["skipped"] = true;
    CHECK(round_lines(e, false) == lines{"worker A is gone already: no fault"});
}

TEST_CASE("names from elsewhere stay on their line") {
    auto e = event("one_for_one", {worker("A\n\x1b[31m", "restarted")});
    e["worker"] = "A\n\x1b[31m";
    CHECK(round_lines(e, true) == lines{"A\\n\\x1b[31m crashed -> restarted"});
}

TEST_CASE("the lines of an attack") {
    json h = {{"name", "room general"}, {"fault", "kill"},      {"ended", true},
              {"back", true},           {"new_pid", "<0.5.0>"}, {"took_us", 1500}};
    CHECK(hit_line(h) == "room general killed -> restarted (pid=<0.5.0>)");
    h["back"] = false;
    CHECK(hit_line(h) == "room general killed -> not restarted");
    h["fault"] = "crash";
    h["ended"] = false;
    CHECK(hit_line(h) == "room general told to crash -> traps exits and goes on");
    h["fault"] = "hang";
    CHECK(hit_line(h) == "room general hung for 1500us -> goes on");
    h["took_us"] = 1'001'200;
    CHECK(hit_line(h) == "room general hung for 1002ms -> goes on");
    h["took_us"] = 61'000'100;
    CHECK(hit_line(h) == "room general hung for 1m1s1ms -> goes on");
    h["took_us"] = 20'000;
    h["ended"] = true;
    CHECK(hit_line(h) == "room general hung for 20ms -> ended, not restarted");
}

TEST_CASE("the times of a plan are exact") {
    const json plan = {{"programs", false},
                       {"faults",
                        {{{"at_ms", 0}, {"fault", "kill"}, {"worker", "A"}},
                         {{"at_ms", 61'250}, {"fault", "kill"}, {"worker", "B"}}}}};
    CHECK(plan_lines(plan) == lines{"at 0s: kill worker A", "at 1m1s250ms: kill worker B"});
}
