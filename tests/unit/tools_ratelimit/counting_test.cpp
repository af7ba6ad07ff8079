#include "tools/ratelimit/app/counting.hpp"

#include "tests/unit/tools_ratelimit/application_node.hpp"

using namespace beam;
using namespace ratelimit;
using namespace std::chrono_literals;
using test::check;

namespace {

limit made(std::uint64_t count, nanoseconds period, algorithm kind) {
    return {count, period, count, kind};
}

// Asks `n` times for one of a limit that gives nothing back meanwhile, and tells how often it was allowed.
struct counted {
    int allowed = 0;
};
process customer(self me, pid parent, int n, limit l) {
    counted c;
    for (int i = 0; i < n; ++i) {
        if (check("shared", l).allowed) ++c.allowed;
        if (i % 64 == 0) co_await me.yield();
    }
    send(parent, c);
}

}  // namespace

TEST_CASE("a key's row is made by its first charge, changed in place, and seen by others") {
    test::simulated([](self) -> awaitable<void> {
        const auto usages = make_usage_table();
        CHECK_FALSE(find_row(usages, row_name("default", "a")));
        CHECK(check("a").remaining == 9);
        CHECK(check("a", {}, 3).remaining == 6);
        CHECK(check("b").remaining == 9);
        const auto row = find_row(usages, row_name("default", "a"));
        REQUIRE(row);
        CHECK(row->limit() == limit());
        CHECK(row->used == 4);
        CHECK_FALSE(row->is_durable());
        CHECK(row->idle_at == clock_now() + nanoseconds(48s).count());
        CHECK(ets::size(usages) == 2);
        co_return;
    });
}

TEST_CASE("looking with a cost of 0, and being refused, put no row in") {
    test::simulated([](self) -> awaitable<void> {
        const auto usages = make_usage_table();
        CHECK(check("a", {}, 0).allowed);
        CHECK_FALSE(check("b", {}, 11).allowed);
        CHECK(ets::size(usages) == 0);
        co_return;
    });
}

TEST_CASE("every algorithm counts through the table as it does by itself, over hours") {
    test::simulated([](self me) -> awaitable<void> {
        const auto usages = make_usage_table();
        for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
            const limit l = made(7, 90s, kind);
            const std::string key = name_of(kind);
            usage alone;
            for (int i = 0; i < 500; ++i) {
                const std::uint64_t cost = 1 + std::uint64_t(i) % 3;
                const verdict by_itself = take(alone, l, clock_now(), cost);
                CHECK(check(key, l, cost) == by_itself);
                const auto row = find_row(usages, row_name("default", key));
                if (by_itself.allowed) CHECK(row->idle_at == idle_from(alone, l));
                co_await me.sleep_for(std::chrono::milliseconds(i * 7919 % 17'000));
            }
        }
    });
}

TEST_CASE("as many are allowed as the limit says, however many ask at once") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed})
        test::threaded(
            [](self me, algorithm k) -> awaitable<void> {
                make_usage_table();
                const limit l = made(1000, 24h * 300, k);
                for (int i = 0; i < 8; ++i) spawn(customer, me.id(), 1000, l);
                int allowed = 0;
                for (int i = 0; i < 8; ++i) allowed += (co_await me.receive<counted>()).allowed;
                CHECK(allowed == 1000);
            },
            kind);
}

TEST_CASE("a row charged under another limit keeps its share, and a refund is the old limit's") {
    test::simulated([](self) -> awaitable<void> {
        const auto usages = make_usage_table();
        CHECK(check("a", made(10, 100s, algorithm::bucket), 5).remaining == 5);
        CHECK(check("a", made(100, 100s, algorithm::bucket), 10).remaining == 40);
        CHECK(refund(usages, row_name("default", "a"), 25));
        CHECK(check("a", made(100, 100s, algorithm::bucket), 0).remaining == 65);
        CHECK(check("a", made(100, 100s, algorithm::sliding)).remaining == 64);
        CHECK_FALSE(refund(usages, row_name("default", "b"), 1));
        carry_over(usages, row_name("default", "a"), made(50, 10s, algorithm::sliding),
                   inheritance::keep);
        CHECK(find_row(usages, row_name("default", "a"))->log.front().second == 36);
        co_return;
    });
}

TEST_CASE("keys of one rule are not those of another") {
    test::simulated([](self) -> awaitable<void> {
        make_usage_table();
        CHECK(rule_in(row_name("api", "user42")) == "api");
        CHECK(key_in(row_name("api", "user42")) == "user42");
        const ets::table usages = usage_name();
        CHECK(charge(usages, row_name("api", "a"), limit(), 10).remaining == 0);
        CHECK(charge(usages, row_name("web", "a"), limit(), 10).remaining == 0);
        CHECK_FALSE(charge(usages, row_name("api", "a"), limit(), 1).allowed);
        co_return;
    });
}

TEST_CASE("a row holds every limit there may be") {
    for (const std::uint64_t count : {std::uint64_t(1), std::uint64_t(7), count_max})
        for (const std::uint64_t burst : {std::uint64_t(1), std::uint64_t(7), count_max})
            for (const nanoseconds period : {period_min, nanoseconds(3), period_max})
                for (const algorithm kind :
                     {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
                    const limit l{count, period, burst, kind};
                    usage_row row;
                    row.set(l, usage());
                    CHECK(row.limit() == l);
                    CHECK_FALSE(row.is_durable());
                    row.set_durable();
                    row.set(l, usage());
                    CHECK(row.limit() == l);
                    CHECK(row.is_durable());
                }
}
