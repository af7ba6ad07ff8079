// What a write is answered: done once and for all, unknown, refused or too much at a time.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("a write is answered when it is on disk, and the same number gets the same answer") {
    one x;
    x.lead_alone();
    CHECK(x.s.is_serving());
    auto out = x.put(1);
    CHECK(out.replies.empty());
    out = x.sync(out.sync);
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.what == answer::kind::done);
    CHECK(out.replies[0].what.result.version == 2);
    out = x.put(1);
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.result.version == 2);
    CHECK(out.storage.empty());
}

TEST_CASE(
    "a write that is not on disk everywhere in time is unknown; one that was never taken is not") {
    one x;
    x.lead_alone();
    x.put(1);
    x.now += 2s;
    auto out = x.tick();
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.what == answer::kind::unknown);

    one y;
    CHECK(y.put(1).replies[0].what.what == answer::kind::not_primary);
}

TEST_CASE("on fewer copies than min_isr nothing is written") {
    config c;
    c.min_isr = 2;
    one x(a, c);
    x.lead_alone();
    const auto out = x.put(1);
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.what == answer::kind::unavailable);
    CHECK(out.storage.empty());
}

TEST_CASE("what waits has a bound in bytes, but one request is taken") {
    config c;
    c.waiting_bytes_max = 1;
    one x(a, c);
    x.lead_alone();
    const auto out = x.put(1);
    CHECK(out.replies.empty());
    CHECK(x.put(2).replies.at(0).what.what == answer::kind::busy);
    x.sync(out.sync);
    CHECK(x.put(3).replies.empty());
}

TEST_CASE("a request that is settled is not done any more") {
    one x;
    x.lead_alone();
    x.put_and_sync(1, 1);
    write_request r;
    r.id = {5, 3};
    r.settled = 3;
    r.operations.push_back({operation::kind::put, "k", "v"});
    const auto write = [&](shard& s, const instant& at, outputs& o) { s.write(at, 3, r, o); };
    x.sync(x(write).sync);
    auto out = x.put(2);
    CHECK(out.replies.at(0).what.what == answer::kind::unknown);
    CHECK(out.storage.empty());
    // A number of its own it does not settle.
    r.id.number = 4;
    r.settled = 9;
    x.sync(x(write).sync);
    CHECK(x(write).replies.at(0).what.what == answer::kind::done);
}

TEST_CASE(
    "a write whose copies became too few on its way is not acknowledged, nor when it is asked "
    "again") {
    config c;
    c.min_isr = 2;
    one x(a, c);
    x.patience = 5s;
    x.lead_alone();
    x.plan({a, b});
    x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    x.receive(b, ack{2, 1});
    x.now += 300ms;
    const auto greeting = x.tick();
    const beacon* sent = find<beacon>(greeting);
    REQUIRE(sent);
    const auto joining = x.receive(b, beacon_ack{2, sent->number, 1, x.now});
    REQUIRE(joining.record_changes.size() == 1);
    x([&](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{3, a, {a, b}}, 3}, o);
    });
    auto out = x.put(1);
    CHECK(out.replies.empty());
    REQUIRE(out.sync != 0);
    x.sync(out.sync);
    // b is not heard any more, and removed.
    x.now += 2100ms;
    out = x.tick();
    REQUIRE(out.record_changes.size() == 1);
    CHECK(out.record_changes[0].target == shard_record{4, a, {a}});
    out = x([&](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{4, a, {a}}, 4}, o);
    });
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.what == answer::kind::unknown);
    CHECK(x.put(1).replies.at(0).what.what == answer::kind::unknown);
    CHECK(x.put(2).replies.at(0).what.what == answer::kind::unavailable);
}
