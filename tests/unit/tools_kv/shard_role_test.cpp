// When a store takes a new epoch, takes over, begins anew or goes on from what it has on disk.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("a store that is the record's primary takes a new epoch before it acts") {
    one x;
    CHECK(x([](shard& s, const instant& at, outputs& o) { s.start(at, o); }).read_record);
    const auto out = x.read_record({1, a, {a}}, 7);
    REQUIRE(out.record_changes.size() == 1);
    CHECK(out.record_changes[0].target == shard_record{2, a, {a}});
    CHECK(out.record_changes[0].expected_rev == 7);
    CHECK(x.s.current_role() == role::replica);
}

TEST_CASE(
    "a replica takes over after the grace period, or at once when its primary is dead for sure") {
    one x(b);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({3, a, {a, b}}, 1);
    x.now += 2900ms;
    CHECK(x.tick().record_changes.empty());
    x.now += 200ms;
    const auto out = x.tick();
    REQUIRE(out.record_changes.size() == 1);
    CHECK(out.record_changes[0].target == shard_record{4, b, {b}});

    one y(b);
    y([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    y.read_record({3, a, {a, b}}, 1);
    const auto dead = y([](shard& s, const instant& at, outputs& o) { s.died(at, a, o); });
    CHECK(dead.record_changes.size() == 1);
}

TEST_CASE("a store outside the in-sync set never takes over") {
    one x(b);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({3, a, {a}}, 1);
    x.now += 60s;
    CHECK(x.tick().record_changes.empty());
}

TEST_CASE("a start needs a checkpoint and the entries after it, and knows what was done before") {
    config c;
    c.window_entries = 4;
    one x(a, c);
    x.lead_alone();
    std::vector<checkpoint> saved;
    std::vector<entry> log;
    for (std::uint64_t n = 1; n <= 10; ++n) {
        auto out = x.put(n);
        for (const auto& e : stored<append_log>(out)) log.push_back(e.what);
        out = x.sync(out.sync);
        for (const auto& s : stored<checkpoint>(out)) saved.push_back(s);
    }
    REQUIRE(saved.size() == 2);
    CHECK(saved.back().seq == 8);
    stored_shard there;
    there.saved = saved.back();
    for (const entry& e : log)
        if (e.at.seq > 8) there.entries.push_back(e);
    there.applied_seq = 11;
    one y(a, c, there);
    CHECK(y.s.log().last() == log_point{2, 11});
    CHECK(y.s.log().point(3) == log_point{2, 3});
    y([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    y.read_record({2, a, {a}}, 2);
    y.now += 4s;
    auto out = y.read_record({3, a, {a}}, 3);
    y.sync(out.sync);
    // Number 3 is in the checkpoint's table, number 10 in what was replayed.
    CHECK(y.put(3).replies.at(0).what.result.version == 4);
    CHECK(y.put(10).replies.at(0).what.result.version == 11);
}

TEST_CASE("a primary that an operator makes the only one begins anew") {
    one x;
    x.lead_alone();
    const auto waiting = x.put(1);
    x.now += 10s;
    const auto out = x([&](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{9, a, {a}}, 8}, o);
    });
    CHECK(out.replies.at(0).what.what == answer::kind::unknown);
    CHECK(x.s.epoch() == 9);
    x.sync(out.sync);
    CHECK(x.s.is_serving());
}
