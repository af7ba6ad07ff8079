#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/snapshot.hpp"

#include <atomic>
#include <string>
#include <vector>

#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using test::badarg;

namespace {

ets::table make(ets::table_type type, std::size_t keypos = 1) {
    ets::table_options o;
    o.type = type;
    o.keypos = keypos;
    o.access = ets::table_access::public_;
    return ets::new_table(atom("t"), o);
}
constexpr auto set = ets::table_type::set;
constexpr auto ordered = ets::table_type::ordered_set;
constexpr auto bag = ets::table_type::bag;
constexpr auto duplicates = ets::table_type::duplicate_bag;

// Runs `f` as a process.
template <class F>
void in_process(F f) {
    beam::runtime node(test::deterministic(1));
    auto r = node.execute(
        [](self, F* act) -> awaitable<void> {
            (*act)();
            co_return;
        },
        &f);
    CHECK_MESSAGE(r.has_value(), (r ? std::string() : to_string(r.error())));
}

term keys_of(const ets::table& t) {
    std::vector<term> keys;
    for (auto k = ets::first(t); k; k = ets::next(t, *k)) keys.push_back(*k);
    return list_of(std::move(keys));
}

}  // namespace

TEST_CASE("ETS-03: a set replaces the row with the same key") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            ets::insert(t, tuple("k", 1));
            ets::insert(t, tuple("k", 2));
            CHECK(ets::lookup(t, "k").to_list() == list({tuple("k", 2)}));
            CHECK(ets::size(t) == 1);
        }
    });
}

TEST_CASE("ETS-04, ETS-05: 1 and 1.0 are two keys of a set and one of an ordered_set") {
    in_process([] {
        auto s = make(set);
        ets::insert(s, tuple(1, "int"));
        ets::insert(s, tuple(1.0, "float"));
        CHECK(ets::size(s) == 2);
        auto o = make(ordered);
        ets::insert(o, tuple(1, "int"));
        ets::insert(o, tuple(1.0, "float"));
        CHECK(ets::size(o) == 1);
        CHECK(ets::lookup(o, 1).front() == tuple(1.0, "float"));
    });
}

TEST_CASE("ETS-06, ETS-07: a bag keeps an object once, a duplicate_bag twice; both many of a key") {
    in_process([] {
        auto b = make(bag);
        for (int v : {1, 2, 1}) ets::insert(b, tuple("k", v));
        CHECK(ets::lookup(b, "k").size() == 2);
        auto d = make(duplicates);
        for (int v : {1, 2, 1}) ets::insert(d, tuple("k", v));
        CHECK(ets::lookup(d, "k").size() == 3);
    });
}

TEST_CASE("ETS-08: the rows of a key come in the order of their insertion") {
    in_process([] {
        auto b = make(bag);
        for (int v : {3, 1, 2, 1}) ets::insert(b, tuple("k", v));
        CHECK(ets::lookup(b, "k").to_list() == list({tuple("k", 3), tuple("k", 1), tuple("k", 2)}));
        auto d = make(duplicates);
        for (int v : {3, 1, 3}) ets::insert(d, tuple("k", v));
        CHECK(ets::lookup(d, "k").to_list() == list({tuple("k", 3), tuple("k", 1), tuple("k", 3)}));
    });
}

TEST_CASE("ETS-09, ETS-10: erase takes all rows of a key, delete_object those that are equal") {
    in_process([] {
        for (auto type : {set, ordered, bag, duplicates}) {
            auto t = make(type);
            ets::insert(t, tuple(1, 1));
            ets::erase(t, 1);
            ets::erase(t, 1);
            CHECK(ets::size(t) == 0);
        }
        auto d = make(duplicates);
        for (int v : {1, 2, 1}) ets::insert(d, tuple("k", v));
        ets::delete_object(d, tuple("k", 1));
        CHECK(ets::lookup(d, "k").to_list() == list({tuple("k", 2)}));
        auto o = make(ordered);
        ets::insert(o, tuple(1, 1));
        ets::delete_object(o, tuple(1, 2));
        CHECK(ets::size(o) == 1);
        ets::delete_object(o, tuple(1, 1));
        CHECK(ets::size(o) == 0);
    });
}

TEST_CASE("ETS-11: lookup_element; a bag's is a list, what is missing badarg or a default") {
    in_process([] {
        auto s = make(set);
        ets::insert(s, tuple("k", 1, 2));
        CHECK(ets::lookup_element(s, "k", 3) == term(2));
        CHECK(badarg([&] { (void)ets::lookup_element(s, "none", 2); }));
        CHECK(badarg([&] { (void)ets::lookup_element(s, "k", 4); }));
        CHECK(badarg([&] { (void)ets::lookup_element(s, "k", 0); }));
        CHECK(ets::lookup_element(s, "none", 2, "default") == term("default"));
        auto b = make(bag);
        ets::insert(b, tuple("k", 1));
        ets::insert(b, tuple("k", 2));
        CHECK(ets::lookup_element(b, "k", 2) == list({1, 2}));
    });
}

TEST_CASE("ETS-12: insert_new puts nothing in where one key is there") {
    in_process([] {
        for (auto type : {set, ordered, bag, duplicates}) {
            auto t = make(type);
            CHECK(ets::insert_new(t, tuple(1, "a")));
            CHECK(!ets::insert_new(t, tuple(1, "b")));
            std::vector<term> rows{tuple(2, "a"), tuple(1, "c"), tuple(3, "a")};
            CHECK(!ets::insert_new(t, rows));
            CHECK(ets::size(t) == 1);
            rows.erase(rows.begin() + 1);
            CHECK(ets::insert_new(t, rows));
            CHECK(ets::size(t) == 3);
        }
    });
}

TEST_CASE(
    "ETS-13, ETS-14, ETS-15: a list goes in whole or not; too short rows; the last of a key wins") {
    in_process([] {
        for (auto type : {set, ordered, bag}) {
            auto t = make(type);
            std::vector<term> bad{tuple(1, 1), term(7), tuple(2, 2)};
            CHECK(badarg([&] { ets::insert(t, bad); }));
            CHECK(ets::size(t) == 0);
            CHECK(badarg([&] { ets::insert_list(t, cons(tuple(1, 1), 7)); }));
            CHECK(badarg([&] { ets::insert(t, atom("no")); }));
            CHECK(badarg([&] { ets::insert(t, tuple()); }));
        }
        auto second = make(set, 2);
        CHECK(badarg([&] { ets::insert(second, tuple(1)); }));
        ets::insert(second, tuple("v", "key"));
        CHECK(ets::member(second, "key"));
        auto t = make(set);
        ets::insert_list(t, list({tuple(1, "a"), tuple(2, "b"), tuple(1, "c")}));
        CHECK(ets::lookup(t, 1).front() == tuple(1, "c"));
    });
}

TEST_CASE("ETS-16: update_counter: increments, positions, lists, thresholds both ways") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            ets::insert(t, tuple("k", 10, 20));
            CHECK(ets::update_counter(t, "k") == 11);
            CHECK(ets::update_counter(t, "k", -3) == 8);
            CHECK(ets::update_counter(t, "k", {3, 5, {}}) == 25);
            CHECK(ets::update_counter(t, "k", {2, 5, ets::counter_update::limit{10, 0}}) == 0);
            CHECK(ets::update_counter(t, "k", {2, -5, ets::counter_update::limit{-3, 7}}) == 7);
            CHECK(ets::update_counter(t, "k", {2, 3, ets::counter_update::limit{10, 0}}) == 10);
            term many = list({tuple(2, 1), tuple(3, 1), tuple(2, 1, 11, 0)});
            CHECK(ets::update_counter_term(t, "k", many) == list({11, 26, 0}));
            CHECK(ets::update_counter_term(t, "k", nil) == nil);
            CHECK(ets::lookup(t, "k").front() == tuple("k", 0, 26));
        }
    });
}

TEST_CASE("ETS-17: update_counter of what is no counter is badarg and changes nothing") {
    in_process([] {
        auto t = make(set);
        ets::insert(t, tuple("k", "text", 1));
        CHECK(badarg([&] { (void)ets::update_counter(t, "k"); }));
        CHECK(badarg([&] { (void)ets::update_counter(t, "none"); }));
        CHECK(badarg([&] { (void)ets::update_counter(t, "k", {1, 1, {}}); }));
        CHECK(badarg([&] { (void)ets::update_counter(t, "k", {4, 1, {}}); }));
        std::vector<ets::counter_update> both{{3, 1, {}}, {2, 1, {}}};
        CHECK(badarg([&] { (void)ets::update_counter(t, "k", both); }));
        CHECK(ets::lookup(t, "k").front() == tuple("k", "text", 1));
        auto b = make(bag);
        ets::insert(b, tuple("k", 1));
        CHECK(badarg([&] { (void)ets::update_counter(b, "k"); }));
    });
}

TEST_CASE("ETS-18: update_counter with a default puts it in first, under the key asked for") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            CHECK(ets::update_counter(t, "k", {2, 5, {}}, tuple("other", 100)) == 105);
            CHECK(ets::lookup(t, "k").front() == tuple("k", 105));
            CHECK(ets::update_counter(t, "k", {2, 5, {}}, tuple("other", 100)) == 110);
        }
    });
}

TEST_CASE("a row that was looked up stays as it was when its counter goes on") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            ets::insert(t, tuple("k", 1));
            term before = ets::lookup(t, "k").front();
            CHECK(ets::update_counter(t, "k") == 2);
            term between = ets::lookup(t, "k").front();
            CHECK(ets::update_counter(t, "k") == 3);
            CHECK(before == tuple("k", 1));
            CHECK(between == tuple("k", 2));
            CHECK(ets::lookup(t, "k").front() == tuple("k", 3));
        }
    });
}

TEST_CASE("ETS-19: update_element") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            ets::insert(t, tuple("k", 1, 2));
            CHECK(ets::update_element(t, "k", 2, "x"));
            CHECK(ets::update_element(t, "k", {{2, "y"}, {3, "z"}}));
            CHECK(ets::lookup(t, "k").front() == tuple("k", "y", "z"));
            CHECK(!ets::update_element(t, "none", 2, 1));
            CHECK(badarg([&] { (void)ets::update_element(t, "k", 1, 1); }));
            CHECK(badarg([&] { (void)ets::update_element(t, "k", 4, 1); }));
            CHECK(ets::lookup(t, "k").front() == tuple("k", "y", "z"));
        }
        auto b = make(bag);
        CHECK(badarg([&] { (void)ets::update_element(b, "k", 2, 1); }));
    });
}

TEST_CASE("ETS-20: take gives the rows and takes them out") {
    in_process([] {
        for (auto type : {set, ordered, bag}) {
            auto t = make(type);
            ets::insert(t, tuple(1, "a"));
            CHECK(ets::take(t, 1).to_list() == list({tuple(1, "a")}));
            CHECK(ets::take(t, 1).to_list() == nil);
            CHECK(ets::size(t) == 0);
        }
    });
}

TEST_CASE("ETS-21: first, next, prev and last of an ordered_set; the key need not be there") {
    in_process([] {
        auto t = make(ordered);
        for (int k : {30, 10, 20}) ets::insert(t, tuple(k, 0));
        CHECK(ets::first(t) == term(10));
        CHECK(ets::last(t) == term(30));
        CHECK(ets::next(t, 10) == term(20));
        CHECK(ets::next(t, 15) == term(20));
        CHECK(ets::next(t, 10.0) == term(20));
        CHECK(ets::prev(t, 25) == term(20));
        CHECK(ets::prev(t, 10) == std::nullopt);
        CHECK(ets::next(t, 30) == std::nullopt);
    });
}

TEST_CASE("ETS-22, ETS-23: next of a missing key of a set is badarg; an empty table has no first") {
    in_process([] {
        for (auto type : {set, bag, duplicates}) {
            auto t = make(type);
            CHECK(ets::first(t) == std::nullopt);
            CHECK(ets::last(t) == std::nullopt);
            ets::insert(t, tuple(1, 1));
            CHECK(badarg([&] { (void)ets::next(t, 2); }));
        }
        CHECK(ets::first(make(ordered)) == std::nullopt);
    });
}

TEST_CASE("ETS-24: an ordered_set keeps the order of terms") {
    in_process([] {
        auto t = make(ordered);
        term self_pid = this_process().id();
        std::vector<term> in_order{1,           2.5,           atom("a"), make_ref(), self_pid,
                                   tuple(1, 2), map({{1, 2}}), nil,       list({1}),  "binary"};
        for (std::size_t i = in_order.size(); i-- > 0;) ets::insert(t, tuple(in_order[i], 0));
        CHECK(keys_of(t) == list_of(in_order));
    });
}

TEST_CASE("ETS-44: delete_all_objects empties a table, which stays") {
    in_process([] {
        for (auto type : {set, ordered, bag, duplicates}) {
            auto t = make(type);
            for (int i = 0; i < 5000; ++i) ets::insert(t, tuple(i, i));
            ets::delete_all_objects(t);
            CHECK(ets::size(t) == 0);
            CHECK(ets::first(t) == std::nullopt);
            ets::insert(t, tuple(1, 1));
            CHECK(ets::size(t) == 1);
        }
    });
}

TEST_CASE("update changes a row by a function, atomically, or leaves it") {
    in_process([] {
        auto t = make(set);
        bool put = ets::update(t, "k", [](const ets::row* row) -> std::optional<term> {
            CHECK(row == nullptr);
            return tuple("k", 1);
        });
        CHECK(put);
        put = ets::update(t, "k", [](const ets::row* row) -> std::optional<term> {
            CHECK(*row == tuple("k", 1));
            return std::nullopt;
        });
        CHECK(!put);
        CHECK(badarg([&] {
            (void)ets::update(t, "k",
                              [](const ets::row*) -> std::optional<term> { return tuple("j", 1); });
        }));
        term start = tuple("n", 5, 6);
        bool kept = ets::update_integers(
            t, "n", 2, 2,
            [](std::span<std::int64_t> v) noexcept {
                std::swap(v[0], v[1]);
                return true;
            },
            &start);
        CHECK(kept);
        CHECK(ets::lookup(t, "n").front() == tuple("n", 6, 5));
        kept = ets::update_integers(t, "n", 2, 2, [](std::span<std::int64_t> v) noexcept {
            v[0] = 99;
            return false;
        });
        CHECK(!kept);
        CHECK(ets::lookup(t, "n").front() == tuple("n", 6, 5));
    });
}

TEST_CASE("read shows the row of a key where it lies, or says that there is none") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = make(type);
            // One in place, one too long for that.
            ets::insert(t, tuple("k", binary("value"), 7));
            ets::insert(t, tuple("long", 2, 3, 4, 5, 6, 7, 8, 9));
            int calls = 0;
            CHECK(ets::read(t, "k", [&](const ets::row& r) {
                CHECK(r == tuple("k", binary("value"), 7));
                // Another table, or this one, may be used meanwhile.
                ets::insert(t, tuple("k", 1, 1));
                CHECK(r == tuple("k", binary("value"), 7));
                ++calls;
            }));
            term kept;
            CHECK(ets::read(t, "long", [&](const ets::row& r) { kept = r; }));
            ets::erase(t, "long");
            CHECK(kept == tuple("long", 2, 3, 4, 5, 6, 7, 8, 9));
            CHECK(!ets::read(t, "long", [&](const ets::row&) { ++calls; }));
            CHECK(calls == 1);
            CHECK_THROWS_AS(
                (void)ets::read(t, "k", [](const ets::row&) { throw std::runtime_error("no"); }),
                std::runtime_error);
        }
        CHECK(badarg([] { (void)ets::read(make(bag), 1, [](const ets::row&) {}); }));
    });
}

// -- on threads -----------------------------------------------------------------------------------

namespace {

struct done {
    std::int64_t sum;
};

process counts(self s, pid main, ets::table t, int key, int times) {
    for (int i = 0; i < times; ++i) {
        (void)ets::update_counter(t, i % key);
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{0});
}

// Rows `{K, V, V}`: a reader must never see two different values.
process writes_pairs(self s, pid main, ets::table t, int first, int times) {
    for (int i = 0; i < times; ++i) {
        ets::insert(t, tuple(first + i % 3000, i, i));
        if (i % 7 == 0) ets::erase(t, first + (i + 1500) % 3000);
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{0});
}
process reads_pairs(self s, pid main, ets::table t, int times) {
    std::int64_t torn = 0;
    for (int i = 0; i < times; ++i) {
        auto found = ets::lookup(t, i % 6000);
        if (found && found.front().elements()[1] != found.front().elements()[2]) ++torn;
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{torn});
}
// Rows `{K, Text, N}`, or longer ones: the text is the number.
term row_of_count(int key, std::int64_t n) {
    const std::string text = std::to_string(n);
    return key % 2 == 0 ? tuple(key, binary(text), n)
                        : tuple(key, binary(text), n, 0, 0, 0, 0, 0, 0, 0);
}
bool is_whole(const ets::row& r) {
    return r.elements()[1].bytes() == std::to_string(*r.elements()[2].as_int64());
}
process counts_by_update(self s, pid main, ets::table t, int keys, int times) {
    std::int64_t torn = 0;
    for (int i = 0; i < times; ++i) {
        const int key = i % keys;
        (void)ets::update(t, key, [&](const ets::row* r) -> std::optional<term> {
            if (r && !is_whole(*r)) ++torn;
            return row_of_count(key, r ? *r->elements()[2].as_int64() + 1 : 1);
        });
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{torn});
}
process reads_counts(self s, pid main, ets::table t, int keys, int times) {
    std::int64_t torn = 0;
    for (int i = 0; i < times; ++i) {
        (void)ets::read(t, i % keys, [&](const ets::row& r) { torn += !is_whole(r); });
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{torn});
}
// What nobody touches must be found all the time, whatever is split and merged around it.
process finds_all(self s, pid main, ets::table t, int times) {
    std::int64_t missing = 0;
    for (int i = 0; i < times; ++i) {
        missing += !ets::member(t, -1 - i % 500);
        if (s.bump_reductions(10)) co_await s.yield();
    }
    send(main, done{missing});
}

}  // namespace

TEST_CASE("ETS-52: counters lose nothing, from many processes on many threads") {
    for (auto type : {set, ordered})
        test::threaded(
            [](self me, ets::table_type kind) -> awaitable<void> {
                auto t = make(kind);
                for (int k = 0; k < 10; ++k) ets::insert(t, tuple(k, 0));
                for (int p = 0; p < 8; ++p) spawn_link(counts, me.id(), t, 10, 2000);
                for (int p = 0; p < 8; ++p) co_await me.receive<done>();
                std::int64_t sum = 0;
                for (int k = 0; k < 10; ++k) sum += *ets::lookup_element(t, k, 2).as_int64();
                CHECK(sum == 16'000);
            },
            type);
}

TEST_CASE("update loses no change, and whoever reads in place sees whole rows") {
    for (auto type : {set, ordered})
        test::threaded(
            [](self me, ets::table_type kind) -> awaitable<void> {
                constexpr int keys = 20, times = 4000;
                auto t = make(kind);
                for (int p = 0; p < 3; ++p) spawn_link(counts_by_update, me.id(), t, keys, times);
                for (int p = 0; p < 2; ++p) spawn_link(reads_counts, me.id(), t, keys, times);
                std::int64_t wrong = 0;
                for (int p = 0; p < 5; ++p) {
                    // Chunks are replaced meanwhile, and rows beside these.
                    for (int k = 0; k < 2000; ++k) ets::insert(t, tuple(100 + k, p, 0));
                    const auto kept = ets::snapshot(t);
                    done d = co_await me.receive<done>();
                    wrong += d.sum;
                }
                CHECK(wrong == 0);
                for (int k = 0; k < keys; ++k)
                    CHECK(ets::lookup_element(t, k, 3) == term(3 * times / keys));
            },
            type);
}

TEST_CASE("readers without a lock see whole rows, and each that stays, while others write") {
    for (auto type : {set, ordered})
        test::threaded(
            [](self me, ets::table_type kind) -> awaitable<void> {
                auto t = make(kind);
                for (int k = 1; k <= 500; ++k) ets::insert(t, tuple(-k, 0, 0));
                for (int p = 0; p < 2; ++p) spawn_link(writes_pairs, me.id(), t, p * 3000, 20'000);
                for (int p = 0; p < 2; ++p) spawn_link(reads_pairs, me.id(), t, 20'000);
                spawn_link(finds_all, me.id(), t, 20'000);
                std::int64_t wrong = 0;
                for (int p = 0; p < 5; ++p) {
                    done d = co_await me.receive<done>();
                    wrong += d.sum;
                }
                CHECK(wrong == 0);
            },
            type);
}

TEST_CASE("fetch_ahead is a hint: it changes nothing and minds no key, in any table") {
    in_process([] {
        for (auto type : {set, ordered, bag, duplicates}) {
            const ets::table t = make(type);
            std::vector<term> keys{term(-1), binary("absent"), atom("a"), tuple(1, 2)};
            ets::fetch_ahead(t, keys);  // of an empty table
            for (int i = 0; i < 1000; ++i) {
                // Some in place, some too long for that.
                ets::insert(t,
                            i % 2 == 0 ? tuple(i, binary("v")) : tuple(i, 1, 2, 3, 4, 5, 6, 7, 8));
                keys.emplace_back(i);
            }
            ets::fetch_ahead(t, keys);
            CHECK(ets::size(t) == 1000);
            CHECK(ets::lookup(t, 998).front() == tuple(998, binary("v")));
        }
        CHECK(badarg([] { ets::fetch_ahead(ets::table(atom("none")), {}); }));
    });
}
