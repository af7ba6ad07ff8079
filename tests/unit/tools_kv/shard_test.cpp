// One shard on one store, step by step. What it does among others is the simulator's: tests/sim/kv_sim_test.cpp.
#include "tools/kv/shard/shard.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace kv;
using namespace std::chrono_literals;

namespace {

const store_id a{1, 1}, b{1, 2};

struct no_data : table {
    [[nodiscard]] std::optional<value> get(const std::string&) const override {
        return std::nullopt;
    }
};

/// A shard with a clock; each call gives what it wants done.
struct one {
    no_data data;
    shard s;
    std::chrono::nanoseconds now = 100s;

    explicit one(store_id self = a, config c = {}, stored_shard from = {})
        : s(c, self, 1, std::move(from), data) {}

    template <class F>
    outputs operator()(F what) {
        outputs out;
        what(s, instant{now, 0}, out);
        return out;
    }
    outputs read_record(shard_record r, std::uint64_t rev) {
        return (*this)([&](shard& x, const instant& at, outputs& o) {
            x.record_read(at, {r, rev}, o);
        });
    }
    outputs receive(store_id from, message m) {
        return (*this)([&](shard& x, const instant& at, outputs& o) { x.receive(at, from, m, o); });
    }
    outputs sync(std::uint64_t ticket) {
        return (*this)([&](shard& x, const instant& at, outputs& o) { x.synced(at, ticket, o); });
    }
    outputs put(std::uint64_t number) {
        return (*this)([&](shard& x, const instant& at, outputs& o) {
            write_request r;
            r.id = {5, number};
            r.operations.push_back({operation::kind::put, "k", "v"});
            r.patience = 1s;
            x.write(at, number, r, o);
        });
    }
    outputs tick() {
        return (*this)([](shard& x, const instant& at, outputs& o) { x.tick(at, o); });
    }
    /// The only store of a new shard, serving.
    void lead_alone() {
        (*this)([](shard& x, const instant& at, outputs& o) { x.start(at, o); });
        read_record({1, a, {a}}, 1);
        const auto begun = read_record({2, a, {a}}, 2);
        sync(begun.sync);
    }
};

template <class T>
const T* find(const outputs& out) {
    for (const auto& m : out.messages)
        if (const T* t = std::get_if<T>(&m.what)) return t;
    return nullptr;
}

}  // namespace

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
