// Thousands of notices on a real store, while mailboxes, the post office and the store are killed and readers come and
// go: each is shown once, in order, and acknowledged.
#include <atomic>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "notices_node.hpp"
#include "tools/presence/app/notices/reader.hpp"
#include "tools/presence/app/notices/records.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t users = 20, notices = 500;
constexpr auto done_within = 100s;

std::string user_name(std::uint64_t n) {
    return "user" + std::to_string(n);
}

struct all_sent {};
struct all_read {
    std::uint64_t user = 0;
    std::string trouble;  // empty: none
};

/// Sends one after the other, each until it is answered.
process sender(self me, pid parent, std::uint64_t user) {
    for (std::uint64_t n = 1; n <= notices;) {
        pid box = co_await test::mailbox_of(me, user_name(user));
        letter what = test::letter_of("sender", std::to_string(n));
        auto posting = mailbox::post(box, std::move(what), notice_state::queued, 0ms);
        outcome<posted> done = co_await posting.outcome();
        if (done && done->error == term()) ++n;
    }
    send(parent, all_sent{});
}

/// A session: passes on what it is sent.
process ear(self me, pid to, std::string user) {
    const term meta = map({{atom("listens"), true}});
    auto tracking = tracker::track(tracker_name(), me.id(), all_sessions, user, "ear", meta);
    (void)co_await tracking.outcome();
    for (;;) {
        delivery d = co_await me.receive<delivery>();
        send(to, std::move(d));
    }
}

/// Takes what comes as `presence listen --ack` does, with one session after another.
process client(self me, pid parent, std::uint64_t user) {
    random_generator random(user + 1);
    reader seen;
    std::uint64_t next = 1;
    while (next <= notices) {
        pid session = spawn(ear, me.id(), user_name(user));
        const auto goes_at = monotonic_time() + std::chrono::milliseconds(random.below(1000));
        while (next <= notices && monotonic_time() < goes_at) {
            auto d = co_await me.receive_for<delivery>(20ms);
            if (!d) continue;
            const auto verdict = seen.take(d->what, d->after);
            if (verdict == reader::verdict::out_of_order) continue;
            if (verdict == reader::verdict::show && d->what.id != std::to_string(next++)) {
                all_read wrong{user, "shown out of order: " + d->what.id};
                send(parent, std::move(wrong));
                co_return;
            }
            // Asked once: what is not answered comes again.
            pid box = co_await test::mailbox_of(me, user_name(user));
            auto settling = mailbox::settle(box, d->what.seq, session);
            (void)co_await settling.outcome();
        }
        exit(session, atoms::kill);
        co_await me.sleep_for(std::chrono::milliseconds(random.below(50)));
    }
    all_read ok{user, {}};
    send(parent, std::move(ok));
}

/// Kills, for ever, what can be restarted.
template <class Place>
process killer(self me) {
    random_generator random(7);
    for (std::uint64_t n = 0;; ++n) {
        co_await me.sleep_for(std::chrono::milliseconds(5 + random.below(30)));
        std::optional<pid> victim;
        if (n % 100 == 99)
            victim = whereis(random.below(2) ? Place::store() : post_office_name());
        else if (whereis(mailboxes_registry()))
            victim = find_mailbox(Place::where, user_name(random.below(users)));
        if (victim) exit(*victim, atoms::kill);
    }
}

template <class Place>
awaitable<void> storm(self me) {
    const pid tree = co_await test::start_presence();
    for (std::uint64_t u = 0; u < users; ++u) {
        (void)spawn(sender, me.id(), u);
        (void)spawn(client, me.id(), u);
    }
    const pid killing = spawn(killer<Place>);
    const auto end = monotonic_time() + done_within;
    std::uint64_t sent = 0, read = 0;
    while (sent < users || read < users) {
        auto m = co_await me.receive_for<all_sent, all_read>(end - monotonic_time());
        if (!m) break;
        if (std::holds_alternative<all_sent>(*m)) {
            ++sent;
        } else {
            const all_read& r = std::get<all_read>(*m);
            CHECK_MESSAGE(r.trouble.empty(), r.trouble);
            ++read;
        }
    }
    CHECK(sent == users);
    CHECK(read == users);
    exit(killing, atoms::kill);
    // The last ones may have been acknowledged by nobody: their session went before it was answered.
    for (std::uint64_t u = 0; u < users; ++u) {
        pid box = co_await test::mailbox_of(me, user_name(u));
        auto acking = mailbox::acknowledge(box, {}, true);
        (void)co_await acking;
        for (std::uint64_t n = 1; n <= notices; ++n) {
            auto known =
                co_await test::receipt_in(Place::where, "sender", std::to_string(n), user_name(u));
            REQUIRE(known.has_value());
            CHECK(known->state == notice_state::acknowledged);
        }
    }
    co_await test::stop_presence(me, tree);
}

}  // namespace

TEST_CASE_TEMPLATE(
    "10 000 notices are each shown once and in order while what keeps them is killed", Place,
    test::disk_place, test::kv_place) {
    test::folder folder;
    test::in_presence_node<Place>(folder, storm<Place>);
}
