#include "tools/cache/app/worker.hpp"

#include <set>

#include "libbeamcore/ets/rows.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/tools_cache/running_cache.hpp"

using namespace beam;
using namespace std::chrono_literals;
using cache::removal_reason;
using cache::session;

namespace {

cache::limits_change at_most(std::int64_t entries, cache::policy p = cache::policy::lru) {
    cache::limits_change l;
    l.max_entries = entries;
    l.policy = p;
    return l;
}

std::string key(int n) {
    return "k" + std::to_string(n);
}

}  // namespace

TEST_CASE("what is put is there until its time has come, to the millisecond") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        test::put(s, "a", "1", 100);
        test::put(s, "b", std::string("\0x\n", 3));
        test::put(s, "empty", "");
        CHECK(test::value_of(s, "a") == "1");
        CHECK(test::value_of(s, "b") == std::string("\0x\n", 3));
        CHECK(test::value_of(s, "empty") == "");
        co_await me.sleep_for(99ms);
        CHECK(test::value_of(s, "a") == "1");
        co_await me.sleep_for(1ms);
        CHECK(test::value_of(s, "a") == "(none)");
        const auto c = co_await test::counted();
        CHECK(c.counted.expired == 1);
        CHECK(c.counted.entries() == 2);
        CHECK(c.counted.hits == 4);
        CHECK(c.counted.misses == 1);
    });
}

TEST_CASE("what has expired is taken out though nobody asks for it") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        for (int i = 0; i < 2000; ++i) test::put(s, key(i), "v", 1 + i % 500);
        co_await me.sleep_for(600ms);
        CHECK(ets::size(cache::entries_name()) == 0);
        const auto c = co_await test::counted();
        CHECK(c.counted.expired == 2000);
        CHECK(c.counted.bytes == 0);
        CHECK_FALSE(c.oldest_ms);
    });
}

TEST_CASE("a time may be changed: longer, shorter, and for ever") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        for (const char* k : {"longer", "shorter", "stays"}) test::put(s, k, "v", 100);
        CHECK(s.expire_at("longer", s.now_ms() + 300));
        CHECK(s.expire_at("shorter", s.now_ms() + 10));
        CHECK(s.expire_at("stays", 0));
        CHECK_FALSE(s.expire_at("absent", 0));
        s.settle(true);
        co_await me.sleep_for(50ms);
        CHECK(test::value_of(s, "shorter") == "(none)");
        co_await me.sleep_for(100ms);
        CHECK(test::value_of(s, "longer") == "v");
        co_await me.sleep_for(1h);
        CHECK(test::value_of(s, "longer") == "(none)");
        CHECK(test::value_of(s, "stays") == "v");
        const auto c = co_await test::counted();
        CHECK(c.counted.entries() == 1);
    });
}

TEST_CASE("a put on a key that is there is no new entry; one whose time had come is") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        test::put(s, "k", "1", 50);
        test::put(s, "k", "22", 50);
        auto c = co_await test::counted();
        CHECK(c.counted.inserted == 1);
        CHECK(c.counted.updated == 1);
        CHECK(c.counted.bytes == cache::entry_overhead + 3);
        co_await me.sleep_for(50ms);
        test::put(s, "k", "3");
        c = co_await test::counted();
        CHECK(c.counted.inserted == 2);
        CHECK(c.counted.expired == 1);
        CHECK(c.counted.entries() == 1);
        CHECK(test::value_of(s, "k") == "3");
    });
}

TEST_CASE("only if it is new, only if it is there, and keeping its time") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        cache::put_options if_new, if_there, keep;
        if_new.only_new = true;
        if_there.only_existing = true;
        keep.keep_ttl = true;
        CHECK_FALSE(s.put("k", "0", if_there).stored);
        CHECK(s.put("k", "1", if_new).stored);
        if_new.gives_old = true;
        const auto again = s.put("k", "2", if_new);
        CHECK_FALSE(again.stored);
        REQUIRE(again.old);
        CHECK(again.old->value() == "1");
        CHECK(s.expire_at("k", s.now_ms() + 100));
        CHECK(s.put("k", "3", keep).stored);
        s.settle(true);
        co_await me.sleep_for(101ms);
        CHECK(test::value_of(s, "k") == "(none)");
        CHECK_FALSE(s.put("k", "4", if_there).stored);
        s.settle(true);
        (void)co_await test::counted();
    });
}

TEST_CASE("a key with another's hash is absent, and put evicts the other") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        // As if the other key had this one's hash.
        cache::entry other;
        other.bytes = cache::bytes_of("other", {"theirs"});
        other.key_size = 5;
        other.id = 1;
        ets::insert(cache::entries_name(), cache::row_of(cache::hash_of("k"), other, other.bytes));
        CHECK_FALSE(s.get("k"));
        CHECK_FALSE(s.has("k"));
        CHECK_FALSE(s.take("k"));
        CHECK_FALSE(s.expire_at("k", 0));
        test::put(s, "k", "ours");
        CHECK(test::value_of(s, "k") == "ours");
        CHECK(s.counts().inserted == 1);
        CHECK(s.counts().evicted == 1);
        co_return;
    });
}

TEST_CASE("the least recently used goes when there is no room, and what has expired before it") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        co_await test::set_limits(at_most(3));
        session s;
        test::put(s, "brief", "v", 10);
        test::put(s, "b", "v");
        test::put(s, "c", "v");
        co_await me.sleep_for(10ms);
        test::put(s, "d", "v");  // brief has expired: nobody is evicted
        auto c = co_await test::counted();
        CHECK(c.counted.evicted == 0);
        CHECK(c.counted.expired == 1);
        CHECK(test::value_of(s, "b") == "v");
        test::put(s, "e", "v");
        c = co_await test::counted();
        CHECK(c.counted.evicted == 1);
        CHECK(test::value_of(s, "c") == "(none)");
        CHECK(test::value_of(s, "b") == "v");
        auto asked = cache::worker::explain("c");
        const auto why = co_await asked;
        REQUIRE(why.last);
        CHECK(why.last->reason == removal_reason::evicted);
    });
}

TEST_CASE("entries and evictions are exact: 1245 into 1200") {
    for (auto p : {cache::policy::lru, cache::policy::lfu, cache::policy::fifo}) {
        test::simulated(
            [](self, cache::policy by) -> awaitable<void> {
                co_await test::start_cache();
                co_await test::set_limits(at_most(1200, by));
                session s;
                for (int i = 1; i <= 1245; ++i) (void)s.put(key(i), "v");
                s.settle(true);
                const auto c = co_await test::counted();
                CHECK(c.counted.entries() == 1200);
                CHECK(c.counted.evicted == 45);
            },
            p);
    }
}

TEST_CASE("bytes have a limit too, and a smaller one takes effect at once") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        const std::string value(1000, 'x');
        for (int i = 0; i < 100; ++i) test::put(s, key(i), value);
        cache::limits_change l;
        l.max_bytes = 50'000;
        co_await test::set_limits(l);
        const auto c = co_await test::counted();
        CHECK(c.counted.bytes <= 50'000);
        CHECK(c.counted.bytes > 47'000);
        CHECK(test::value_of(s, key(0)) == "(none)");
        CHECK(test::value_of(s, key(99)) == value);
    });
}

TEST_CASE("a value that grows makes others go, though no key is new") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        cache::limits_change l;
        l.max_bytes = 10'000;
        co_await test::set_limits(l);
        session s;
        for (int i = 0; i < 20; ++i) test::put(s, key(i), "v");
        (void)s.put(key(19), std::string(8000, 'x'));
        s.settle();
        const auto c = co_await test::counted();
        CHECK(c.counted.bytes <= 10'000);
        CHECK(c.counted.evicted > 5);
        CHECK(test::value_of(s, key(19)).size() == 8000);
    });
}

TEST_CASE("large values put again and again keep nobody waiting for the worker") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        cache::limits_change l;
        l.max_bytes = 1 << 20;
        co_await test::set_limits(l);
        session s;
        for (int i = 0; i < 200; ++i) {
            (void)s.put("k", std::string(400'000 + std::size_t(i % 2), 'x'));
            s.settle();
            CHECK_FALSE(s.is_ahead());
        }
        (void)co_await test::counted();
    });
}

TEST_CASE("a flush deletes what is there, and not what is put meanwhile") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        for (int i = 0; i < 3000; ++i) (void)s.put(key(i), "v");
        s.settle(true);
        auto flushing = cache::worker::flush();
        const std::uint64_t deleted = co_await flushing;
        CHECK(deleted == 3000);
        test::put(s, "late", "v");
        CHECK(test::value_of(s, "late") == "v");
        const auto c = co_await test::counted();
        CHECK(c.counted.entries() == 1);
        CHECK(c.counted.deleted == 3000);
    });
}

TEST_CASE("a flush of many gives the memory back, and the cache goes on") {
    test::in_node([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        constexpr int many = 70'000;
        for (int i = 0; i < many; ++i) {
            (void)s.put(key(i), "v");
            s.settle();
            if (!s.is_ahead()) continue;
            auto behind = cache::worker::catch_up();
            co_await behind;
            s.caught_up();
        }
        s.settle(true);
        auto flushing = cache::worker::flush();
        const std::uint64_t deleted = co_await flushing;
        CHECK(deleted == many);
        test::put(s, "k", "v");
        CHECK(test::value_of(s, "k") == "v");
        const auto c = co_await test::counted();
        CHECK(c.counted.entries() == 1);
    });
}

TEST_CASE("time is the node's monotonic clock: while the wall clock stands still an hour passes") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        test::put(s, "half an hour", "v", 30 * 60'000);
        test::put(s, "two hours", "v", 120 * 60'000);
        const auto wall = std::chrono::system_clock::now();
        co_await me.sleep_for(1h);
        // As if somebody had set it an hour back: the test took no hour.
        CHECK(std::chrono::system_clock::now() - wall < 1min);
        CHECK(test::value_of(s, "half an hour") == "(none)");
        CHECK(test::value_of(s, "two hours") == "v");
        // And forth: what has an hour left has it whatever the wall clock says.
        CHECK(s.peek("two hours")->expires_at - s.now_ms() == 60 * 60'000);
        const auto c = co_await test::counted();
        CHECK(c.counted.expired == 1);
        CHECK(*c.oldest_ms == 60 * 60'000);
    });
}

TEST_CASE("a flush in portions: what is put while it goes on stays, and is served meanwhile") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        for (int i = 0; i < 3000; ++i) (void)s.put(key(i), "v");
        s.settle(true);
        auto flushing = cache::worker::flush();
        bool done = co_await flushing.wait_for(0ms);
        for (int n = 0; !done; ++n) {
            test::put(s, "late" + std::to_string(n), "v");
            CHECK(test::value_of(s, "late" + std::to_string(n)) == "v");
            done = co_await flushing.wait_for(0ms);
        }
        const std::uint64_t deleted = co_await flushing;
        CHECK(deleted >= 3000);
        (void)co_await test::counted();
    });
}

TEST_CASE("entries are deleted by their tags") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        cache::put_options o;
        for (int i = 0; i < 700; ++i) {
            o.tags = i % 2 == 0 ? list({"build42"}) : list({"build43", "x"});
            (void)s.put(key(i), "v", o);
        }
        // What is put anew has the tags that are said then.
        o.tags = list({"build43"});
        (void)s.put(key(0), "v", o);
        s.settle(true);
        auto asked = cache::worker::delete_tag("build42");
        const std::uint64_t deleted = co_await asked;
        CHECK(deleted == 349);
        CHECK(test::value_of(s, key(0)) == "v");
        CHECK(test::value_of(s, key(2)) == "(none)");
        auto none = cache::worker::delete_tag("build42");
        const std::uint64_t more = co_await none;
        CHECK(more == 0);
        (void)co_await test::counted();
    });
}

TEST_CASE("the worker is killed: nothing is lost, times are kept, limits too") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        co_await test::set_limits(at_most(1000));
        session s;
        for (int i = 0; i < 900; ++i)
            test::put(s, key(i), "v" + std::to_string(i), i < 100 ? 200 : 0);
        cache::put_options tagged;
        tagged.tags = list({"t"});
        (void)s.put("tagged", "v", tagged);
        s.settle(true);
        co_await test::kill_and_wait(me, cache::worker_name());
        for (int i = 0; i < 900; ++i) CHECK(test::value_of(s, key(i)) == "v" + std::to_string(i));
        co_await test::kill_and_wait(me, cache::worker_name());
        auto c = co_await test::counted();
        CHECK(c.counted.entries() == 901);
        CHECK(c.bounds.max_entries == 1000);
        co_await me.sleep_for(300ms);
        c = co_await test::counted();
        CHECK(c.counted.expired == 100);
        CHECK(c.counted.entries() == 801);
        auto asked = cache::worker::delete_tag("t");
        const std::uint64_t deleted = co_await asked;
        CHECK(deleted == 1);
        for (int i = 1000; i < 1300; ++i) test::put(s, key(i), "v");
        c = co_await test::counted();
        CHECK(c.counted.entries() == 1000);
    });
}

TEST_CASE("keeper and worker die at once: all is lost, and the cache begins anew") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session before;
        test::put(before, "k", "v");
        exit(*whereis(cache::keeper_name()), atoms::kill);
        co_await test::kill_and_wait(me, cache::worker_name());
        for (;;) {
            auto asked = cache::worker::stats();
            auto c = co_await asked.outcome();
            if (c) break;
            co_await me.sleep_for(1ms);
        }
        session s;
        test::put(s, "k2", "v");
        CHECK(test::value_of(s, "k2") == "v");
        (void)co_await test::counted();
    });
}

TEST_CASE("the keeper is killed, then the worker: the tables have an heir all the same") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        test::put(s, "k", "v");
        for (int round = 0; round < 3; ++round) {
            co_await test::kill_and_wait(me, cache::keeper_name());
            while (ets::info_of(cache::entries_name())->heir != whereis(cache::keeper_name()))
                co_await me.sleep_for(1ms);
            co_await test::kill_and_wait(me, cache::worker_name());
            CHECK(test::value_of(s, "k") == "v");
        }
        (void)co_await test::counted();
    });
}

namespace {

struct finished {};

process writer(self me, int number, pid parent) {
    session s;
    for (int i = 0; i < 400; ++i) {
        const std::string k = key((number * 7 + i) % 150);
        switch (i % 5) {
            case 0:
            case 1:
                test::put(s, k, std::string(std::size_t(i % 40), 'x'), i % 3 == 0 ? 5 + i % 20 : 0);
                break;
            case 2:
                (void)s.take(k);
                break;
            case 3:
                (void)s.get(k);
                break;
            default:
                (void)s.change(k, [&](std::optional<std::string_view> old) {
                    return std::optional<term>(cache::bytes_of(k, {old.value_or(""), "y"}));
                });
        }
        s.settle(i % 4 == 0);
        if (i % 16 == 0) co_await me.sleep_for(1ms);
        if (i % 7 == 0) co_await me.yield();
    }
    s.settle(true);
    send(parent, finished{});
}

std::int64_t bytes_there() {
    std::int64_t bytes = 0;
    for (auto k = ets::first(cache::entries_name()); k; k = ets::next(cache::entries_name(), *k)) {
        const auto row = ets::lookup(cache::entries_name(), *k);
        if (row) bytes += cache::entry_of(row.front())->weight();
    }
    return bytes;
}

awaitable<void> under_load(self me) {
    co_await test::start_cache();
    co_await test::set_limits(at_most(60, cache::policy::lfu));
    const pid parent = me.id();
    for (int n = 0; n < 8; ++n) spawn_link(writer, n, parent);
    for (int kills = 0; kills < 6; ++kills) {
        co_await me.sleep_for(2ms);
        co_await test::kill_and_wait(me,
                                     kills % 3 == 2 ? cache::keeper_name() : cache::worker_name());
        co_await test::settled(me);
    }
    for (int n = 0; n < 8; ++n) co_await me.receive<finished>();
    // The bytes that were counted, one change after another, are those that are there. The last entries end meanwhile.
    std::int64_t bytes = 0, before = 0, after = 0;
    do {
        const auto c = co_await test::counted();
        CHECK(c.counted.entries() <= 60);
        before = c.counted.bytes;
        bytes = bytes_there();
        const auto again = co_await test::counted();
        after = again.counted.bytes;
    } while (before != after);
    CHECK(bytes == before);
    auto flushing = cache::worker::flush();
    (void)co_await flushing;
    const auto end = co_await test::counted();
    CHECK(end.counted.entries() == 0);
    CHECK(end.counted.bytes == 0);
}

}  // namespace

TEST_CASE("owner and keeper are killed under load: everything adds up") {
    test::simulated(under_load);
}

TEST_CASE("owner and keeper are killed under load, on threads: everything adds up") {
    test::threaded(under_load);
}

TEST_CASE("one makes a missing value, the others wait for it; if it dies, the next one makes it") {
    test::simulated([](self me) -> awaitable<void> {
        co_await test::start_cache();
        struct role {
            int number;
            cache::flight_role what;
        };
        auto passenger = [](self p, int number, pid parent) -> process {
            auto joining = cache::flights::join("k", true);
            const cache::flight_role r = co_await joining;
            send(parent, role{number, r});
            co_await p.sleep_for(infinity{});
        };
        std::vector<pid> all;
        for (int n = 0; n < 4; ++n) all.push_back(spawn(passenger, n, me.id()));
        const role first = co_await me.receive<role>();
        CHECK(first.what == cache::flight_role::leads);
        const auto nobody = co_await me.receive_for<role>(10ms);
        CHECK_FALSE(nobody);
        exit(all[std::size_t(first.number)], atoms::kill);
        const role second = co_await me.receive<role>();
        CHECK(second.what == cache::flight_role::leads);
        CHECK(second.number != first.number);
        session s;
        test::put(s, "k", "made");
        exit(all[std::size_t(second.number)], atoms::kill);
        for (int n = 0; n < 2; ++n) {
            const role other = co_await me.receive<role>();
            CHECK(other.what == cache::flight_role::landed);
        }
        for (pid p : all) exit(p, atoms::kill);
    });
}

TEST_CASE("who writes faster than the worker keeps the books is told to wait") {
    test::simulated([](self) -> awaitable<void> {
        co_await test::start_cache();
        session s;
        int puts = 0;
        while (!s.is_ahead() && puts < 100'000) {
            for (int i = 0; i < 100; ++i) (void)s.put(key(puts++), "v");
            s.settle();
        }
        CHECK(puts <= session::told_max + 200);
        auto behind = cache::worker::catch_up();
        co_await behind;
        test::put(s, "one more", "v");
        CHECK_FALSE(s.is_ahead());
    });
}
