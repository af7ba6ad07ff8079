// Connecting: why it does not work, how long it waits, and who the peer is.
#include <unistd.h>

#include <string>
#include <vector>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

TEST_CASE("the peer of a Unix socket is known") {
    test::in_node([](self) -> awaitable<void> {
        auto [c, peer] = test::make_pair();
        auto who = c.peer_credentials();
        REQUIRE(who.has_value());
        CHECK(who->process == ::getpid());
        CHECK(who->user == ::getuid());
        CHECK(who->group == ::getgid());
        co_return;
    });
}

TEST_CASE("connecting says why it does not work") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto missing = co_await io::connect_unix(dir / "missing");
        REQUIRE_FALSE(missing);
        CHECK(missing.error().is("enoent"));
        auto too_long = co_await io::connect_unix(dir / std::string(200, 'p'));
        REQUIRE_FALSE(too_long);
        CHECK(too_long.error().is("path_too_long"));
        // A port that nobody listens at: ours, closed again.
        auto l = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(l.has_value());
        const auto port = l->port();
        l->close();
        auto refused = co_await io::connect_tcp("127.0.0.1", port, {}, patience);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().is("econnrefused"));
        auto unknown = co_await io::connect_tcp("no such host.invalid", 1, {}, patience);
        REQUIRE_FALSE(unknown);
        CHECK(unknown.error().is("unknown_host"));
    });
}

TEST_CASE("TCP connections know their addresses") {
    test::in_node([](self) -> awaitable<void> {
        auto l = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(l.has_value());
        CHECK(l->port() != 0);
        auto c = co_await io::connect_tcp("127.0.0.1", l->port(), {}, patience);
        REQUIRE(c.has_value());
        auto a = co_await l->accept(patience);
        REQUIRE(a.has_value());
        CHECK(c->peer_name() == "127.0.0.1:" + std::to_string(l->port()));
        CHECK(c->peer_name() == l->local_name());
        CHECK(a->peer_name() == c->local_name());
        auto sent = co_await c->write("over TCP\n", patience);
        CHECK(sent.has_value());
        auto line = co_await a->read_line(patience);
        CHECK(line == "over TCP");
        // A reset is told as what it is.
        a->activate();
        c->abort();
        auto end = co_await this_process().receive<io::end_of_input>();
        CHECK(end.reason == atom("econnreset"));
        CHECK_FALSE(a->peer_credentials().has_value());
    });
}

TEST_CASE("connecting to a Unix socket with a full queue waits until somebody accepts") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        io::listen_options o;
        o.backlog = 1;
        auto l = io::listen_unix(dir / "socket", o);
        REQUIRE(l.has_value());
        std::vector<io::connection> kept;
        // As many as go without waiting.
        for (;;) {
            auto c = co_await io::connect_unix(dir / "socket", {}, 10ms);
            if (!c) {
                CHECK(c.error().is("timeout"));
                break;
            }
            kept.push_back(*std::move(c));
            REQUIRE(kept.size() < 100);
        }
        const pid waiting = spawn_link(
            [](beam::self, std::string path, pid parent) -> process {
                auto c = co_await io::connect_unix(path, {}, patience);
                beam::send(parent, c.has_value());
            },
            dir / "socket", self.id());
        (void)waiting;
        for (std::size_t i = 0; i <= kept.size(); ++i) {
            auto a = co_await l->accept(patience);
            CHECK(a.has_value());
        }
        CHECK(co_await self.receive<bool>());
    });
}
