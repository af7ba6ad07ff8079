#include "libbeamcore/ets/snapshot.hpp"

#include <optional>

#include "libbeamcore/runtime/spawn.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;

namespace {

struct done {};

// Moves one unit at a time from one account to another: the sum over all is always the same.
process moves(self s, pid main, ets::table t, int times, unsigned seed) {
    for (int i = 0; i < times; ++i) {
        seed = seed * 1664525 + 1013904223;
        const int a = int(seed >> 8) % 1000, b = int(seed >> 20) % 1000;
        (void)ets::update_counter(t, a, -1);
        (void)ets::update_counter(t, b, 1);
        if (i % 50 == 0) ets::insert(t, tuple(5000 + i, 0));
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{});
}

}  // namespace

TEST_CASE("a snapshot sees the table as it was, whatever is written, deleted or emptied later") {
    for (auto type : {ets::table_type::set, ets::table_type::ordered_set, ets::table_type::bag}) {
        test::simulated(
            [](self, ets::table_type kind) -> awaitable<void> {
                ets::table_options o;
                o.type = kind;
                auto t = ets::new_table(atom("t"), o);
                for (int i = 0; i < 3000; ++i) ets::insert(t, tuple(i, 1));
                ets::snapshot before(t);
                for (int i = 0; i < 3000; ++i) {
                    ets::erase(t, i);
                    ets::insert(t, tuple(i + 10'000, 2));
                }
                CHECK(before.size() == 3000);
                CHECK(before.member(5));
                CHECK(!before.member(10'005));
                CHECK(before.lookup(7).front() == tuple(7, 1));
                int rows = 0;
                bool right = true;
                before.each([&](const term& row) {
                    ++rows;
                    right = right && row.elements()[1] == term(1);
                });
                CHECK(rows == 3000);
                CHECK(right);
                ets::delete_all_objects(t);
                CHECK(before.to_vector().size() == 3000);
                ets::delete_table(t);
                CHECK(before.lookup(7).front() == tuple(7, 1));
                co_return;
            },
            type);
    }
}

TEST_CASE("a snapshot of counters is not changed by their updates in place") {
    test::simulated([](self) -> awaitable<void> {
        auto t = ets::new_table(atom("t"));
        for (int i = 0; i < 100; ++i) ets::insert(t, tuple(i, 0));
        for (int i = 0; i < 100; ++i) (void)ets::update_counter(t, i);
        ets::snapshot before(t);
        for (int i = 0; i < 100; ++i) (void)ets::update_counter(t, i);
        bool right = true;
        before.each([&](const term& row) { right = right && row.elements()[1] == term(1); });
        CHECK(right);
        CHECK(ets::lookup_element(t, 5, 2) == term(2));
        co_return;
    });
}

TEST_CASE("snapshots are each of one moment while processes write on many threads") {
    test::threaded([](self me) -> awaitable<void> {
        ets::table_options o;
        o.access = ets::table_access::public_;
        auto t = ets::new_table(atom("t"), o);
        for (int i = 0; i < 1000; ++i) ets::insert(t, tuple(i, 100));
        for (unsigned p = 0; p < 2; ++p) spawn_link(moves, me.id(), t, 20'000, p + 1);
        int wrong = 0;
        for (int n = 0; n < 50; ++n) {
            ets::snapshot s(t);
            std::int64_t sum = 0;
            s.each([&](const term& row) { sum += *row.elements()[1].as_int64(); });
            // Each of two writers may have one unit in its hands.
            wrong += sum > 100'000 || sum < 100'000 - 2;
            co_await me.yield();
        }
        CHECK(wrong == 0);
        for (int p = 0; p < 2; ++p) co_await me.receive<done>();
    });
}
