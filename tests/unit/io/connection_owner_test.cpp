// Whose a connection is: adopted, sent to another process, taken apart; and closed with its owner, its peer or its node.
#include <fcntl.h>
#include <sys/socket.h>

#include <string>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::lines;
using test::patience;

namespace {

struct take_it {
    io::connection c;
};

}  // namespace

TEST_CASE("a peer that goes away is noticed though nobody reads or writes") {
    test::in_node([](self self) -> awaitable<void> {
        auto [c, peer] = test::make_pair(lines());
        CHECK(test::put(peer.get(), "one\ntwo\n"));
        c.activate();
        CHECK((co_await self.receive<io::line>()).text == "one");
        peer.reset();
        auto end = co_await self.receive<io::end_of_output>();
        CHECK(end.from == c.id());
        CHECK(end.reason == atom("closed"));
        auto r = co_await c.write("x", patience);
        REQUIRE_FALSE(r);
        CHECK(r.error().is("epipe"));
        // What it had sent is still there.
        c.activate(2);
        CHECK((co_await self.receive<io::line>()).text == "two");
        CHECK((co_await self.receive<io::end_of_input>()).reason == atom("eof"));
    });
}

TEST_CASE("the death of its owner closes a connection before links are told") {
    test::in_node([](self self) -> awaitable<void> {
        self.trap_exit(true);
        auto [c, peer] = test::make_pair(lines());
        const auto before = test::open_descriptors();
        const pid owner = spawn_link(
            [](beam::self s, io::connection mine, pid parent) -> process {
                mine.activate();
                beam::send(parent, 1);
                (void)co_await s.receive<int>();
            },
            std::move(c), self.id());
        (void)co_await self.receive<int>();
        exit(owner, atoms::kill);
        auto e = co_await self.receive<exit_message>();
        CHECK(e.reason == atoms::killed);
        CHECK(test::open_descriptors() == before - 1);
        CHECK(test::get(peer.get(), 1).empty());
    });
}

TEST_CASE(
    "a connection is given to another process by sending it, and closed with a dropped message") {
    test::in_node([](self self) -> awaitable<void> {
        auto made = test::make_pair(lines());
        auto dropped = test::make_pair(lines());
        const auto worker = spawn_monitor([](beam::self s) -> process {
            auto m = co_await s.receive<take_it>();
            m.c.activate();
            auto l = co_await s.receive<io::line>();
            (void)co_await m.c.write("got " + l.text + "\n");
        });
        take_it first{std::move(made.ours)};
        send(worker.pid, std::move(first));
        CHECK(test::put(made.theirs.get(), "it\n"));
        CHECK(test::get(made.theirs.get(), 7) == "got it\n");
        (void)co_await self.receive<down_message>();
        take_it second{std::move(dropped.ours)};
        send(worker.pid, std::move(second));
        CHECK(test::get(dropped.theirs.get(), 1).empty());
    });
}

TEST_CASE("a connection can be taken apart and gone on with elsewhere, losing no byte") {
    io::connection_parts parts;
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    unique_fd peer(fds[1]);
    parts.fd.reset(fds[0]);
    parts.unread = "zero\n";
    io::connection_parts handed_over;
    std::size_t sent = 0;
    test::in_node([&](self self) -> awaitable<void> {
        io::stream_options o = lines();
        o.output_max = 10 << 20;
        auto adopted = io::connection::adopt(std::move(parts), o);
        REQUIRE(adopted.has_value());
        io::connection c = *std::move(adopted);
        CHECK(test::put(peer.get(), "one\ntwo\nthree\nhal"));
        c.activate(2);
        CHECK((co_await self.receive<io::line>()).text == "zero");
        CHECK((co_await self.receive<io::line>()).text == "one");
        const std::string big(2 << 20, 'b');
        CHECK(c.try_write(big) == true);
        sent = big.size();
        handed_over = c.release();
    });
    CHECK(handed_over.unread == "two\nthree\nhal");
    CHECK(handed_over.unwritten.size() > 0);
    CHECK_FALSE(handed_over.input_ended);
    test::in_node([&](self) -> awaitable<void> {
        auto adopted = io::connection::adopt(std::move(handed_over), lines());
        REQUIRE(adopted.has_value());
        io::connection c = *std::move(adopted);
        CHECK(test::put(peer.get(), "f\n"));
        auto two = co_await c.read_line(patience);
        auto three = co_await c.read_line(patience);
        auto half = co_await c.read_line(patience);
        CHECK(two == "two");
        CHECK(three == "three");
        CHECK(half == "half");
        CHECK(test::get(peer.get(), sent).size() == sent);
    });
}

TEST_CASE("what is no stream socket is not adopted") {
    test::in_node([](self) -> awaitable<void> {
        auto file = io::connection::adopt(unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
        REQUIRE_FALSE(file);
        CHECK(file.error().is("enotsock"));
        auto datagram =
            io::connection::adopt(unique_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
        REQUIRE_FALSE(datagram);
        auto closed = io::connection::adopt(unique_fd());
        REQUIRE_FALSE(closed);
        CHECK(closed.error().is("ebadf"));
        co_return;
    });
}

TEST_CASE("the world outside is not deterministic, so io refuses a deterministic node") {
    runtime_options o;
    o.deterministic = true;
    runtime node(o);
    auto r = node.execute([](self) -> awaitable<void> {
        (void)io::listen_tcp("127.0.0.1", 0);
        co_return;
    });
    REQUIRE_FALSE(r);
    CHECK(to_string(r.error()).find("notsup") != std::string::npos);
}

TEST_CASE("a connection that outlives its node is closed, and harmless") {
    const auto before = test::open_descriptors();
    {
        io::connection c;
        unique_fd peer;
        {
            runtime node;
            auto r =
                node.execute([](self) -> awaitable<test::pair> { co_return test::make_pair(); });
            REQUIRE(r.has_value());
            c = std::move(r->ours);
            peer = std::move(r->theirs);
        }
        CHECK(test::get(peer.get(), 1).empty());
        c.close();
    }
    CHECK(test::open_descriptors() == before);
}
