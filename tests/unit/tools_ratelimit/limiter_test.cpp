#include "tools/ratelimit/app/limiter.hpp"

#include "libbeamcore/release/node_facts.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/tools_ratelimit/application_node.hpp"
#include "tools/ratelimit/app/gate.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/tables.hpp"

using namespace beam;
using namespace ratelimit;
using namespace std::chrono_literals;
using test::check;

namespace {

rule made(std::string name, std::uint64_t count, nanoseconds period,
          inheritance how = inheritance::scale) {
    rule r;
    r.name = std::move(name);
    r.set({count, period, count});
    r.inherit = how;
    return r;
}

awaitable<void> put_rule(rule r) {
    auto setting = limiter::set_rule(std::move(r));
    outcome<bool> done = co_await setting;
    CHECK(done.has_value());
}

pid owner_of(atom table) {
    return ets::info_of(table)->owner;
}

// Checks one key after another, for ever, and says when something was not as it must be.
struct trouble {};
process hammer(self me, pid parent, int number) {
    const limit l{1'000'000, 24h * 300, 1'000'000};
    const std::string key = "hammer" + std::to_string(number);
    for (std::uint64_t n = 1;; ++n) {
        if (check(key, l).remaining != 1'000'000 - n) {
            send(parent, trouble{});
            co_return;
        }
        co_await me.yield();
    }
}

}  // namespace

TEST_CASE("rows go when they are as good as none, and the rest stays") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (int i = 0; i < 2000; ++i) check("short" + std::to_string(i), {10, 10s, 10});
        check("long", {10, 3h, 10}, 10);
        CHECK(ets::size(usage_name()) == 2001);
        co_await me.sleep_for(30s);
        CHECK(ets::size(usage_name()) == 1);
        CHECK_FALSE(check("long", {10, 3h, 10}).allowed);
        // Asleep, it is woken by the next row.
        co_await me.sleep_for(10h);
        CHECK(ets::size(usage_name()) == 0);
        check("late", {10, 10s, 10});
        co_await me.sleep_for(30s);
        CHECK(ets::size(usage_name()) == 0);
    });
}

TEST_CASE("what is spent is why an idle node stays") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        CHECK_FALSE(co_await why_it_stays());
        check("user42");
        CHECK(co_await why_it_stays() == "a limit is spent (user42)");
        co_await me.sleep_for(12s);
        CHECK_FALSE(co_await why_it_stays());
    });
}

TEST_CASE("the tables survive the limiter, the keeper, and one after the other, under load") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (int i = 0; i < 5; ++i) spawn_link(hammer, me.id(), i);
        for (const atom victim : {limiter_name(), keeper_name(), limiter_name(), limiter_name(),
                                  keeper_name(), keeper_name(), limiter_name()}) {
            co_await test::kill_and_see_restarted(me, victim);
            // The limiter has claimed them, and the keeper is to inherit them.
            for (int i = 0; i < 100'000; ++i) {
                const auto info = ets::info_of(usage_name());
                REQUIRE(info);
                if (info->owner == *whereis(limiter_name()) && info->heir == whereis(keeper_name()))
                    break;
                co_await me.yield();
            }
            for (const atom name : table_names()) {
                CHECK(owner_of(name) == *whereis(limiter_name()));
                CHECK(ets::info_of(name)->heir == whereis(keeper_name()));
            }
        }
        CHECK_FALSE(co_await me.receive_for<trouble>(0s));
    });
}

TEST_CASE("a limiter that was killed goes on collecting") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        check("a", {10, 10s, 10});
        co_await test::kill_and_see_restarted(me, limiter_name());
        co_await me.sleep_for(30s);
        CHECK(ets::size(usage_name()) == 0);
        co_await test::kill_and_see_restarted(me, limiter_name());
        check("b", {10, 10s, 10});
        co_await me.sleep_for(30s);
        CHECK(ets::size(usage_name()) == 0);
    });
}

TEST_CASE("the death of both at once loses what is not kept, and all goes on") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        check("a", {}, 10);
        const ref limiter_ends = monitor(limiter_name()), keeper_ends = monitor(keeper_name());
        exit(*whereis(limiter_name()), atoms::kill);
        exit(*whereis(keeper_name()), atoms::kill);
        for (const ref& m : {limiter_ends, keeper_ends})
            co_await me.receive_if<down_message>(
                [m](const down_message& d) { return d.monitor == m; });
        for (int i = 0; i < 100'000; ++i) {
            const auto info = ets::info_of(breakers_name());
            if (info && info->owner == whereis(limiter_name()) &&
                info->heir == whereis(keeper_name()))
                break;
            co_await me.yield();
        }
        // Lost, or saved by the one that was there again in time: nothing in between.
        const std::uint64_t left = check("a", {}, 0).remaining;
        CHECK((left == 0 || left == 10));
        CHECK(check("b").remaining == 9);
        CHECK(ets::info_of(usage_name())->owner == whereis(limiter_name()));
    });
}

TEST_CASE(
    "a changed rule finds its rows with the same share, number, or nothing spent, and no other "
    "rule's") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        co_await put_rule(made("api", 10, 100s));
        CHECK(find_rule("api")->limit() == limit{10, 100s, 10});
        CHECK_FALSE(find_rule("none"));
        const auto spend = [](const char* key) {
            (void)charge(usage_name(), row_name("api", key), find_rule("api")->limit(), 5);
        };
        spend("a");
        (void)charge(usage_name(), row_name("web", "a"), limit(), 5);
        co_await put_rule(made("api", 100, 100h));
        co_await me.sleep_for(1s);
        auto row = find_row(usage_name(), row_name("api", "a"));
        REQUIRE(row);
        CHECK(row->limit().count == 100);
        CHECK(row->used == 50);
        CHECK(find_row(usage_name(), row_name("web", "a"))->limit().count == 10);
        // Under the old limit it would have been as good as none by now.
        co_await me.sleep_for(10min);
        CHECK(find_row(usage_name(), row_name("api", "a")));
        co_await put_rule(made("api", 60, 100h, inheritance::keep));
        co_await me.sleep_for(1s);
        CHECK(find_row(usage_name(), row_name("api", "a"))->used == 49);
        co_await put_rule(made("api", 30, 100h, inheritance::reset));
        co_await me.sleep_for(10s);
        CHECK_FALSE(find_row(usage_name(), row_name("api", "a")));
    });
}

TEST_CASE("a rule that is deleted is gone, and the default one is built in again") {
    test::simulated([](self) -> awaitable<void> {
        (void)co_await test::start_application();
        CHECK(find_rule(default_rule)->limit() == limit());
        co_await put_rule(made(default_rule, 3, 1s));
        CHECK(find_rule(default_rule)->limit() == limit{3, 1s, 3});
        CHECK(all_rules().size() == 1);
        auto deleting = limiter::delete_rule(default_rule);
        CHECK(*(co_await deleting));
        CHECK(find_rule(default_rule)->limit() == limit());
        auto again = limiter::delete_rule(default_rule);
        CHECK_FALSE(*(co_await again));
    });
}

TEST_CASE("other applications ask the gate: the answers of redis-cell") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (std::uint64_t i = 0; i < 16; ++i) {
            auto asked = throttle("user42", 15, 30, 60s, 1);
            throttle_answer a = co_await asked;
            CHECK_FALSE(a.limited);
            CHECK(a.limit == 16);
            CHECK(a.remaining == 15 - i);
            CHECK(a.retry_after == -1ns);
            CHECK(a.reset_after == (i + 1) * 2s);
        }
        auto asked = throttle("user42", 15, 30, 60s, 1);
        throttle_answer a = co_await asked;
        CHECK(a.limited);
        CHECK(a.retry_after == 2s);
        CHECK(a.reset_after == 32s);
        auto looking = throttle("user42", 15, 30, 60s, 0);
        CHECK_FALSE((co_await looking).limited);
        auto wrong = throttle("user42", 15, 0, 60s, 1);
        CHECK((co_await wrong).error == "the count of a limit is 1 to 1000000000");
        auto costly = throttle("user42", 15, 30, 60s, 17);
        throttle_answer never = co_await costly;
        CHECK(never.error.empty());
        CHECK(never.limited);
        CHECK(never.limit == 16);
        CHECK(never.remaining == 0);
        CHECK(never.retry_after == -1ns);
        CHECK(never.reset_after == 32s);
        auto empty = throttle("", 15, 30, 60s, 1);
        CHECK_FALSE((co_await empty).error.empty());
        // The rows of `ratelimit check`: one limiter.
        CHECK_FALSE(check("user42", limit{30, 60s, 16}).allowed);
        co_await me.sleep_for(4s);
        CHECK(check("user42", limit{30, 60s, 16}).allowed);
        auto after = throttle("user42", 15, 30, 60s, 1);
        CHECK((co_await after).remaining == 0);
    });
}

TEST_CASE(
    "what is durable is there in the next node, less what came back meanwhile; the rest is not") {
    test::folder folder;
    const limit l{10, 1000h, 10};
    for (int life = 0; life < 3; ++life) {
        runtime_options o;
        o.schedulers = 2;
        runtime node(o);
        node_facts facts;
        facts.store_folder = folder.path();
        set_node_facts(node, facts);
        auto done = node.execute(
            [](self, int n, limit durable_limit) -> awaitable<void> {
                (void)co_await test::start_application();
                const std::string name = row_name("default", "kept");
                CHECK(charge(usage_name(), name, durable_limit, 2, {}, true).remaining ==
                      std::uint64_t(8 - 2 * n));
                CHECK(check("lost", durable_limit, 2).remaining == 8);
                CHECK(charge(usage_name(), row_name("default", "window"),
                             {9, 1000h, 9, algorithm::sliding}, 2, {}, true)
                          .remaining == std::uint64_t(7 - 2 * n));
                for (const std::string& row : {name, row_name("default", "window")}) {
                    auto saving = kept::writer::save(row);
                    CHECK((co_await saving).has_value());
                }
                CHECK(find_rule("api").has_value() == (n > 0));
                co_await put_rule(made("api", 5 + std::uint64_t(n), 1s));
                CHECK(find_rule("api")->count == 5 + std::uint64_t(n));
            },
            life, l);
        CHECK(done.has_value());
    }
}

TEST_CASE("many durable charges at once are saved as the last of them left it") {
    test::folder folder;
    const limit l{1000, 1000h, 1000};
    for (int life = 0; life < 2; ++life) {
        runtime_options o;
        o.schedulers = 2;
        runtime node(o);
        node_facts facts;
        facts.store_folder = folder.path();
        set_node_facts(node, facts);
        auto done = node.execute(
            [](self me, int n, limit durable_limit) -> awaitable<void> {
                (void)co_await test::start_application();
                if (n == 1) {
                    CHECK(check("kept", durable_limit, 0).remaining == 900);
                    co_return;
                }
                struct saved {};
                for (int i = 0; i < 100; ++i)
                    spawn_link(
                        [](self, pid parent, limit mine) -> process {
                            const std::string name = row_name("default", "kept");
                            (void)charge(usage_name(), name, mine, 1, {}, true);
                            auto saving = kept::writer::save(name);
                            (void)co_await saving;
                            send(parent, saved{});
                        },
                        me.id(), durable_limit);
                for (int i = 0; i < 100; ++i) co_await me.receive<saved>();
            },
            life, l);
        CHECK(done.has_value());
    }
}

TEST_CASE(
    "across nodes time goes by the machine's clock, across a boot by the wall clock, never back") {
    const auto s = [](int n) { return nanoseconds(std::chrono::seconds(n)).count(); };
    const kept::moment then{s(100), s(5000), s(1'000'000), "boot"};
    // 20 s before it was saved; 60 s later in the same boot, whatever the wall clock was set to.
    for (const int wall : {1'000'060, 1'003'660, 996'460, 0})
        CHECK(kept::moved(s(80), then, {s(3), s(5060), s(wall), "boot"}) == s(3 - 60 - 20));
    // Another boot: an hour on, an hour back.
    CHECK(kept::moved(s(80), then, {s(3), s(10), s(1'003'600), "other"}) == s(3 - 3600 - 20));
    CHECK(kept::moved(s(80), then, {s(3), s(10), s(996'400), "other"}) == s(3 - 20));
    CHECK(kept::moved(s(80), then, {s(3), s(10), s(996'400), ""}) == s(3 - 20));
}
