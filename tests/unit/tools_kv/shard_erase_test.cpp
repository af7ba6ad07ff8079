// When a store erases a copy that nobody wants, and when its primary lets it.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

namespace {

const store_id c{1, 3}, d{1, 4};

config short_times() {
    config of;
    of.erase_after = 10s;
    of.erase_ask_again = 2s;
    return of;
}

/// A store with two entries in its log, whose shard is led by a in epoch 5 and is not planned here.
struct left_copy : one {
    explicit left_copy(stored_shard from = two_entries()) : one(c, short_times(), std::move(from)) {
        (*this)([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
        plan({a, b});
        read_record({5, a, {a, b}}, 9);
    }
    static stored_shard two_entries() {
        stored_shard there;
        for (std::uint64_t seq = 1; seq <= 2; ++seq) {
            there.entries.emplace_back();
            there.entries.back().at = {4, seq};
        }
        there.applied_seq = 2;
        there.saved.installed = 77;
        there.acted = {4, c, {c, a}};
        return there;
    }
    /// A tick after that time: how often it asks.
    std::size_t wishes_after(std::chrono::nanoseconds d) {
        now += d;
        return all<erase_wish>(tick()).size();
    }
};

/// A primary of epoch 2 (a), alone in its set, with that plan.
struct leader : one {
    explicit leader(std::vector<store_id> planned, config of = short_times()) : one(a, of) {
        lead_alone();
        plan(std::move(planned));
    }
    bool lets(store_id s, std::uint64_t epoch = 2) {
        return find<may_erase>(receive(s, erase_wish{epoch})) != nullptr;
    }
};

}  // namespace

TEST_CASE("a store asks its primary when nobody has wanted its copy for a while, and again") {
    left_copy x;
    CHECK(x.wishes_after(9s) == 0);
    x.now += 2s;
    const auto out = x.tick();
    REQUIRE(all<erase_wish>(out).size() == 1);
    CHECK(out.messages.front().to == a);
    CHECK(find<erase_wish>(out)->epoch == 5);
    CHECK(out.storage.empty());
    CHECK(x.wishes_after(1s) == 0);
    CHECK(x.wishes_after(1s) == 1);
    CHECK(x.s.has_copy());
}

TEST_CASE("with the answer it is as a store that never had anything, but for transfers' numbers") {
    left_copy x;
    x.wishes_after(10s);
    auto out = x.receive(a, may_erase{5});
    REQUIRE(stored<erase_copy>(out).size() == 1);
    REQUIRE(stored<checkpoint>(out).size() == 1);
    CHECK(stored<checkpoint>(out)[0].seq == 0);
    CHECK(stored<checkpoint>(out)[0].installed == 77);
    REQUIRE(stored<save_record>(out).size() == 1);
    CHECK(stored<save_record>(out)[0].what == shard_record{5, a, {a, b}});
    CHECK_FALSE(x.s.has_copy());
    out = x.sync(out.sync);
    CHECK(x.s.durable_seq() == 0);
    out = x.receive(a, query{5});
    REQUIRE(find<log_ends>(out));
    CHECK(*find<log_ends>(out) == log_ends{5, {}, {}, 0, {}, {}});
    // A copy of the answer finds nothing to do, and nothing is asked any more.
    CHECK(x.receive(a, may_erase{5}).storage.empty());
    CHECK(x.wishes_after(60s) == 0);
    // A snapshot that it had once is not taken again; the next one is.
    snapshot_piece p;
    p.epoch = 5;
    p.transfer = 77;
    p.at = {4, 2};
    p.is_last = true;
    CHECK(x.receive(a, p).storage.empty());
    p.transfer = 78;
    CHECK(stored<install_staged>(x.receive(a, p)).size() == 1);
}

TEST_CASE("a copy that the record or the plan has is not erased, whoever says so") {
    left_copy x;
    x.wishes_after(10s);
    x.plan({a, c});
    CHECK(x.receive(a, may_erase{5}).storage.empty());
    CHECK(x.wishes_after(60s) == 0);
    x.plan({a, b});
    CHECK(x.wishes_after(9s) == 0);
    CHECK(x.wishes_after(1s) == 1);
    x.read_record({6, a, {a, b, c}}, 10);
    CHECK(x.receive(a, may_erase{6}).storage.empty());
    CHECK(x.wishes_after(60s) == 0);
    CHECK(x.s.has_copy());
}

TEST_CASE("an answer of another epoch, or of another store, erases nothing") {
    left_copy x;
    x.wishes_after(10s);
    CHECK(x.receive(a, may_erase{4}).storage.empty());
    CHECK(x.receive(b, may_erase{5}).storage.empty());
    CHECK(x.receive(a, may_erase{6}).storage.empty());
    // It has said what it has in the next epoch, before it knows the record: that holds.
    x.receive(b, query{6});
    CHECK(x.receive(a, may_erase{5}).storage.empty());
    CHECK(x.receive(b, may_erase{6}).storage.empty());
    CHECK(x.s.has_copy());
}

TEST_CASE("a store that does not know the plan, or has nothing, asks nothing") {
    left_copy x;
    x.plan({});
    CHECK(x.wishes_after(60s) == 0);
    left_copy empty{stored_shard{}};
    CHECK(empty.wishes_after(60s) == 0);
}

TEST_CASE("the beginning of a snapshot that was never complete is erased, too") {
    stored_shard there;
    there.has_staged = true;
    left_copy x(std::move(there));
    CHECK(x.wishes_after(10s) == 1);
    CHECK(stored<erase_copy>(x.receive(a, may_erase{5})).size() == 1);
    CHECK_FALSE(x.s.has_copy());
}

TEST_CASE("a primary lets a store erase its copy when all that are planned are in sync") {
    leader x({a});
    CHECK(x.lets(c));
    CHECK(x.lets(c));  // the answer may be lost
    CHECK_FALSE(x.lets(c, 1));
    CHECK(find<stale>(x.receive(c, erase_wish{1})));
    CHECK_FALSE(x.lets(c, 3));
    x.plan({a, b});
    CHECK_FALSE(x.lets(c));
    CHECK_FALSE(x.lets(b));
    x.plan({a, c});
    CHECK_FALSE(x.lets(c));
    x.plan({});
    CHECK_FALSE(x.lets(d));
}

TEST_CASE("not while there are fewer members than there shall be copies") {
    config two = short_times();
    two.copies = 2;
    leader x({a}, two);
    CHECK_FALSE(x.lets(c));
}

TEST_CASE("not before the record that it is not in is on the primary's disk") {
    one x(a, short_times());
    x([](shard& s, const instant& at, outputs& o) { s.start(at, o); });
    x.read_record({1, a, {a}}, 1);
    const auto begun = x.read_record({2, a, {a}}, 2);
    x.plan({a});
    CHECK_FALSE(find<may_erase>(x.receive(c, erase_wish{2})));
    x.sync(begun.sync);
    REQUIRE(x.s.is_serving());
    CHECK(find<may_erase>(x.receive(c, erase_wish{2})));
    // Each of them anew.
    x.plan({a, c});
    const auto next = x.read_record({3, a, {a}}, 3);
    REQUIRE(stored<save_record>(next).size() == 1);
    x.plan({a});
    CHECK_FALSE(find<may_erase>(x.receive(c, erase_wish{3})));
    x.sync(next.sync);
    CHECK(find<may_erase>(x.receive(c, erase_wish{3})));
}

TEST_CASE("not while a change that names it may be made") {
    leader x({a, c});
    x.receive(c, beacon_ack{2, 1, 8, 1s});
    x.tick();
    x.now += 300ms;
    const auto beat = x.tick();
    REQUIRE(find<beacon>(beat));
    for (const auto& m : beat.messages)
        if (const auto* sent = std::get_if<beacon>(&m.what))
            x.receive(m.to, beacon_ack{2, sent->number, 8, x.now});
    x.receive(c, log_ends{2, {}, {}, 0, {}, {}});
    const auto adding = x.receive(c, ack{2, 1, false});
    REQUIRE(adding.record_changes.size() == 1);
    CHECK(adding.record_changes[0].target == shard_record{3, a, {a, c}});
    x.plan({a});
    CHECK_FALSE(x.lets(c));
    x.now += 3s;  // it has no answer
    x.tick();
    CHECK_FALSE(x.lets(c));
}

TEST_CASE("who was let erase its copy is brought up in the next epoch, by what it says then") {
    leader x({a});
    REQUIRE(x.lets(c));
    const auto back = x.plan({a, c});
    REQUIRE(back.record_changes.size() == 1);
    CHECK(back.record_changes[0].target == shard_record{3, a, {a}});
    // What it said before, late.
    auto out = x.receive(c, log_ends{2, {}, {{2, 1}}, 1, {}, {}});
    for (const auto& m : x.receive(c, ack{2, 1, false}).messages) CHECK_FALSE(m.to == c);
    for (const auto& m : out.messages) CHECK_FALSE(m.to == c);
    x.now += 300ms;
    for (const auto& m : x.tick().messages) CHECK_FALSE(m.to == c);
    out = x.read_record({3, a, {a}}, 3);
    REQUIRE(find<beacon>(out));
    CHECK(find<beacon>(out)->epoch == 3);
    CHECK(x.s.is_serving());
    CHECK(x.receive(c, ack{2, 1, false}).messages.empty());
    // From its log's beginning.
    out = x.receive(c, log_ends{3, {}, {}, 0, {}, {}});
    REQUIRE(find<prepare>(out));
    CHECK(find<prepare>(out)->before == log_point{});
}
