#include "tools/presence/app/notices/mailbox_state.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tools/presence/app/notices/reader.hpp"

using namespace presence;
using namespace std::chrono_literals;

namespace {

moment after(std::chrono::nanoseconds t) {
    return {t, 1'000'000 + t.count() / 1'000'000};
}

beam::pid session(std::uint32_t number) {
    return beam::pid{100 + number, 1, 0};
}

void accept(mailbox_state& m, int count, effects& out, std::chrono::milliseconds ttl = 24h) {
    for (int i = 0; i < count; ++i)
        CHECK(m.accept(after(0s), "alice", "id" + std::to_string(m.next_seq()), "text", ttl, out) ==
              acceptance::accepted);
}

std::string sent(const effects& e) {
    std::string text;
    for (const auto& [to, d] : e.deliveries)
        text += std::to_string(d.what.seq) + "<" + std::to_string(d.after) + " ";
    return text;
}

}  // namespace

TEST_CASE("what waits is sent to who comes, oldest first, each with the one before it") {
    mailbox_state m("bob", 5, {});
    effects e;
    accept(m, 3, e);
    CHECK(e.changes.size() == 3);
    CHECK(e.deliveries.empty());
    CHECK(m.state_of(5) == notice_state::queued);
    m.session_came(after(1s), session(1), e);
    CHECK(sent(e) == "5<0 6<5 7<6 ");
}

TEST_CASE("what is not confirmed is sent again after 5 s, then 10, 20, 40, and every 60") {
    mailbox_state m("bob", 1, {});
    effects e;
    accept(m, 2, e);
    m.session_came(after(0s), session(1), e);
    std::chrono::seconds at = 0s;
    for (const auto wait : {5s, 10s, 20s, 40s, 60s, 60s}) {
        CHECK(m.wake_at(after(at)) == at + wait);
        effects early;
        m.tick(after(at + wait - 1ms), early);
        CHECK(sent(early).empty());
        at += wait;
        effects again;
        m.tick(after(at), again);
        CHECK(sent(again) == "1<0 ");  // the oldest alone
    }
    CHECK(m.attempts(1) == 7);
    // One that answers gets the rest at once.
    effects rest;
    m.confirm(after(at), session(1), 1, rest);
    CHECK(sent(rest) == "2<1 ");
    CHECK(m.wake_at(after(at)) == at + 5s);
}

TEST_CASE("a session that dies before it is acknowledged puts a notice back to queued") {
    mailbox_state m("bob", 1, {});
    effects e;
    accept(m, 1, e);
    m.session_came(after(0s), session(1), e);
    CHECK(m.state_of(1) == notice_state::queued);
    m.confirm(after(0s), session(1), 1, e);
    CHECK(m.state_of(1) == notice_state::delivered);
    CHECK(e.told ==
          std::vector<std::pair<std::uint64_t, notice_state>>{{1, notice_state::delivered}});
    m.session_left(session(1));
    CHECK(m.state_of(1) == notice_state::queued);
    effects next;
    m.session_came(after(1s), session(2), next);
    CHECK(sent(next) == "1<0 ");
}

TEST_CASE("the first acknowledgement settles it for all") {
    mailbox_state m("bob", 1, {});
    effects e;
    m.session_came(after(0s), session(1), e);
    m.session_came(after(0s), session(2), e);
    accept(m, 2, e);
    CHECK(e.deliveries.size() == 4);
    effects done;
    CHECK(m.acknowledge(after(1s), 1, session(1), done));
    CHECK_FALSE(m.acknowledge(after(1s), 1, session(2), done));
    REQUIRE(done.settlements.size() == 1);
    CHECK(done.settlements[0].first == session(2));
    CHECK(done.settlements[0].second.seq == 1);
    REQUIRE(done.changes.size() == 1);
    CHECK(done.changes[0].state == notice_state::acknowledged);
    CHECK(m.open().size() == 1);
}

TEST_CASE("no more than 64 are under way to a session") {
    mailbox_state m("bob", 1, {});
    effects e;
    accept(m, 100, e);
    m.session_came(after(0s), session(1), e);
    CHECK(e.deliveries.size() == limits::in_flight_max);
    effects more;
    m.confirm(after(0s), session(1), 10, more);
    CHECK(more.deliveries.size() == 10);
    CHECK(more.deliveries.front().second.what.seq == 65);
}

TEST_CASE("a full mailbox takes no more, and none is dropped") {
    mailbox_state m("bob", 1, {});
    effects e;
    accept(m, int(limits::open_max), e);
    CHECK(m.accept(after(0s), "alice", "more", "text", 1h, e) == acceptance::full);
    CHECK(m.open().size() == limits::open_max);
    CHECK(m.acknowledge(after(0s), 1, {}, e));
    CHECK(m.accept(after(0s), "alice", "more", "text", 1h, e) == acceptance::accepted);
}

TEST_CASE("one that is never acknowledged expires at its time, also if nobody looked") {
    mailbox_state m("bob", 1, {});
    effects e;
    accept(m, 1, e, 10s);
    accept(m, 1, e);
    CHECK(m.wake_at(after(0s)) == 10s);
    effects late;
    m.tick(after(3h), late);
    REQUIRE(late.changes.size() == 1);
    CHECK(late.changes[0].state == notice_state::expired);
    CHECK(m.open().size() == 1);
    // Made again from what is kept, it has the same.
    mailbox_state again("bob", 3, {e.changes[1].what});
    CHECK(again.find_open("alice", "id2")->seq == 2);
    CHECK_FALSE(again.find_open("alice", "id1"));
}

TEST_CASE("a confirmation that comes late, for a mailbox that was started again, counts") {
    mailbox_state first("bob", 1, {});
    effects e;
    accept(first, 2, e);
    mailbox_state m("bob", 3, {e.changes[0].what, e.changes[1].what});
    m.session_came(after(0s), session(1), e);
    m.confirm(after(0s), session(1), 2, e);
    CHECK(m.state_of(2) == notice_state::delivered);
    // What was never given a number is not confirmed by anybody.
    m.confirm(after(0s), session(1), 99, e);
    accept(m, 1, e);
    CHECK(m.state_of(3) == notice_state::queued);
}

TEST_CASE("a reader shows each once and in order, whatever comes twice, late or over a gap") {
    using verdict = reader::verdict;
    reader r;
    const auto take = [&r](const char* id, std::uint64_t seq, std::uint64_t after,
                           std::int64_t accepted_ms = 1, const char* from = "alice") {
        notice n;
        n.from = from;
        n.id = id;
        n.seq = seq;
        n.accepted_ms = accepted_ms;
        return r.take(n, after);
    };
    CHECK(take("a", 5, 0) == verdict::show);
    CHECK(take("a", 5, 0) == verdict::repeat);
    CHECK(take("c", 7, 6) == verdict::out_of_order);
    CHECK(take("b", 6, 5) == verdict::show);
    CHECK(take("c", 7, 6) == verdict::show);
    CHECK(take("late", 3, 0) == verdict::out_of_order);
    // Two senders may use one id, and one may use it again.
    CHECK(take("c", 8, 7, 1, "carol") == verdict::show);
    CHECK(take("c", 9, 8, 2) == verdict::show);
    CHECK(take("a", 5, 0) == verdict::repeat);
    // In another place it has another number.
    CHECK(take("a", 20, 9) == verdict::repeat);
    CHECK(take("d", 21, 20) == verdict::show);
}
