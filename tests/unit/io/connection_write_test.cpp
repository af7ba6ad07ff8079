// What goes out: within its bounds while the peer is slow, and sent or dropped when a connection or a node ends.
#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

TEST_CASE("a peer that never reads makes its writer wait, and memory stays bounded") {
    test::in_node([](self self) -> awaitable<void> {
        io::stream_options o;
        o.output_max = 100'000;
        o.linger = 0ms;
        auto [c, peer] = test::make_pair(o);
        const std::string part(10'000, 'y');
        std::size_t written = 0;
        for (;;) {
            auto r = c.try_write(part);
            REQUIRE(r.has_value());
            if (!*r) break;
            written += part.size();
            REQUIRE(written < (100u << 20));
        }
        CHECK(c.statistics().waiting_out >= o.output_max);
        CHECK(c.statistics().waiting_out < o.output_max + part.size());
        auto late = co_await c.write(part, 1ms);
        REQUIRE_FALSE(late);
        CHECK(late.error().is("timeout"));
        auto unflushed = co_await c.flush(1ms);
        REQUIRE_FALSE(unflushed);
        // It begins to read: the writer is told, and everything arrives.
        std::size_t read = 0;
        std::thread reader([&, fd = peer.get()] { read = test::get(fd, written).size(); });
        CHECK((co_await self.receive<io::writable>()).from == c.id());
        auto flushed = co_await c.flush(patience);
        CHECK(flushed.has_value());
        reader.join();
        CHECK(read == written);
        auto more = co_await c.write("end", patience);
        CHECK(more.has_value());
        CHECK(test::get(peer.get(), 3) == "end");
    });
}

TEST_CASE("a writer that waits goes on when its peer reads") {
    test::in_node([](self) -> awaitable<void> {
        io::stream_options o;
        o.output_max = 1000;
        auto [c, peer] = test::make_pair(o);
        std::string all;
        std::thread reader([&, fd = peer.get()] { all = test::get(fd, 5'000'000); });
        for (int i = 0; i < 500; ++i) {
            auto r = co_await c.write(std::string(10'000, char('a' + i % 26)), patience);
            REQUIRE(r.has_value());
        }
        reader.join();
        CHECK(all.size() == 5'000'000);
        CHECK(all.substr(9'999, 2) == "ab");
    });
}

TEST_CASE("close sends what waits, though the peer reads slowly") {
    test::in_node([](self) -> awaitable<void> {
        io::stream_options o;
        o.output_max = 50 << 20;
        auto [c, peer] = test::make_pair(o);
        std::string sent;
        for (int i = 0; i < 3000; ++i) sent += std::to_string(i) + std::string(1000, 'z');
        auto r = c.try_write(sent);
        CHECK(r == true);
        CHECK(c.statistics().waiting_out > 0);
        CHECK(test::put(peer.get(), "never read"));
        c.close();
        CHECK_FALSE(c);
        CHECK(test::get(peer.get(), sent.size()) == sent);
        CHECK(test::get(peer.get(), 1).empty());
        co_return;
    });
}

TEST_CASE("abort drops what waits") {
    test::in_node([](self) -> awaitable<void> {
        io::stream_options o;
        o.output_max = 50 << 20;
        auto [c, peer] = test::make_pair(o);
        CHECK(c.try_write(std::string(10 << 20, 'q')) == true);
        c.abort();
        CHECK(test::get(peer.get(), 10 << 20).size() < (10u << 20));
        co_return;
    });
}

TEST_CASE(
    "what is written from several places is one stream, and the kernel holds no more than it may") {
    test::in_node([](self self) -> awaitable<void> {
        auto l = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(l.has_value());
        auto c = co_await io::connect_tcp("127.0.0.1", l->port(), {}, patience);
        REQUIRE(c.has_value());
        auto a = co_await l->accept(patience);
        REQUIRE(a.has_value());
        c->limit_queue(64 << 10);
        a->limit_queue(64 << 10);
        std::string expected;
        std::vector<std::string> parts;
        for (int i = 0; i < 200; ++i)
            parts.push_back(std::string(std::size_t(i) * 100, char('a' + i % 26)));
        std::vector<std::string_view> pieces(parts.begin(), parts.end());
        for (const auto& p : parts) expected += p;
        // Nobody reads: it stops early, and not between pieces only.
        std::string written;
        auto take = [&](std::size_t n) {
            while (n > 0) {
                const std::size_t some = std::min(n, pieces.front().size());
                written += pieces.front().substr(0, some);
                pieces.front().remove_prefix(some);
                n -= some;
                if (pieces.front().empty()) pieces.erase(pieces.begin());
            }
        };
        for (;;) {
            auto n = c->try_write_some(pieces);
            REQUIRE(n);
            if (*n == 0) break;
            take(*n);
        }
        CHECK(written.size() < 600'000);
        std::string read;
        while (read.size() < expected.size()) {
            auto some = co_await a->read(patience);
            REQUIRE(some);
            read += *some;
            if (pieces.empty()) continue;
            auto n = c->try_write_some(pieces);
            REQUIRE(n);
            take(*n);
        }
        CHECK(read == expected);
        CHECK(written == expected);
        (void)self;
    });
}

TEST_CASE("a node's end sends what was written") {
    std::string got;
    unique_fd peer;
    const std::string sent(3 << 20, 'w');
    std::thread reader;
    test::in_node([&](self) -> awaitable<void> {
        io::stream_options o;
        o.output_max = 10 << 20;
        auto made = test::make_pair(o);
        peer = std::move(made.theirs);
        CHECK(made.ours.try_write(sent) == true);
        reader = std::thread([&] { got = test::get(peer.get(), sent.size()); });
        co_return;
    });
    reader.join();
    CHECK(got.size() == sent.size());
}
