#include "libbeamcore/io/signals.hpp"

#include <signal.h>

#include "tests/unit/io/world.hpp"

using namespace beam;

TEST_CASE("a POSIX signal is a message to the process that watches it") {
    test::in_node([](self self) -> awaitable<void> {
        auto w = io::watch_signals({SIGUSR1, SIGHUP});
        REQUIRE(w.has_value());
        for (int number : {SIGUSR1, SIGHUP, SIGUSR1}) {
            ::kill(::getpid(), number);
            auto m = co_await self.receive<io::signal_received>();
            CHECK(m.from == w->id());
            CHECK(m.number == number);
        }
    });
}

TEST_CASE("closing a watch gives the signals their default action back") {
    test::in_node([](self) -> awaitable<void> {
        {
            auto w = io::watch_signals({SIGUSR2});
            REQUIRE(w.has_value());
            struct sigaction now {};
            ::sigaction(SIGUSR2, nullptr, &now);
            CHECK((now.sa_handler != SIG_DFL));
        }
        struct sigaction now {};
        ::sigaction(SIGUSR2, nullptr, &now);
        CHECK((now.sa_handler == SIG_DFL));
        co_return;
    });
}

TEST_CASE("what cannot be watched is an error") {
    test::in_node([](self) -> awaitable<void> {
        for (const std::vector<int>& numbers : {std::vector<int>{}, {SIGKILL}, {0}, {12345}}) {
            auto w = io::watch_signals(numbers);
            REQUIRE_FALSE(w);
            CHECK(w.error().is("einval"));
        }
        co_return;
    });
}
