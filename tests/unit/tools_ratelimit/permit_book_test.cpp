#include "tools/ratelimit/app/permit_book.hpp"

#include <doctest/doctest.h>

#include "libbeamcore/base/random.hpp"

using namespace breakers;

namespace {

permit made(std::uint64_t id, std::int64_t slow_at, std::int64_t expires_at,
            std::uint32_t epoch = 1) {
    permit p;
    p.id = id;
    p.slow_at = slow_at;
    p.expires_at = expires_at;
    p.epoch = epoch;
    return p;
}

}  // namespace

TEST_CASE("a permit is slow once, and gone when its time is over") {
    permit_book book;
    book.add(made(1, 100, 200));
    CHECK(book.due_at() == 100);
    CHECK_FALSE(book.next_due(99));
    auto due = book.next_due(100);
    REQUIRE(due);
    CHECK(due->first == permit_event::slow);
    CHECK(due->second.counted);
    CHECK(book.open_in(1) == 0);
    CHECK(book.size() == 1);
    CHECK_FALSE(book.next_due(199));
    due = book.next_due(500);
    REQUIRE(due);
    CHECK(due->first == permit_event::expired);
    CHECK(book.size() == 0);
    CHECK(book.due_at() == INT64_MAX);
    CHECK_FALSE(book.end(1));
}

TEST_CASE("one whose time is over before it can be slow only expires") {
    permit_book book;
    book.add(made(1, 300, 200));
    book.add(made(2, 200, 200));
    CHECK(book.next_due(400)->first == permit_event::expired);
    CHECK(book.next_due(400)->first == permit_event::expired);
    CHECK_FALSE(book.next_due(400));
}

TEST_CASE("the oldest of an epoch that goes with no process") {
    permit_book book;
    permit with_process = made(1, INT64_MAX, INT64_MAX);
    with_process.owner = beam::pid{0, 5, 0};
    book.add(with_process);
    book.add(made(2, INT64_MAX, 100, 1));
    book.add(made(3, INT64_MAX, 100, 2));
    book.add(made(4, INT64_MAX, 100, 2));
    CHECK(book.oldest(2) == 3);
    CHECK(book.oldest(1) == 2);
    CHECK_FALSE(book.oldest(3));
    CHECK(book.open_in(1) == 2);
    CHECK(book.end_of(with_process.monitor)->id == 1);
    CHECK_FALSE(book.end_of(with_process.monitor));
}

TEST_CASE("whatever comes in whatever order, the book ends empty, and so does its agenda") {
    beam::random_generator random(5);
    for (int round = 0; round < 200; ++round) {
        permit_book book;
        std::int64_t now = 0;
        std::uint64_t last = 0;
        std::size_t ended = 0, expired = 0;
        for (int i = 0; i < 200; ++i) {
            now += static_cast<std::int64_t>(random.below(10));
            if (random.chance(0.5)) {
                const auto slow = random.chance(0.5)
                                      ? now + 1 + static_cast<std::int64_t>(random.below(100))
                                      : INT64_MAX;
                book.add(
                    made(++last, slow, now + 1 + static_cast<std::int64_t>(random.below(100))));
            } else if (last > 0) {
                ended += book.end(1 + random.below(last)) ? 1 : 0;
            }
            while (auto due = book.next_due(now))
                expired += due->first == permit_event::expired ? 1 : 0;
            REQUIRE(book.size() == last - ended - expired);
            REQUIRE(book.due_at() > now);
        }
        while (auto due = book.next_due(now + 1000))
            expired += due->first == permit_event::expired ? 1 : 0;
        CHECK(book.size() == 0);
        CHECK(ended + expired == last);
        CHECK(book.due_at() == INT64_MAX);
    }
}
