// A shard's data on disk, with what is not committed yet, with each engine.
#include <set>

#include "tests/unit/tools_kv_app/disk_world.hpp"

using namespace disk_test;

STORE_TEST("what is not committed yet is read over what is on disk, until it is there") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        for (const char* key : {"b", "d", "f", "h"}) co_await w.put(key, "old");
        w.stage(w.written({{"a", "new", 0}, {"d", "new", 0}, {"f", std::nullopt, 0}}));
        w.stage(w.written({{"i", "new", 0}, {"b", std::nullopt, 0}, {"b", "again", 0}}));
        const std::string all = "a=new b=again d=new h=old i=new end";
        CHECK(bytes_at(w.disk, "f") == "none");
        CHECK(bytes_at(w.disk, "b") == "again");
        CHECK(scanned(w.disk) == all);
        CHECK(scanned(w.disk, range_of("", "b")) == "d=new h=old i=new end");
        CHECK(scanned(w.disk, range_of("d")) == "d=new end");
        CHECK(scanned(w.disk, range_of("d", "a")) == "d=new end");
        CHECK(scanned(w.disk, range_of("z")) == "end");
        // Page by page, one key each.
        std::string seen;
        kv::scan_range one = range_of("", {}, 1);
        for (int i = 0; i < 10; ++i) {
            const auto page = w.disk.scan(one, 0);
            for (const auto& [key, v] : page.items) seen += key + "=" + v.bytes + " ";
            if (page.is_end) break;
            one.after = page.last;
        }
        CHECK(seen + "end" == all);
        // All of it is in the pieces of a snapshot.
        std::string pieces;
        std::optional<std::string> after;
        for (bool is_last = false; !is_last;) {
            auto piece = w.disk.items_after(after, 1);
            REQUIRE((piece.is_last || !piece.some.empty()));
            for (const auto& [key, v] : piece.some) pieces += key + "=" + v.bytes + " ";
            if (!piece.some.empty()) after = piece.some.back().first;
            is_last = piece.is_last;
        }
        for (const char* item : {"a=new ", "b=again ", "d=new ", "h=old ", "i=new "})
            CHECK(pieces.find(item) != std::string::npos);
        CHECK(pieces.find("f=") == std::string::npos);
        co_await w.write();
        CHECK(scanned(w.disk) == all);
        CHECK(scanned(world().disk) == all);
    });
}

STORE_TEST("keys that differ only far behind are each told once, whatever their order") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        std::set<std::string> keys{std::string(600, 'w')};
        co_await w.put(*keys.begin(), "v");
        for (int i = 0; i < 40; ++i) {
            const std::string key = std::string(600, 'x') + std::to_string(i * 7919 % 1000);
            keys.insert(key);
            if (i < 30)
                co_await w.put(key, "v");
            else
                w.stage(w.written({{key, "v", 0}}));
        }
        for (const std::size_t items : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            kv::scan_range r = range_of("", {}, items);
            std::set<std::string> seen;
            for (int pages = 0; pages < 100; ++pages) {
                const auto page = w.disk.scan(r, 0);
                for (const auto& [key, v] : page.items) CHECK(seen.insert(key).second);
                if (page.is_end) break;
                r.after = page.last;
            }
            CHECK(seen == keys);
        }
        std::set<std::string> in_pieces;
        std::optional<std::string> after;
        for (int pieces = 0; pieces < 100; ++pieces) {
            const auto piece = w.disk.items_after(after, 1500);
            for (const auto& [key, v] : piece.some) in_pieces.insert(key);
            if (piece.is_last) break;
            after = piece.some.back().first;
        }
        CHECK(in_pieces == keys);
    });
}

STORE_TEST("a batch that is committed leaves what a later one has put over it") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        w.stage(w.written({{"k", "1", 0}}));
        w.stage(w.written({{"k", "2", 0}}));
        auto first = store::write(store_name(), std::move(w.batches.front()));
        CHECK((co_await first).has_value());
        w.batches.erase(w.batches.begin());
        w.disk.committed(1);
        CHECK(bytes_at(w.disk, "k") == "2");
        co_await w.write();
        CHECK(bytes_at(w.disk, "k") == "2");
    });
}

STORE_TEST(
    "a scan counts, leaves out values, keeps to its bytes, and tells apart what has expired") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        for (int i = 0; i < 5; ++i)
            co_await w.put("k" + std::to_string(i), std::string(100, char('a' + i)),
                           i % 2 == 1 ? 1000 : 0);
        kv::scan_range r;
        r.what = kv::scan_range::kind::count;
        CHECK(w.disk.scan(r, 999).count == 5);
        const auto page = w.disk.scan(r, 1000);
        CHECK(page.count == 3);
        REQUIRE(page.expired.size() == 2);
        CHECK(page.expired[0].key == "k1");
        CHECK(page.expired[0].version == 2);
        r.what = kv::scan_range::kind::keys;
        CHECK(scanned(w.disk, r, 1000) == "k0= k2= k4= end");
        r.what = kv::scan_range::kind::items;
        r.bytes_max = 210;
        const auto two = w.disk.scan(r, 1000);
        CHECK(two.items.size() == 2);
        CHECK_FALSE(two.is_end);
        r.bytes_max = 1;  // one at least
        CHECK(w.disk.scan(r, 1000).items.size() == 1);
    });
}

STORE_TEST("keys are due when their time has come, and only if they have that time still") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        co_await w.put("early", "1", 1000);
        co_await w.put("late", "1", 2000);
        co_await w.put("longer", "1", 1000);
        co_await w.put("longer", "1", 9000);
        co_await w.put("gone", "1", 1000);
        auto removal = w.written({{"gone", std::nullopt, 0}});
        co_await w.change(std::move(removal));
        CHECK(w.disk.due(999, 100).looked_at == 0);
        auto due = w.disk.due(1000, 100);
        REQUIRE(due.expired.size() == 1);
        CHECK(due.expired[0].key == "early");
        CHECK(due.expired[0].version == 1);
        CHECK(due.looked_at == 3);
        CHECK(due.gone.size() == 2);
        auto tidying = store::write(store_name(), std::move(due.gone));
        CHECK((co_await tidying).has_value());
        CHECK(w.disk.due(1000, 100).looked_at == 1);
        CHECK(w.disk.due(5000, 100).expired.size() == 2);
        CHECK(w.disk.due(5000, 1).looked_at == 1);
        CHECK(w.disk.due(9000, 100).expired.size() == 3);
    });
}

STORE_TEST("a flipped bit in what a store gives is a spoilt disk, never a value") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        co_await w.put("k", "value");
        kv::checkpoint saved;
        saved.seq = 0;
        std::vector<kv::storage_change> checkpoint{saved};
        co_await w.change(std::move(checkpoint));
        std::size_t spoilt = 0;
        for (const char* database : {"data", "log", "meta"}) {
            const store::database db(store_name(), database);
            const auto page = store::scan(db, {});
            REQUIRE(page.has_value());
            for (const auto& [key, bytes] : page->items) {
                if (bytes.empty()) continue;
                for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
                    std::string flipped = bytes;
                    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << (bit % 8)));
                    auto spoiling = store::put(db, key, flipped);
                    CHECK((co_await spoiling).has_value());
                    CHECK_THROWS_AS(
                        [] {
                            world reader;
                            (void)reader.disk.get("k");
                        }(),
                        kv::spoilt_disk);
                    ++spoilt;
                }
                auto mending = store::put(db, key, bytes);
                CHECK((co_await mending).has_value());
            }
        }
        CHECK(spoilt > 50);
        CHECK(bytes_at(world().disk, "k") == "value");
        // A scan does not tell it either, nor does a snapshot.
        const store::database data(store_name(), "data");
        const auto page = store::scan(data, {});
        std::string bad = page->items.front().second;
        bad.back() = char(bad.back() ^ 1);
        auto spoiling = store::put(data, page->items.front().first, bad);
        CHECK((co_await spoiling).has_value());
        CHECK_THROWS_AS((void)scanned(w.disk), kv::spoilt_disk);
        CHECK_THROWS_AS((void)w.disk.items_after({}, 1000), kv::spoilt_disk);
    });
}
