// A store copied while it goes on.
#include <fstream>

#include "libbeamcore/runtime/link.hpp"
#include "tests/unit/store/world.hpp"

using namespace beam;

STORE_TEST("a backup opens as a store that has what was committed, in all databases") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        for (int i = 0; i < 50; ++i) {
            store::batch b;
            b.put("k" + std::to_string(i), std::string(5000, 'v')).in("other").put("k", "v");
            auto r = co_await store::write(s, std::move(b));
            CHECK(r.has_value());
        }
        auto copied = co_await store::backup(s, dir / "copy");
        CHECK_MESSAGE(copied.has_value(), (copied ? "" : copied.error().detail));
        auto later = co_await store::put(s, "later", "v");
        CHECK(later.has_value());
        // The engine is known without being named.
        auto copy = store::start_link(dir / "copy");
        REQUIRE(copy.has_value());
        CHECK(store::info(*copy)->engine == to_string(test::engine()));
        CHECK(store::count(*copy) == 50);
        CHECK(store::get(*copy, "k49").value() == std::string(5000, 'v'));
        CHECK(store::count(store::database(*copy, "other")) == 1);
        // Each goes its own way.
        auto r = co_await store::erase_prefix(*copy, "");
        CHECK(r.has_value());
        CHECK(store::count(s) == 51);
        CHECK_FALSE(std::filesystem::exists(dir / "copy.partial"));
    });
}

STORE_TEST("a backup is of one moment, though others write") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        const pid writer = spawn_link(
            [](beam::self me, pid kept) -> process {
                for (int n = 0;; ++n) {
                    store::batch b;
                    b.put("x", std::to_string(n))
                        .put("pad" + std::to_string(n % 50), std::string(20'000, 'p'));
                    b.in("other").put("y", std::to_string(n));
                    auto r = co_await store::write(kept, std::move(b));
                    if (!r || me.try_receive()) co_return;
                }
            },
            s);
        for (int i = 0; i < 5; ++i) {
            const std::string folder = dir / ("copy" + std::to_string(i));
            auto copied = co_await store::backup(s, folder);
            REQUIRE_MESSAGE(copied.has_value(), (copied ? "" : copied.error().detail));
            const pid copy = test::start(folder);
            CHECK(store::get(copy, "x").value() ==
                  store::get(store::database(copy, "other"), "y").value());
            auto closed = co_await store::close(copy);
            CHECK(closed.has_value());
        }
        send(writer, 1);
        (void)self;
    });
}

STORE_TEST("a backup says why it cannot be, and leaves nothing") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::put(s, "k", "v");
        CHECK(r.has_value());
        auto copied = co_await store::backup(s, dir / "missing/copy");
        REQUIRE_FALSE(copied.has_value());
        CHECK(copied.error().is("enoent"));
        CHECK(copied.error().detail.find("missing/copy") != std::string::npos);
        std::filesystem::create_directory(dir / "there");
        copied = co_await store::backup(s, dir / "there");
        REQUIRE_FALSE(copied.has_value());
        CHECK(copied.error().is("eexist"));
        // What an earlier one left when it was cut off is no hindrance.
        std::filesystem::create_directory(dir / "copy.partial");
        std::ofstream(dir / "copy.partial/data.mdb") << "half";
        copied = co_await store::backup(s, dir / "copy");
        CHECK_MESSAGE(copied.has_value(), (copied ? "" : copied.error().detail));
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        copied = co_await store::backup(s, dir / "another");
        REQUIRE_FALSE(copied.has_value());
        CHECK(copied.error().is("closed"));
        CHECK_FALSE(std::filesystem::exists(dir / "another"));
        CHECK_FALSE(std::filesystem::exists(dir / "another.partial"));
    });
}
