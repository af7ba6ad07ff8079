// Many busy connections and schedulers that are never idle: news and answers come all the same, and in time.
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/io/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::patience;

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
