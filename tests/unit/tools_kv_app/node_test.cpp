// A whole node of kv in this process: what is asked of it, restarts of each of its parts, and its next lives.
#include <algorithm>
#include <set>

#include "tests/unit/tools_kv_app/kv_node.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/router.hpp"
#include "tools/kv/app/scanning.hpp"
#include "tools/kv/shard/placement.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t shards = 8;

kv::changes_request changes_after(std::optional<std::uint64_t> seq, std::string prefix = "") {
    kv::changes_request r;
    r.prefix = std::move(prefix);
    r.after = seq;
    r.patience = 20s;
    return r;
}

awaitable<kv::changes_page> changes_of(std::string key, std::optional<std::uint64_t> after) {
    auto asking = kv::router::changes(kv::shard_of(key, shards), changes_after(after, key));
    kv::routed_answer a = co_await asking;
    REQUIRE(a.what.what == kv::answer::kind::found);
    REQUIRE(a.changes.has_value());
    co_return *std::move(a.changes);
}

/// What a client that counts was told.
struct tally {
    std::int64_t done = 0, unknown = 0, refused = 0;
};
struct end_counting {};

/// Adds one again and again, until it is told to stop.
process count_up(self me, pid parent, std::string key) {
    tally t;
    while (!co_await me.receive_for<end_counting>(0ms)) {
        auto adding = kv::incr(key);
        const outcome<outcome<kv::counted_to>> a = co_await adding.outcome();
        if (a && *a)
            ++t.done;
        else if (!a || to_string(a->error()).starts_with("{unknown"))
            ++t.unknown;  // no answer: its router died
        else
            ++t.refused;
        if (!a) co_await me.yield();
    }
    send(parent, t);
}

}  // namespace

STORE_TEST("a cluster of one node takes what it is asked, and says why not") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        co_await test::found_cluster(shards);
        CHECK(co_await test::put("user:42", "active") == "ok");
        auto getting = kv::get("user:42");
        const outcome<kv::found> found = co_await getting;
        REQUIRE(found.has_value());
        CHECK(found->value == "active");
        CHECK(found->from == "primary");
        CHECK_FALSE(found->ttl_ms);
        CHECK(co_await test::get("nobody") == "not_found");
        CHECK(co_await test::get("") == "{bad_argument,<<\"a key is not empty\">>}");

        kv::change_options o;
        o.if_absent = true;
        CHECK(co_await test::put("user:42", "x", o) ==
              "{conflict,<<\"version " + std::to_string(found->version) + "\">>}");
        o = {};
        o.expect = "active";
        CHECK(co_await test::put("user:42", "idle", o) == "ok");
        CHECK(co_await test::put("user:42", "idle", o) == "{conflict,<<\"another value\">>}");
        o = {};
        o.expect_version = found->version;
        CHECK((co_await test::put("user:42", "x", o)).starts_with("{conflict,"));
        CHECK(co_await test::get("user:42") == "idle");

        auto adding = kv::incr("n", 41);
        (void)co_await adding;
        auto again = kv::incr("n");
        const outcome<kv::counted_to> sum = co_await again;
        CHECK(sum->value == 42);
        auto wrong = kv::incr("user:42");
        CHECK(test::shown(co_await wrong) == "{conflict,<<\"not a number\">>}");

        auto erasing = kv::erase("user:42");
        CHECK((co_await erasing).has_value());
        CHECK(co_await test::get("user:42") == "not_found");
        auto none = kv::erase("user:42");
        CHECK((co_await none).has_value());

        std::vector<kv::transaction_part> parts(2);
        parts[0].key = "{t}a";
        parts[0].value = "1";
        parts[1].key = "{t}b";
        parts[1].op = "incr";
        auto both = kv::transact(parts);
        CHECK((co_await both).has_value());
        CHECK(co_await test::get("{t}b") == "1");
        parts[0].if_absent = true;
        auto neither = kv::transact(parts);
        CHECK_FALSE((co_await neither).has_value());
        CHECK(co_await test::get("{t}b") == "1");
        parts[0].key = "a";
        parts[0].if_absent = false;
        auto apart = kv::transact(parts);
        CHECK(test::shown(co_await apart) ==
              "{bad_argument,<<\"the keys are not of one shard\">>}");
    });
}

STORE_TEST("a key with a ttl goes by itself, and who watches is told") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        co_await test::found_cluster(shards);
        const auto begin = (co_await changes_of("short", std::nullopt)).seq;
        kv::change_options o;
        o.ttl_ms = 300;
        CHECK(co_await test::put("short", "x", o) == "ok");
        o.ttl_ms = 3'600'000;
        CHECK(co_await test::put("long", "x", o) == "ok");
        const auto written = co_await changes_of("short", begin);
        REQUIRE(written.changes.size() == 1);
        CHECK(written.changes[0].value == "x");
        CHECK(written.changes[0].expires_ms > 0);
        // Nobody reads it: its removal comes of the sweep.
        auto gone = co_await changes_of("short", written.seq);
        REQUIRE(gone.changes.size() == 1);
        CHECK_FALSE(gone.changes[0].value);
        CHECK(co_await test::get("short") == "not_found");
        auto getting = kv::get("long");
        const outcome<kv::found> left = co_await getting;
        REQUIRE((left && left->ttl_ms));
        CHECK(*left->ttl_ms > 3'000'000);
        kv::change_options for_ever;
        auto expiring = kv::expire("long", for_ever);
        CHECK((co_await expiring).has_value());
        auto again = kv::get("long");
        CHECK_FALSE((co_await again)->ttl_ms);
        auto nothing = kv::expire("nobody", for_ever);
        CHECK(test::shown(co_await nothing) == "not_found");
    });
}

STORE_TEST("a watch goes on from a cursor with nothing missing and nothing twice") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        co_await test::found_cluster(shards);
        const auto begin = (co_await changes_of("k", std::nullopt)).seq;
        std::vector<std::uint64_t> cursors;
        for (int i = 0; i < 10; ++i) {
            auto putting = kv::put("k", std::to_string(i));
            const outcome<kv::written> done = co_await putting;
            REQUIRE(done.has_value());
            cursors.push_back(done->version);
        }
        for (std::size_t from = 0; from < cursors.size(); ++from) {
            const auto page = co_await changes_of("k", from == 0 ? begin : cursors[from - 1]);
            REQUIRE(page.changes.size() == cursors.size() - from);
            for (std::size_t i = 0; i < page.changes.size(); ++i) {
                CHECK(page.changes[i].value == std::to_string(from + i));
                CHECK(page.changes[i].version == cursors[from + i]);
            }
        }
        // Nobody was told of that here.
        CHECK((co_await changes_of("k", cursors.back() + 1)).is_too_old);
    });
}

STORE_TEST("keys of all shards are told in their order, whatever the pages are") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        co_await test::found_cluster(shards);
        std::set<std::string> keys;
        for (int i = 0; i < 60; ++i) {
            const std::string key = "k" + std::to_string(i * i * 7 % 1000);
            keys.insert(key);
            CHECK(co_await test::put(key, "v" + key) == "ok");
        }
        CHECK(co_await test::put("other", "x") == "ok");
        for (const std::size_t page : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            kv::scan_range range;
            range.prefix = "k";
            range.items_max = page;
            kv::scanning all(kv::shards_of_prefix("k", shards), range, 10s);
            std::vector<std::string> seen;
            for (;;) {
                auto some = co_await all.next(9);
                REQUIRE(some.has_value());
                for (const kv::scanned_item& one : *some) {
                    CHECK(one.is.bytes == "v" + one.key);
                    seen.push_back(one.key);
                }
                if (some->size() < 9) break;
            }
            CHECK(std::equal(seen.begin(), seen.end(), keys.begin(), keys.end()));
        }
    });
}

STORE_TEST(
    "each part of the application may die under load: requests come through, none is done twice") {
    const test::folder where;
    test::in_kv_node(where, [](self me) -> awaitable<void> {
        co_await test::found_cluster(shards);
        CHECK(co_await test::put("kept", "value") == "ok");
        const std::uint32_t shard = kv::shard_of("counter", shards);
        for (const atom victim : {kv::shard_name(shard), kv::router_name(), kv::shard_name(shard),
                                  kv::keeper_name(), kv::store_name(), kv::coordinator_name()}) {
            const std::string key = "{counter}" + std::string(victim.name());
            kv::change_options patient;
            patient.timeout_ms = 60'000;
            CHECK(co_await test::put(key, "0", patient) == "ok");
            const pid client = spawn_link(count_up, me.id(), key);
            // It is under way, and after the restart it goes on.
            for (std::int64_t seen = 0; seen < 5;) {
                auto getting = kv::get(key);
                seen = std::stoll((co_await getting)->value);
            }
            co_await test::kill_and_await_restart(me, victim);
            std::string now;
            const auto deadline = monotonic_time() + 30s;
            while (now.empty() && monotonic_time() < deadline) {
                auto getting = kv::get(key);
                const outcome<outcome<kv::found>> found = co_await getting.outcome();
                if (found && *found) now = (*found)->value;
                if (!found) co_await me.yield();
            }
            REQUIRE_FALSE(now.empty());
            for (std::int64_t seen = 0; seen < std::stoll(now) + 5;) {
                auto getting = kv::get(key);
                const outcome<outcome<kv::found>> found = co_await getting.outcome();
                if (found && *found) seen = std::stoll((*found)->value);
            }
            send(client, end_counting{});
            const tally t = co_await me.receive<tally>();
            const auto counted = std::stoll(co_await test::get(key));
            // No CAPTURE: a coroutine may go on in another thread.
            const std::string who = "killed: " + std::string(victim.name());
            CHECK_MESSAGE(t.refused == 0, who);
            CHECK_MESSAGE(counted >= t.done, who);
            CHECK_MESSAGE(counted <= t.done + t.unknown, who);
            CHECK(co_await test::get("kept") == "value");
        }
    });
}

STORE_TEST("the next life of the node has all that was acknowledged, and knows its cluster") {
    const test::folder where;
    for (int life = 0; life < 3; ++life)
        test::in_kv_node(
            where,
            [](self, int n) -> awaitable<void> {
                if (n == 0) co_await test::found_cluster(shards);
                for (int i = 0; i < 30; ++i) {
                    const std::string key = "k" + std::to_string(i);
                    if (n > 0) CHECK(co_await test::get(key) == "v" + std::to_string(n - 1));
                    CHECK(co_await test::put(key, "v" + std::to_string(n)) == "ok");
                }
                kv::founding again;
                again.nodes = {std::string(node().name())};
                auto founding = kv::keeper::found(std::move(again));
                CHECK(test::shown(co_await founding).starts_with("{exists,"));
            },
            life);
}

STORE_TEST(
    "a shard with fewer copies in sync than min_isr asks for refuses writes: nothing is written") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        co_await test::found_cluster(shards, 2, 2);
        CHECK(co_await test::get("k") == "not_found");
        CHECK((co_await test::put("k", "v")).find("fewer copies in sync") != std::string::npos);
        CHECK(co_await test::get("k") == "not_found");
    });
}

TEST_CASE("without a cluster a request waits its time, and then nothing was written") {
    const test::folder where;
    test::in_kv_node(where, [](self) -> awaitable<void> {
        kv::change_options brief;
        brief.timeout_ms = 50;
        CHECK((co_await test::put("k", "v", brief)).starts_with("{unavailable,"));
        co_await test::found_cluster(shards);
        CHECK(co_await test::get("k") == "not_found");
    });
}
