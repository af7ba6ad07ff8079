// What comes in: asked for, told of or sent as messages, in lines or as it comes, and never more than was asked for.
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::lines;
using test::patience;

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
