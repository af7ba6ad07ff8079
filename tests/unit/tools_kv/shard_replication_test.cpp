// How entries and commits reach the replicas by the log, out of memory or from disk, within bounds.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE(
    "a replica acks what is on disk, says what it lacks, and tells an older primary of the newer "
    "epoch") {
    one x(b);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({3, a, {a, b}}, 1);
    entry e;
    e.at = {3, 1};
    auto out = x.receive(a, prepare{3, {}, 0, {e}});
    CHECK_FALSE(find<ack>(out));
    out = x.sync(out.sync);
    REQUIRE(find<ack>(out));
    CHECK(find<ack>(out)->durable_seq == 1);
    e.at = {3, 3};
    out = x.receive(a, prepare{3, {3, 2}, 0, {e}});
    REQUIRE(find<log_ends>(out));
    CHECK(find<log_ends>(out)->runs == std::vector<log_point>{{3, 1}});
    out = x.receive(a, prepare{2, {}, 0, {e}});
    REQUIRE(find<stale>(out));
    CHECK(find<stale>(out)->epoch == 3);
    CHECK(out.storage.empty());
}

TEST_CASE("entries that are not in memory any more come from the disk") {
    config c;
    c.window_entries = 2;
    c.entries_a_message = 3;
    one x(a, c);
    x.lead_alone();
    x.put_and_sync(1, 9);
    CHECK(x.s.log().in_memory() == 2);
    x.plan({a, b});
    auto out = x.receive(b, log_ends{2, {}, {{2, 1}}, 1, {}, {}});
    REQUIRE(out.entries.size() == 1);
    CHECK(out.entries[0].to == b);
    CHECK(out.entries[0].first == 2);
    CHECK(out.entries[0].count == 3);
    CHECK(out.entries[0].bytes == c.bytes_a_message);
    CHECK(x.tick().entries.empty());  // one at a time
    std::vector<entry> some(3);
    for (std::uint64_t seq = 2; seq <= 4; ++seq) some[seq - 2].at = {2, seq};
    out = x([&](shard& s, const instant& at, outputs& o) { s.entries_read(at, b, some, o); });
    REQUIRE(find<prepare>(out));
    CHECK(find<prepare>(out)->before == log_point{2, 1});
    CHECK(find<prepare>(out)->entries == some);
    REQUIRE(out.entries.size() == 1);
    CHECK(out.entries[0].first == 5);
}

TEST_CASE("entries on their way to one replica have a bound in bytes") {
    config c;
    c.entries_a_message = 1;
    c.bytes_in_flight = 1;
    one x(a, c);
    x.lead_alone();
    x.put_and_sync(1, 3);
    x.plan({a, b});
    auto out = x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    CHECK(all<prepare>(out).size() == 1);
    out = x.receive(b, ack{2, 1});
    CHECK(all<prepare>(out).size() == 1);
}

TEST_CASE("who waits for a commit is told of it at once, anybody else with what comes next") {
    one x(a);
    x.lead_alone();
    x.plan({a, b});
    x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    x.receive(b, ack{2, 1});
    auto out = x.put(1);
    CHECK(all<prepare>(out).size() == 1);
    out = x.sync(out.sync);
    CHECK(out.replies.size() == 1);
    CHECK(all<prepare>(out).empty());
    out = x.receive(b, ack{2, 2, true});
    REQUIRE(find<prepare>(out));
    CHECK(find<prepare>(out)->commit_seq == 2);
    CHECK(find<prepare>(out)->entries.empty());
    CHECK(all<prepare>(x.receive(b, ack{2, 2, true})).empty());  // it is on its way

    // Asked before it is committed, and another entry goes there meanwhile.
    const auto third = x.put(2);
    CHECK(all<prepare>(x.receive(b, ack{2, 3, true})).empty());
    x.put(3);
    out = x.sync(third.sync);
    REQUIRE(find<prepare>(out));
    CHECK(find<prepare>(out)->commit_seq == 3);
}
