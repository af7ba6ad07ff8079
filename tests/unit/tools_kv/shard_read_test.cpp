// Reads and scans, when they are held or answered, and keys that are removed because they are due.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("a read that does not want the bytes is told all but these") {
    one x;
    x.lead_alone();
    x.data.all["k"] = {"a long value", 4, 99'000'000'000'000};
    read_request r;
    r.key = "k";
    r.without_bytes = true;
    const auto out = x.read(r);
    REQUIRE(out.replies.size() == 1);
    REQUIRE(out.replies[0].what.found);
    CHECK(*out.replies[0].what.found == value{"", 4, 99'000'000'000'000});
    r.key = "none";
    CHECK_FALSE(x.read(r).replies.at(0).what.found);
}

TEST_CASE("a scan is answered when what it met that has expired is removed") {
    one x;
    x.lead_alone();
    x.data.all["gone"] = {"v", 1, -5};
    read_request r;
    r.scan = scan_range{"g", {}, 10, 1000, scan_range::kind::items};
    auto out = x.read(r);
    REQUIRE(out.look_ups.size() == 1);
    REQUIRE(out.look_ups[0].range);
    CHECK(out.look_ups[0].range->prefix == "g");
    scan_page page;
    page.expired.push_back({"gone", 1});
    page.is_end = true;
    const auto tell = [&](shard& s, const instant& at, outputs& o) {
        s.scanned(at, out.look_ups.at(0).ticket, page, o);
    };
    out = x(tell);
    CHECK(out.replies.empty());
    CHECK(out.look_ups.empty());
    REQUIRE(stored<append_log>(out).size() == 1);
    CHECK(stored<append_log>(out)[0].what.changes == std::vector<change>{{"gone", {}, 0}});
    x.data.all.clear();
    out = x.sync(out.sync);
    REQUIRE(out.look_ups.size() == 1);
    page.expired.clear();
    page.last = "g";
    out = x(tell);
    REQUIRE(out.replies.size() == 1);
    CHECK(out.replies[0].what.what == answer::kind::found);
    REQUIRE(out.replies[0].what.page);
    CHECK(out.replies[0].what.page->last == "g");

    one y(b);
    y([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    y.read_record({3, a, {a, b}}, 1);
    r.stale = true;
    CHECK(y.read(r).replies.at(0).what.what == answer::kind::not_primary);
}

TEST_CASE("keys that are due are removed by one entry, if they are still what they were") {
    config c;
    c.expire_max = 2;
    one x(a, c);
    x.lead_alone();
    x.data.all["a"] = {"v", 3, -1};
    x.data.all["b"] = {"v", 4, -1};
    x.data.all["later"] = {"v", 5, 1'000'000};
    x.data.all["c"] = {"v", 6, -1};
    const std::vector<expired_key> due{{"gone", 1},  {"a", 2}, {"a", 3},
                                       {"later", 5}, {"b", 4}, {"c", 6}};
    const auto tell = [&](shard& s, const instant& at, outputs& o) { s.expire(at, due, o); };
    const auto out = x(tell);
    REQUIRE(stored<append_log>(out).size() == 1);
    CHECK(stored<append_log>(out)[0].what.changes ==
          std::vector<change>{{"a", {}, 0}, {"b", {}, 0}});
    one y(b);
    CHECK(y(tell).storage.empty());
}

TEST_CASE("a replica's reader of a key that is being written asks what is committed") {
    one x(b);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({3, a, {a, b}}, 1);
    entry e;
    e.at = {3, 1};
    e.changes = {{"k", "v", 0}};
    const auto prepared = x.receive(a, prepare{3, {}, 0, {e}});
    x.sync(prepared.sync);
    const auto greeted = x.receive(a, beacon{3, 1, 0, {}, 0, true, true});
    REQUIRE(find<beacon_ack>(greeted));
    const beacon_ack promise = *find<beacon_ack>(greeted);
    x.receive(a, beacon{3, 2, promise.life, promise.time, 0, true, true});
    read_request r;
    r.key = "k";
    auto out = x.read(r);
    REQUIRE(find<ack>(out));
    CHECK(*find<ack>(out) == ack{3, 1, true});
    CHECK(out.replies.empty());
    out = x.receive(a, prepare{3, {3, 1}, 1, {}});
    REQUIRE(out.look_ups.size() == 1);
    CHECK(out.look_ups[0].key == "k");
}

TEST_CASE("a held read is answered when the primary may read again, or when its time is over") {
    one x;
    x.lead_alone();
    x.plan({a, b});
    x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    x.receive(b, ack{2, 1});
    const auto greet = [&] {
        auto out = x.tick();
        const beacon* sent = find<beacon>(out);
        return sent ? x.receive(b, beacon_ack{x.s.epoch(), sent->number, 1, x.now}) : outputs();
    };
    x.now += 300ms;
    const auto joined = greet();
    REQUIRE(joined.record_changes.size() == 1);
    x([&](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{3, a, {a, b}}, 3}, o);
    });
    CHECK(x.s.may_read(x.now));
    x.now += 2500ms;
    read_request r;
    r.key = "k";
    CHECK(x.read(r).look_ups.empty());
    CHECK(greet().replies.at(0).what.what == answer::kind::found);
    x.now += 3s;
    CHECK(x.read(r).look_ups.empty());
    CHECK(x.s.next_wake() <= x.now + 1s);
    x.now += 1s;
    CHECK(x.tick().replies.at(0).what.what == answer::kind::unavailable);
}
