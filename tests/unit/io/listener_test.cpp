#include "libbeamcore/io/listener.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

TEST_CASE("a listener accepts as many connections as it was asked for") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        auto l = io::listen_unix(dir / "socket");
        REQUIRE(l.has_value());
        CHECK(l->local_name() == dir / "socket");
        std::vector<test::plain_client> clients;
        for (int i = 0; i < 3; ++i) clients.emplace_back(dir / "socket");
        for (auto& c : clients) CHECK(c.connected());
        l->activate(2);
        auto first = co_await self.receive<io::accepted>();
        auto second = co_await self.receive<io::accepted>();
        CHECK(first.listener == l->id());
        CHECK(second.peer.id() != first.peer.id());
        CHECK_FALSE(self.try_receive());
        CHECK(clients[0].send("from the first\n"));
        auto line = co_await first.peer.read_line(patience);
        CHECK(line == "from the first");
        auto third = co_await l->accept(patience);
        REQUIRE(third.has_value());
        auto none = co_await l->accept(1ms);
        REQUIRE_FALSE(none);
        CHECK(none.error().is("timeout"));
    });
}

TEST_CASE("a client that comes while a process waits in accept is accepted") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        auto l = io::listen_unix(dir / "socket");
        REQUIRE(l.has_value());
        const pid server = spawn_link(
            [](beam::self, io::listener listener, pid parent) -> process {
                auto c = co_await listener.accept(patience);
                beam::send(parent, c.has_value());
            },
            *std::move(l), self.id());
        (void)server;
        co_await self.yield();
        test::plain_client client(dir / "socket");
        CHECK(co_await self.receive<bool>());
    });
}

TEST_CASE("a Unix socket's file has the mode asked for and goes with its listener") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        const std::string path = dir / "socket";
        auto l = io::listen_unix(path);
        REQUIRE(l.has_value());
        struct stat s {};
        CHECK(::stat(path.c_str(), &s) == 0);
        CHECK((s.st_mode & 0777) == 0600);
        auto second = io::listen_unix(path);
        REQUIRE_FALSE(second);
        CHECK(second.error().is("eaddrinuse"));
        l->close();
        CHECK(::stat(path.c_str(), &s) != 0);
        // A file that somebody else put there meanwhile stays.
        auto again = io::listen_unix(path);
        REQUIRE(again.has_value());
        ::unlink(path.c_str());
        auto other = io::listen_unix(path);
        REQUIRE(other.has_value());
        again->close();
        CHECK(::stat(path.c_str(), &s) == 0);
        co_return;
    });
}

TEST_CASE("the owner's death frees the address before links are told") {
    test::in_node([](self self) -> awaitable<void> {
        self.trap_exit(true);
        auto probe = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(probe.has_value());
        const std::uint16_t port = probe->port();
        probe->close();
        for (int i = 0; i < 20; ++i) {
            const pid owner = spawn_link(
                [](beam::self s, std::uint16_t p, pid parent) -> process {
                    auto l = io::listen_tcp("127.0.0.1", p);
                    if (l) l->activate(5);
                    beam::send(parent, l.has_value());
                    (void)co_await s.receive<int>();
                },
                port, self.id());
            CHECK(co_await self.receive<bool>());
            exit(owner, atoms::kill);
            (void)co_await self.receive<exit_message>();
        }
    });
}

TEST_CASE("a listener is handed over without being closed") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto l = io::listen_unix(dir / "socket");
        REQUIRE(l.has_value());
        test::plain_client waiting(dir / "socket");
        CHECK(waiting.connected());
        unique_fd fd = l->release();
        CHECK(fd);
        CHECK_FALSE(*l);
        auto adopted = io::adopt_listener(std::move(fd));
        REQUIRE(adopted.has_value());
        auto c = co_await adopted->accept(patience);
        CHECK(c.has_value());
        auto no_listener =
            io::adopt_listener(unique_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
        REQUIRE_FALSE(no_listener);
        CHECK(no_listener.error().is("not_a_listener"));
    });
}

TEST_CASE("addresses that are none are refused") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto name = io::listen_tcp("localhost", 0);
        REQUIRE_FALSE(name);
        CHECK(name.error().is("bad_address"));
        auto v6 = io::listen_tcp("::1", 0);
        if (v6) CHECK(v6->local_name().substr(0, 6) == "[::1]:");
        auto too_long = io::listen_unix(dir / std::string(200, 'p'));
        REQUIRE_FALSE(too_long);
        CHECK(too_long.error().is("path_too_long"));
        auto no_folder = io::listen_unix(dir / "missing/socket");
        REQUIRE_FALSE(no_folder);
        CHECK(no_folder.error().is("enoent"));
        co_return;
    });
}

namespace {
/// At most `n` descriptors more than now, as long as it lives.
class descriptor_limit {
public:
    explicit descriptor_limit(std::size_t n) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lower = before_;
        // The limit is one on numbers: only what is free below it can be had. Descriptors that were
        // inherited may have any number.
        const std::set<int> open = test::descriptors();
        int end = 0;
        for (std::size_t free = 0; free < n; ++end) free += open.contains(end) ? 0 : 1;
        lower.rlim_cur = rlim_t(end);
        ::setrlimit(RLIMIT_NOFILE, &lower);
    }
    ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    descriptor_limit(const descriptor_limit&) = delete;
    descriptor_limit& operator=(const descriptor_limit&) = delete;

private:
    rlimit before_{};
};
}  // namespace

TEST_CASE(
    "without a free descriptor accepting fails as an error, is told once, and goes on later") {
    test::folder dir;
    test::in_node([&](self self) -> awaitable<void> {
        auto l = io::listen_unix(dir / "socket");
        REQUIRE(l.has_value());
        std::vector<test::plain_client> clients;
        for (int i = 0; i < 20; ++i) clients.emplace_back(dir / "socket");
        std::vector<io::connection> accepted;
        {
            descriptor_limit limit(10);
            l->activate(100);
            for (bool failed = false; !failed;) {
                auto m = co_await self.receive<io::accepted, io::accept_failed>();
                if (auto* a = std::get_if<io::accepted>(&m)) {
                    accepted.push_back(std::move(a->peer));
                } else {
                    failed = true;
                    CHECK(std::get<io::accept_failed>(m).reason == atom("emfile"));
                }
            }
            CHECK(accepted.size() == 10);
            auto refused = co_await io::connect_unix(dir / "socket");
            REQUIRE_FALSE(refused);
            CHECK(refused.error().is("emfile"));
        }
        // The others waited in the queue; they are served as soon as it works again.
        while (accepted.size() < 20)
            accepted.push_back((co_await self.receive<io::accepted>()).peer);
        CHECK_FALSE(self.try_receive());
        auto one_more = test::plain_client(dir / "socket");
        auto m = co_await self.receive<io::accepted>();
        CHECK(one_more.send("still here\n"));
        auto line = co_await m.peer.read_line(patience);
        CHECK(line == "still here");
    });
}

TEST_CASE("thousands of connections come, talk and go, and no descriptor is left") {
    test::folder dir;
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const int many = int(std::min<rlim_t>(2000, files.rlim_cur / 4));
    const auto before = test::open_descriptors();
    test::in_node([&](self self) -> awaitable<void> {
        auto l = io::listen_unix(dir / "socket");
        REQUIRE(l.has_value());
        const pid server = spawn_link(
            [](beam::self s, io::listener listener) -> process {
                for (;;) {
                    auto c = co_await listener.accept();
                    if (!c) co_return;
                    spawn(
                        [](beam::self, io::connection mine) -> process {
                            for (;;) {
                                auto line = co_await mine.read_line();
                                if (!line) co_return;
                                (void)co_await mine.write(*line + "!\n");
                            }
                        },
                        *std::move(c));
                    (void)s;
                }
            },
            *std::move(l));
        for (int i = 0; i < many; ++i)
            spawn_link(
                [](beam::self, std::string path, pid parent) -> process {
                    auto c = co_await io::connect_unix(path);
                    bool good = c.has_value();
                    for (int n = 0; good && n < 5; ++n) {
                        auto sent = co_await c->write(std::to_string(n) + "\n");
                        auto line = co_await c->read_line(patience);
                        good = sent && line && *line == std::to_string(n) + "!";
                    }
                    beam::send(parent, good);
                },
                dir / "socket", self.id());
        int good = 0;
        for (int i = 0; i < many; ++i) good += co_await self.receive<bool>() ? 1 : 0;
        CHECK(good == many);
        (void)server;
    });
    CHECK(test::open_descriptors() == before);
}
