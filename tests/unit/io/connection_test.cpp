#include "libbeamcore/io/connection.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

namespace {

struct take_it {
    io::connection c;
};

io::stream_options lines(std::size_t max = 1 << 20) {
    io::stream_options o;
    o.framing = io::framing::line;
    o.line_max = max;
    return o;
}

}  // namespace

TEST_CASE("a connection is passive: it is read when it is asked for") {
    test::in_node([](self) -> awaitable<void> {
        auto [c, peer] = test::make_pair();
        CHECK(test::put(peer.get(), "one\ntwo\nrest"));
        CHECK(c.statistics().bytes_in == 0);
        auto line = co_await c.read_line(patience);
        CHECK(line == "one");
        auto some = co_await c.read(patience);
        CHECK(some == "two\nrest");
        auto none = co_await c.read_line(0ms);
        REQUIRE_FALSE(none);
        CHECK(none.error().is("timeout"));
        CHECK(test::put(peer.get(), "12345"));
        auto exact = co_await c.read_exactly(4, patience);
        CHECK(exact == "1234");
        ::shutdown(peer.get(), SHUT_WR);
        auto early = co_await c.read_exactly(4, patience);
        REQUIRE_FALSE(early);
        CHECK(early.error().is("eof"));
        auto rest = co_await c.read_line(patience);
        CHECK(rest == "5");
        auto end = co_await c.read(patience);
        REQUIRE_FALSE(end);
        CHECK(end.error().is("eof"));
    });
}

TEST_CASE("a reader waits for what comes later") {
    test::in_node([](self self) -> awaitable<void> {
        auto [c, peer] = test::make_pair();
        const int fd = peer.get();
        const pid reader = spawn_link(
            [](beam::self s, io::connection mine, pid parent) -> process {
                auto line = co_await mine.read_line(patience);
                beam::send(parent, line ? *line : line.error().code);
                (void)s;
            },
            std::move(c), self.id());
        for (const char* part : {"in ", "three ", "parts\n"}) {
            co_await self.yield();
            CHECK(test::put(fd, part));
        }
        CHECK(co_await self.receive<std::string>() == "in three parts");
        (void)reader;
    });
}

TEST_CASE("activate lets as many messages come as it says, and tells when they are used up") {
    test::in_node([](self self) -> awaitable<void> {
        auto [c, peer] = test::make_pair(lines());
        CHECK(test::put(peer.get(), "1\n2\n3\n4\n5\n"));
        c.activate();
        auto one = co_await self.receive<io::line>();
        CHECK(one.from == c.id());
        CHECK(one.text == "1");
        // The next ones have been read from the socket, and are not in the mailbox.
        CHECK_FALSE(self.try_receive());
        c.activate(3);
        for (const char* want : {"2", "3", "4"})
            CHECK((co_await self.receive<io::line>()).text == want);
        CHECK((co_await self.receive<io::passive>()).from == c.id());
        CHECK_FALSE(self.try_receive());
        c.activate();
        CHECK((co_await self.receive<io::line>()).text == "5");
    });
}

TEST_CASE("a fast peer cannot flood the mailbox") {
    test::in_node([](self self) -> awaitable<void> {
        auto made = test::make_pair(lines());
        io::connection c = std::move(made.ours);
        std::thread peer([fd = std::move(made.theirs)] {
            std::string all;
            for (int i = 0; i < 100'000; ++i) all += std::to_string(i) + "\n";
            std::string_view left = all;
            while (!left.empty()) {
                const auto n = ::send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
                if (n <= 0) break;
                left.remove_prefix(std::size_t(n));
            }
        });
        std::uint32_t longest = 0;
        int n = 0;
        for (bool ended = false; !ended;) {
            c.activate(10);
            for (bool active = true; active;) {
                longest = std::max(longest, process_info(self)->message_queue_len);
                auto m = co_await self.receive<io::line, io::passive, io::end_of_input>();
                if (auto* l = std::get_if<io::line>(&m)) {
                    if (l->text != std::to_string(n)) FAIL("line out of order");
                    ++n;
                } else {
                    active = false;
                    ended = std::holds_alternative<io::end_of_input>(m);
                }
            }
        }
        peer.join();
        CHECK(n == 100'000);
        CHECK(longest <= 11);
    });
}

TEST_CASE("raw messages carry bytes as they come, at most chunk_max each") {
    test::in_node([](self self) -> awaitable<void> {
        io::stream_options o;
        o.chunk_max = 4;
        auto [c, peer] = test::make_pair(o);
        CHECK(test::put(peer.get(), "abcdefghij"));
        c.activate(3);
        std::string all;
        for (int i = 0; i < 3; ++i) {
            auto d = co_await self.receive<io::data>();
            CHECK(d.bytes.size() <= 4);
            all += d.bytes;
        }
        CHECK(all == "abcdefghij");
    });
}

TEST_CASE("half-close is seen as the end of input while output still works") {
    test::in_node([](self self) -> awaitable<void> {
        auto [c, peer] = test::make_pair(lines());
        CHECK(test::put(peer.get(), "question\nhalf a line"));
        ::shutdown(peer.get(), SHUT_WR);
        c.activate(5);
        CHECK((co_await self.receive<io::line>()).text == "question");
        auto half = co_await self.receive<io::line>();
        CHECK(half.text == "half a line");
        CHECK_FALSE(half.complete);
        auto end = co_await self.receive<io::end_of_input>();
        CHECK(end.reason == atom("eof"));
        auto written = co_await c.write("answer\n", patience);
        CHECK(written.has_value());
        CHECK(test::get(peer.get(), 7) == "answer\n");
        c.finish_output();
        CHECK(test::get(peer.get(), 1).empty());
        auto late = co_await c.write("more", patience);
        REQUIRE_FALSE(late);
        CHECK(late.error().is("closed"));
    });
}

TEST_CASE("a line of 100 MB is refused without being kept, and the peer can read why") {
    test::in_node([](self self) -> awaitable<void> {
        auto made = test::make_pair(lines(1 << 20));
        io::connection c = std::move(made.ours);
        std::string told;
        std::thread peer([&told, fd = std::move(made.theirs)] {
            const std::string part(1 << 20, 'x');
            for (int i = 0; i < 100; ++i)
                if (!test::put(fd.get(), part)) break;
            ::shutdown(fd.get(), SHUT_WR);
            told = test::get(fd.get(), 100);
        });
        c.activate(10);
        auto end = co_await self.receive<io::end_of_input>();
        CHECK(end.reason == atom("line_too_long"));
        CHECK(c.statistics().waiting_in == 0);
        CHECK(c.statistics().bytes_in < (3 << 20));
        auto written = co_await c.write("too long\n", patience);
        CHECK(written.has_value());
        c.close();
        peer.join();
        CHECK(told == "too long\n");
    });
}

TEST_CASE("asking for a line that is too long is an error, too") {
    test::in_node([](self) -> awaitable<void> {
        auto [c, peer] = test::make_pair(lines(10));
        CHECK(test::put(peer.get(), "0123456789\n01234567890\nmore\n"));
        auto fits = co_await c.read_line(patience);
        CHECK(fits == "0123456789");
        auto refused = co_await c.read_line(patience);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().is("line_too_long"));
        auto again = co_await c.read_line(patience);
        REQUIRE_FALSE(again);
        CHECK(again.error().is("line_too_long"));
    });
}

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

TEST_CASE("try_read gives what there is, and says when there is more, and that it is the end") {
    test::in_node([](self self) -> awaitable<void> {
        auto [c, peer] = test::make_pair();
        char buffer[8];
        auto none = c.try_read(buffer);
        CHECK(none == std::size_t{0});
        CHECK(test::put(peer.get(), "0123456789"));
        auto told = co_await self.receive_for<io::readable>(patience);
        REQUIRE(told);
        CHECK(told->from == c.id());
        auto first = c.try_read(buffer);
        CHECK(first == std::size_t{8});
        CHECK(std::string_view(buffer, 8) == "01234567");
        auto rest = c.try_read(buffer);
        CHECK(rest == std::size_t{2});
        CHECK(std::string_view(buffer, 2) == "89");
        auto nothing = c.try_read(buffer);
        CHECK(nothing == std::size_t{0});
        auto silence = co_await self.receive_for<io::readable>(0ms);
        CHECK_FALSE(silence);
        CHECK(test::put(peer.get(), "x"));
        peer.reset();
        auto again = co_await self.receive_for<io::readable>(patience);
        REQUIRE(again);
        auto last = c.try_read(buffer);
        CHECK(last == std::size_t{1});
        auto end = c.try_read(buffer);
        if (end) {  // what was read was told before the end came
            CHECK(end == std::size_t{0});
            auto told_end = co_await self.receive_for<io::readable>(patience);
            REQUIRE(told_end);
            end = c.try_read(buffer);
        }
        REQUIRE_FALSE(end);
        CHECK(end.error().is("eof"));
    });
}

TEST_CASE("try_read takes first what was read before, and goes with the other ways to read") {
    test::in_node([](self) -> awaitable<void> {
        auto [c, peer] = test::make_pair();
        CHECK(test::put(peer.get(), "line\nrest"));
        auto line = co_await c.read_line(patience);
        CHECK(line == "line");
        char buffer[16];
        auto rest = c.try_read(buffer);
        CHECK(rest == std::size_t{4});
        auto none = c.try_read(buffer);
        CHECK(none == std::size_t{0});
        CHECK(test::put(peer.get(), "later"));
        auto later = co_await c.read(patience);
        CHECK(later == "later");
    });
}

namespace {

process echo(self self, io::connection c, bool soon) {
    char buffer[256];
    for (;;) {
        const auto n = c.try_read(buffer);
        if (!n) co_return;
        if (*n == 0)
            (void)co_await self.receive<io::readable>();
        else
            (void)(soon ? c.try_write_soon({buffer, *n}) : c.try_write({buffer, *n}));
    }
}

}  // namespace

TEST_CASE("many busy connections lose no byte and no turn") {
    test::in_node([](self) -> awaitable<void> {
        constexpr std::size_t many = 64;
        std::vector<unique_fd> peers;
        for (std::size_t i = 0; i < many; ++i) {
            auto p = test::make_pair();
            spawn(echo, std::move(p.ours), i % 4 != 0);
            peers.push_back(std::move(p.theirs));
        }
        auto job = blocking([fds = [&] {
            std::vector<int> all;
            for (const auto& p : peers) all.push_back(p.get());
            return all;
        }()] {
            // Bursts, so that the poller changes hands, and single ones in between, so that it changes back.
            for (int round = 0; round < 300; ++round) {
                const std::size_t busy = round % 3 == 2 ? 1 : fds.size();
                const std::string text = "message " + std::to_string(round);
                for (std::size_t i = 0; i < busy; ++i)
                    if (!test::put(fds[i], text)) return false;
                for (std::size_t i = 0; i < busy; ++i)
                    if (test::get(fds[i], text.size()) != text) return false;
            }
            return true;
        });
        bool all_came = co_await job;
        CHECK(all_came);
    });
}

namespace {

struct told {};

// Sends back what it reads, and says when it has. All but the first is read when the poller has told of it.
process answer(self, io::connection c, pid parent, int questions) {
    for (int i = 0; i < questions; ++i) {
        auto text = co_await c.read(patience);
        if (text) (void)c.try_write(*text);
        beam::send(parent, told{});
    }
}

// Never waits, so that its scheduler is never idle.
process always_runnable(self me, std::shared_ptr<std::atomic<bool>> stop) {
    while (!stop->load()) co_await me.yield();
}

// Keeps its scheduler's thread.
process never_yields(self, std::shared_ptr<std::atomic<bool>> stop) {
    while (!stop->load()) __builtin_ia32_pause();
    co_return;
}

awaitable<void> answered_beside(self me, process (*busy)(self, std::shared_ptr<std::atomic<bool>>),
                                unsigned how_many) {
    auto stop = std::make_shared<std::atomic<bool>>(false);
    constexpr int questions = 20;
    auto [c, peer] = test::make_pair();
    spawn(answer, std::move(c), me.id(), questions);
    for (int i = 0; i < questions; ++i) {
        if (i == questions / 2)
            for (unsigned n = 0; n < how_many; ++n) spawn(busy, stop);
        CHECK(test::put(peer.get(), "question"));
        auto answered = co_await me.receive_for<told>(patience);
        CHECK(answered);
    }
    stop->store(true);
}

}  // namespace

namespace {

process speaks(self me, io::connection c, pid parent, void (*use)(io::connection& c)) {
    char byte;
    (void)c.try_read({&byte, 1});
    beam::send(parent, told{});
    (void)co_await me.receive<io::readable>();
    (void)c.try_read({&byte, 1});
    use(c);
    co_await me.sleep_for(infinity{});
}

// Two connections have news at once, so the first one's answer waits for the second one's turn.
std::string said_with_another(void (*use)(io::connection& c),
                              process (*other)(self, std::shared_ptr<std::atomic<bool>>)) {
    runtime_options o;
    o.schedulers = 1;
    runtime node(o);
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    unique_fd ours(fds[0]), peer(fds[1]);
    auto stop = std::make_shared<std::atomic<bool>>(false);
    const timeval longest{patience.count(), 0};
    ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
    std::string said;
    std::thread reader([&said, fd = peer.get(), stop] {
        said = test::get(fd, 10);
        stop->store(true);
    });
    auto both = [](self me, unique_fd mine, int theirs, auto what, auto busy,
                   auto until) -> awaitable<void> {
        auto [second, second_peer] = test::make_pair();
        auto first = io::connection::adopt(std::move(mine));
        REQUIRE(first);
        spawn(speaks, *std::move(first), me.id(), what);
        auto run = [](self it, io::connection c2, pid parent, auto b, auto u) -> process {
            char byte;
            (void)c2.try_read({&byte, 1});
            beam::send(parent, told{});
            (void)co_await it.receive<io::readable>();
            spawn(b, u);
        };
        spawn(run, std::move(second), me.id(), busy, until);
        for (int i = 0; i < 2; ++i) co_await me.receive<told>();
        // Nothing is waited for in between: both are told of at once.
        CHECK(test::put(theirs, "?"));
        CHECK(test::put(second_peer.get(), "?"));
        while (!until->load()) co_await me.sleep_for(1ms);
    };
    auto r = node.execute(both, std::move(ours), peer.get(), use, other, stop);
    CHECK(r.has_value());
    reader.join();
    return said;
}

process ends_at_once(self, std::shared_ptr<std::atomic<bool>>) {
    co_return;
}

void says_soon(io::connection& c) {
    for (std::string_view part : {"01", "23", "456789"}) CHECK(c.try_write_soon(part) == true);
}
void says_soon_and_closes(io::connection& c) {
    CHECK(c.try_write_soon("0123456789") == true);
    c.close();
}
void says_soon_and_finishes(io::connection& c) {
    CHECK(c.try_write_soon("0123456789") == true);
    c.finish_output();
}
void says_soon_and_at_once(io::connection& c) {
    CHECK(c.try_write_soon("01234") == true);
    CHECK(c.try_write("56") == true);
    CHECK(c.try_write_soon("789") == true);
}

}  // namespace

TEST_CASE("an answer that is to be sent soon comes, in order, whatever else is done meanwhile") {
    for (auto use :
         {says_soon, says_soon_and_closes, says_soon_and_finishes, says_soon_and_at_once})
        for (auto other : {ends_at_once, always_runnable, never_yields})
            CHECK(said_with_another(use, other) == "0123456789");
}

TEST_CASE("news of descriptors come though no scheduler is ever idle") {
    test::in_node(
        [](self me) -> awaitable<void> { co_await answered_beside(me, always_runnable, 8); });
}

TEST_CASE(
    "news of descriptors come though all schedulers but one are held, whichever asked before") {
    test::in_node(
        [](self me) -> awaitable<void> { co_await answered_beside(me, never_yields, 1); });
}
