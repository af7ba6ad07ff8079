// Mailboxes on a real store: what is answered is kept, whatever dies.
#include "tools/presence/app/notices/mailbox.hpp"

#include "notices_node.hpp"
#include "tools/presence/app/notices/disk_records.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;

// A test of each place.
#define BOTH_PLACES(name) TEST_CASE_TEMPLATE(name, Place, test::disk_place, test::kv_place)

BOTH_PLACES(
    "what was answered is there after the mailbox, the post office or the store was killed") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        for (const char* id : {"1", "2", "3"}) {
            posted p = co_await test::post(me, "bob", test::letter_of("alice", id));
            CHECK(p.error == term());
            CHECK(p.what.state == notice_state::queued);
        }
        CHECK(co_await test::ids_waiting(me, "bob") == "1 2 3");
        co_await test::kill_and_wait(me, co_await test::mailbox_of(me, "bob"));
        CHECK(co_await test::ids_waiting(me, "bob") == "1 2 3");
        co_await test::kill_and_wait(me, *whereis(post_office_name()));
        CHECK(co_await test::ids_waiting(me, "bob") == "1 2 3");
        co_await test::kill_and_wait(me, *whereis(Place::store()));
        // Of those that are read anew.
        co_await test::kill_and_wait(me, co_await test::mailbox_of(me, "bob"));
        CHECK(co_await test::ids_waiting(me, "bob") == "1 2 3");
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("the next node of the folder has what waits, in order, and goes on counting") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        for (int i = 0; i < 5; ++i)
            (void)co_await test::post(me, "a/b%{}", test::letter_of("alice", std::to_string(i)));
        co_await test::stop_presence(me, tree);
    });
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        posted p = co_await test::post(me, "a/b%{}", test::letter_of("alice", "last"));
        CHECK(p.error == term());
        CHECK(co_await test::ids_waiting(me, "a/b%{}") == "0 1 2 3 4 last");
        auto waiting = co_await records::of(Place::where).all_waiting();
        REQUIRE(waiting.has_value());
        REQUIRE(waiting->size() == 1);
        CHECK(waiting->front().user == "a/b%{}");
        CHECK(waiting->front().notices == 6);
        CHECK(waiting->front().oldest_ms > 0);
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("the same id of the same sender is kept once, also after it was acknowledged") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        posted first = co_await test::post(me, "bob", test::letter_of("alice", "1", "one"));
        posted again = co_await test::post(me, "bob", test::letter_of("alice", "1", "other"));
        CHECK(again.what.seq == first.what.seq);
        posted other = co_await test::post(me, "bob", test::letter_of("carol", "1"));
        CHECK(other.what.seq > first.what.seq);
        pid box = co_await test::mailbox_of(me, "bob");
        const std::vector<std::string> none;
        auto acking = mailbox::acknowledge(box, none, true);
        acknowledged all = co_await acking;
        CHECK(all.count == 2);
        again = co_await test::post(me, "bob", test::letter_of("alice", "1", "one"));
        CHECK(again.what.state == notice_state::acknowledged);
        CHECK(co_await test::ids_waiting(me, "bob") == "");
        auto known = co_await test::receipt_in(Place::where, "alice", "1", "bob");
        REQUIRE(known.has_value());
        CHECK(known->state == notice_state::acknowledged);
        (void)co_await test::post(me, "carol", test::letter_of("alice", "1"));
        auto every = co_await records::of(Place::where).find_all("alice", "1");
        REQUIRE(every.has_value());
        CHECK(every->size() == 2);
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("a full mailbox refuses, and takes again what there is room for") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        pid box = co_await test::mailbox_of(me, "bob");
        std::vector<future<posted>> posting;
        for (std::size_t i = 0; i <= limits::open_max; ++i) {
            letter what = test::letter_of("alice", std::to_string(i));
            posting.push_back(mailbox::post(box, std::move(what), notice_state::queued, 0ms));
        }
        std::size_t refused = 0;
        for (auto& p : posting) {
            posted done = co_await p;
            if (done.error == atom("full"))
                ++refused;
            else
                CHECK(done.error == term());
        }
        CHECK(refused == 1);
        const std::vector<std::string> seventh = {"7"};
        auto acking = mailbox::acknowledge(box, seventh, false);
        acknowledged one = co_await acking;
        CHECK(one.count == 1);
        posted more = co_await test::post(me, "bob", test::letter_of("alice", "1000"));
        CHECK(more.error == term());
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("one that was not acknowledged in time has expired, and its sender can see it") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        pid box = co_await test::mailbox_of(me, "bob");
        letter what = test::letter_of("alice", "short", "text", 20ms);
        auto posting = mailbox::post(box, what, notice_state::acknowledged, 10s);
        posted p = co_await posting;
        CHECK(p.what.state == notice_state::expired);
        CHECK(co_await test::ids_waiting(me, "bob") == "");
        auto known = co_await test::receipt_in(Place::where, "alice", "short", "bob");
        REQUIRE(known.has_value());
        CHECK(known->state == notice_state::expired);
        auto expired = co_await records::of(Place::where).expired("bob");
        REQUIRE(expired.has_value());
        REQUIRE(expired->size() == 1);
        CHECK(expired->front().text == "text");
        co_await test::stop_presence(me, tree);
    });
}

TEST_CASE("a day after it was closed a notice is forgotten") {
    test::folder folder;
    test::in_presence_node<test::disk_place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        pid box = co_await test::mailbox_of(me, "bob");
        letter what = test::letter_of("alice", "short", "text", 20ms);
        auto posting = mailbox::post(box, what, notice_state::acknowledged, 10s);
        (void)co_await posting;
        auto known = co_await test::receipt_in(place::disk, "alice", "short", "bob");
        REQUIRE(known.has_value());
        const std::int64_t closed = known->closed_ms;
        outcome<std::size_t> n = co_await records::forget(closed + 1000 * 60 * 60 * 24 - 1, 10);
        CHECK(n == 0);
        n = co_await records::forget(closed + 1000 * 60 * 60 * 24, 10);
        CHECK(n == 1);
        CHECK_FALSE(co_await test::receipt_in(place::disk, "alice", "short", "bob"));
        auto expired = co_await records::on_disk().expired("bob");
        REQUIRE(expired.has_value());
        CHECK(expired->empty());
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("who comes is sent what waits, and a sender is told that it was received") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        (void)co_await test::post(me, "bob", test::letter_of("alice", "1", "one"));
        // The mailbox is gone: the post office starts it for who comes.
        co_await test::listen_as(me, "bob", "s1");
        delivery first = co_await me.receive<delivery>();
        CHECK(first.what.text == "one");
        CHECK(first.user == "bob");
        pid box = co_await test::mailbox_of(me, "bob");
        mailbox::confirm(box, me.id(), first.what.seq);
        letter what = test::letter_of("alice", "2", "two");
        auto posting = mailbox::post(box, what, notice_state::queued, 10s);
        delivery second = co_await me.receive<delivery>();
        CHECK(second.after == first.what.seq);
        mailbox::confirm(box, me.id(), second.what.seq);
        posted p = co_await posting;
        CHECK(p.what.state == notice_state::delivered);
        // Nobody waits for what is done.
        what = test::letter_of("alice", "3");
        auto until = mailbox::post(box, what, notice_state::acknowledged, 10s);
        delivery third = co_await me.receive<delivery>();
        auto settling = mailbox::settle(box, third.what.seq, me.id());
        acknowledged done = co_await settling;
        CHECK(done.count == 1);
        p = co_await until;
        CHECK(p.what.state == notice_state::acknowledged);
        co_await test::stop_presence(me, tree);
    });
}

BOTH_PLACES("a mailbox that was killed sends again to who listens") {
    test::folder folder;
    test::in_presence_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        co_await test::listen_as(me, "bob", "s1");
        (void)co_await test::post(me, "bob", test::letter_of("alice", "1"));
        delivery first = co_await me.receive<delivery>();
        co_await test::kill_and_wait(me, co_await test::mailbox_of(me, "bob"));
        delivery again = co_await me.receive<delivery>();
        CHECK(again.what.seq == first.what.seq);
        co_await test::stop_presence(me, tree);
    });
}

TEST_CASE("owners are the same on all nodes, and each has its share") {
    const std::vector<atom> nodes = {atom("a@h"), atom("b@h"), atom("c@h")};
    std::map<atom, int> share;
    for (int i = 0; i < 3000; ++i) ++share[owner_among(nodes, "user" + std::to_string(i))];
    for (const atom n : nodes) CHECK(share[n] > 800);
    CHECK(owner_among({atom("a@h")}, "anybody") == atom("a@h"));
    // As kv places it.
    CHECK(owner_among(nodes, "user:42") == nodes[0]);
}
