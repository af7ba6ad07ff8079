// Threads in an ordered store. What runs beside the checks is counted, not timed: a test ends when its work is done.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/show.hpp"
#include "tests/unit/ets/ordered_rows.hpp"

using namespace beam;
using namespace beam::detail::ets;
using namespace ordered_test;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int effort = 1;
#else
constexpr int effort = 4;
#endif

/// Threads that work until they are done, and others that look on until then.
class crew {
public:
    template <class F>
    void works(F f) {
        ++working_;
        workers_.emplace_back([this, f] {
            f();
            --working_;
        });
    }
    template <class F>
    void looks(F f) {
        lookers_.emplace_back([this, f] {
            do f();
            while (working_ > 0);
        });
    }
    ~crew() {
        for (auto& t : workers_) t.join();
        for (auto& t : lookers_) t.join();
    }

private:
    std::atomic<int> working_{0};
    std::vector<std::thread> workers_, lookers_;
};

std::int64_t value_of(const table_store& store, const term& key) {
    return *find(store, key)->elements()[1].as_int64();
}

std::int64_t value_in(const row_source& rows, const term& key) {
    return *find(rows, key)->elements()[1].as_int64();
}

constexpr std::int64_t steady_step = 16, keys_end = 8000;

/// That all steady rows are given, in order, and each is whole.
bool has_all_steady(const std::vector<term>& rows, bool down) {
    std::int64_t expected = down ? keys_end - steady_step : 0;
    for (const auto& r : rows) {
        auto key = *r.elements()[0].as_int64();
        if (key % steady_step != 0) continue;
        if (key != expected || r.elements()[1] != -key) return false;
        expected += down ? -steady_step : steady_step;
    }
    return expected == (down ? -steady_step : keys_end);
}

}  // namespace

TEST_CASE("rows that are there throughout are found while the leaves around them split and merge") {
    auto store = make_ordered_store(1);
    for (std::int64_t key = 0; key < keys_end; key += steady_step) insert(*store, tuple(key, -key));
    std::atomic<int> missed{0}, looks{0};
    {
        crew threads;
        for (unsigned writer = 0; writer < 2; ++writer)
            threads.works([&, writer] {
                std::mt19937_64 random(writer);
                for (int round = 0; round < 4 * effort; ++round) {
                    for (int i = 0; i < 4000; ++i) {
                        auto key = std::int64_t(random() % keys_end);
                        if (key % steady_step != 0) insert(*store, tuple(key, key));
                    }
                    for (std::int64_t key = 0; key < keys_end; ++key)
                        if (key % steady_step != 0) (void)take(*store, key);
                }
            });
        threads.looks([&] {
            for (std::int64_t key = 0; key < keys_end; key += steady_step)
                if (find(*store, key) != tuple(key, -key)) ++missed;
            ++looks;
        });
        threads.looks([&] {
            if (!has_all_steady(all(*store, 50), false)) ++missed;
            scan_from down;
            down.reverse = true;
            if (!has_all_steady(all(*store, 50, down), true)) ++missed;
            ++looks;
        });
    }
    CHECK(missed == 0);
    CHECK(looks >= 2);
    for (std::int64_t key = 0; key < keys_end; ++key) (void)take(*store, key);
    CHECK(store->size() == 0);
    CHECK(store->bytes() == make_ordered_store(1)->bytes());
}

TEST_CASE("no key on the heap is freed under a search") {
    auto store = make_ordered_store(1);
    auto key_of = [](std::int64_t i) { return tuple("a key", std::to_string(i)); };
    for (std::int64_t i = 0; i < 2000; i += 5) insert(*store, tuple(key_of(i), i));
    std::atomic<int> missed{0};
    {
        crew threads;
        for (unsigned writer = 0; writer < 2; ++writer)
            threads.works([&, writer] {
                std::mt19937_64 random(writer);
                for (int i = 0; i < 10'000 * effort; ++i) {
                    auto n = std::int64_t(random() % 2000);
                    if (n % 5 == 0)
                        insert(*store, tuple(key_of(n), n));  // the key anew
                    else if (random() % 2 == 0)
                        insert(*store, tuple(key_of(n), n));
                    else
                        (void)take(*store, key_of(n));
                }
            });
        threads.looks([&] {
            for (std::int64_t i = 0; i < 2000; i += 5)
                if (find(*store, key_of(i)) != tuple(key_of(i), i)) ++missed;
        });
    }
    CHECK(missed == 0);
    reclaim_all();
}

TEST_CASE("ETS-52: no update of an ordered store is lost") {
    auto store = make_ordered_store(1);
    constexpr int writers = 4, keys = 7;
    const int rounds = 2000 * effort;
    for (int key = 0; key < keys; ++key) insert(*store, tuple(key, 0, 0));
    {
        crew threads;
        for (int writer = 0; writer < writers; ++writer)
            threads.works([&] {
                for (int i = 0; i < rounds; ++i) {
                    read_section reading;
                    (void)store->update_integers(
                        i % keys, 2, 1,
                        [](void*, std::int64_t* values) {
                            ++values[0];
                            return true;
                        },
                        nullptr);
                    (void)store->update(
                        i % keys,
                        [](void*, const beam::ets::row* r) -> std::optional<term> {
                            auto e = r->elements();
                            return tuple(e[0], e[1], *e[2].as_int64() + 1);
                        },
                        nullptr);
                }
            });
    }
    std::int64_t by_integers = 0, by_update = 0;
    for (int key = 0; key < keys; ++key) {
        auto r = *find(*store, key);
        by_integers += *r.elements()[1].as_int64();
        by_update += *r.elements()[2].as_int64();
    }
    CHECK(by_integers == writers * rounds);
    CHECK(by_update == writers * rounds);
}

TEST_CASE("no row of an ordered store is seen in two halves") {
    auto store = make_ordered_store(1);
    for (int key = 0; key < 100; ++key) insert(*store, tuple(key, 0, 0));
    std::atomic<int> torn{0};
    {
        crew threads;
        for (int writer = 0; writer < 2; ++writer)
            threads.works([&, writer] {
                for (int i = 0; i < 20'000 * effort; ++i) {
                    auto value = i * 2 + writer;
                    insert(*store, tuple(i % 100, value, value));
                }
            });
        threads.looks([&] {
            for (int key = 0; key < 100; ++key) {
                auto r = *find(*store, key);
                if (r.elements()[0] != key || r.elements()[1] != r.elements()[2]) ++torn;
            }
        });
    }
    CHECK(torn == 0);
}

TEST_CASE("a snapshot of an ordered store is of one instant") {
    auto store = make_ordered_store(1);
    for (std::int64_t key = 0; key < 3000; ++key) insert(*store, tuple(key, 0));
    std::atomic<int> wrong{0};
    {
        crew threads;
        // Each writes a row at one end, then the one at the other end: never is the second ahead.
        for (std::int64_t writer = 0; writer < 2; ++writer)
            threads.works([&, writer] {
                for (std::int64_t i = 1; i <= 3000 * effort; ++i) {
                    insert(*store, tuple(writer, i));
                    insert(*store, tuple(2999 - writer, i));
                    insert(*store, tuple(10'000 + i % 500, i));
                    (void)take(*store, 10'000 + (i + writer) % 500);
                }
            });
        threads.looks([&] {
            auto now = store->snapshot();
            for (std::int64_t writer = 0; writer < 2; ++writer) {
                auto first = value_in(*now, writer), second = value_in(*now, 2999 - writer);
                if (second > first || first > second + 1) ++wrong;
                // A live read after it is not before it.
                if (value_of(*store, writer) < first) ++wrong;
            }
            auto size = now->size();
            auto once = all(*now, 100);
            if (once.size() != size || all(*now, 777) != once) ++wrong;
        });
    }
    CHECK(wrong == 0);
    for (std::int64_t key = 0; key < 11'000; ++key) (void)take(*store, key);
    CHECK(store->bytes() == make_ordered_store(1)->bytes());
    reclaim_all();
}

TEST_CASE("ETS-12: a list goes into an ordered store at one instant") {
    auto store = make_ordered_store(1);
    for (std::int64_t key = 0; key < 3000; ++key) insert(*store, tuple(key, 0));
    std::atomic<int> halves{0};
    std::atomic<int> won{0};
    {
        crew threads;
        threads.works([&] {
            for (std::int64_t i = 1; i <= 2000 * effort; ++i) {
                // Now and then with as many others as make it a long list.
                std::vector<term> list{tuple(2999, i), tuple(0, i)};
                if (i % 8 == 0)
                    for (std::int64_t more = 1; more < 30; ++more)
                        list.push_back(tuple(90 * more, i));
                read_section reading;
                (void)store->insert_all(list, false);
            }
        });
        for (std::int64_t writer = 0; writer < 2; ++writer)
            threads.works([&, writer] {
                for (std::int64_t i = 0; i < 200; ++i) {
                    // Lists of the two meet in one key.
                    const term list[] = {tuple(5000 + 2 * i + writer, 1),
                                         tuple(100'000 + i, writer)};
                    read_section reading;
                    if (store->insert_all(list, true)) ++won;
                }
            });
        threads.looks([&] {
            auto first = value_of(*store, 0);
            if (value_of(*store, 2999) < first) ++halves;
            auto second = value_of(*store, 2999);
            if (value_of(*store, 0) < second) ++halves;
        });
    }
    CHECK(halves == 0);
    CHECK(won == 200);
    CHECK(store->size() == 3000 + 2 * 200);
}
