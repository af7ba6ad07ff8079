// One shard on one store, step by step. What it does among others is the simulator's: tests/sim/kv_sim_test.cpp.
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

TEST_CASE("a store that has nothing gets a snapshot, unless memory has the whole log") {
    config c;
    c.window_entries = 4;
    one x(a, c);
    x.lead_alone();
    x.plan({a, b});
    const log_ends nothing{2, {}, {}, 0, {}, {}};
    x.put_and_sync(1, 3);
    CHECK(find<prepare>(x.receive(b, nothing)));
    x.put_and_sync(4, 9);
    x.now += 1s;
    const auto out = x.receive(b, nothing);
    CHECK(out.entries.empty());
    REQUIRE(out.pieces.size() == 1);
    CHECK(out.pieces[0].to == b);
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

namespace {

/// A primary whose log is too short for b, about to send it a snapshot with a piece in two.
struct filler : one {
    static config small() {
        config c;
        c.log_kept = 1;
        c.window_entries = 1;
        c.pieces_in_flight_bytes = 3;
        return c;
    }
    explicit filler(config c = small()) : one(a, c) {
        lead_alone();
        put_and_sync(1, 5);
        plan({a, b});
    }
    outputs piece(std::uint64_t transfer, std::string key, bool is_last) {
        return (*this)([&](shard& s, const instant& at, outputs& o) {
            s.piece_read(at, b, transfer, {{key, value{"v", 2, 0}}}, is_last, o);
        });
    }
};

}  // namespace

TEST_CASE("pieces of a snapshot follow each other as long as so many bytes are on their way") {
    filler x;
    auto out = x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    REQUIRE(out.pieces.size() == 1);
    const auto transfer = out.pieces[0].transfer;
    out = x.piece(transfer, "k1", false);
    CHECK(find<snapshot_piece>(out)->index == 0);
    CHECK(find<snapshot_piece>(out)->requests.outcomes() > 0);
    CHECK(out.pieces.empty());  // three bytes are on their way
    out = x.receive(b, snapshot_ack{2, transfer, 1});
    REQUIRE(out.pieces.size() == 1);
    CHECK(out.pieces[0].after == "k1");
    out = x.piece(transfer, "k2", true);
    CHECK(find<snapshot_piece>(out)->is_last);
    CHECK(find<snapshot_piece>(out)->at == log_point{2, 6});
    // Nothing comes: it is sent again.
    x.now += 1100ms;
    CHECK(all<snapshot_piece>(x.tick()).size() == 1);
    x.receive(b, snapshot_ack{2, transfer, 2});
    x.now += 5s;
    CHECK(all<snapshot_piece>(x.tick()).empty());
}

TEST_CASE(
    "a snapshot begins again for who was started anew, and has only a late copy of a first piece") {
    filler x;
    auto out = x.receive(b, log_ends{2, {}, {}, 0, {}, {}});
    const auto transfer = out.pieces.at(0).transfer;
    x.piece(transfer, "k1", false);
    x.receive(b, snapshot_ack{2, transfer, 1});
    x.piece(transfer, "k2", false);
    x.receive(b, snapshot_ack{2, transfer, 2});
    x.piece(transfer, "k3", true);
    x.now += 1100ms;
    CHECK(find<snapshot_piece>(x.tick())->index == 2);
    out = x.receive(b, snapshot_ack{2, transfer, 1});
    REQUIRE(out.pieces.size() == 1);
    CHECK(out.pieces[0].transfer > transfer);
    CHECK_FALSE(out.pieces[0].after);
}

TEST_CASE("a snapshot goes on where another primary's ended, if that is of the same history") {
    filler x;
    log_ends ends{2, {}, {}, 0, {}, part_snapshot{{2, 5}, {2, 6}, "k7"}};
    auto out = x.receive(b, ends);
    REQUIRE(out.pieces.size() == 1);
    CHECK(out.pieces[0].after == "k7");
    out = x.piece(out.pieces[0].transfer, "k8", true);
    REQUIRE(find<snapshot_piece>(out));
    CHECK(find<snapshot_piece>(out)->after == "k7");
    CHECK(find<snapshot_piece>(out)->at == log_point{2, 5});

    filler y;
    ends.part->reflects = {1, 6};
    out = y.receive(b, ends);
    REQUIRE(out.pieces.size() == 1);
    CHECK_FALSE(out.pieces[0].after);
}

TEST_CASE("a learner keeps the part of a snapshot over a change of the primary") {
    one x(b);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({3, a, {a}}, 1);
    snapshot_piece p;
    p.epoch = 3;
    p.transfer = 10;
    p.at = {3, 8};
    p.reflects = {3, 9};
    p.items = {{"k1", value{"v", 2, 0}}};
    auto out = x.receive(a, p);
    CHECK(stored<stage_items>(out).at(0).is_first);
    CHECK(find<snapshot_ack>(out)->index == 1);
    const store_id other{1, 3};
    x.read_record({4, other, {other}}, 2);
    out = x.receive(other, query{4});
    REQUIRE(find<log_ends>(out));
    CHECK(find<log_ends>(out)->part == part_snapshot{{3, 8}, {3, 9}, "k1"});
    p.epoch = 4;
    p.transfer = 20;
    p.after = "k1";
    p.items = {{"k2", value{"v", 2, 0}}};
    p.reflects = {4, 11};
    p.is_last = true;
    out = x.receive(other, p);
    CHECK_FALSE(stored<stage_items>(out).at(0).is_first);
    REQUIRE(stored<install_staged>(out).size() == 1);
    CHECK(stored<install_staged>(out)[0].transfer == 10);
    REQUIRE(stored<checkpoint>(out).size() == 1);
    CHECK(stored<checkpoint>(out)[0].seq == 8);
    CHECK(stored<checkpoint>(out)[0].installed == 20);
    CHECK(stored<checkpoint>(out)[0].reflects == log_point{4, 11});
    // A copy of the piece, late: it is never installed twice.
    p.is_refill = true;
    CHECK(x.receive(other, p).storage.empty());
}

TEST_CASE("a state of another history is replaced as a whole, however long its log is") {
    one x;
    x.lead_alone();
    x.plan({a, b});
    auto out = x.receive(b, log_ends{2, {}, {{1, 40}}, 40, {}, {}});
    REQUIRE(out.pieces.size() == 1);
    out = x([&](shard& s, const instant& at, outputs& o) {
        s.piece_read(at, b, out.pieces.at(0).transfer, {}, true, o);
    });
    const snapshot_piece piece = *find<snapshot_piece>(out);
    CHECK(piece.is_refill);

    stored_shard there;
    for (std::uint64_t seq = 1; seq <= 2; ++seq) {
        there.entries.emplace_back();
        there.entries.back().at = {1, seq};
    }
    there.applied_seq = 2;
    one y(b, {}, there);
    y([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    y.read_record({2, a, {a}}, 5);
    out = y.receive(a, piece);
    CHECK(stored<install_staged>(out).size() == 1);
    CHECK(y.s.log().last() == log_point{2, 1});
}

TEST_CASE(
    "a primary whose snapshot has more than its log lets nobody follow by the log before it") {
    stored_shard there;
    there.base = {1, 10};
    there.applied_seq = 10;
    there.saved.seq = 10;
    there.saved.reflects = {1, 20};
    one x(a, {}, there);
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({5, a, {a}}, 1);
    x.now += 4s;
    auto out = x.read_record({6, a, {a}}, 2);
    x.plan({a, b});
    // Not before its state has a place in its log.
    const log_ends same{6, {1, 10}, {}, 10, {}, {}};
    CHECK(x.receive(b, same).pieces.empty());
    out = x.sync(out.sync);
    REQUIRE(x.s.is_serving());
    CHECK(stored<drop_log>(out).at(0).last == log_point{6, 11});
    CHECK(stored<checkpoint>(out).back().reflects == log_point{});
    CHECK(x.receive(b, same).pieces.size() == 1);
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

namespace {

/// A filler that needs a permit to bring b up.
struct asker : filler {
    static config asking() {
        config c = small();
        c.ask_to_move = true;
        return c;
    }
    asker() : filler(asking()) {}
    /// The next beacon comes, and its ack.
    outputs greet() {
        now += 300ms;
        const outputs out = tick();
        CHECK(all<query>(out).empty());
        const beacon* sent = find<beacon>(out);
        REQUIRE(sent);
        outputs heard = receive(b, beacon_ack{s.epoch(), sent->number, 1, now});
        heard.moves.insert(heard.moves.begin(), out.moves.begin(), out.moves.end());
        return heard;
    }
    outputs permit(std::uint64_t number) {
        return (*this)([&](shard& x, const instant& at, outputs& o) { x.may_move(at, number, o); });
    }
    outputs tell_ends() { return receive(b, log_ends{s.epoch(), {}, {}, 0, {}, {}}); }
};

std::vector<std::pair<std::uint64_t, bool>> wishes(const outputs& out) {
    std::vector<std::pair<std::uint64_t, bool>> found;
    for (const move_wish& w : out.moves) found.emplace_back(w.number, w.is_wanted);
    return found;
}
using some_wishes = std::vector<std::pair<std::uint64_t, bool>>;

}  // namespace

TEST_CASE(
    "a learner is asked nothing and sent nothing before there is a permit, which is given back "
    "when it is in the set") {
    asker x;
    CHECK(wishes(x.tick()).empty());  // it was not heard yet
    CHECK(wishes(x.greet()) == some_wishes{{1, true}});
    auto out = x.tell_ends();
    CHECK(out.pieces.empty());
    CHECK(out.messages.empty());
    out = x.permit(1);
    CHECK(all<query>(out).size() == 1);
    CHECK(wishes(out).empty());
    out = x.tell_ends();
    REQUIRE(out.pieces.size() == 1);
    const auto transfer = out.pieces[0].transfer;
    x.piece(transfer, "k1", true);
    out = x.receive(b, snapshot_ack{2, transfer, 1});
    REQUIRE(out.record_changes.size() == 1);
    CHECK(wishes(out).empty());
    out = x([](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{3, a, {a, b}}, 3}, o);
    });
    CHECK(wishes(out) == some_wishes{{1, false}});
    // A member needs none.
    CHECK_FALSE(find<prepare>(x.put(9))->entries.empty());
}

TEST_CASE(
    "a learner that is not heard any more costs its shard the permit; one that comes too late for "
    "that is none") {
    asker x;
    CHECK(wishes(x.greet()) == some_wishes{{1, true}});
    x.now += 2500ms;
    CHECK(wishes(x.tick()) == some_wishes{{1, false}});
    CHECK(all<query>(x.permit(1)).empty());
    CHECK(x.tell_ends().pieces.empty());
    CHECK(wishes(x.greet()) == some_wishes{{2, true}});
    CHECK(all<query>(x.permit(1)).empty());
    CHECK(all<query>(x.permit(2)).size() == 1);
}

TEST_CASE("a permit that does not come is asked for again under its number") {
    asker x;
    CHECK(wishes(x.greet()) == some_wishes{{1, true}});
    CHECK(wishes(x.greet()).empty());
    some_wishes again;
    for (int i = 0; i < 5 && again.empty(); ++i) again = wishes(x.greet());
    CHECK(again == some_wishes{{1, true}});
}

TEST_CASE(
    "a learner that is there and gets nowhere for a minute costs its shard the permit, and it asks "
    "again") {
    asker x;
    x.greet();
    x.permit(1);
    REQUIRE(x.tell_ends().pieces.size() == 1);
    const auto begun = x.now;
    some_wishes told;
    while (told.empty() && x.now < begun + 70s) told = wishes(x.greet());
    CHECK(told == some_wishes{{1, false}, {2, true}});
    CHECK(x.now >= begun + 59s);
}

TEST_CASE("who is no primary any more gives its permit back") {
    asker x;
    x.greet();
    x.permit(1);
    const auto out = x([](shard& s, const instant& at, outputs& o) {
        s.record_changed(at, {{3, b, {b}}, 3}, o);
    });
    CHECK(wishes(out) == some_wishes{{1, false}});
    CHECK(all<query>(x.permit(1)).empty());
}
