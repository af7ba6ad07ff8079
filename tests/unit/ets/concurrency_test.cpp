// Tables on real threads: what must hold while others write.
#include <atomic>
#include <thread>

#include "libbeamcore/ets/snapshot.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "tests/unit/ets/tables.hpp"

using namespace beam;
using namespace test;
using ets::table_type;

namespace {

/// Runs `code(i)` on `n` plain threads at once, with a table that a process owns meanwhile.
template <class F>
void on_threads(table_type type, int n, F code) {
    runtime node;
    std::atomic<bool> over{false};
    std::optional<ets::table> table;
    std::atomic<bool> made{false};
    std::thread owner([&] {
        (void)node.execute([&](self me) -> awaitable<void> {
            table = make(type);
            made.store(true);
            while (!over.load()) co_await me.yield();
        });
    });
    while (!made.load()) std::this_thread::yield();
    std::vector<std::thread> all;
    for (int i = 0; i < n; ++i) all.emplace_back([&, i] { code(*table, i); });
    for (auto& thread : all) thread.join();
    over.store(true);
    owner.join();
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int scale = 1;
#else
constexpr int scale = 10;
#endif

struct done_with {
    int n;
};

process counter(self me, ets::table table, pid to, int n, int keys) {
    for (int i = 0; i < n; ++i) {
        ets::update_counter(table, i % keys, {2, 1}, tuple(0, 0));
        if (me.bump_reductions(1)) co_await me.yield();
    }
    send(to, done_with{n});
}

}  // namespace

TEST_CASE("ETS-52: no update of a counter is lost") {
    for (auto type : one_row_types) {
        threaded(
            [](self me, table_type of) -> awaitable<void> {
                auto table = make(of);
                const int processes = 8, n = 500 * scale, keys = 7;
                for (int i = 0; i < processes; ++i) spawn(counter, table, me.id(), n, keys);
                for (int i = 0; i < processes; ++i) (void)co_await me.receive<done_with>();
                std::int64_t sum = 0;
                for (const term& row : ets::tab2list(table)) sum += *row.elements()[1].as_int64();
                CHECK(sum == processes * n);
            },
            type);
    }
}

TEST_CASE("a row is never seen half changed") {
    for (auto type : one_row_types) {
        std::atomic<int> torn{0};
        std::atomic<int> writers{2};
        on_threads(type, 4, [&](const ets::table& table, int i) {
            const int n = 3000 * scale;
            if (i == 0) {
                for (int k = 0; k < n; ++k) {
                    const std::string s = std::to_string(k);
                    ets::insert(table, tuple("key", k, k, s, s));
                }
                --writers;
            } else if (i == 1) {
                for (int k = 0; k < n; ++k)
                    ets::update_integers(table, "key", 2, 2,
                                         [](std::span<std::int64_t> v) noexcept {
                                             ++v[0];
                                             ++v[1];
                                             return true;
                                         });
                --writers;
            } else {
                while (writers > 0)
                    for (const ets::row& r : ets::lookup(table, "key"))
                        if (!(r.element(2) == r.element(3)) || !(r.element(4) == r.element(5)))
                            ++torn;
            }
        });
        CHECK(torn == 0);
    }
}

TEST_CASE(
    "rows that are there all the time are found while the table grows and shrinks around them") {
    for (auto type : all_types) {
        CAPTURE(int(type));
        std::atomic<int> missed{0}, writers{2};
        std::atomic<bool> ready{false};
        on_threads(type, 4, [&](const ets::table& table, int i) {
            constexpr int steady = 200;
            if (i == 0) {
                for (int k = 0; k < steady; ++k) ets::insert(table, tuple(k * 7919, "steady"));
                ready = true;
            }
            while (!ready) std::this_thread::yield();
            if (i < 2) {
                for (int round = 0; round < 2 * scale; ++round) {
                    const int base = 10'000'000 * (i + 1);
                    for (int k = 0; k < 3000; ++k) ets::insert(table, tuple(base + k, k));
                    for (int k = 0; k < 3000; ++k) ets::erase(table, base + k);
                }
                --writers;
                return;
            }
            const auto spec = *match_spec::compile(t("[{{'_', <<\"steady\">>}, [], [true]}]"));
            while (writers > 0) {
                for (int k = 0; k < steady; ++k)
                    if (ets::lookup(table, k * 7919).size() != 1) ++missed;
                if (ets::select_count(table, spec) != steady) ++missed;
                int met = 0;
                for (auto part = ets::select(table, spec, {.cost_max = 300});;
                     part = ets::select(part.next)) {
                    met += int(part.found.size());
                    if (!part.next) break;
                }
                if (met != steady) ++missed;
            }
        });
        CHECK(missed == 0);
    }
}

TEST_CASE("nobody sees a part of a list that is being put in") {
    for (auto type : one_row_types) {
        std::atomic<int> wrong{0}, writers{1};
        on_threads(type, 3, [&](const ets::table& table, int i) {
            if (i == 0) {
                for (int n = 1; n <= 300 * scale; ++n) {
                    std::vector<term> all;
                    for (int k = 0; k < 20; ++k) all.push_back(tuple(k * 1000, n));
                    ets::insert(table, all);
                }
                --writers;
                return;
            }
            while (writers > 0) {
                // Looked up in the order they are written in: what is seen must not go back.
                std::int64_t before = 0;
                for (int k = 19; k >= 0; --k) {
                    const auto found = ets::lookup(table, k * 1000);
                    const std::int64_t n = found ? *found.front().element(2).as_int64() : 0;
                    if (n < before) ++wrong;
                    before = n;
                }
            }
        });
        CHECK(wrong == 0);
    }
}

TEST_CASE("a snapshot is of one moment") {
    for (auto type : one_row_types) {
        std::atomic<int> wrong{0}, writers{1};
        on_threads(type, 3, [&](const ets::table& table, int i) {
            constexpr int keys = 2000;
            if (i == 0) {
                // Each round goes over the keys in order: a moment has the new number up to some key.
                for (int n = 1; n <= 5 * scale; ++n)
                    for (int k = 0; k < keys; ++k) ets::insert(table, tuple(k, n));
                --writers;
                return;
            }
            while (writers > 0) {
                const ets::snapshot s(table);
                std::vector<std::int64_t> seen(keys, 0);
                std::size_t rows = 0;
                s.each([&](const term& row) {
                    ++rows;
                    seen[std::size_t(*row.elements()[0].as_int64())] =
                        *row.elements()[1].as_int64();
                });
                if (rows != s.size()) ++wrong;
                for (int k = 1; k < keys; ++k) {
                    const auto a = seen[std::size_t(k - 1)], b = seen[std::size_t(k)];
                    if (a < b || a > seen[keys - 1] + 1) ++wrong;
                }
                for (int k : {0, 777, 1999})
                    if (const auto found = s.lookup(k);
                        (found ? *found.front().element(2).as_int64() : 0) != seen[std::size_t(k)])
                        ++wrong;
            }
        });
        CHECK(wrong == 0);
    }
}

TEST_CASE("update by a function loses nothing") {
    for (auto type : one_row_types) {
        std::atomic<int> left{3};
        std::int64_t sum = 0;
        on_threads(type, 3, [&](const ets::table& table, int) {
            for (int k = 0; k < 500 * scale; ++k)
                ets::update(table, atom("k"), [](const ets::row* row) -> std::optional<term> {
                    const std::int64_t n = row ? *row->elements()[1].as_int64() : 0;
                    return tuple(atom("k"), n + 1, std::to_string(n + 1));
                });
            if (--left == 0) sum = *ets::lookup_element(table, atom("k"), 2).as_int64();
        });
        CHECK(sum == 3 * 500 * scale);
    }
}

TEST_CASE("tables are made, used by all and end with their owners at once") {
    threaded([](self me) -> awaitable<void> {
        struct owner {
            static process run(self, pid to) {
                auto table = make(table_type::set);
                for (int i = 0; i < 100; ++i) ets::insert(table, tuple(i, "x"));
                send(to, term(table));
                exit(atoms::normal);
                co_return;
            }
        };
        for (int i = 0; i < 100 * scale; ++i) {
            spawn(owner::run, me.id());
            term id = co_await me.receive<term>();
            // It goes at any moment: found, or badarg.
            const ets::table table(id);
            try {
                for (int k = 0; k < 100; ++k) (void)ets::lookup(table, k);
            } catch (const ets::bad_argument&) {
            }
        }
    });
}

TEST_CASE("what was retired is freed when nobody reads any more") {
    using namespace beam::detail;
    static std::atomic<int> freed;
    freed = 0;
    std::atomic<bool> reading{false}, stop{false};
    std::thread reader([&] {
        const read_section section;
        reading = true;
        while (!stop) std::this_thread::yield();
    });
    while (!reading) std::this_thread::yield();
    int object = 0;
    retire(
        &object, [](void*) noexcept { ++freed; }, 8);
    reclaim_now();
    CHECK(freed == 0);
    stop = true;
    reader.join();
    for (int i = 0; i < 1000 && freed == 0; ++i) reclaim_now();
    CHECK(freed == 1);
}
