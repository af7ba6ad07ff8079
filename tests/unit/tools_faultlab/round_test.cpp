#include "tools/faultlab/app/round.hpp"

#include <doctest/doctest.h>

using namespace faultlab;
using namespace std::chrono_literals;

namespace {

constexpr beam::pid pid_of(std::uint32_t n) {
    return {n, 0, 0};
}

// Two workers, the first of which crashed and is another process now: what one_for_one promises.
faultlab::round crashed() {
    faultlab::round r;
    r.within = 5s;
    r.ended = true;
    r.children.resize(2);
    r.children[0].name = "A";
    r.children[0].before = pid_of(1);
    r.children[0].after = pid_of(3);
    r.children[1].name = "B";
    r.children[1].before = r.children[1].after = pid_of(2);
    return r;
}

std::vector<std::string> judged(faultlab::round r, const tree_rules& rules = {}) {
    judge(r, rules, false);
    return r.broken;
}
using broken = std::vector<std::string>;

}  // namespace

TEST_CASE("what was promised and seen is not held against anybody") {
    CHECK(judged(crashed()).empty());
}

TEST_CASE("a restart too few and one too many are seen") {
    tree_rules all;
    all.strategy = beam::restart_strategy::one_for_all;
    CHECK(judged(crashed(), all) ==
          broken{"worker B should have been restarted and is the process it was"});
    auto r = crashed();
    r.children[1].after = pid_of(4);
    CHECK(judged(r) == broken{"worker B should have been left alone and is another process"});
    r.children[1].after.reset();
    CHECK(judged(r) == broken{"worker B should have been left alone and is gone"});
}

TEST_CASE("a victim that lives on, and one that stays away") {
    auto r = crashed();
    r.ended = false;
    r.children[0].after = r.children[0].before;
    CHECK(judged(r) == broken{"worker A did not end within 5s",
                              "worker A should have been restarted and is the process it was"});
    r = crashed();
    r.came_to_rest = false;
    r.children[0].after.reset();
    CHECK(judged(r) == broken{"the tree did not come to rest within 5s",
                              "worker A should have been restarted and is gone"});
}

TEST_CASE("who is there must answer and know what it did") {
    auto r = crashed();
    r.children[0].answers = false;
    r.children[1].kept_state = false;
    CHECK(judged(r) == broken{"worker A does not answer", "worker B has lost its state"});
}

TEST_CASE("giving up too early, too late and at the edge") {
    auto r = crashed();
    r.should_give_up = giving_up::yes;
    CHECK(judged(r) ==
          broken{"the supervisor should have given up: 1 restarts within 5s are allowed"});
    r = crashed();
    r.gave_up = true;
    r.children[1].after = pid_of(4);
    CHECK(judged(r) ==
          broken{"the supervisor should not have given up: 1 restarts within 5s are allowed"});
    r.should_give_up = giving_up::either;
    CHECK(judged(r).empty());
}

TEST_CASE("nothing is left when the parent gave up too") {
    auto r = crashed();
    r.tree_gone = true;
    CHECK(judged(r).size() == 1);
}

TEST_CASE("a recovery that took too long, and siblings that hung too") {
    auto r = crashed();
    r.recovery = 6s;
    CHECK(judged(r) == broken{"it took 6s, longer than 5s"});
    r = crashed();
    r.what = fault::hang;
    r.ended = false;
    r.children[0].after = r.children[0].before;
    r.hold = 1s;
    r.others_answered_after = 10ms;
    CHECK(judged(r).empty());
    r.others_answered_after = 1100ms;
    CHECK(judged(r) == broken{"the others waited with the one that hung"});
    r.what = fault::drop;
    CHECK(judged(r) == broken{"the others could not be reached either"});
}

TEST_CASE("who is shut out must not have answered meanwhile") {
    auto r = crashed();
    r.ended = false;
    r.children[0].after = r.children[0].before;
    r.hold = 1s;
    for (const fault f : {fault::hang, fault::drop}) {
        r.what = f;
        r.answered_after = 1s;
        CHECK(judged(r).empty());
        r.answered_after = 999ms;
        CHECK(judged(r) == broken{"worker A answered all the same"});
    }
    r.what = fault::delay;
    CHECK(judged(r).empty());
}

TEST_CASE("one that hangs in terminate must have been killed") {
    auto r = crashed();
    r.what = fault::terminate_hang;
    r.reason = "killed";
    CHECK(judged(r).empty());
    r.reason = "shutdown";
    CHECK(judged(r) == broken{"worker A did not have to be killed: it ended with shutdown"});
}

TEST_CASE("a victim that was gone already proves nothing") {
    auto r = crashed();
    r.had_victim = false;
    r.ended = false;
    CHECK(judged(r).empty());
}

TEST_CASE("percentiles are by nearest rank") {
    std::vector<std::chrono::microseconds> none, times;
    CHECK_FALSE(percentile(none, 0.5));
    for (int i = 100; i > 0; --i) times.emplace_back(i);
    CHECK(percentile(times, 0.5) == 50us);
    CHECK(percentile(times, 0.99) == 99us);
    CHECK(percentile(times, 1) == 100us);
    std::vector<std::chrono::microseconds> one{7us};
    CHECK(percentile(one, 0.5) == 7us);
}
