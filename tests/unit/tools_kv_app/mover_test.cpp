// The mover's process: what waits for the limit on copies, and what does not.
#include "tools/kv/app/mover.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace kv;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t a_second = 64'000'000;  // of bytes, without BEAM_KV_COPY_LIMIT

struct allowed {
    bool has_come = false;
    std::chrono::milliseconds after{};

    friend bool operator==(const allowed&, const allowed&) = default;
};

beam::awaitable<std::vector<allowed>> next_allowed(beam::self me, std::size_t count) {
    const auto begun = beam::monotonic_time();
    std::vector<allowed> all;
    while (all.size() < count) {
        const auto m = co_await me.receive<piece_allowed>();
        const auto after = beam::monotonic_time() - begun;
        all.push_back({m.has_come, std::chrono::round<std::chrono::milliseconds>(after)});
    }
    co_return all;
}

}  // namespace

TEST_CASE(
    "pieces are read at the limit's rate, and those of all senders are taken in at the same") {
    test::simulated([](beam::self me) -> beam::awaitable<void> {
        REQUIRE(beam::start_link<mover>().has_value());
        // Of two transfers to this node, and one from it.
        mover::ask_to_take_in(me.id(), a_second);
        mover::ask_to_take_in(me.id(), a_second / 2);
        mover::ask_to_take_in(me.id(), 1);
        mover::ask_to_read(me.id(), a_second / 4);
        mover::ask_to_read(me.id(), 1);
        auto asking = next_allowed(me, 5);
        const std::vector<allowed> all = co_await std::move(asking);
        const std::vector<allowed> expected{
            {true, 0ms}, {false, 0ms}, {false, 250ms}, {true, 1000ms}, {true, 1500ms}};
        CHECK(all == expected);
    });
}
