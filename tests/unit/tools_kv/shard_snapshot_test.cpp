// Snapshots for who cannot follow by the log: when one is sent, how it goes on, and what installing it means.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

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
    "a log from before its cluster was put together anew is another one, whatever places it has, "
    "but "
    "for those in the set then") {
    stored_shard there;
    for (std::uint64_t seq = 1; seq <= 2; ++seq) {
        there.entries.emplace_back();
        there.entries.back().at = {1, seq};
    }
    there.applied_seq = 2;
    const auto led = [&](one& x, const std::vector<store_id>& isr) {
        x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
        shard_record anew{100, a, isr};
        anew.past_from = 99;
        x.read_record(anew, 1);
        x.now += 4s;
        x.sync(x.read_record(anew.next(a), 2).sync);
        x.plan({a, b});
    };
    const log_ends same{101, {}, {{1, 2}}, 2, {}, {}};

    one x(a, {}, there);
    led(x, {a});
    auto out = x.receive(b, same);
    REQUIRE(out.pieces.size() == 1);
    out = x([&](shard& s, const instant& at, outputs& o) {
        s.piece_read(at, b, out.pieces.at(0).transfer, {}, true, o);
    });
    CHECK(find<snapshot_piece>(out)->is_refill);

    one later(a, {}, there);
    led(later, {a});
    out = later.receive(b, log_ends{101, {}, {{1, 2}, {101, 3}}, 2, {}, {}});
    CHECK(out.pieces.empty());
    CHECK(find<prepare>(out)->before == log_point{101, 3});

    one of_set(a, {}, there);
    led(of_set, {a, b});
    out = of_set.receive(b, same);
    CHECK(out.pieces.empty());
    CHECK(find<prepare>(out)->before == log_point{1, 2});

    // Nor is one that came too late to stay in it.
    one removed(a, {}, there);
    led(removed, {a, b});
    removed.now += 10s;
    out = removed.tick();
    REQUIRE(out.record_changes.size() == 1);
    const shard_record alone = out.record_changes[0].target;
    CHECK_FALSE(alone.has(b));
    removed([&](shard& s, const instant& at, outputs& o) { s.record_changed(at, {alone, 3}, o); });
    out = removed.receive(b, log_ends{alone.epoch, {}, {{1, 2}}, 2, {}, {}});
    CHECK(out.pieces.empty());
    CHECK(find<prepare>(out)->before == log_point{1, 2});
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
