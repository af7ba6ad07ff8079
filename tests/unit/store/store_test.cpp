#include "libbeamcore/store/store.hpp"

#include <map>
#include <random>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/store/world.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

/// All keys with a prefix, by pages of `limit`.
std::vector<std::string> keys_of(const store::database& db, const std::string& prefix,
                                 std::size_t limit = 1000, bool reverse = false) {
    std::vector<std::string> keys;
    store::scan_options o;
    o.prefix = prefix;
    o.limit = limit;
    o.reverse = reverse;
    for (;;) {
        auto page = store::scan(db, o);
        REQUIRE(page.has_value());
        CHECK(page->items.size() <= limit);
        for (auto& [key, value] : page->items) keys.push_back(key);
        if (page->next.empty()) return keys;
        o.after = page->next;
    }
}

using strings = std::vector<std::string>;

}  // namespace

STORE_TEST("what was put is read, replaced and erased") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto none = store::get(s, "key");
        REQUIRE(none.has_value());
        CHECK_FALSE(none->has_value());
        auto r = co_await store::put(s, "key", "value");
        CHECK(r.has_value());
        auto value = store::get(s, "key");
        CHECK(value.value() == std::optional<std::string>("value"));
        r = co_await store::put(s, "key", std::string("other\0value", 11));
        CHECK(r.has_value());
        CHECK(store::get(s, "key").value() ==
              std::optional<std::string>(std::string("other\0value", 11)));
        r = co_await store::put(s, "empty", "");
        CHECK(r.has_value());
        CHECK(store::get(s, "empty").value() == std::optional<std::string>(""));
        r = co_await store::erase(s, "key");
        CHECK(r.has_value());
        r = co_await store::erase(s, "never there");
        CHECK(r.has_value());
        CHECK_FALSE(store::get(s, "key")->has_value());
        r = co_await store::put(s, "", "value");
        REQUIRE_FALSE(r);
        CHECK(r.error().is("key_empty"));
        CHECK_FALSE(store::get(s, "").has_value());
    });
}

STORE_TEST("values are there again in the next life") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::put(store::database(s, "rooms"), "general", "hello");
        CHECK(r.has_value());
    });
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        CHECK(store::get(store::database(s, "rooms"), "general").value() ==
              std::optional<std::string>("hello"));
        CHECK(store::databases(s) == strings{"rooms"});
        co_return;
    });
}

STORE_TEST("a store is found by its name, and databases of one store are apart") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        store::open_options o;
        o.name = atom("test_store");
        test::start(dir / "store", o);
        store::database a(atom("test_store"), "a"), b(atom("test_store"), "b");
        auto r = co_await store::put(a, "k", "in a");
        CHECK(r.has_value());
        r = co_await store::put(b, "k", "in b");
        CHECK(r.has_value());
        CHECK(store::get(a, "k").value() == std::optional<std::string>("in a"));
        CHECK(store::get(b, "k").value() == std::optional<std::string>("in b"));
        CHECK(store::databases(atom("test_store")) == strings{"a", "b"});
        CHECK(store::count(a) == 1);
        CHECK(store::count(store::database(atom("test_store"), "never made")) == 0);
        auto taken = store::start_link(dir / "other", o);
        REQUIRE_FALSE(taken);
        CHECK(to_string(taken.error()) == "{name_taken,test_store}");
        auto bad = co_await store::put(store::database(atom("test_store"), std::string(500, 'n')),
                                       "k", "v");
        REQUIRE_FALSE(bad);
        CHECK(bad.error().is("bad_database"));
    });
}

TEST_CASE("there is no store where there is none") {
    test::in_node([](self) -> awaitable<void> {
        store::database nowhere(atom("no_such_store"));
        auto r = co_await store::put(nowhere, "k", "v");
        REQUIRE_FALSE(r);
        CHECK(r.error().is("noproc"));
        auto g = store::get(nowhere, "k");
        REQUIRE_FALSE(g);
        CHECK(g.error().is("noproc"));
    });
}

STORE_TEST("a file is opened once in an OS process, and can be opened when its store has ended") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        self.trap_exit(true);
        const pid s = test::start(dir / "store");
        auto twice = store::start_link(dir / "store");
        REQUIRE_FALSE(twice);
        CHECK(twice.error().elements()[0] == atom("already_open"));
        // By another path, too.
        std::filesystem::create_directory_symlink(dir / "store", dir / "link");
        auto by_link = store::start_link(dir / "link");
        REQUIRE_FALSE(by_link);
        // By another node as well: the limit is the OS process's.
        for (int i = 0; i < 10; ++i) {
            auto r = co_await store::put(s, "k" + std::to_string(i), "v");
            CHECK(r.has_value());
        }
        pid running = s;
        for (term reason : {term(atoms::kill), term(atoms::shutdown), term(atom("crash"))}) {
            exit(running, reason);
            auto e = co_await self.receive_if<exit_message>(
                [running](const exit_message& m) { return m.from == running; });
            CHECK(e.has_value());
            running = test::start(dir / "store");
            CHECK(store::count(running) == 10);
        }
    });
}

STORE_TEST("a thousand writers share few commits") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        constexpr int writers = 1000;
        for (int i = 0; i < writers; ++i)
            spawn_link(
                [](beam::self, pid kept, int n, pid parent) -> process {
                    const std::string key = "writer" + std::to_string(n);
                    auto r = co_await store::put(kept, key, std::to_string(n));
                    auto mine = store::get(kept, key);
                    beam::send(parent, r && mine && *mine == std::to_string(n));
                },
                s, i, self.id());
        int good = 0;
        for (int i = 0; i < writers; ++i) good += co_await self.receive<bool>() ? 1 : 0;
        CHECK(good == writers);
        CHECK(store::count(s) == writers);
        auto info = store::info(s);
        REQUIRE(info.has_value());
        CHECK(info->requests == writers);
        CHECK(info->commits < writers / 4);
        CHECK(info->largest_commit > 4);
        MESSAGE(info->commits, " commits, the largest of ", info->largest_commit);
    });
}

STORE_TEST("one process may have many writes under way") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        std::vector<store::write_future> writes;
        for (int i = 0; i < 500; ++i)
            writes.push_back(store::put(s, "k" + std::to_string(i), std::to_string(i)));
        int good = 0;
        for (auto& w : writes) {
            auto r = co_await w;
            good += r ? 1 : 0;
        }
        CHECK(good == 500);
        CHECK(store::info(s)->commits < 100);
    });
}

STORE_TEST("a batch is done all or not at all") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        store::batch b;
        b.put("a", "1").put("b", "2").in("index").put("1", "a").put("2", "b");
        CHECK(b.size() == 4);
        auto r = co_await store::write(s, std::move(b));
        CHECK(r.has_value());
        CHECK(store::get(s, "b").value() == std::optional<std::string>("2"));
        CHECK(store::get(store::database(s, "index"), "2").value() ==
              std::optional<std::string>("b"));

        store::batch wrong;
        wrong.put("a", "changed").expect("b", "not this").erase("b");
        r = co_await store::write(s, std::move(wrong));
        REQUIRE_FALSE(r);
        CHECK(r.error().is("conflict"));
        CHECK(r.error().detail == "b");
        CHECK(store::get(s, "a").value() == std::optional<std::string>("1"));
        CHECK(store::get(s, "b").value() == std::optional<std::string>("2"));

        store::batch right;
        right.expect("a", "1")
            .expect("c", std::nullopt)
            .put("a", "3")
            .erase("b")
            .put("c", "4")
            .erase("c");
        r = co_await store::write(s, std::move(right));
        CHECK(r.has_value());
        CHECK(keys_of(s, "") == strings{"a"});
        CHECK(store::get(s, "a").value() == std::optional<std::string>("3"));
    });
}

STORE_TEST("compare and swap tells what is there when it is something else") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::cas(s, "k", std::nullopt, "1");
        CHECK(r->swapped);
        r = co_await store::cas(s, "k", std::nullopt, "2");
        CHECK_FALSE(r->swapped);
        CHECK(r->actual == "1");
        r = co_await store::cas(s, "k", "1", "2");
        CHECK(r->swapped);
        r = co_await store::cas(s, "k", "2", std::nullopt);
        CHECK(r->swapped);
        r = co_await store::cas(s, "k", "2", "3");
        CHECK_FALSE(r->swapped);
        CHECK_FALSE(r->actual.has_value());
    });
}

STORE_TEST("of many who swap at once each increment counts") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto first = co_await store::put(s, "n", "0");
        CHECK(first.has_value());
        for (int i = 0; i < 10; ++i)
            spawn_link(
                [](beam::self, pid kept, pid parent) -> process {
                    for (int done = 0; done < 10;) {
                        auto now = store::get(kept, "n");
                        const std::string next = std::to_string(std::stoi(now->value()) + 1);
                        auto r = co_await store::cas(kept, "n", now->value(), next);
                        done += r->swapped ? 1 : 0;
                    }
                    beam::send(parent, true);
                },
                s, self.id());
        for (int i = 0; i < 10; ++i) (void)co_await self.receive<bool>();
        CHECK(store::get(s, "n").value() == std::optional<std::string>("100"));
    });
}

STORE_TEST("a scan gives the keys with a prefix in order, page by page, both ways") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        store::batch b;
        strings rooms;
        for (int i = 100; i < 200; ++i) {
            rooms.push_back("room:" + std::to_string(i));
            b.put(rooms.back(), "value " + std::to_string(i));
        }
        b.put("a", "").put("room", "").put("room;", "").put("z", "");
        b.put("\xff", "").put("\xff\xff", "last").put(std::string("\0first", 6), "");
        auto r = co_await store::write(s, std::move(b));
        CHECK(r.has_value());
        for (std::size_t limit : {1, 7, 100, 1000}) {
            CHECK(keys_of(s, "room:", limit) == rooms);
            CHECK(keys_of(s, "room:", limit, true) == strings(rooms.rbegin(), rooms.rend()));
        }
        CHECK(keys_of(s, "room:19", 3).size() == 10);
        CHECK(keys_of(s, "nothing") == strings{});
        CHECK(keys_of(s, "\xff", 1) == strings{"\xff", "\xff\xff"});
        CHECK(keys_of(s, "\xff", 1, true) == strings{"\xff\xff", "\xff"});
        CHECK(keys_of(s, "").size() == 107);
        CHECK(keys_of(s, "", 10, true).front() == "\xff\xff");

        store::scan_options o;
        o.prefix = "room:";
        o.bytes_max = 50;
        auto page = store::scan(s, o);
        CHECK(page->items.size() < 5);
        CHECK(page->items[0].second == "value 100");
        o.keys_only = true;
        page = store::scan(s, o);
        CHECK(page->items[0].second.empty());

        auto gone = co_await store::erase_prefix(s, "room:");
        CHECK(gone.has_value());
        CHECK(keys_of(s, "room") == strings{"room", "room;"});
        gone = co_await store::erase_prefix(s, "");
        CHECK(gone.has_value());
        CHECK(store::count(s) == 0);
    });
}

STORE_TEST("keys longer than LMDB allows work, and are found by prefix") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        std::map<std::string, std::string> model;
        const std::string base(480, 'k');
        for (std::size_t n : {480, 493, 494, 495, 496, 510, 511, 512, 513, 2000, 100'000}) {
            for (char last : {'a', 'b'}) {
                std::string key = base + std::string(n - base.size(), 'x');
                key.back() = last;
                model[key] = std::to_string(n) + last;
            }
        }
        for (const auto& [key, value] : model) {
            auto r = co_await store::put(s, key, value);
            CHECK(r.has_value());
        }
        CHECK(store::count(s) == model.size());
        for (const auto& [key, value] : model)
            CHECK(store::get(s, key).value() == std::optional(value));
        const auto sorted = [](strings v) {
            std::sort(v.begin(), v.end());
            return v;
        };
        for (std::size_t cut : {480, 494, 495, 500, 511, 600, 1999}) {
            const std::string prefix = base + std::string(cut - base.size(), 'x');
            strings want;
            for (const auto& [key, value] : model)
                if (key.substr(0, cut) == prefix) want.push_back(key);
            CHECK(sorted(keys_of(s, prefix, 3)) == want);
            CHECK(sorted(keys_of(s, prefix, 3, true)) == want);
        }
        // Erasing by a long prefix leaves the others.
        const std::string prefix = base + std::string(32, 'x');
        auto r = co_await store::erase_prefix(s, prefix);
        CHECK(r.has_value());
        std::erase_if(model,
                      [&](const auto& e) { return e.first.substr(0, prefix.size()) == prefix; });
        CHECK(store::count(s) == model.size());
        for (const auto& [key, value] : model) {
            auto gone = co_await store::erase(s, key);
            CHECK(gone.has_value());
        }
        CHECK(store::count(s) == 0);
    });
}

STORE_TEST("random writes agree with a map, whatever the interleaving") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        test::folder dir;
        runtime_options o;
        o.deterministic = true;
        o.seed = seed;
        runtime node(o);
        auto result = node.execute(
            [](self, std::string path, std::uint64_t n) -> awaitable<void> {
                const pid s = test::start(path);
                std::map<std::string, std::string> model;
                std::mt19937_64 random(n);
                std::vector<store::write_future> writes;
                for (int i = 0; i < 300; ++i) {
                    std::string key(1 + random() % 4, char('a' + random() % 3));
                    if (random() % 20 == 0) key += std::string(600, 'l');
                    switch (random() % 4) {
                        case 0:
                            model.erase(key);
                            writes.push_back(store::erase(s, key));
                            break;
                        case 1:
                            std::erase_if(model, [&](const auto& e) {
                                return e.first.substr(0, key.size()) == key;
                            });
                            writes.push_back(store::erase_prefix(s, key));
                            break;
                        default: {
                            const std::string value(random() % 9000, 'v');
                            model[key] = value;
                            writes.push_back(store::put(s, key, value));
                        }
                    }
                }
                for (auto& w : writes) {
                    auto r = co_await w;
                    CHECK(r.has_value());
                }
                CHECK(store::count(s) == model.size());
                for (const auto& [key, value] : model)
                    CHECK(store::get(s, key).value() == std::optional(value));
            },
            dir / "store", seed);
        CHECK(result.has_value());
    }
}

STORE_TEST("readers see whole commits while others write") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        store::batch zero;
        zero.put("x", "0").put("y", "0");
        auto r = co_await store::write(s, std::move(zero));
        CHECK(r.has_value());
        for (int i = 0; i < 4; ++i)
            spawn_link(
                [](beam::self me, pid kept, pid parent) -> process {
                    bool good = true;
                    for (int n = 0; n < 2000 && good; ++n) {
                        auto page = store::scan(kept, {});
                        good = page && page->items.size() == 2 &&
                               page->items[0].second == page->items[1].second;
                        if (n % 50 == 0) co_await me.yield();
                    }
                    beam::send(parent, good);
                },
                s, self.id());
        int answers = 0, good = 0;
        for (int n = 1; answers < 4; ++n) {
            store::batch b;
            b.put("x", std::to_string(n)).put("y", std::to_string(n));
            auto w = co_await store::write(s, std::move(b));
            CHECK(w.has_value());
            while (auto m = self.try_receive()) {
                ++answers;
                good += m.is<bool>() && m.take<bool>() ? 1 : 0;
            }
        }
        CHECK(good == 4);
    });
}

TEST_CASE("the map is raised when it is full, with readers about") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        store::open_options o;
        o.map_size = 256 << 10;
        const pid s = test::start(dir / "store", o);
        auto first = co_await store::put(s, "first", "value");
        CHECK(first.has_value());
        const pid reader = spawn_link(
            [](beam::self me, pid kept) -> process {
                for (;;) {
                    auto v = store::get(kept, "first");
                    if (!v || *v != "value") exit(atom("wrong_value"));
                    co_await me.yield();
                    if (me.try_receive()) co_return;
                }
            },
            s);
        for (int i = 0; i < 40; ++i) {
            auto r = co_await store::put(s, "k" + std::to_string(i), std::string(100'000, 'm'));
            CHECK_MESSAGE(r.has_value(), (r ? "" : r.error().detail));
        }
        send(reader, 1);
        auto info = store::info(s);
        CHECK(info->map_raises >= 4);
        CHECK(info->map_bytes >= 4'000'000);
        CHECK(info->keys == 41);
        (void)self;
    });
}

STORE_TEST("a store is closed and opened again; writes wait meanwhile") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto before = store::put(s, "before", "1");
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        auto written = co_await before;  // answered before the file was closed
        CHECK(written.has_value());
        auto g = store::get(s, "before");
        REQUIRE_FALSE(g);
        CHECK(g.error().is("closed"));
        CHECK_FALSE(store::info(s)->is_open);
        auto during = store::put(s, "during", "2");
        // Another may have the file now.
        const pid other = test::start(dir / "store");
        CHECK(store::get(other, "before").value() == std::optional<std::string>("1"));
        auto refused = co_await store::reopen(s);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().is("already_open"));
        auto other_closed = co_await store::close(other);
        CHECK(other_closed.has_value());
        auto again = co_await store::reopen(s);
        CHECK(again.has_value());
        written = co_await during;
        CHECK(written.has_value());
        CHECK(store::get(s, "during").value() == std::optional<std::string>("2"));
        again = co_await store::reopen(s);
        CHECK(again.has_value());
    });
}

STORE_TEST("a shutdown by its parent answers what waits first") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        // A supervisor's way: the parent sends exit(shutdown) and waits.
        const pid parent = spawn(
            [](beam::self me, std::string path, pid tester) -> process {
                me.trap_exit(true);
                const pid s = test::start(path);
                beam::send(tester, s);
                (void)co_await me.receive<int>();
                exit(s, atoms::shutdown);
                auto e = co_await me.receive<exit_message>();
                beam::send(tester, e.reason == atoms::shutdown);
            },
            dir / "store", self.id());
        const pid s = co_await self.receive<pid>();
        std::vector<store::write_future> writes;
        for (int i = 0; i < 200; ++i) writes.push_back(store::put(s, "k" + std::to_string(i), "v"));
        send(parent, 1);
        CHECK(co_await self.receive<bool>());
        // Each was either written and said so, or told that the store ended.
        std::size_t done = 0;
        for (auto& w : writes) {
            auto r = co_await w;
            done += r ? 1 : 0;
        }
        const pid again = test::start(dir / "store");
        CHECK(store::count(again).value() >= done);
    });
}

STORE_TEST("writers hear of a store that is killed") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto s = store::start(dir / "store");
        REQUIRE(s.has_value());
        auto closed = co_await store::close(*s);  // so that what follows waits
        CHECK(closed.has_value());
        auto waiting = store::put(*s, "k", "v");
        exit(*s, atoms::kill);
        auto r = co_await waiting;
        REQUIRE_FALSE(r);
        CHECK(r.error().is("unavailable"));
        auto late = co_await store::put(*s, "k", "v");
        REQUIRE_FALSE(late);
        CHECK(late.error().is("noproc"));
    });
}

STORE_TEST("what is too much to wait is refused") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        store::open_options o;
        o.queue_bytes_max = 10'000;
        const pid s = test::start(dir / "store", o);
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        std::vector<store::write_future> writes;
        for (int i = 0; i < 20; ++i)
            writes.push_back(store::put(s, "k" + std::to_string(i), std::string(1000, 'v')));
        auto opened = co_await store::reopen(s);
        CHECK(opened.has_value());
        int refused = 0;
        for (auto& w : writes) {
            auto r = co_await w;
            if (!r) CHECK(r.error().is("overloaded"));
            refused += r ? 0 : 1;
        }
        CHECK(refused > 5);
        CHECK(refused < 15);
        CHECK(store::count(s) == std::uint64_t(20 - refused));
    });
}

STORE_TEST("a write has a time limit if it is given one") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        auto r = co_await store::put(s, "k", "v", 1ms);
        REQUIRE_FALSE(r);
        CHECK(r.error().is("timeout"));
    });
}

STORE_TEST("terms are stored with their version") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto value = parse_term("#{name => <<\"general\">>,users => [a,'B c',{1,2.5}]}");
        REQUIRE(value.has_value());
        auto r = co_await store::put_term(s, "room", term(3), *value);
        CHECK(r.has_value());
        auto t = store::get_term(s, "room");
        REQUIRE(t.has_value());
        REQUIRE(t->has_value());
        CHECK((*t)->vsn == term(3));
        CHECK((*t)->value == *value);
        CHECK_FALSE(store::get_term(s, "none")->has_value());
        r = co_await store::put(s, "other", "no term at all");
        CHECK(r.has_value());
        auto wrong = store::get_term(s, "other");
        REQUIRE_FALSE(wrong);
        CHECK(wrong.error().is("corrupt"));
    });
}
