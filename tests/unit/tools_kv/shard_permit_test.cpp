// Permits to bring a learner up: asked for, used, lost and given back.
#include <doctest/doctest.h>

#include "tests/unit/tools_kv/one_shard.hpp"

using namespace kv;
using namespace std::chrono_literals;
using namespace test;

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
