#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tests/support/badarg.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/ets/ordered_rows.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;
using namespace beam::detail::ets;
using namespace ordered_test;

namespace {

struct by_order {
    bool operator()(const term& a, const term& b) const { return compare(a, b) < 0; }
};
using model = std::map<term, term, by_order>;

std::vector<term> rows_of(const model& m) {
    std::vector<term> rows;
    for (const auto& [key, row] : m) rows.push_back(row);
    return rows;
}

std::vector<term> reversed(std::vector<term> rows) {
    std::reverse(rows.begin(), rows.end());
    return rows;
}

std::vector<std::int64_t> shuffled(std::int64_t n, std::uint64_t seed) {
    std::vector<std::int64_t> keys;
    for (std::int64_t i = 0; i < n; ++i) keys.push_back(i);
    std::shuffle(keys.begin(), keys.end(), std::mt19937_64(seed));
    return keys;
}

term row(std::int64_t key) {
    return tuple(key, key);
}

/// What a row costs beyond itself.
double tree_bytes_a_row(const table_store& rows) {
    auto one = make_ordered_store(1);
    auto empty = one->bytes();
    insert(*one, row(1));
    return double(rows.bytes()) / double(rows.size()) - double(one->bytes() - empty);
}

std::uint32_t references(const term& t) {
    return detail::term_access::node(t)->refs.load();
}

/// The keys of tuples of two whose first element is that integer.
int first_is(const void* context, const term& key) {
    auto wanted = *static_cast<const std::int64_t*>(context);
    auto elements = key.elements();
    if (elements.size() != 2) return elements.size() < 2 ? -1 : 1;
    auto order = compare(elements[0], wanted);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

enum class key_kind { close_integers, anything, tuples, numbers };
constexpr key_kind key_kinds[] = {key_kind::close_integers, key_kind::anything, key_kind::tuples,
                                  key_kind::numbers};

term key_of(key_kind kind, term_generator& random) {
    auto near = std::int64_t(random.below(3000)) - 1500;
    switch (kind) {
        case key_kind::close_integers:
            return near;
        case key_kind::anything:
            return random.any(2);
        case key_kind::tuples:
            return tuple(std::int64_t(random.below(20)), std::int64_t(random.below(99)));
        case key_kind::numbers:
            break;
    }
    // Mostly close integers, with what does not lie in a leaf like them.
    switch (random.below(40)) {
        case 0:
            return double(near);
        case 1:
            return double(near) + 0.5;
        case 2:
            return near << 40;
        case 3:
            return near * 100'000;
        default:
            return near;
    }
}

/// A change of a random kind, to the store and to the model.
void change(table_store& store, model& m, term_generator& random, key_kind kind) {
    auto key = key_of(kind, random);
    auto made = tuple(key, std::int64_t(random.below(4)));
    auto at = m.find(key);
    read_section reading;
    switch (random.below(10)) {
        case 0:
            REQUIRE(store.insert_new(made) == (at == m.end()));
            m.try_emplace(key, made);
            break;
        case 1:
        case 2: {
            rows taken;
            REQUIRE(store.erase(key, &taken) == (at != m.end()));
            REQUIRE(taken.size() == (at != m.end()));
            if (at == m.end()) break;
            REQUIRE(taken.front() == at->second);
            m.erase(at);
            break;
        }
        case 3: {
            auto is_equal = at != m.end() && at->second == made;
            REQUIRE(store.erase_object(made) == is_equal);
            if (is_equal) m.erase(at);
            break;
        }
        case 4: {
            // A few rows, or many.
            std::vector<term> list{made, tuple(key, "again")};
            for (auto more = random.one_in(10) ? random.below(60) : random.below(6); more > 0;
                 --more)
                list.push_back(tuple(key_of(kind, random), "list"));
            auto is_in = [&](const term& r) { return m.contains(r.elements()[0]); };
            bool is_new = std::none_of(list.begin(), list.end(), is_in),
                 only_new = random.one_in(2);
            REQUIRE(store.insert_all(list, only_new) == (is_new || !only_new));
            if (only_new && !is_new) break;
            for (const auto& r : list) {
                m.erase(r.elements()[0]);
                m.emplace(r.elements()[0], r);
            }
            break;
        }
        default:
            store.insert(made);
            // The key in the table is that of the last row: 1.0 after 1.
            m.erase(key);
            m.emplace(key, made);
    }
}

void check_same(const row_source& store, const model& m, term_generator& random) {
    REQUIRE(store.size() == m.size());
    auto up = rows_of(m);
    CHECK(all(store, 1 + random.below(200)) == up);
    scan_from down;
    down.reverse = true;
    CHECK(all(store, 1 + random.below(200), down) == reversed(up));
    std::vector<term> seen;
    read_section reading;
    store.each({[](void* to, const term& r) {
                    static_cast<std::vector<term>*>(to)->push_back(r);
                    return true;
                },
                &seen});
    CHECK(seen == up);
}

/// From a key that may be there or not, both ways.
void check_neighbours(const row_source& store, const model& m, const term& key) {
    read_section reading;
    scan_from from;
    from.after = &key;
    std::vector<term> next, prev;
    (void)store.scan(from, 1, next);
    from.reverse = true;
    (void)store.scan(from, 1, prev);
    auto above = m.upper_bound(key), here = m.lower_bound(key);
    REQUIRE(next.size() == (above != m.end()));
    if (!next.empty()) CHECK(next[0] == above->second);
    REQUIRE(prev.size() == (here != m.begin()));
    if (!prev.empty()) CHECK(prev[0] == std::prev(here)->second);
    auto found = find(store, key);
    REQUIRE(found.has_value() == (here != above));
    if (found) CHECK(*found == here->second);
}

}  // namespace

TEST_CASE("ETS-05: 1 and 1.0 are one key of an ordered store, and the last row counts") {
    auto store = make_ordered_store(1);
    insert(*store, tuple(1, "a"));
    insert(*store, tuple(1.0, "b"));
    CHECK(store->size() == 1);
    CHECK(find(*store, 1) == tuple(1.0, "b"));
    CHECK(find(*store, 1.0) == tuple(1.0, "b"));
    read_section reading;
    CHECK_FALSE(store->insert_new(tuple(1, "c")));
}

TEST_CASE("ETS-21: an ordered store gives the neighbours of a key that is not there") {
    auto store = make_ordered_store(2);
    for (auto key : {10, 20, 30}) insert(*store, tuple("value", key));
    read_section reading;
    std::vector<term> found;
    term fifteen = 15;
    CHECK(store->scan({&fifteen}, 1, found));
    CHECK(store->scan({&fifteen, nullptr, nullptr, true}, 1, found) == false);
    CHECK(found == std::vector<term>{tuple("value", 20), tuple("value", 10)});
}

TEST_CASE("an ordered store does what a map does, whatever the keys are") {
    auto seed = test_seed();
    INFO("seed ", seed);
    term_generator random(seed);
    for (auto kind : key_kinds) {
        CAPTURE(int(kind));
        auto store = make_ordered_store(1);
        auto empty = store->bytes();
        model m;
        for (int i = 0; i < 12'000; ++i) {
            change(*store, m, random, kind);
            if (i % 50 == 0) check_neighbours(*store, m, random.any(2));
            if (i % 3000 == 0) check_same(*store, m, random);
        }
        check_same(*store, m, random);
        for (const auto& [key, r] : m) {
            REQUIRE(take(*store, key) == r);
        }
        CHECK(store->size() == 0);
        CHECK(store->bytes() == empty);
        reclaim_all();
    }
}

TEST_CASE("snapshots of an ordered store stay what they were") {
    auto seed = test_seed();
    INFO("seed ", seed);
    term_generator random(seed);
    for (auto kind : key_kinds) {
        auto store = make_ordered_store(1);
        auto empty = store->bytes();
        model m;
        std::vector<std::pair<std::shared_ptr<const row_source>, model>> taken;
        for (int i = 0; i < 6'000; ++i) {
            change(*store, m, random, kind);
            if (random.one_in(300)) taken.emplace_back(store->snapshot(), m);
            if (!taken.empty() && random.one_in(400)) {
                auto at = random.below(taken.size());
                check_same(*taken[at].first, taken[at].second, random);
                taken.erase(taken.begin() + std::ptrdiff_t(at));
            }
        }
        for (const auto& [snapshot, then] : taken) {
            check_same(*snapshot, then, random);
            for (int i = 0; i < 20; ++i) check_neighbours(*snapshot, then, random.any(2));
        }
        check_same(*store, m, random);
        taken.clear();
        for (const auto& [key, r] : m) (void)take(*store, key);
        CHECK(store->bytes() == empty);
        reclaim_all();
    }
}

TEST_CASE("a snapshot outlives its ordered store") {
    auto store = make_ordered_store(1);
    for (auto key : shuffled(5000, 1)) insert(*store, row(key));
    auto snapshot = store->snapshot();
    for (std::int64_t key = 0; key < 2500; ++key) (void)take(*store, key);
    store = nullptr;
    reclaim_all();
    CHECK(all(*snapshot, 100).size() == 5000);
    CHECK(find(*snapshot, 17) == row(17));
    snapshot = nullptr;
    reclaim_all();
    CHECK(detail::retired_bytes() == 0);
}

TEST_CASE("a range of an ordered store is read and nothing else") {
    auto store = make_ordered_store(1);
    for (std::int64_t i = 0; i < 4000; ++i) insert(*store, tuple(tuple(i % 40, i), i));
    insert(*store, tuple(7, "before"));
    insert(*store, tuple(tuple(1, 2, 3), "behind"));
    for (std::int64_t wanted : {0, 17, 39, 40}) {
        struct call_count {
            std::int64_t wanted;
            int calls = 0;
        } count{wanted};
        scan_from from;
        from.context = &count;
        from.where = [](const void* context, const term& key) {
            ++const_cast<call_count*>(static_cast<const call_count*>(context))->calls;
            return first_is(context, key);
        };
        auto up = all(*store, 30, from);
        from.reverse = true;
        auto down = all(*store, 30, from);
        CHECK(count.calls < 400);
        REQUIRE(up.size() == (wanted < 40 ? 100 : 0));
        for (std::size_t i = 0; i < up.size(); ++i)
            CHECK(up[i].elements()[1] == std::int64_t(wanted + 40 * std::int64_t(i)));
        CHECK(down == reversed(up));
    }
}

TEST_CASE("a scan that begins after a key before its range begins with the range") {
    auto store = make_ordered_store(1);
    for (std::int64_t i = 0; i < 300; ++i) insert(*store, tuple(tuple(i / 100, i), i));
    std::int64_t wanted = 1;
    auto low = tuple(0, 5), high = tuple(2, 250);
    read_section reading;
    std::vector<term> found;
    CHECK(store->scan({&low, first_is, &wanted}, 1, found));
    CHECK(store->scan({&high, first_is, &wanted, true}, 1, found));
    CHECK(found == std::vector<term>{tuple(tuple(1, 100), 100), tuple(tuple(1, 199), 199)});
}

TEST_CASE("an update of an ordered store sees the row, and may put one in") {
    auto store = make_ordered_store(1);
    read_section reading;
    auto next = [](void*, const beam::ets::row* r) -> std::optional<term> {
        return r ? tuple(r->elements()[0], *r->elements()[1].as_int64() + 1) : tuple(5, 0);
    };
    CHECK(store->update(5, next, nullptr));
    CHECK(store->update(5.0, next, nullptr));
    CHECK(find(*store, 5) == tuple(5, 1));
    auto none = [](void*, const beam::ets::row*) -> std::optional<term> { return {}; };
    CHECK_FALSE(store->update(5, none, nullptr));
    CHECK_FALSE(store->update(6, none, nullptr));
    auto other = [](void*, const beam::ets::row*) -> std::optional<term> { return tuple(6, 0); };
    CHECK(test::badarg([&] { (void)store->update(5, other, nullptr); }));
    auto no_row = [](void*, const beam::ets::row*) -> std::optional<term> { return 5; };
    CHECK(test::badarg([&] { (void)store->update(5, no_row, nullptr); }));
    auto thrown = [](void*, const beam::ets::row*) -> std::optional<term> { throw 1; };
    CHECK_THROWS_AS((void)store->update(5, thrown, nullptr), int);
    CHECK(all(*store, 10) == std::vector<term>{tuple(5, 1)});
}

TEST_CASE("an update of an ordered store runs again when its row was changed meanwhile") {
    auto store = make_ordered_store(1);
    insert(*store, row(1));
    struct call {
        table_store& store;
        int calls = 0;
    } c{*store};
    read_section reading;
    CHECK(store->update(
        1,
        [](void* context, const beam::ets::row* r) -> std::optional<term> {
            auto& its = *static_cast<call*>(context);
            if (++its.calls == 1) its.store.insert(tuple(1, 10));
            return tuple(1, *r->elements()[1].as_int64() + 1);
        },
        &c));
    CHECK(c.calls == 2);
    CHECK(find(*store, 1) == tuple(1, 11));
}

TEST_CASE("integers of a row of an ordered store are changed at once, or not at all") {
    auto store = make_ordered_store(2);
    read_section reading;
    auto add = [](void*, std::int64_t* values) {
        ++values[0];
        values[1] *= 2;
        return true;
    };
    auto refuse = [](void*, std::int64_t* values) {
        values[0] = 99;
        return false;
    };
    auto large = std::int64_t(1) << 62;  // not a small integer any more
    insert(*store, tuple("x", "key", 1, large / 2, 3.0));
    CHECK(store->update_integers("key", 3, 2, add, nullptr) == integers_result::done);
    CHECK(store->update_integers("key", 3, 1, refuse, nullptr) == integers_result::refused);
    CHECK(store->update_integers("no", 3, 1, add, nullptr) == integers_result::absent);
    CHECK(store->update_integers("key", 4, 2, add, nullptr) == integers_result::no_integer);
    CHECK(store->update_integers("key", 5, 2, add, nullptr) == integers_result::no_integer);
    CHECK(find(*store, "key") == tuple("x", "key", 2, large, 3.0));
}

TEST_CASE("ETS-12: a list of new rows goes into an ordered store as a whole or not at all") {
    auto store = make_ordered_store(1);
    for (auto key : shuffled(1000, 1)) insert(*store, row(2 * key));
    auto before = all(*store, 1000);
    auto bytes = store->bytes();
    std::vector<term> odd;
    for (auto key : shuffled(1000, 2)) odd.push_back(row(2 * key + 1));
    auto with_one = odd;
    with_one.push_back(row(500));
    read_section reading;
    CHECK_FALSE(store->insert_all(with_one, true));
    CHECK(all(*store, 1000) == before);
    CHECK(store->bytes() == bytes);
    CHECK(store->insert_all(odd, true));
    CHECK(store->size() == 2000);
    CHECK(all(*store, 64).size() == 2000);
}

TEST_CASE("ETS-15: of two rows of a list with one key the last stays in an ordered store") {
    auto store = make_ordered_store(1);
    read_section reading;
    const term list[] = {tuple(1, "a"), tuple(2, "b"), tuple(1.0, "c")};
    CHECK(store->insert_all(list, true));
    CHECK(all(*store, 10) == std::vector<term>{tuple(1.0, "c"), tuple(2, "b")});
}

TEST_CASE("an ordered store fills its leaves, and packs integers that are close together") {
    struct {
        std::int64_t step;
        double in_order_max, random_max;
    } kinds[] = {{1, 9.5, 12}, {std::int64_t(1) << 30, 17, 21.5}};
    for (auto [step, in_order_max, random_max] : kinds) {
        CAPTURE(step);
        auto mixed = make_ordered_store(1), up = make_ordered_store(1),
             down = make_ordered_store(1);
        for (auto key : shuffled(30'000, 1)) insert(*mixed, row(key * step));
        for (std::int64_t key = 0; key < 30'000; ++key) insert(*up, row(key * step));
        for (std::int64_t key = 30'000; key > 0; --key) insert(*down, row(key * step));
        CHECK(tree_bytes_a_row(*mixed) < random_max);
        CHECK(tree_bytes_a_row(*up) < in_order_max);
        CHECK(tree_bytes_a_row(*down) < in_order_max);
    }
}

TEST_CASE("an ordered store gives memory back as rows go") {
    for (auto way : {0, 1, 2}) {
        CAPTURE(way);
        auto store = make_ordered_store(1);
        auto empty = store->bytes();
        for (auto key : shuffled(20'000, 1)) insert(*store, row(key));
        auto full = store->bytes() - empty;
        auto keys = shuffled(20'000, 2);
        if (way == 1) std::sort(keys.begin(), keys.end());
        if (way == 2) std::sort(keys.rbegin(), keys.rend());
        for (std::size_t i = 0; i < 18'000; ++i) REQUIRE(take(*store, keys[i]));
        CHECK(store->bytes() - empty < full / 6);
        for (std::size_t i = 18'000; i < 20'000; ++i) REQUIRE(take(*store, keys[i]));
        CHECK(store->bytes() == empty);
        reclaim_all();
        CHECK(detail::retired_bytes() == 0);
    }
}

TEST_CASE("an ordered store holds one reference to a row, and lets it go") {
    auto r = tuple(tuple(1, "key"), "value");
    auto key = r.elements()[0];
    auto row_at_rest = references(r), key_at_rest = references(key);
    {
        auto store = make_ordered_store(1);
        insert(*store, r);
        CHECK(references(r) == row_at_rest + 1);
        insert(*store, r);
        reclaim_all();
        CHECK(references(r) == row_at_rest + 1);
        // Many others, so that the key separates nodes for a while.
        for (std::int64_t i = 0; i < 500; ++i) insert(*store, tuple(tuple(1, i), i));
        for (std::int64_t i = 0; i < 500; ++i) (void)take(*store, tuple(1, i));
        (void)take(*store, key);
        reclaim_all();
        CHECK(references(r) == row_at_rest);
        CHECK(references(key) == key_at_rest);
        insert(*store, r);
        auto snapshot = store->snapshot();
        (void)take(*store, key);
        CHECK(references(r) > row_at_rest);
        snapshot = nullptr;
        insert(*store, r);
    }
    reclaim_all();
    CHECK(references(r) == row_at_rest);
    CHECK(references(key) == key_at_rest);
}

TEST_CASE("a large ordered store that goes is freed a part at a time") {
    auto store = make_ordered_store(1);
    for (auto key : shuffled(40'000, 1)) insert(*store, row(key));
    reclaim_all();
    store = nullptr;
    (void)detail::reclaim_now();
    auto left = detail::retired_bytes();
    CHECK(left > 0);
    (void)detail::reclaim_now();
    CHECK(detail::retired_bytes() < left);
    reclaim_all();
    CHECK(detail::retired_bytes() == 0);
}
