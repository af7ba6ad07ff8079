#include "libbeamcore/io/internal/poller.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>

#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;

TEST_CASE("a scheduler that was woken does not wait, although another took the interrupt") {
    runtime node(test::deterministic(1));
    io::detail::poller p(node);
    const char scheduler = 0;
    std::atomic<std::uint32_t> woken{0};
    CHECK_FALSE(p.look(&scheduler));
    // It has found its word unset, and is on its way to wait.
    woken = 1;
    p.interrupt();
    CHECK(p.is_attended());
    CHECK_FALSE(p.is_attended());  // the monitor has looked, and taken it
    const auto begin = std::chrono::steady_clock::now();
    CHECK(p.wait(&scheduler, woken, std::chrono::nanoseconds(60s).count()));
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
}
