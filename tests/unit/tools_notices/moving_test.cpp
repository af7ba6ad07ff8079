// Notices that waited on a node's disk as kv got a cluster: all of them are in kv then, once.
#include "notices_node.hpp"
#include "tools/presence/app/notices/caring.hpp"
#include "tools/presence/app/notices/disk_records.hpp"
#include "tools/presence/app/notices/reader.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;

namespace {

constexpr int waiting = 450;  // more than go at once

awaitable<bool> disk_is_empty() {
    co_return !records::next_open({}) && !records::next_closed({});
}

awaitable<void> await_empty_disk(self me) {
    for (int i = 0; i < 30'000; ++i) {
        if (co_await disk_is_empty()) co_return;
        co_await me.sleep_for(1ms);
    }
    FAIL("something is left on the disk");
}

/// Before there is a cluster: for bob some wait, one was acknowledged and one has expired.
awaitable<void> leave_notices(self me) {
    (void)co_await test::post(me, "bob", test::letter_of("alice", "acked"));
    pid box = co_await test::mailbox_of(me, "bob");
    const std::vector<std::string> none;
    auto acking = mailbox::acknowledge(box, none, true);
    (void)co_await acking;
    letter what = test::letter_of("alice", "late", "text", 1ms);
    auto posting = mailbox::post(box, what, notice_state::acknowledged, 10s);
    (void)co_await posting;
    for (int i = 0; i < waiting; ++i)
        (void)co_await test::post(me, "bob", test::letter_of("alice", std::to_string(i)));
    (void)co_await test::post(me, "carol", test::letter_of("alice", "hers"));
}

std::string all_of_bob() {
    std::string ids;
    for (int i = 0; i < waiting; ++i) ids += (ids.empty() ? "" : " ") + std::to_string(i);
    return ids;
}

awaitable<void> check_moved(self me) {
    co_await await_empty_disk(me);
    CHECK(co_await test::ids_waiting(me, "bob") == all_of_bob());
    CHECK(co_await test::ids_waiting(me, "carol") == "hers");
    auto acked = co_await test::receipt_in(place::kv, "alice", "acked", "bob");
    REQUIRE(acked.has_value());
    CHECK(acked->state == notice_state::acknowledged);
    auto late = co_await test::receipt_in(place::kv, "alice", "late", "bob");
    REQUIRE(late.has_value());
    CHECK(late->state == notice_state::expired);
    auto expired = co_await records::in_kv().expired("bob");
    REQUIRE(expired.has_value());
    REQUIRE(expired->size() == 1);
    CHECK(expired->front().text == "text");
    auto every = co_await records::in_kv().find_all("alice", "acked");
    REQUIRE(every.has_value());
    CHECK(every->size() == 1);
    // Sent again, it is known.
    posted again = co_await test::post(me, "bob", test::letter_of("alice", "acked"));
    CHECK(again.what.state == notice_state::acknowledged);
}

}  // namespace

TEST_CASE(
    "what waited on the disk is in kv when that gets a cluster, in its order, and what became of "
    "the rest") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        REQUIRE(place_now() == place::disk);
        co_await leave_notices(me);
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        co_await check_moved(me);
        co_await test::stop_presence(me, tree);
    });
}

TEST_CASE("who listens while the notices move is shown none again, and what comes after them") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        co_await test::listen_as(me, "bob", "s1");
        for (const char* id : {"1", "2"})
            (void)co_await test::post(me, "bob", test::letter_of("alice", id));
        reader seen;
        for (int i = 0; i < 2; ++i) {
            delivery d = co_await me.receive<delivery>();
            CHECK(seen.take(d.what, d.after) == reader::verdict::show);
        }
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        co_await await_empty_disk(me);
        (void)co_await test::post(me, "bob", test::letter_of("alice", "3"));
        std::string shown;
        while (shown.empty()) {
            delivery d = co_await me.receive<delivery>();
            if (seen.take(d.what, d.after) == reader::verdict::show) shown = d.what.id;
        }
        CHECK(shown == "3");
        co_await test::stop_presence(me, tree);
    });
}

TEST_CASE("a move that was broken off goes on, and moves nothing twice") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        co_await leave_notices(me);
        // As if it had died when kv had a part of it, and the disk too.
        auto some = records::next_open({});
        REQUIRE(some.has_value());
        co_await test::stop_presence(me, tree);
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        const pid again = co_await test::start_presence();
        for (int i = 0; i < 3; ++i) {
            pid box = co_await test::mailbox_of(me, "bob");
            auto adopting = mailbox::adopt(box, some->changes);
            acknowledged done = co_await adopting;
            CHECK(done.count == some->changes.size());
            if (const auto mover = whereis(mover_name())) co_await test::kill_and_wait(me, *mover);
            beam::spawn(move_to_kv);
        }
        co_await check_moved(me);
        co_await test::stop_presence(me, again);
    });
}

TEST_CASE("a mailbox on the disk takes nothing any more once there is a cluster") {
    test::folder folder;
    test::in_kv_node(folder, [](self me) -> awaitable<void> {
        const pid tree = co_await test::start_presence();
        co_await test::found_cluster();
        co_await test::await_cluster(me);
        auto asking = post_office::mailbox_of(node(), "bob", true, place::disk);
        located found = co_await asking;
        CHECK_FALSE(found.mailbox.has_value());
        CHECK(found.error == atom("other_place"));
        co_await test::stop_presence(me, tree);
    });
}

TEST_CASE("of two owners of a queue in kv the last one has it: what the other writes is refused") {
    test::folder folder;
    test::in_presence_node<test::kv_place>(folder, [](self me) -> awaitable<void> {
        const auto& kept = records::in_kv();
        auto first = co_await kept.open("bob", 1000);
        REQUIRE(first.has_value());
        CHECK(first->head.next_seq == 1000);
        const auto accept = [](std::uint64_t seq) {
            change c;
            c.what.seq = seq;
            c.what.id = std::to_string(seq);
            c.what.from = "alice";
            c.what.expires_ms = 4'000'000'000'000;
            return std::vector<change>{c};
        };
        auto written = co_await kept.write("bob", first->head, 1001, accept(1000));
        REQUIRE(written.has_value());
        auto second = co_await kept.open("bob", 2000);
        REQUIRE(second.has_value());
        CHECK(second->head.next_seq == 1001);
        REQUIRE(second->open.size() == 1);
        auto refused = co_await kept.write("bob", *written, 1002, accept(1001));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().elements()[1] == atom("conflict"));
        auto taken = co_await kept.write("bob", second->head, 1002, accept(1001));
        CHECK(taken.has_value());
        auto third = co_await kept.open("bob", 3000);
        REQUIRE(third.has_value());
        CHECK(third->open.size() == 2);
        (void)me;
    });
}
