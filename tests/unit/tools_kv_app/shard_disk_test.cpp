// A shard's log, generations and leftovers on disk, with each engine: written, and read again by another life.
#include <random>

#include "tests/unit/tools_kv_app/disk_world.hpp"

using namespace disk_test;

STORE_TEST("an empty store has an empty shard") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        CHECK(w.stored.entries.empty());
        CHECK(w.stored.base == kv::log_point());
        CHECK(w.stored.applied_seq == 0);
        CHECK(w.stored.acted.epoch == 0);
        CHECK_FALSE(w.disk.get("k"));
        CHECK(scanned(w.disk) == "end");
        co_return;
    });
}

STORE_TEST(
    "another life finds the log, the data, the record and the checkpoint as they were left") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        co_await w.put("a", "1");
        co_await w.put("b", "2", 5000);
        auto all = w.written({{"a", std::nullopt, 0}, {"c", "3", 0}});
        kv::shard_record acted{4, some_store(), {some_store()}};
        acted.past = {{{8, 8}, 2}};
        acted.past_from = 1;
        all.push_back(kv::save_record{acted});
        co_await w.change(std::move(all));
        // Prepared only.
        w.epoch = 2;
        const kv::entry prepared = w.entry_of({{"d", "4", 0}});
        w.log.append(prepared);
        std::vector<kv::storage_change> append{kv::append_log{prepared}};
        co_await w.change(std::move(append));

        world again;
        CHECK(again.stored.applied_seq == 3);
        REQUIRE(again.stored.entries.size() == 4);
        CHECK(again.stored.entries.back() == prepared);
        CHECK(again.stored.acted == acted);
        CHECK(again.stored.acted.past_from == 1);
        REQUIRE(again.stored.acted.past.size() == 1);
        CHECK(again.stored.acted.past.front().epoch == 2);
        CHECK(bytes_at(again.disk, "a") == "none");
        CHECK(again.disk.get("b") == kv::value{"2", 2, 5000});
        CHECK(again.disk.get("c") == kv::value{"3", 3, 0});
        CHECK(bytes_at(again.disk, "d") == "none");

        kv::checkpoint saved;
        saved.seq = 3;
        saved.log = again.log.shape();
        saved.installed = 12;
        saved.reflects = {1, 2};
        for (const kv::entry& e : again.stored.entries)
            if (e.at.seq <= 3) saved.requests.apply(e);
        std::vector<kv::storage_change> checkpoint{saved};
        co_await again.change(std::move(checkpoint));
        world third;
        CHECK(third.stored.saved == saved);
        REQUIRE(third.stored.entries.size() == 1);
        CHECK(third.stored.entries.front() == prepared);
        CHECK(third.stored.acted == acted);
        CHECK(world(number + 1).stored.entries.empty());
    });
}

STORE_TEST("in which epoch it wrote for clients last is on the disk with what it wrote") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        const auto saved = [](std::uint64_t epoch) {
            return kv::save_record{{epoch, some_store(), {some_store()}}};
        };
        const auto is_written_in = [&](std::uint64_t epoch) {
            const kv::past_lead found = world().disk.written_on_disk();
            return found.epoch == epoch && (epoch == 0 || found.store == some_store());
        };
        // What a term begins with is no client's, and what it got before it led is another's.
        w.epoch = 3;
        co_await w.put("others", "1");
        w.epoch = 4;
        kv::entry first = w.entry_of({});
        first.id = {};
        w.log.append(first);
        w.log.mark_applied();
        std::vector<kv::storage_change> begin{saved(4), kv::append_log{first},
                                              kv::apply_entry{first}};
        co_await w.change(std::move(begin));
        CHECK(is_written_in(0));
        CHECK(world().disk.last_on_disk().epoch == 4);
        CHECK(world().disk.asked_in_on_disk() == 3);
        co_await w.put("own", "1");
        CHECK(is_written_in(4));
        CHECK(world().disk.asked_in_on_disk() == 4);
        // It goes on in the next epoch, with the record first.
        w.epoch = 5;
        auto more = w.written({{"own", "2", 0}});
        more.insert(more.begin(), saved(5));
        co_await w.change(std::move(more));
        CHECK(is_written_in(5));

        // Neither another's entries nor the log's end change it, nor a term in which nothing came.
        w.epoch = 6;
        co_await w.put("others", "2");
        std::vector<kv::storage_change> drop{kv::drop_log{w.log.last()}};
        w.log.drop_to(w.log.last().seq);
        co_await w.change(std::move(drop));
        CHECK(is_written_in(5));
        w.log = kv::shard_log({7, 40}, 40, {});
        std::vector<kv::storage_change> install{kv::install_staged{2, {7, 40}}, saved(8)};
        co_await w.change(std::move(install));
        CHECK(is_written_in(5));
        CHECK(world().stored.acted.epoch == 8);
        CHECK(world().disk.asked_in_on_disk() == 7);
        // It reads back so far and no farther.
        w.epoch = 9;
        for (int i = 0; i < 300; ++i) {
            if (i == 200) {
                co_await w.write();
                CHECK(world().disk.asked_in_on_disk() == 7);
                w.epoch = 10;
            }
            kv::entry own = w.entry_of({});
            own.id = {};
            w.log.append(own);
            w.stage({kv::append_log{own}});
        }
        co_await w.write();
        CHECK(world().disk.asked_in_on_disk() == 9);
    });
}

STORE_TEST("what a store says of a shard that does not run is what was left on its disk") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        CHECK(shard_disk::shards_on_disk(store_name()).empty());
        const shard_disk none(store_name(), 1);
        CHECK(none.last_on_disk() == kv::log_point());
        CHECK(none.record_on_disk().epoch == 0);

        world w, other(number + 1);
        co_await w.put("a", "1");
        co_await other.put("a", "1");
        const kv::shard_record acted{6, some_store(), {some_store()}};
        std::vector<kv::storage_change> all{kv::save_record{acted}};
        co_await w.change(std::move(all));
        CHECK(shard_disk::shards_on_disk(store_name()) ==
              std::vector<std::uint32_t>{number, number + 1});
        const shard_disk left(store_name(), number);
        CHECK(left.last_on_disk() == kv::log_point{1, 1});
        CHECK(left.record_on_disk() == acted);
        CHECK(shard_disk(store_name(), number + 1).record_on_disk().epoch == 0);
    });
}

STORE_TEST("data that has more than the log leads to is told, until the log has come so far") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        const auto append_one = [&w] {
            const kv::entry e = w.entry_of({{"key", "value", 0}});
            w.log.append(e);
            std::vector<kv::storage_change> append{kv::append_log{e}};
            return w.change(std::move(append));
        };
        CHECK_FALSE(w.disk.is_ahead_on_disk());
        kv::checkpoint c;
        c.reflects = {1, 3};
        std::vector<kv::storage_change> change{c};
        co_await w.change(std::move(change));
        CHECK(w.disk.is_ahead_on_disk());
        for (int i = 0; i < 2; ++i) co_await append_one();
        CHECK(shard_disk(store_name(), number).is_ahead_on_disk());
        co_await append_one();
        CHECK_FALSE(shard_disk(store_name(), number).is_ahead_on_disk());
        // Another entry in that place is none that the data has.
        w.log.cut(3);
        std::vector<kv::storage_change> cut{kv::cut_log{3}};
        co_await w.change(std::move(cut));
        w.epoch = 2;
        co_await append_one();
        CHECK(shard_disk(store_name(), number).is_ahead_on_disk());
    });
}

STORE_TEST("a cut takes the log's end, a drop its beginning; neither touches the data") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w, neighbour(number + 1);
        co_await neighbour.put("n", "1");
        for (int i = 1; i <= 6; ++i) co_await w.put("k" + std::to_string(i), std::to_string(i));
        for (int i = 7; i <= 9; ++i) {
            const kv::entry e = w.entry_of({{"p", std::to_string(i), 0}});
            w.log.append(e);
            std::vector<kv::storage_change> append{kv::append_log{e}};
            co_await w.change(std::move(append));
        }
        w.log.cut(8);
        std::vector<kv::storage_change> cut{kv::cut_log{8}};
        co_await w.change(std::move(cut));
        co_await w.drop_to(2);

        CHECK(w.disk.entries_from(1, 10, 1 << 20).empty());
        CHECK(w.disk.entries_from(3, 10, 1 << 20).size() == 5);
        CHECK(w.disk.entries_from(3, 2, 1 << 20).size() == 2);
        CHECK(w.disk.entries_from(3, 10, 1).size() == 1);
        CHECK(w.disk.entries_from(8, 10, 1 << 20).empty());
        world again;
        CHECK(again.stored.base == kv::log_point{1, 2});
        CHECK(again.stored.applied_seq == 6);
        CHECK(again.stored.entries.size() == 1);
        CHECK(again.log.last().seq == 7);
        CHECK(bytes_at(again.disk, "k1") == "1");
        CHECK(bytes_at(again.disk, "p") == "none");
        world beside(number + 1);
        CHECK(beside.stored.entries.size() == 1);
        CHECK(bytes_at(beside.disk, "n") == "1");
    });
}

STORE_TEST(
    "what is applied rides with the log's last entry, and is written alone where there is none") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        const auto written_state = [] {
            kv::byte_writer key;
            key.fixed16(number);
            key.raw("state");
            const auto found = store::get(store::database(store_name(), "meta"), key.bytes());
            REQUIRE(found.has_value());
            return found->value_or("none");
        };
        world w;
        co_await w.put("a", "1");
        const std::string first = written_state();
        CHECK(first != "none");
        co_await w.put("b", "2");
        co_await w.put("c", "3");
        CHECK(written_state() == first);
        CHECK(world().stored.applied_seq == 3);

        // Prepared, and applied later without another entry.
        const kv::entry next = w.entry_of({{"d", "4", 0}});
        w.log.append(next);
        std::vector<kv::storage_change> append{kv::append_log{next}};
        co_await w.change(std::move(append));
        CHECK(written_state() == first);
        CHECK(world().stored.applied_seq == 3);
        w.log.mark_applied();
        std::vector<kv::storage_change> apply{kv::apply_entry{next}};
        co_await w.change(std::move(apply));
        CHECK(written_state() != first);
        CHECK(world().stored.applied_seq == 4);

        // The last entry, which said what is applied, is cut off; and once more in the life after.
        for (const bool in_another_life : {false, true}) {
            co_await w.put("e", "5");
            const kv::entry last = w.entry_of({{"f", "6", 0}});
            w.log.append(last);
            std::vector<kv::storage_change> prepare{kv::append_log{last}};
            co_await w.change(std::move(prepare));
            world next_life;
            world& who = in_another_life ? next_life : w;
            who.log.cut(last.at.seq);
            std::vector<kv::storage_change> cut{kv::cut_log{last.at.seq}};
            co_await who.change(std::move(cut));
            world again;
            CHECK(again.stored.applied_seq == last.at.seq - 1);
            CHECK(again.log.last().seq == last.at.seq - 1);
            CHECK(bytes_at(again.disk, "e") == "5");
            w.log.cut(again.log.last().seq + 1);
        }
    });
}

STORE_TEST(
    "what was staged takes the place of the data in one step, and what another left is dropped") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        co_await w.put("old", "1", 1000);
        const auto item = [](const char* key, std::uint64_t version) {
            return std::pair<std::string, kv::value>(key, {"staged", version, 0});
        };
        std::vector<kv::storage_change> left{kv::stage_items{1, true, {item("left", 4)}}};
        co_await w.change(std::move(left));
        std::vector<kv::storage_change> first{kv::stage_items{2, true, {item("a", 5)}}};
        co_await w.change(std::move(first));
        std::vector<kv::storage_change> second{kv::stage_items{2, false, {item("b", 6)}}};
        co_await w.change(std::move(second));
        CHECK(scanned(w.disk) == "old=1 end");
        CHECK(scanned(world().disk) == "old=1 end");

        w.log = kv::shard_log({3, 40}, 40, {});
        w.epoch = 3;
        std::vector<kv::storage_change> install{kv::install_staged{2, {3, 40}}};
        w.stage(std::move(install));
        co_await w.write();
        for (int life = 0; life < 2; ++life) {
            world again;
            CHECK(scanned(again.disk) == "a=staged b=staged end");
            CHECK(again.disk.get("b")->version == 6);
            CHECK(again.stored.base == kv::log_point{3, 40});
            CHECK(again.stored.applied_seq == 40);
            CHECK(again.stored.entries.empty());
            CHECK(again.disk.due(5000, 10).looked_at == 0);
        }
        co_await w.put("new", "1");
        CHECK(scanned(w.disk) == "a=staged b=staged new=1 end");
    });
}

STORE_TEST("an erased copy is over for the next life, and all of it goes away in steps") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w, neighbour(number + 1), before(number - 1);
        co_await neighbour.put("n", "1", 1000);
        co_await before.put("n", "1", 1000);
        std::vector<kv::change> many;
        for (std::size_t i = 0; i < 2 * shard_disk::step_keys; ++i)
            many.push_back({(i % 2 == 0 ? "k" : std::string(600, 'x')) + std::to_string(i), "v",
                            i % 3 == 0 ? 1000 : 0});
        auto all = w.written(std::move(many));
        const kv::shard_record acted{4, some_store(), {some_store()}};
        all.push_back(kv::save_record{acted});
        all.push_back(kv::stage_items{1, true, {{"half", {"staged", 4, 0}}}});
        co_await w.change(std::move(all));
        CHECK(world().stored.has_staged);
        CHECK_FALSE(w.disk.is_erased_on_disk());

        w.log = kv::shard_log();
        kv::checkpoint nothing;
        nothing.installed = 12;
        std::vector<kv::storage_change> erase{kv::erase_copy{}, nothing};
        co_await w.change(std::move(erase));
        CHECK(scanned(w.disk) == "end");
        world again;
        CHECK(again.stored.base == kv::log_point());
        CHECK(again.stored.entries.empty());
        CHECK(again.stored.applied_seq == 0);
        CHECK_FALSE(again.stored.has_staged);
        CHECK(again.stored.saved == nothing);
        CHECK(again.stored.acted == acted);
        CHECK(scanned(again.disk) == "end");
        CHECK(again.disk.due(5000, 10).looked_at == 0);
        CHECK(again.disk.is_erased_on_disk());
        CHECK(again.disk.last_on_disk() == kv::log_point());

        // In a later life, too.
        CHECK(again.disk.is_anything_on_disk());
        std::size_t steps = 0;
        while (auto some = again.disk.next_leftovers()) {
            auto writing = store::write(store_name(), *std::move(some));
            CHECK((co_await writing).has_value());
            ++steps;
        }
        CHECK(steps > 1);
        CHECK_FALSE(again.disk.is_anything_on_disk());
        CHECK_FALSE(again.disk.next_leftovers());
        for (const char* database : {"data", "due", "log"}) {
            const auto left = store::scan(store::database(store_name(), database), {});
            REQUIRE(left.has_value());
            CHECK(left->items.size() == 2);  // the neighbours'
        }
        CHECK(bytes_at(world(number + 1).disk, "n") == "1");
        CHECK(bytes_at(world(number - 1).disk, "n") == "1");

        // It is filled anew as any other.
        std::vector<kv::storage_change> fill{kv::stage_items{20, true, {{"a", {"new", 30, 0}}}}};
        co_await again.change(std::move(fill));
        CHECK(again.disk.is_erased_on_disk());
        again.log = kv::shard_log({6, 30}, 30, {});
        std::vector<kv::storage_change> install{kv::install_staged{20, {6, 30}}};
        co_await again.change(std::move(install));
        CHECK_FALSE(again.disk.is_erased_on_disk());
        CHECK(scanned(world().disk) == "a=new end");
        CHECK(world().stored.base == kv::log_point{6, 30});
    });
}

STORE_TEST("what a snapshot replaced goes away in steps") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w;
        co_await w.put("old", "1", 1000);
        std::vector<kv::storage_change> staged{kv::stage_items{2, true, {{"a", {"new", 5, 0}}}}};
        co_await w.change(std::move(staged));
        CHECK_FALSE(w.disk.next_leftovers());
        w.log = kv::shard_log({3, 40}, 40, {});
        std::vector<kv::storage_change> install{kv::install_staged{2, {3, 40}}};
        co_await w.change(std::move(install));
        auto some = w.disk.next_leftovers();
        REQUIRE(some.has_value());
        auto writing = store::write(store_name(), *std::move(some));
        CHECK((co_await writing).has_value());
        const auto left = store::scan(store::database(store_name(), "data"), {});
        REQUIRE(left.has_value());
        CHECK(left->items.size() == 1);
        CHECK(store::scan(store::database(store_name(), "due"), {})->items.empty());
        CHECK(scanned(w.disk) == "a=new end");
    });
}

STORE_TEST("any changes, in any order, leave what a map has") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        for (std::uint64_t seed = 1; seed <= 8; ++seed) {
            std::mt19937_64 random(seed);
            const auto shard = std::uint32_t(100 + seed);
            std::map<std::string, kv::value> model;
            const std::size_t kept_back = seed % 3 * 1500;
            auto w = std::make_unique<world>(shard, kept_back);
            for (int step = 0; step < 120; ++step) {
                const auto what = random() % 11;
                if (what < 7) {
                    std::vector<kv::change> changes;
                    for (auto n = random() % 3 + 1; n > 0; --n) {
                        // Some keys are longer than what an engine takes as a key.
                        const auto id = random() % 30;
                        std::string key = "k" + std::to_string(id);
                        if (id % 7 == 0) key += std::string(600, 'x');
                        kv::change c{key, std::to_string(random()), 0};
                        if (random() % 3 == 0) c.bytes.reset();
                        changes.push_back(std::move(c));
                    }
                    const std::uint64_t seq = w->log.last().seq + 1;
                    for (const kv::change& c : changes) {
                        model.erase(c.key);
                        if (c.bytes) model[c.key] = {*c.bytes, seq, 0};
                    }
                    w->stage(w->written(std::move(changes)));
                } else if (what < 9) {
                    co_await w->write();
                } else if (what == 9) {
                    w->stage_kept_back();
                } else {
                    co_await w->write();
                    const bool has_kept_back = w->disk.has_kept_back();
                    w = std::make_unique<world>(shard, kept_back);
                    CHECK((w->log.applied_seq() < w->log.last().seq) == has_kept_back);
                    w->apply_again();
                }
                std::map<std::string, kv::value> found;
                kv::scan_range r;
                r.items_max = random() % 10 + 1;
                for (bool is_end = false; !is_end;) {
                    const auto page = w->disk.scan(r, 0);
                    for (const auto& item : page.items) CHECK(found.insert(item).second);
                    is_end = page.is_end;
                    r.after = page.last;
                }
                REQUIRE_MESSAGE(found == model, "seed " << seed);
                for (const auto& [key, v] : model) REQUIRE(w->disk.get(key) == v);
            }
            co_await w->write();
        }
    });
}

STORE_TEST("what is kept back goes to the data when it is enough, and the log says how far it is") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        const auto on_disk = [](const char* key) {
            kv::byte_writer w;
            w.fixed16(number);
            w.fixed32(0);
            w.raw(key);
            const auto found = store::get(store::database(store_name(), "data"), w.bytes());
            return found && *found;
        };
        world w(number, 600);
        co_await w.put("b", "1");
        co_await w.put("a", "2", 1000);
        co_await w.put("b", "3");
        CHECK(w.disk.has_kept_back());
        CHECK_FALSE(on_disk("b"));
        CHECK(scanned(w.disk) == "a=2 b=3 end");
        CHECK(world().stored.applied_seq == 0);
        CHECK(world().log.last().seq == 3);

        // Too much for it.
        co_await w.put("c", std::string(300, 'x'));
        CHECK_FALSE(w.disk.has_kept_back());
        CHECK(on_disk("b"));
        CHECK(bytes_at(world().disk, "b") == "3");
        CHECK(world().disk.due(5000, 10).looked_at == 1);
        CHECK(world().stored.applied_seq == 4);

        // What overtakes a write on its way stays.
        auto erased = w.written({{"b", std::nullopt, 0}});
        w.stage(std::move(erased));
        w.stage_kept_back();
        auto again = w.written({{"b", "5", 0}});
        w.stage(std::move(again));
        co_await w.write();
        CHECK_FALSE(on_disk("b"));
        CHECK(bytes_at(w.disk, "b") == "5");
        CHECK(world().stored.applied_seq == 5);
        w.stage_kept_back();
        co_await w.write();
        CHECK(on_disk("b"));
        CHECK(world().stored.applied_seq == 6);
        CHECK_FALSE(w.disk.has_kept_back());
    });
}

STORE_TEST("what is kept back is due in its time, and once") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        const auto due = [](const world& w, std::int64_t now) {
            std::string all;
            for (const kv::expired_key& e : w.disk.due(now, 10).expired)
                all += e.key + "=" + std::to_string(e.version) + " ";
            return all;
        };
        world w(number, 10'000);
        co_await w.put("a", "1", 1000);
        co_await w.put("b", "2", 2000);
        co_await w.put("c", "3");
        CHECK(due(w, 999).empty());
        CHECK(due(w, 1000) == "a=1 ");
        CHECK(due(w, 2000) == "a=1 b=2 ");
        w.stage_kept_back();
        co_await w.write();
        CHECK(due(w, 2000) == "a=1 b=2 ");

        // Again with the same time, with another one, and for ever: the index has what was before.
        co_await w.put("a", "4", 1000);
        co_await w.put("b", "5", 3000);
        CHECK(due(w, 2000) == "a=4 ");
        CHECK(due(w, 3000) == "a=4 b=5 ");
        co_await w.put("a", "6");
        CHECK(due(w, 3000) == "b=5 ");
        CHECK(w.disk.due(3000, 10).gone.size() == 2);
    });
}

STORE_TEST(
    "what is not an entry takes along what is kept back, and another generation forgets it") {
    test::in_node([](self) -> awaitable<void> {
        const test::folder folder;
        open(folder / "s");
        world w(number, 10'000);
        for (const char* key : {"a", "b", "c"}) co_await w.put(key, "1");
        CHECK(world().stored.applied_seq == 0);
        co_await w.drop_to(2);
        CHECK(world().stored.applied_seq == 3);
        CHECK(scanned(world().disk) == "a=1 b=1 c=1 end");

        co_await w.put("d", "1");
        CHECK(w.disk.has_kept_back());
        std::vector<kv::storage_change> stage{kv::stage_items{1, true, {{"s", {"2", 9, 0}}}}};
        co_await w.change(std::move(stage));
        co_await w.put("e", "1");
        w.log = kv::shard_log({3, 40}, 40, {});
        w.epoch = 3;
        std::vector<kv::storage_change> install{kv::install_staged{1, {3, 40}}};
        co_await w.change(std::move(install));
        CHECK_FALSE(w.disk.has_kept_back());
        CHECK(scanned(w.disk) == "s=2 end");
        CHECK(scanned(world().disk) == "s=2 end");
        CHECK(world().stored.applied_seq == 40);
    });
}
