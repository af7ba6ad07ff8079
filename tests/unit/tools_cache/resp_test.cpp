// RESP connections: real sockets, so not on simulated nodes.
#include <sys/resource.h>

#include <optional>
#include <thread>

#include "libbeamcore/runtime/blocking.hpp"
#include "tests/unit/io/world.hpp"
#include "tests/unit/tools_cache/running_cache.hpp"
#include "tools/cache/app/resp_connection.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

struct served {
    pid process;
    ref monitor;
    unique_fd theirs;
};

served serve(std::chrono::milliseconds patience = 10s) {
    io::stream_options options;
    options.output_max = 64 << 10;
    test::pair p = test::make_pair(options);
    cache::client_options how;
    how.patience = patience;
    served s;
    s.process = spawn(cache::serve_client, std::move(p.ours), how);
    s.monitor = monitor(s.process);
    s.theirs = std::move(p.theirs);
    return s;
}

/// Sends and waits for that many bytes, in a thread of its own: the test's process must not block a scheduler.
awaitable<std::string> talk(int fd, std::string request, std::size_t answer) {
    auto job = blocking([fd, request = std::move(request), answer] {
        std::thread writer([&] { (void)test::put(fd, request); });
        std::string got = test::get(fd, answer);
        writer.join();
        return got;
    });
    std::string got = co_await job;
    co_return got;
}

awaitable<bool> ends(self me, ref which) {
    const auto down = co_await me.receive_if<down_message>(
        [which](const down_message& m) { return m.monitor == which; }, test::patience);
    co_return down.has_value();
}

}  // namespace

TEST_CASE("commands may be cut anywhere") {
    test::in_node([](self) -> awaitable<void> {
        co_await test::start_cache();
        const std::string commands(
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\n\0b\r\n"
            "*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n",
            57);
        const std::string answers("+OK\r\n$5\r\na\r\n\0b\r\n+PONG\r\n", 23);
        for (std::size_t cut = 0; cut <= commands.size(); ++cut) {
            const served c = serve();
            (void)test::put(c.theirs.get(), commands.substr(0, cut));
            auto talking = talk(c.theirs.get(), commands.substr(cut), answers.size());
            const std::string got = co_await talking;
            REQUIRE(got == answers);
        }
    });
}

TEST_CASE("a pipeline is answered in order, however long, also across commands that wait") {
    test::in_node([](self) -> awaitable<void> {
        co_await test::start_cache();
        const served c = serve();
        std::string commands, answers;
        for (int i = 0; i < 20'000; ++i) {
            commands += "ECHO " + std::to_string(10'000 + i) + "\r\n";
            answers += "$5\r\n" + std::to_string(10'000 + i) + "\r\n";
            if (i % 1000 != 0) continue;
            commands += "DBSIZE\r\n";
            answers += ":0\r\n";
        }
        auto talking = talk(c.theirs.get(), commands, answers.size());
        const std::string got = co_await talking;
        CHECK(got == answers);
    });
}

TEST_CASE("a client that writes faster than the books are kept waits, and goes on") {
    test::in_node([](self) -> awaitable<void> {
        co_await test::start_cache();
        cache::limits_change l;
        l.max_entries = 1000;
        co_await test::set_limits(l);
        const served c = serve();
        std::string commands, answers;
        constexpr int many = 60'000;
        for (int i = 0; i < many; ++i) {
            commands += "SET key" + std::to_string(i) + " value\r\n";
            answers += "+OK\r\n";
        }
        commands += "DBSIZE\r\n";
        answers += ":1000\r\n";
        auto talking = talk(c.theirs.get(), commands, answers.size());
        const std::string got = co_await talking;
        CHECK(got.size() == answers.size());
        CHECK(got == answers);
        const auto counts = co_await test::counted();
        CHECK(counts.counted.evicted == many - 1000);
    });
}

TEST_CASE("a client that never reads is closed, and nobody else suffers") {
    test::in_node([](self me) -> awaitable<void> {
        co_await test::start_cache();
        {
            cache::session s;
            test::put(s, "big", std::string(1 << 20, 'x'));
        }
        const served greedy = serve(50ms);
        // Its answers would have 4 GB.
        std::string commands;
        for (int i = 0; i < 4000; ++i) commands += "GET big\r\n";
        (void)test::put(greedy.theirs.get(), commands);
        const served other = serve();
        for (int i = 0; i < 20; ++i) {
            auto talking = talk(other.theirs.get(), "PING\r\n", 7);
            const std::string got = co_await talking;
            CHECK(got == "+PONG\r\n");
        }
        const bool closed = co_await ends(me, greedy.monitor);
        CHECK(closed);
    });
}

TEST_CASE("garbage ends a connection with a word about it") {
    test::in_node([](self me) -> awaitable<void> {
        co_await test::start_cache();
        const std::pair<std::string, std::string> all[] = {
            {"*1\r\n$2147483648\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
            {"*2147483648\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
            {"*1\r\n!1\r\n", "-ERR Protocol error: expected '$', got '!'\r\n"}};
        for (const auto& [bytes, word] : all) {
            const served c = serve();
            auto talking = talk(c.theirs.get(), bytes, word.size());
            const std::string got = co_await talking;
            CHECK(got == word);
            const bool closed = co_await ends(me, c.monitor);
            CHECK(closed);
        }
    });
}

TEST_CASE("thousands of connections that say nothing, or half a command, cost nobody") {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 10'000);
    ::setrlimit(RLIMIT_NOFILE, &files);
    test::in_node([](self me) -> awaitable<void> {
        co_await test::start_cache();
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        const std::size_t many = std::min<std::size_t>(4000, (limit.rlim_cur - 100) / 2);
        std::vector<served> idle;
        for (std::size_t i = 0; i < many; ++i) {
            idle.push_back(serve());
            if (i % 2 == 0) (void)test::put(idle.back().theirs.get(), "*2\r\n$3\r\nGE");
        }
        auto talking = talk(idle[1].theirs.get(), "PING\r\n", 7);
        const std::string got = co_await talking;
        CHECK(got == "+PONG\r\n");
        auto rest = talk(idle[0].theirs.get(), "T\r\n$1\r\nk\r\n", 5);
        const std::string whole = co_await rest;
        CHECK(whole == "$-1\r\n");
        // All of them leave when their clients do.
        for (served& s : idle) {
            s.theirs.reset();
            const bool closed = co_await ends(me, s.monitor);
            REQUIRE(closed);
        }
    });
}
