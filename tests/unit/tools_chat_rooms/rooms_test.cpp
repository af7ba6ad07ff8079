// Rooms on a real store: what is acknowledged is kept, once and in order, whatever dies.
#include "libbeamcore/otp/sys.hpp"
#include "rooms_node.hpp"
#include "tools/chatctl/app/caretaker.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/limits.hpp"

using namespace beam;
using namespace chat;
using namespace std::chrono_literals;

// A test of each place.
#define BOTH_PLACES(name) TEST_CASE_TEMPLATE(name, Place, test::on_disk_place, test::in_kv_place)

namespace {

std::string numbered(int from, int to) {
    std::string all;
    for (int i = from; i <= to; ++i)
        all += (all.empty() ? "" : " ") + std::to_string(i) + ":" + std::to_string(i);
    return all;
}

awaitable<bool> is_there(std::string name) {
    outcome<std::optional<room_head>> head = co_await kept_in(medium_now()).find(name);
    REQUIRE(head.has_value());
    co_return head->has_value();
}

awaitable<void> delete_room(std::string name) {
    if (medium_now() == medium::kv) {
        auto removed = co_await remove_in_kv(name);
        REQUIRE(removed.has_value());
        co_return;
    }
    auto asked = router::remove(name, node());
    outcome<bool> removed = co_await asked;
    REQUIRE(removed.has_value());
}

}  // namespace

BOTH_PLACES("what was acknowledged is there after the room, the store or the router was killed") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("a{b}c %");
        for (const char* text : {"one", "two", "three"})
            (void)co_await test::say(me, "a{b}c %", text);
        CHECK(co_await test::history_of(me, "a{b}c %") == "1:one 2:two 3:three");
        co_await test::kill_and_wait(me, co_await test::home_of(me, "a{b}c %"));
        CHECK(co_await test::history_of(me, "a{b}c %") == "1:one 2:two 3:three");
        co_await test::kill_and_wait(me, *whereis(Place::store()));
        (void)co_await test::say(me, "a{b}c %", "four");
        co_await test::kill_and_wait(me, co_await test::home_of(me, "a{b}c %"));
        CHECK(co_await test::history_of(me, "a{b}c %") == "1:one 2:two 3:three 4:four");
        if (const auto router = whereis(router_name())) co_await test::kill_and_wait(me, *router);
        if (const auto it = whereis(caretaker_name())) co_await test::kill_and_wait(me, *it);
        (void)co_await test::say(me, "a{b}c %", "five");
        CHECK(co_await test::history_of(me, "a{b}c %") == "1:one 2:two 3:three 4:four 5:five");
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES("the next node of the folder has the room, and goes on counting") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        for (int i = 1; i <= 5; ++i) (void)co_await test::say(me, "lobby", std::to_string(i));
        co_await test::stop_chat(me, tree);
    });
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        post p = co_await test::say(me, "lobby", "6");
        CHECK(p.id == 6);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 6));
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES("many who say something at once get numbers of their own, and the last 1000 are kept") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        const pid home = co_await test::home_of(me, "lobby");
        std::vector<future<outcome<post>>> sending;
        for (int i = 1; i <= 1700; ++i)
            sending.push_back(
                room::send(home, "ann", std::to_string(i), "key" + std::to_string(i)));
        std::uint64_t next = 1;
        for (auto& s : sending) {
            outcome<post> p = co_await s;
            REQUIRE(p.has_value());
            CHECK(p->id == next++);
        }
        CHECK(co_await test::history_of(me, "lobby") == numbered(701, 1700));
        co_await test::kill_and_wait(me, home);
        CHECK(co_await test::history_of(me, "lobby") == numbered(701, 1700));
        if (Place::where == medium::kv) {
            std::size_t kept = 0;
            kv::scan_options o;
            auto scanning = kv::scan("chat/m/{lobby}", o);
            outcome<kv::scanned_page> page = co_await scanning;
            REQUIRE(page.has_value());
            kept = page->items.size();
            CHECK(kept == kept_max);
        }
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES("the same key is there once: said at the same time, and again after a crash") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        const pid home = co_await test::home_of(me, "lobby");
        std::vector<future<outcome<post>>> sending;
        for (int i = 0; i < 5; ++i)
            sending.push_back(room::send(home, "ann", "once", "key of once"));
        for (auto& s : sending) {
            outcome<post> p = co_await s;
            REQUIRE(p.has_value());
            CHECK(p->id == 1);
        }
        co_await test::kill_and_wait(me, home);
        post again = co_await test::say(me, "lobby", "once");
        CHECK(again.id == 1);
        CHECK(co_await test::history_of(me, "lobby") == "1:once");
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES(
    "a room that crashes again and again loses nothing that was acknowledged, and doubles "
    "nothing") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        for (int i = 1; i <= 60; ++i) {
            // It dies with what is under way.
            const pid home = co_await test::home_of(me, "lobby");
            auto sending =
                room::send(home, "ann", std::to_string(i), "key of " + std::to_string(i));
            if (i % 3 == 0) exit(home, atoms::kill);
            (void)co_await sending.outcome();
            (void)co_await test::say(me, "lobby", std::to_string(i));
        }
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 60));
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES("who has joined is told of what is kept, and goes on after a crash where he was") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        (void)co_await test::say(me, "lobby", "before");
        pid home = co_await test::home_of(me, "lobby");
        auto joining = room::join(home, me.id(), "ann", std::nullopt, {});
        joined in = co_await joining;
        (void)co_await test::say(me, "lobby", "first");
        (void)co_await me.receive<news>();
        auto fetching = room::fetch(home, me.id(), in.from.after, 10);
        fetched got = co_await fetching;
        REQUIRE(got.posts.size() == 1);
        CHECK(got.posts[0].text == "first");
        marks read = in.read;
        read[got.posts[0].epoch] = got.posts[0].seq;
        co_await test::kill_and_wait(me, home);
        (void)co_await test::say(me, "lobby", "second");
        home = co_await test::home_of(me, "lobby");
        auto again = room::join(home, me.id(), "ann", std::nullopt, read);
        in = co_await again;
        auto rest = room::fetch(home, me.id(), in.from.after, 10);
        got = co_await rest;
        REQUIRE(got.posts.size() == 1);
        CHECK(got.posts[0].text == "second");
        co_await test::stop_chat(me, tree);
    });
}

BOTH_PLACES("a room that was deleted is gone, with its messages, and can be made again") {
    test::folder folder;
    test::in_chat_node<Place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        for (int i = 1; i <= 700; ++i) (void)co_await test::say(me, "lobby", std::to_string(i));
        const pid home = co_await test::home_of(me, "lobby");
        const ref ends = monitor(home);
        co_await delete_room("lobby");
        co_await me.receive_if<down_message>(
            [ends](const down_message& m) { return m.monitor == ends; });
        CHECK_FALSE(co_await is_there("lobby"));
        reached r = co_await reach_room("lobby");
        CHECK_FALSE(r.is_known);
        co_await test::create("lobby");
        CHECK(co_await test::history_of(me, "lobby") == "");
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("a home in kv that was replaced tells nobody anything, and ends") {
    test::folder folder;
    test::in_chat_node<test::in_kv_place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        (void)co_await test::say(me, "lobby", "one");
        const pid home = co_await test::home_of(me, "lobby");
        // Another home, as if on another node, says something.
        outcome<kept_room> other = co_await in_kv().open("lobby");
        REQUIRE(other.has_value());
        CHECK(other->posts.size() == 1);
        addition what;
        what.record = other->head.record;
        post p;
        p.id = p.seq = 2;
        p.epoch = what.record.epoch;
        p.text = "two";
        what.record.seen[p.epoch] = 2;
        what.posts.push_back(p);
        outcome<room_head> head = co_await in_kv().append("lobby", other->head, what);
        REQUIRE(head.has_value());
        // Who knows what kv has is not told less.
        const ref ends = monitor(home);
        auto asked = room::history(home, 0, 10, head->version);
        outcome<std::vector<post>> posts = co_await asked.outcome();
        CHECK_FALSE(posts.has_value());
        co_await me.receive_if<down_message>(
            [ends](const down_message& m) { return m.monitor == ends; });
        CHECK(co_await test::history_of(me, "lobby") == "1:one 2:two");
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("a home in kv that was replaced is refused what it says then") {
    test::folder folder;
    test::in_chat_node<test::in_kv_place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        (void)co_await test::say(me, "lobby", "one");
        const pid home = co_await test::home_of(me, "lobby");
        outcome<kept_room> other = co_await in_kv().open("lobby");
        REQUIRE(other.has_value());
        auto sending = room::send(home, "ann", "lost", "key of lost");
        outcome<outcome<post>> sent = co_await sending.outcome();
        REQUIRE(sent.has_value());
        REQUIRE_FALSE(sent->has_value());
        CHECK(sent->error().elements()[1] == atom("conflict"));
        CHECK(co_await test::history_of(me, "lobby") == "1:one");
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE(
    "what was under way when kv died is found out: each is there once, under a number of its own") {
    test::folder folder;
    test::in_chat_node<test::in_kv_place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        const std::vector<atom> victims = {atom("kv"), kv::router_name(), kv::store_name()};
        for (int i = 1; i <= 30; ++i) {
            const pid home = co_await test::home_of(me, "lobby");
            auto sending =
                room::send(home, "ann", std::to_string(i), "key of " + std::to_string(i));
            for (int turns = i % 7; turns > 0; --turns) co_await me.yield();
            // Seldom enough for kv's supervisor.
            const auto victim = whereis(victims[std::size_t(i) % victims.size()]);
            if (victim && i % 4 == 0) exit(*victim, atoms::kill);
            outcome<outcome<post>> sent = co_await sending.outcome();
            post p = co_await test::say(me, "lobby", std::to_string(i));
            if (sent && *sent) CHECK((*sent)->id == p.id);
        }
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 30));
        co_await test::kill_and_wait(me, co_await test::home_of(me, "lobby"));
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 30));
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE(
    "while kv takes its time a room answers others; what is said meanwhile goes in few writes") {
    test::folder folder;
    test::in_chat_node<test::in_kv_place>(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        (void)co_await test::say(me, "lobby", "1");
        const pid home = co_await test::home_of(me, "lobby");
        outcome<std::optional<room_head>> before = co_await in_kv().find("lobby");
        REQUIRE(before.has_value());
        auto joining = room::join(home, me.id(), "ann", std::nullopt, {});
        const joined in = co_await joining;
        co_await sys::suspend(atom("kv"));
        std::vector<future<outcome<post>>> sending;
        for (int i = 2; i <= 100; ++i)
            sending.push_back(
                room::send(home, "ann", std::to_string(i), "key" + std::to_string(i)));
        // Nothing of it is known to anybody before it is kept.
        for (int i = 0; i < 3; ++i) {
            auto asking = room::info(home, timeout(5s));
            room_info info = co_await asking;
            CHECK(info.last_id == 1);
            auto fetching = room::fetch(home, me.id(), in.from.after, 10);
            fetched got = co_await fetching;
            CHECK(got.posts.empty());
        }
        co_await sys::resume(atom("kv"));
        std::uint64_t next = 2;
        for (auto& s : sending) {
            outcome<post> p = co_await s;
            REQUIRE(p.has_value());
            CHECK(p->id == next++);
        }
        (void)co_await me.receive<news>();
        outcome<std::optional<room_head>> after = co_await in_kv().find("lobby");
        REQUIRE(after.has_value());
        CHECK((*after)->version - (*before)->version <= 3);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 100));
        co_await test::stop_chat(me, tree);
    });
}
