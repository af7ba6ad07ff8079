// Writes that are answered by a message, and lazy batches.
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/unit/store/world.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

store::batch one_put(const std::string& key, const std::string& value) {
    store::batch b;
    b.put(key, value);
    return b;
}

store::batch lazy_put(const std::string& key, const std::string& value) {
    store::batch b;
    b.put(key, value).lazy();
    return b;
}

bool has(pid s, const std::string& key) {
    const auto value = store::get(s, key);
    REQUIRE(value.has_value());
    return value->has_value();
}

// Lazy batches would wait longer than the test lasts.
store::open_options very_lazy() {
    store::open_options o;
    o.lazy_delay_max = 1h;
    return o;
}

}  // namespace

STORE_TEST("a write may be answered by a message, when it is on disk") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        store::notify_write(s, one_put("key", "value"), self.id(), 7);
        const auto answer = co_await self.receive<store::written>();
        CHECK(answer.tag == 7);
        CHECK(answer.error.empty());
        CHECK(store::get(s, "key").value() == std::optional<std::string>("value"));
    });
}

STORE_TEST("answers come in the order of what was asked, refusals too") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        for (std::uint64_t i = 0; i < 500; ++i) {
            if (i % 7 == 3)
                store::notify_write(s, one_put("", "no key"), self.id(), i);
            else if (i % 7 == 5)
                store::notify_write(store::database(s, std::string(500, 'n')), one_put("k", "v"),
                                    self.id(), i);
            else if (i % 7 == 6)
                store::notify_write(s, lazy_put("lazy" + std::to_string(i), "v"), self.id(), i);
            else
                store::notify_write(s, one_put("k" + std::to_string(i), "v"), self.id(), i);
        }
        int wrong = 0;
        for (std::uint64_t i = 0; i < 500; ++i) {
            const auto answer = co_await self.receive<store::written>();
            const char* const wanted = i % 7 == 3 ? "key_empty" : i % 7 == 5 ? "bad_database" : "";
            if (answer.tag != i || answer.error != wanted) ++wrong;
        }
        CHECK(wrong == 0);
    });
}

STORE_TEST("the answer may go to another process, and a conflict is told") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        const pid other = spawn_link(
            [](beam::self me, pid parent) -> process {
                auto answer = co_await me.receive<store::written>();
                send(parent, std::move(answer));
            },
            self.id());
        store::batch b;
        b.expect("key", "something").put("key", "value");
        store::notify_write(s, std::move(b), other, 1);
        const auto answer = co_await self.receive<store::written>();
        CHECK(answer.error == "conflict");
        CHECK(answer.detail == "key");
        CHECK_FALSE(has(s, "key"));
    });
}

TEST_CASE("where no store is, a message says so at once") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        store::notify_write(atom("no_such_store"), one_put("k", "v"), self.id(), 3);
        auto answer = co_await self.receive<store::written>();
        CHECK(answer.tag == 3);
        CHECK(answer.error == "noproc");
        self.trap_exit(true);
        const pid s = test::start(dir / "store");
        exit(s, atoms::kill);
        (void)co_await self.receive<exit_message>();
        store::notify_write(s, one_put("k", "v"), self.id(), 4);
        answer = co_await self.receive<store::written>();
        CHECK(answer.tag == 4);
        CHECK(answer.error == "noproc");
    });
}

STORE_TEST("too much that waits is refused by message, in its turn") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        store::open_options o;
        o.queue_bytes_max = 10'000;
        const pid s = test::start(dir / "store", o);
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        for (std::uint64_t i = 0; i < 20; ++i)
            store::notify_write(s, one_put("k" + std::to_string(i), std::string(1000, 'v')),
                                self.id(), i);
        auto opened = co_await store::reopen(s);
        CHECK(opened.has_value());
        std::uint64_t refused = 0;
        for (std::uint64_t i = 0; i < 20; ++i) {
            const auto answer = co_await self.receive<store::written>();
            CHECK(answer.tag == i);
            if (!answer.error.empty()) CHECK(answer.error == "overloaded");
            refused += answer.error.empty() ? 0 : 1;
        }
        CHECK(refused > 5);
        CHECK(refused < 15);
        CHECK(store::count(s) == 20 - refused);
    });
}

STORE_TEST("a lazy batch is committed with the next one that is not, before it") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store", very_lazy());
        store::notify_write(s, lazy_put("key", "lazy"), self.id(), 1);
        store::notify_write(s, lazy_put("other", "lazy"), self.id(), 2);
        // A refused write is answered at once, and makes it commit nothing. It came after the two.
        auto refused = co_await store::put(s, "", "");
        CHECK_FALSE(refused.has_value());
        CHECK_FALSE(has(s, "key"));
        CHECK(store::info(s)->commits == 0);
        auto r = co_await store::put(s, "key", "urgent");
        CHECK(r.has_value());
        CHECK(store::get(s, "key").value() == std::optional<std::string>("urgent"));
        CHECK(has(s, "other"));
        CHECK(store::info(s)->commits == 1);
        for (std::uint64_t i = 1; i <= 2; ++i) {
            const auto answer = co_await self.receive<store::written>();
            CHECK(answer.tag == i);
            CHECK(answer.error.empty());
        }
    });
}

TEST_CASE("a lazy batch is committed by itself when it has waited long enough, and not earlier") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        test::folder dir;
        runtime_options o;
        o.deterministic = true;
        o.seed = seed;
        runtime node(o);
        auto result = node.execute(
            [](self self, std::string path) -> awaitable<void> {
                const pid s = test::start(path);
                const auto began = monotonic_time();
                store::notify_write(s, lazy_put("first", "v"), self.id(), 1);
                co_await self.sleep_for(60ms);
                store::notify_write(s, lazy_put("second", "v"), self.id(), 2);
                CHECK_FALSE(has(s, "first"));
                (void)co_await self.receive<store::written>();
                CHECK(monotonic_time() - began >= 100ms);
                CHECK(monotonic_time() - began < 120ms);
                (void)co_await self.receive<store::written>();
                CHECK(store::info(s)->commits == 1);
                // A timer of those that went with others does not hurry the next.
                const auto again = monotonic_time();
                store::notify_write(s, lazy_put("third", "v"), self.id(), 3);
                co_await self.sleep_for(50ms);
                auto r = co_await store::put(s, "urgent", "v");
                CHECK(r.has_value());
                (void)co_await self.receive<store::written>();
                const auto fourth = monotonic_time();
                CHECK(fourth - again < 100ms);
                store::notify_write(s, lazy_put("fourth", "v"), self.id(), 4);
                (void)co_await self.receive<store::written>();
                CHECK(monotonic_time() - fourth >= 100ms);
                CHECK(monotonic_time() - fourth < 120ms);
            },
            dir / "store");
        CHECK(result.has_value());
    }
}

STORE_TEST("a close and a shutdown do not wait for lazy batches, and lose none") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        const pid s = test::start(dir / "store", very_lazy());
        store::notify_write(s, lazy_put("closed", "v"), self.id(), 1);
        auto closed = co_await store::close(s);
        CHECK(closed.has_value());
        auto answer = co_await self.receive<store::written>();
        CHECK(answer.error.empty());
        auto opened = co_await store::reopen(s);
        CHECK(opened.has_value());
        CHECK(has(s, "closed"));
        store::notify_write(s, lazy_put("shut down", "v"), self.id(), 2);
        self.trap_exit(true);
        exit(s, atoms::shutdown);
        answer = co_await self.receive<store::written>();
        CHECK(answer.tag == 2);
        CHECK(answer.error.empty());
        (void)co_await self.receive<exit_message>();
        const pid again = test::start(dir / "store");
        CHECK(has(again, "shut down"));
    });
}

STORE_TEST("a lazy write may be waited for, too") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        store::open_options o;
        o.lazy_delay_max = 1ms;
        const pid s = test::start(dir / "store", o);
        auto r = co_await store::write(s, lazy_put("key", "v"));
        CHECK(r.has_value());
        CHECK(has(s, "key"));
    });
}
