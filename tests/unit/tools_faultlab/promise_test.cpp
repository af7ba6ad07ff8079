#include "tools/faultlab/app/promise.hpp"

#include <doctest/doctest.h>

using namespace faultlab;
using namespace std::chrono_literals;
using beam::restart_strategy;
using beam::restart_type;

namespace {

tree_rules rules_of(restart_strategy s, restart_type t = restart_type::permanent) {
    tree_rules r;
    r.strategy = s;
    r.restart = t;
    return r;
}

// The fates of three workers, the second of which has the fault: `=` the same, `+` restarted, `-` gone.
std::string fates(const tree_rules& rules, fault f, bool gave_up = false,
                  std::vector<bool> present = {true, true, true}) {
    std::string text;
    for (const fate each : promised(rules, f, 1, present, gave_up))
        text += each == fate::same ? '=' : each == fate::restarted ? '+' : '-';
    return text;
}

}  // namespace

TEST_CASE("each strategy takes along whom OTP's does") {
    CHECK(fates(rules_of(restart_strategy::one_for_one), fault::crash) == "=+=");
    CHECK(fates(rules_of(restart_strategy::simple_one_for_one), fault::kill) == "=+=");
    CHECK(fates(rules_of(restart_strategy::one_for_all), fault::crash) == "+++");
    CHECK(fates(rules_of(restart_strategy::rest_for_one), fault::heap) == "=++");
}

TEST_CASE("what is lived through takes nobody along") {
    for (const fault f : {fault::hang, fault::slow, fault::storm, fault::drop, fault::delay})
        CHECK(fates(rules_of(restart_strategy::one_for_all), f) == "===");
}

TEST_CASE("the restart type decides who comes back") {
    const auto all = restart_strategy::one_for_all;
    CHECK(fates(rules_of(all, restart_type::permanent), fault::exit_normal) == "+++");
    CHECK(fates(rules_of(all, restart_type::transient), fault::exit_normal) == "=-=");
    CHECK(fates(rules_of(all, restart_type::transient), fault::crash) == "+++");
    CHECK(fates(rules_of(all, restart_type::temporary), fault::crash) == "=-=");
}

TEST_CASE("a restart of several starts those too that were stopped before") {
    CHECK(fates(rules_of(restart_strategy::one_for_all, restart_type::transient), fault::crash,
                false, {false, true, true}) == "+++");
    CHECK(fates(rules_of(restart_strategy::one_for_one, restart_type::transient), fault::crash,
                false, {false, true, true}) == "-+=");
}

TEST_CASE("stopped and started on purpose, a child takes nobody along and is not counted") {
    for (const auto s : {restart_strategy::one_for_one, restart_strategy::one_for_all,
                         restart_strategy::rest_for_one, restart_strategy::simple_one_for_one})
        CHECK(fates(rules_of(s), fault::terminate_hang) == "=+=");
}

TEST_CASE("after giving up all are new, or none where they are made from one specification") {
    CHECK(fates(rules_of(restart_strategy::one_for_one), fault::crash, true) == "+++");
    CHECK(fates(rules_of(restart_strategy::one_for_one), fault::crash, true, {false, true, true}) ==
          "+++");
    CHECK(fates(rules_of(restart_strategy::simple_one_for_one), fault::crash, true) == "---");
}

TEST_CASE("a supervisor gives up at more restarts within the period than the intensity") {
    tree_rules rules;
    rules.intensity = 2;
    rules.period = 5s;
    restart_history h;
    CHECK(h.one_more(rules, 1s, 1s) == giving_up::no);
    h.add(1s, 1s);
    CHECK(h.one_more(rules, 2s, 2s) == giving_up::no);
    h.add(2s, 2s);
    CHECK(h.one_more(rules, 3s, 3s) == giving_up::yes);
    // Whole seconds count, and one that is exactly a period old.
    CHECK(h.one_more(rules, 6s, 6900ms) == giving_up::yes);
    CHECK(h.one_more(rules, 7s, 7s) == giving_up::no);
    h.clear();
    CHECK(h.one_more(rules, 3s, 3s) == giving_up::no);
}

TEST_CASE("what nobody can tell from outside is left open") {
    tree_rules rules;
    rules.intensity = 1;
    rules.period = 5s;
    restart_history h;
    h.add(1900ms, 2100ms);  // in second 1 or 2
    CHECK(h.one_more(rules, 6s, 6s) == giving_up::yes);
    CHECK(h.one_more(rules, 7s, 7s) == giving_up::either);
    CHECK(h.one_more(rules, 6900ms, 8100ms) == giving_up::either);
    CHECK(h.one_more(rules, 8s, 8s) == giving_up::no);
}

TEST_CASE("an intensity of 0 bears nothing") {
    tree_rules rules;
    rules.intensity = 0;
    CHECK(restart_history().one_more(rules, 0s, 0s) == giving_up::yes);
}
