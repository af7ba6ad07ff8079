// Rooms on two nodes, and a network that is cut in silence.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/tools_chatctl/chat_nodes.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/history.hpp"

using namespace beam;
using namespace test;

namespace {

awaitable<void> create(self, std::string name) {
    auto asked = chat::router::create(name);
    outcome<pid> made = co_await asked;
    CHECK(made.has_value());
}

awaitable<void> create_or_find(self me, std::string name) {
    auto asked = chat::router::create(name);
    outcome<pid> made = co_await asked;
    if (!made) CHECK(made.error() == atom("already_exists"));
    co_await until(me, [&] { return chat::find_room(name).has_value(); });
}

awaitable<void> say_many(self me, std::string prefix, int count) {
    for (int i = 0; i < count; ++i) co_await say(me, "general", prefix + std::to_string(i));
}

awaitable<void> remove_it(self me, std::string name) {
    co_await until(me, [&] { return chat::find_room(name).has_value(); });
    auto asked = chat::router::remove(name, node(*chat::find_room(name)));
    outcome<bool> removed = co_await asked;
    CHECK(removed.has_value());
}

awaitable<void> await_history(self me, std::string room, std::vector<std::string>* found,
                              std::size_t count) {
    const auto end = monotonic_time() + 60s;
    do {
        *found = co_await history_of(me, room);
        REQUIRE(monotonic_time() < end);
        if (found->size() < count) co_await me.sleep_for(1ms);
    } while (found->size() < count);
}

awaitable<void> await_home(self me, std::string room, bool here) {
    co_await until(me, [&] {
        const auto pid = chat::find_room(room);
        return pid && pid->is_local() == here;
    });
}

awaitable<void> await_gone(self me, std::string room) {
    co_await until(me, [&] { return !chat::has_room(room) && !chat::find_room(room); });
}

std::map<std::string, int> counted(const std::vector<std::string>& texts) {
    std::map<std::string, int> n;
    for (const auto& t : texts) ++n[t];
    return n;
}

}  // namespace

TEST_CASE("a room is known, held and used on the other node when create has returned") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.b, [](self me) -> awaitable<void> {
        const auto pid = chat::find_room("general");
        REQUIRE(pid);
        CHECK_FALSE(pid->is_local());
        const auto record = chat::history::record_of("general");
        REQUIRE(record);
        CHECK(record->whole);
        CHECK(record->seats == std::vector<atom>{atom("a@here"), atom("b@here")});
        co_await say(me, "general", "one");
        // Acknowledged means that it is on both disks.
        std::vector<chat::post> copied = co_await chat::history::load("general");
        REQUIRE(copied.size() == 1);
        CHECK(copied[0].text == "one");
        std::vector<std::string> texts = co_await history_of(me, "general");
        CHECK(texts == std::vector<std::string>{"one"});
    });
}

TEST_CASE("one room is made by two nodes at the same moment: one is refused") {
    chat_nodes nodes;
    for (int i = 0; i < 10; ++i) {
        const std::string name = "room" + std::to_string(i);
        std::atomic<int> made{0};
        const auto maker = [](self me, std::string room, std::atomic<int>* count) -> process {
            auto asked = chat::router::create(room);
            outcome<pid> r = co_await asked;
            if (r) ++*count;
            register_name(atom("made_" + room), me.id());
            co_await me.sleep_for(infinity{});
        };
        nodes.both.a.spawn(maker, name, &made);
        nodes.both.b.spawn(maker, name, &made);
        await_name(nodes.both.a, ("made_" + name).c_str());
        await_name(nodes.both.b, ("made_" + name).c_str());
        CHECK(made == 1);
    }
}

TEST_CASE(
    "both sides of a cut go on; when it heals there is one room with all that was said, once") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.b, say_many, std::string("before"), 3);
    nodes.both.cut(true);
    // The side without the room's process begins another when the other node is silent for long enough.
    run_in(nodes.both.b, await_home, std::string("general"), true);
    run_in(nodes.both.b, say_many, std::string("b"), 5);
    run_in(nodes.both.a, say_many, std::string("a"), 4);
    nodes.both.cut(false);
    std::vector<std::string> at_a, at_b;
    run_in(nodes.both.a, await_history, std::string("general"), &at_a, std::size_t(12));
    run_in(nodes.both.b, await_history, std::string("general"), &at_b, std::size_t(12));
    CHECK(at_a == at_b);
    CHECK(at_b == std::vector<std::string>{"before0", "before1", "before2", "b0", "b1", "b2", "b3",
                                           "b4", "a0", "a1", "a2", "a3"});
    run_in(nodes.both.a, await_home, std::string("general"), false);
    // The node that made way holds a copy, with the next message on both.
    run_in(nodes.both.a, [](self me) -> awaitable<void> {
        std::vector<atom> holders;
        while (holders != std::vector<atom>{atom("b@here"), atom("a@here")}) {
            co_await await_home(me, "general", false);
            auto asked = chat::room::info(*chat::find_room("general"), timeout(5s));
            outcome<chat::room_info> info = co_await asked.outcome();
            if (info) holders = info->nodes;
        }
        co_await say(me, "general", "last");
        std::vector<chat::post> copied = co_await chat::history::load("general");
        REQUIRE(copied.size() == 13);
        CHECK(copied.back().text == "last");
    });
}

TEST_CASE("a room that was deleted on one side of a cut does not come back with the other's copy") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.a, say_many, std::string("m"), 3);
    nodes.both.cut(true);
    run_in(nodes.both.a, remove_it, std::string("general"));
    run_in(nodes.both.b, await_home, std::string("general"), true);
    nodes.both.cut(false);
    run_in(nodes.both.b, await_gone, std::string("general"));
    run_in(nodes.both.a, await_gone, std::string("general"));
}

TEST_CASE("a room that was deleted on one side and used on the other is there again") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.a, say_many, std::string("m"), 2);
    nodes.both.cut(true);
    run_in(nodes.both.a, remove_it, std::string("general"));
    run_in(nodes.both.b, await_home, std::string("general"), true);
    run_in(nodes.both.b, say_many, std::string("b"), 1);
    nodes.both.cut(false);
    std::vector<std::string> at_a;
    run_in(nodes.both.a, await_history, std::string("general"), &at_a, std::size_t(3));
    CHECK(at_a == std::vector<std::string>{"m0", "m1", "b0"});
}

TEST_CASE("a room that was deleted takes its copies along, and can be made again") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.b, say_many, std::string("m"), 3);
    run_in(nodes.both.b, remove_it, std::string("general"));
    run_in(nodes.both.a, await_gone, std::string("general"));
    run_in(nodes.both.b, await_gone, std::string("general"));
    run_in(nodes.both.b, create_or_find, std::string("general"));
    run_in(nodes.both.a, [](self me) -> awaitable<void> {
        std::vector<std::string> texts = co_await history_of(me, "general");
        CHECK(texts.empty());
    });
}

TEST_CASE("a room that crashes is restarted where it was, and the other node finds it") {
    chat_nodes nodes;
    run_in(nodes.both.a, create, std::string("general"));
    run_in(nodes.both.b, [](self me) -> awaitable<void> {
        co_await say(me, "general", "one");
        for (int i = 0; i < 5; ++i) {
            const pid old = *chat::find_room("general");
            exit(old, atoms::kill);
            co_await until(me, [old] {
                const auto now = chat::find_room("general");
                return now && *now != old && !now->is_local();
            });
        }
        co_await say(me, "general", "two");
        std::vector<std::string> texts = co_await history_of(me, "general");
        CHECK(counted(texts) == std::map<std::string, int>{{"one", 1}, {"two", 1}});
    });
}
