// Rooms that were on a node's disk as kv got a cluster: all of them are in kv then, once, and nowhere else.
#include "tools/chatctl/app/moving.hpp"

#include "rooms_node.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/limits.hpp"

using namespace beam;
using namespace chat;
using namespace std::chrono_literals;

namespace {

constexpr int said = 1250;  // more than is kept, and than goes at once

awaitable<void> await_empty_disk(self me) {
    for (int i = 0; i < 30'000; ++i) {
        std::vector<std::string> names = co_await history::rooms();
        if (names.empty() && history::deletions().empty()) co_return;
        co_await me.sleep_for(1ms);
    }
    FAIL("something is left on the disk");
}

awaitable<void> say_many(self me, std::string room, int from, int to) {
    const pid home = co_await test::home_of(me, room);
    std::vector<future<outcome<post>>> sending;
    for (int i = from; i <= to; ++i)
        sending.push_back(room::send(home, "ann", std::to_string(i), room + std::to_string(i)));
    for (auto& s : sending) {
        outcome<post> p = co_await s;
        REQUIRE(p.has_value());
    }
}

std::string numbered(int from, int to) {
    std::string all;
    for (int i = from; i <= to; ++i)
        all += (all.empty() ? "" : " ") + std::to_string(i) + ":" + std::to_string(i);
    return all;
}

/// As others' copies and deletions lie on the disk.
awaitable<void> leave_copy(std::string name, std::uint64_t epoch, std::uint64_t last, bool whole,
                           std::uint64_t seen = 900) {
    room_record record;
    record.epoch = epoch;
    record.seats = {atom("other@here"), node()};
    record.seen[epoch] = seen;
    record.whole = whole;
    std::vector<post> posts;
    for (std::uint64_t id = 1; id <= last; ++id) {
        post p;
        p.id = p.seq = id;
        p.epoch = epoch;
        p.text = std::to_string(id);
        posts.push_back(std::move(p));
    }
    outcome<void> kept = co_await history::append(name, std::move(posts), 1, std::move(record));
    REQUIRE(kept.has_value());
}

}  // namespace

TEST_CASE("a room is in kv when that gets a cluster, with its numbers, and goes on there") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        REQUIRE(medium_now() == medium::disk);
        co_await test::create("lobby");
        co_await test::create("empty");
        co_await say_many(me, "lobby", 1, said);
        pid home = co_await test::home_of(me, "lobby");
        auto joining = room::join(home, me.id(), "ann", said - 2, {});
        joined in = co_await joining;
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "lobby") == numbered(said - int(kept_max) + 1, said));
        CHECK(co_await test::history_of(me, "empty") == "");
        CHECK_FALSE(find_local_room(medium::disk, "lobby"));
        post p = co_await test::say(me, "lobby", std::to_string(said + 1));
        CHECK(p.id == said + 1);
        // Who has read up to there goes on behind it.
        home = co_await test::home_of(me, "lobby");
        auto again = room::join(home, me.id(), "ann", std::nullopt, in.read);
        in = co_await again;
        CHECK(in.from.after == said - 2);
        CHECK(in.from.missed == 0);
        CHECK(in.from.skip.empty());
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("a move that breaks off again and again moves all, and nothing twice") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        co_await say_many(me, "lobby", 1, said);
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        for (int i = 0; i < 200; ++i) {
            std::vector<std::string> left = co_await history::rooms();
            if (left.empty()) break;
            if (!whereis(mover_name())) spawn(move_to_kv);
            for (int turns = i; turns > 0; --turns) co_await me.yield();
            if (const auto mover = whereis(mover_name())) co_await test::kill_and_wait(me, *mover);
            const auto home = find_local_room(medium::kv, "lobby");
            if (home && i % 3 == 0) co_await test::kill_and_wait(me, *home);
        }
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "lobby") == numbered(said - int(kept_max) + 1, said));
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("what is said while a room moves comes behind all of it") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await test::create("lobby");
        co_await say_many(me, "lobby", 1, said);
        co_await test::found_cluster();
        for (int i = said + 1; i <= said + 20; ++i) {
            post p = co_await test::say(me, "lobby", std::to_string(i));
            CHECK(p.id == std::uint64_t(i));
        }
        co_await test::await_cluster(me);
        co_await await_empty_disk(me);
        (void)co_await test::say(me, "lobby", std::to_string(said + 21));
        CHECK(co_await test::history_of(me, "lobby") ==
              numbered(said + 21 - int(kept_max) + 1, said + 21));
        // A room that is not whole yet is opened by nobody, and not deleted.
        outcome<void> made = co_await kv_rooms::make_unfilled("attic", 7);
        REQUIRE(made.has_value());
        reached r = co_await reach_room("attic");
        CHECK_FALSE(r.room.has_value());
        REQUIRE(r.why.has_value());
        CHECK(r.why->kind == "moving");
        outcome<marks> removed = co_await kv_rooms::remove("attic");
        REQUIRE_FALSE(removed.has_value());
        CHECK(removed.error() == atom("moves"));
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("a copy is moved too, as far as it goes, and adds nothing to what has moved before") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        co_await leave_copy("lobby", 77, 20, true, 20);
        // One that was not finished is no room by itself.
        co_await leave_copy("attic", 77, 5, false);
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        while (history::record_of("lobby")) co_await me.sleep_for(1ms);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 20));
        outcome<std::optional<room_head>> none = co_await in_kv().find("attic");
        REQUIRE(none.has_value());
        CHECK_FALSE(none->has_value());
        CHECK(history::record_of("attic"));
        outcome<void> dropped = co_await history::remove_room("attic");
        REQUIRE(dropped.has_value());
        // Its marks say more than it has.
        co_await leave_copy("lobby", 77, 30, false);
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 30));
        co_await leave_copy("lobby", 77, 35, true);
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 35));
        co_await leave_copy("lobby", 77, 30, true);
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "lobby") == numbered(1, 35));
        co_await test::stop_chat(me, tree);
    });
}

TEST_CASE("a room that was deleted stays deleted, whichever node's copy moves first") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_chat();
        marks seen;
        seen[77] = 900;
        outcome<void> noted = co_await history::remove_room("lobby", seen);
        REQUIRE(noted.has_value());
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        co_await await_empty_disk(me);
        co_await leave_copy("lobby", 77, 35, true);
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        outcome<std::optional<room_head>> head = co_await in_kv().find("lobby");
        REQUIRE(head.has_value());
        CHECK_FALSE(head->has_value());
        // A copy that came before anybody knew.
        co_await leave_copy("attic", 77, 35, true);
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        CHECK(co_await test::history_of(me, "attic") == numbered(1, 35));
        noted = co_await history::remove_room("attic", seen);
        REQUIRE(noted.has_value());
        spawn(move_to_kv);
        co_await await_empty_disk(me);
        head = co_await in_kv().find("attic");
        REQUIRE(head.has_value());
        CHECK_FALSE(head->has_value());
        co_await test::stop_chat(me, tree);
    });
}
