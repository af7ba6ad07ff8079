// What is kept of a room, without its process.
#include "tools/chatctl/app/keeping.hpp"

#include "rooms_node.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/log.hpp"

using namespace beam;
using namespace chat;

// A test of each place.
#define BOTH_PLACES(name) TEST_CASE_TEMPLATE(name, Place, test::on_disk_place, test::in_kv_place)

namespace {

/// Runs it with the store that the place needs, and nobody who opens rooms.
template <class Place, class F>
void with_store(F code) {
    test::folder folder;
    test::in_chat_node<Place>(
        folder,
        [](self me, F inner) -> awaitable<void> {
            pid tree;
            if (Place::where == medium::disk) tree = co_await test::start_chat();
            auto running = inner(me);
            co_await std::move(running);
            if (tree) co_await test::stop_chat(me, tree);
        },
        code);
}

/// `count` messages behind a head.
addition more(const room_head& head, std::uint64_t count) {
    addition what;
    what.record = head.record;
    for (std::uint64_t id = head.last_id + 1; id <= head.last_id + count; ++id) {
        post p;
        p.id = p.seq = id;
        p.epoch = head.record.epoch;
        p.text = std::to_string(id);
        mark(what.record.seen, p);
        what.posts.push_back(std::move(p));
    }
    const std::uint64_t next = head.last_id + count + 1;
    what.first_kept = next > kept_max ? next - kept_max : 1;
    return what;
}

template <class T>
T must(outcome<T> is) {
    REQUIRE_MESSAGE(is.has_value(), to_string(is ? term() : is.error()));
    return *std::move(is);
}

awaitable<room_head> append(medium where, room_head head, std::uint64_t count) {
    addition what = more(head, count);
    outcome<room_head> done = co_await kept_in(where).append("lobby", head, std::move(what));
    co_return must(std::move(done));
}

}  // namespace

BOTH_PLACES("a room is made once, found, and opened as it was left") {
    with_store<Place>([](self) -> awaitable<void> {
        const keeping& kept = kept_in(Place::where);
        outcome<kept_room> none = co_await kept.open("lobby");
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error() == atom("not_found"));
        outcome<void> made = co_await kept.create("lobby");
        CHECK(made.has_value());
        made = co_await kept.create("lobby");
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error() == atom("already_exists"));
        outcome<kept_room> opening = co_await kept.open("lobby");
        kept_room is = must(std::move(opening));
        CHECK(is.posts.empty());
        room_head head = co_await append(Place::where, is.head, 3);
        CHECK(head.last_id == 3);
        outcome<std::optional<room_head>> finding = co_await kept.find("lobby");
        const auto found = must(std::move(finding));
        REQUIRE(found.has_value());
        CHECK(found->last_id == 3);
        CHECK(found->version == head.version);
        opening = co_await kept.open("lobby");
        is = must(std::move(opening));
        REQUIRE(is.posts.size() == 3);
        CHECK(is.posts[2].text == "3");
        CHECK(is.head.last_id == 3);
    });
}

BOTH_PLACES("the last 1000 messages are kept, however they came") {
    with_store<Place>([](self) -> awaitable<void> {
        const keeping& kept = kept_in(Place::where);
        outcome<void> made = co_await kept.create("lobby");
        CHECK(made.has_value());
        outcome<kept_room> opening = co_await kept.open("lobby");
        room_head head = must(std::move(opening)).head;
        for (const std::uint64_t count : {300, 300, 300, 1, 300, 7})
            head = co_await append(Place::where, head, count);
        opening = co_await kept.open("lobby");
        const kept_room is = must(std::move(opening));
        REQUIRE(is.posts.size() == kept_max);
        CHECK(is.posts.front().id == 209);
        CHECK(is.posts.back().id == 1208);
    });
}

TEST_CASE(
    "of two homes in kv the last that opened the room has it: what the other writes is refused") {
    with_store<test::in_kv_place>([](self) -> awaitable<void> {
        outcome<void> made = co_await in_kv().create("lobby");
        CHECK(made.has_value());
        outcome<kept_room> first = co_await in_kv().open("lobby");
        REQUIRE(first.has_value());
        outcome<kept_room> second = co_await in_kv().open("lobby");
        REQUIRE(second.has_value());
        CHECK(second->head.record.number > first->head.record.number);
        CHECK(second->head.record.epoch != first->head.record.epoch);
        addition what = more(first->head, 1);
        outcome<room_head> refused = co_await in_kv().append("lobby", first->head, what);
        REQUIRE_FALSE(refused.has_value());
        CHECK(is_replaced(refused.error()));
        (void)co_await append(medium::kv, second->head, 1);
        // Nor does one that does not know what became of its last write come back.
        outcome<kept_room> again =
            co_await kv_rooms::open_again("lobby", first->head.record.number, 0);
        REQUIRE_FALSE(again.has_value());
        CHECK(is_replaced(again.error()));
        again = co_await kv_rooms::open_again("lobby", second->head.record.number, 0);
        REQUIRE(again.has_value());
        CHECK(again->posts.size() == 1);
        // A late copy of what it wrote before is refused from then on.
        what = more(second->head, 1);
        refused = co_await in_kv().append("lobby", second->head, what);
        CHECK_FALSE(refused.has_value());
    });
}

TEST_CASE("a room that is deleted in kv is gone, and what was said in it does not come back") {
    with_store<test::in_kv_place>([](self) -> awaitable<void> {
        outcome<void> made = co_await in_kv().create("lobby");
        CHECK(made.has_value());
        outcome<kept_room> opened = co_await in_kv().open("lobby");
        REQUIRE(opened.has_value());
        room_head head = opened->head;
        for (int i = 0; i < 4; ++i) head = co_await append(medium::kv, head, 290);
        outcome<marks> removed = co_await kv_rooms::remove("lobby");
        REQUIRE(removed.has_value());
        CHECK(removed->at(head.record.epoch) == 1160);
        addition what = more(head, 1);
        outcome<room_head> refused = co_await in_kv().append("lobby", head, what);
        REQUIRE_FALSE(refused.has_value());
        CHECK(is_replaced(refused.error()));
        removed = co_await kv_rooms::remove("lobby");
        CHECK_FALSE(removed.has_value());
        outcome<std::optional<marks>> gone = co_await kv_rooms::deleted("lobby");
        CHECK(must(std::move(gone)).has_value());
        outcome<std::vector<kv_rooms::listed_room>> all = co_await kv_rooms::all();
        CHECK(must(std::move(all)).empty());
        made = co_await in_kv().create("lobby");
        CHECK(made.has_value());
        opened = co_await in_kv().open("lobby");
        REQUIRE(opened.has_value());
        CHECK(opened->posts.empty());
        CHECK(opened->head.last_id == 0);
        CHECK(opened->head.record.seen.at(head.record.epoch) == 1160);
        CHECK(opened->head.record.number > head.record.number);
    });
}

TEST_CASE("marks of many epochs in which nothing is kept any more are forgotten") {
    room_log log;
    for (std::uint64_t epoch = 1; epoch <= epochs_max + 5; ++epoch) {
        marks m;
        m[epoch] = 3;
        log.also_seen(m);
    }
    post p;
    p.id = 1;
    p.epoch = 2;
    p.seq = 4;
    log.keep(p);
    log.begin_epoch(1000);
    log.forget_epochs(epochs_max);
    CHECK(log.seen() == marks{{2, 4}, {1000, 0}});
    log.also_seen(marks{{7, 1}});
    log.forget_epochs(epochs_max);
    CHECK(log.seen().contains(7));
}
