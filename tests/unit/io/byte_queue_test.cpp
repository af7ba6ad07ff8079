#include "libbeamcore/io/internal/byte_queue.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

using beam::io::detail::byte_queue;

TEST_CASE("bytes come out in the order in which they went in, however they are cut") {
    std::mt19937 random(5);
    std::string all;
    for (int i = 0; i < 300'000; ++i) all += char('a' + random() % 26);
    byte_queue q;
    std::string got;
    std::size_t in = 0;
    while (got.size() < all.size()) {
        const std::size_t more = std::min<std::size_t>(random() % 20'000, all.size() - in);
        q.append(std::string_view(all).substr(in, more));
        in += more;
        CHECK(q.size() == in - got.size());
        CHECK(q.bytes() == std::string_view(all).substr(got.size(), q.size()));
        const std::size_t n = in == all.size() ? q.size() : random() % (q.size() + 1);
        if (random() % 2) {
            got += q.take(n);
        } else {
            got += q.bytes().substr(0, n);
            q.drop(n);
        }
    }
    CHECK(got == all);
    CHECK(q.size() == 0);
}

TEST_CASE("lines are taken whole, and only up to their longest") {
    byte_queue q;
    q.append("one\ntw");
    CHECK(q.take_line(5) == "one");
    CHECK_FALSE(q.take_line(5));
    CHECK_FALSE(q.line_is_longer_than(5));
    q.append("o\n\nthree");
    CHECK(q.take_line(5) == "two");
    CHECK(q.take_line(5) == "");
    CHECK_FALSE(q.take_line(5));
    CHECK_FALSE(q.line_is_longer_than(5));
    q.append("!");  // six, and no end in sight
    CHECK_FALSE(q.take_line(5));
    CHECK(q.line_is_longer_than(5));
    q.append("\n");
    CHECK_FALSE(q.take_line(5));
    CHECK(q.line_is_longer_than(5));
    CHECK(q.take_line(6) == "three!");
    CHECK(q.size() == 0);
}

TEST_CASE("what is taken as bytes is no longer looked at for lines") {
    byte_queue q;
    q.append("abcdef");
    CHECK_FALSE(q.take_line(100));
    CHECK(q.take(4) == "abcd");
    q.append("g\nh\n");
    CHECK(q.take_line(100) == "efg");
    CHECK(q.take_line(100) == "h");
    q.append("left");
    q.clear();
    CHECK(q.size() == 0);
    q.append("\n");
    CHECK(q.take_line(0) == "");
}
