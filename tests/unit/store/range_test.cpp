// Ranges of keys: scanned and erased.
#include <algorithm>
#include <map>
#include <random>

#include "tests/unit/store/world.hpp"

using namespace beam;

namespace {

using strings = std::vector<std::string>;
using model = std::map<std::string, std::string>;

strings keys_of(pid s, store::scan_options o) {
    strings keys;
    for (;;) {
        auto page = store::scan(s, o);
        REQUIRE(page.has_value());
        CHECK(page->items.size() <= o.limit);
        for (auto& [key, value] : page->items) keys.push_back(key);
        if (page->next.empty()) return keys;
        o.after = page->next;
    }
}

bool begins_with(const std::string& s, const std::string& prefix) {
    return s.compare(0, prefix.size(), prefix) == 0;
}

strings wanted(const model& m, const store::scan_options& o) {
    strings keys;
    for (const auto& [key, value] : m)
        if (begins_with(key, o.prefix) && key >= o.first && (o.last.empty() || key < o.last))
            keys.push_back(key);
    if (o.reverse) std::reverse(keys.begin(), keys.end());
    return keys;
}

std::string random_key(std::mt19937_64& random, std::size_t long_part) {
    std::string key;
    if (long_part > 0) key = std::string(long_part - random() % 3, 'l');
    const auto size = 1 + random() % 4;
    for (std::size_t i = 0; i < size; ++i)
        key +=
            "\x01\0"
            "ab\xff"[random() % 5];
    return key;
}

// Keys of up to 494 bytes are in order; longer ones of LMDB are all there, in whatever order.
void agree(pid s, const model& m, std::mt19937_64& random, std::size_t long_part) {
    const bool in_order = long_part < 490 || test::engine() != store::engine_type::lmdb;
    for (int i = 0; i < 200; ++i) {
        store::scan_options o;
        if (random() % 2) o.prefix = random_key(random, long_part).substr(0, random() % 600);
        if (random() % 2) o.first = random_key(random, long_part);
        if (random() % 2) o.last = random_key(random, long_part);
        o.reverse = random() % 2;
        o.limit = 1 + random() % 5;
        strings found = keys_of(s, o), want = wanted(m, o);
        if (!in_order) {
            std::sort(found.begin(), found.end());
            std::sort(want.begin(), want.end());
        }
        CHECK(found == want);
    }
}

}  // namespace

STORE_TEST("a scan keeps to its range, both ways, with a prefix and by pages") {
    for (const std::size_t long_part : {0, 300, 492, 600}) {
        CAPTURE(long_part);
        test::folder dir;
        test::in_node([&](self) -> awaitable<void> {
            const pid s = test::start(dir / "store");
            std::mt19937_64 random(long_part + 1);
            model m;
            store::batch b;
            for (int i = 0; i < 60; ++i) {
                const auto key = random_key(random, long_part);
                m[key] = "v";
                b.put(key, "v");
            }
            auto r = co_await store::write(s, std::move(b));
            CHECK(r.has_value());
            agree(s, m, random, long_part);
        });
    }
}

STORE_TEST("a range is erased, and what lies around it stays") {
    for (const std::size_t long_part : {0, 300, 492, 600}) {
        CAPTURE(long_part);
        test::folder dir;
        test::in_node([&](self) -> awaitable<void> {
            const pid s = test::start(dir / "store");
            std::mt19937_64 random(long_part + 1);
            model m;
            for (int round = 0; round < 30; ++round) {
                store::batch b;
                for (int i = 0; i < 20; ++i) {
                    if (i % 5 == 4) {
                        std::string first = random_key(random, long_part);
                        std::string last = random_key(random, long_part);
                        if (random() % 8 == 0) first.clear();
                        if (random() % 8 == 0) last.clear();
                        b.erase_range(first, last);
                        std::erase_if(m, [&](const auto& e) {
                            return e.first >= first && (last.empty() || e.first < last);
                        });
                    } else {
                        const auto key = random_key(random, long_part);
                        m[key] = std::to_string(round);
                        b.put(key, m[key]);
                    }
                }
                auto r = co_await store::write(s, std::move(b));
                CHECK(r.has_value());
                CHECK(store::count(s) == m.size());
                for (const auto& [key, value] : m)
                    CHECK(store::get(s, key).value() == std::optional(value));
            }
            agree(s, m, random, long_part);
        });
    }
}

STORE_TEST(
    "in a batch what follows sees what went before, and expectations see the batches before") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        // All in one commit or not: it must not matter.
        std::vector<store::write_future> writes;
        store::batch b;
        b.put("a1", "1").put("a2", "1").put("b", "1");
        writes.push_back(store::write(s, b));
        store::batch erased;
        erased.expect("a2", "1").erase_prefix("a").put("a1", "2");
        writes.push_back(store::write(s, erased));
        store::batch absent;
        absent.expect("a2", {}).expect("a1", "2").expect("b", "1").put("seen", "yes");
        writes.push_back(store::write(s, absent));
        store::batch all;
        all.erase_prefix("").put("left", "1");
        writes.push_back(store::write(s, all));
        store::batch last;
        last.expect("seen", {}).expect("left", "1").put("right", "1");
        writes.push_back(store::write(s, last));
        store::batch wrong;
        wrong.expect("left", "2").put("never", "1");
        writes.push_back(store::write(s, wrong));
        std::size_t answered = 0;
        for (auto& w : writes) {
            auto r = co_await w;
            CHECK(r.has_value() == (++answered < writes.size()));
            if (!r) CHECK(r.error().is("conflict"));
        }
        CHECK(keys_of(s, {}) == strings{"left", "right"});
    });
}

STORE_TEST("a database is made by a put, not by a look or an erasure") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        store::batch b;
        b.in("looked at").expect("k", {});
        b.in("erased").erase("k").erase_prefix("p");
        b.in("made").put("k", "v");
        auto r = co_await store::write(s, std::move(b));
        CHECK(r.has_value());
        CHECK(store::databases(s) == strings{"made"});
    });
}
