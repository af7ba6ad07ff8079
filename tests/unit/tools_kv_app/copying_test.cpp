#include "tools/kv/app/copying.hpp"

#include <doctest/doctest.h>

using namespace kv;
using namespace std::chrono_literals;

namespace {

move_asker asker(std::uint32_t process, std::uint64_t number = 1) {
    return {beam::pid{process, 0, 0}, number};
}
using askers = std::vector<move_asker>;

}  // namespace

TEST_CASE("permits are given to so many at once, and to the next in the order of asking") {
    move_permits p(2);
    for (std::uint32_t n = 1; n <= 4; ++n) p.ask(asker(n));
    CHECK(p.take_news() == askers{asker(1), asker(2)});
    CHECK(p.take_news().empty());
    p.give_back(asker(2));
    CHECK(p.take_news() == askers{asker(3)});
    p.give_back(asker(1));
    p.give_back(asker(3));
    CHECK(p.take_news() == askers{asker(4)});
    CHECK(p.knows(asker(4).who));
    p.give_back(asker(4));
    CHECK_FALSE(p.knows(asker(4).who));
}

TEST_CASE("who asks again waits once, and who has a permit is told again") {
    move_permits p(1);
    p.ask(asker(1));
    p.ask(asker(2));
    p.ask(asker(2));
    p.ask(asker(3));
    (void)p.take_news();
    p.ask(asker(1));
    CHECK(p.take_news() == askers{asker(1)});
    p.give_back(asker(1));
    CHECK(p.take_news() == askers{asker(2)});
    p.give_back(asker(2));
    CHECK(p.take_news() == askers{asker(3)});
}

TEST_CASE("what waits may be given back, and an older wish than the present one changes nothing") {
    move_permits p(1);
    p.ask(asker(1));
    p.ask(asker(2));
    p.give_back(asker(2));
    p.ask(asker(2, 2));
    p.give_back(asker(2, 1));
    (void)p.take_news();
    p.give_back(asker(1));
    CHECK(p.take_news() == askers{asker(2, 2)});
}

TEST_CASE("a process that ends gives back what it had and what it waited for") {
    move_permits p(2);
    p.ask(asker(1));
    p.ask(asker(1, 2));
    p.ask(asker(1, 3));
    p.ask(asker(2));
    (void)p.take_news();
    p.died(asker(1).who);
    CHECK(p.take_news() == askers{asker(2)});
    CHECK_FALSE(p.knows(asker(1).who));
    p.died(asker(9).who);
    CHECK(p.take_news().empty());
}

TEST_CASE("bytes are read at the limit's rate, whatever the size of the pieces") {
    copy_pace pace(1'000'000);
    std::chrono::nanoseconds now = 100s;
    const auto begun = now;
    std::uint64_t bytes = 0;
    for (std::size_t n = 0; n < 100; ++n) {
        const std::size_t piece = 1000 + 997 * n;
        now += pace.take(piece, now);
        bytes += piece;
    }
    const double rate = double(bytes) / std::chrono::duration<double>(now - begun).count();
    CHECK(rate > 970'000);
    CHECK(rate < 1'030'000);  // 10 ms and the last piece are not waited for
}

TEST_CASE("a pause is caught up for 10 ms and no more, and several who ask at once wait in turn") {
    copy_pace pace(1'000'000);
    CHECK(pace.take(10'000, 10s) == 0ns);
    CHECK(pace.take(100'000, 10s) == 0ns);
    CHECK(pace.take(1, 10s) == 100ms);
    CHECK(pace.take(100'000, 10s) == 100'001us);
    CHECK(pace.take(1'000'000, 60s) == 0ns);
    CHECK(pace.take(1, 60s) == 990ms);
}

TEST_CASE("without a limit nothing waits") {
    copy_pace pace(0);
    for (int n = 0; n < 100; ++n) CHECK(pace.take(1 << 30, 1s) == 0ns);
}
