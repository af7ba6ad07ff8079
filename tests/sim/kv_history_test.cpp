// The checker of histories: good ones pass, and each kind of bad one is seen.
#include <doctest/doctest.h>

#include "kv_history.hpp"

using test::is_linearizable;
using op = test::kv_operation;
using history = std::vector<op>;

namespace {

op put(std::string v, std::int64_t called, std::int64_t answered = op::never) {
    op o;
    o.what = op::kind::put, o.wanted = std::move(v), o.called = called, o.answered = answered;
    return o;
}
op got(std::optional<std::string> v, std::int64_t called, std::int64_t answered) {
    op o;
    o.found = std::move(v), o.called = called, o.answered = answered;
    return o;
}
op swap(std::string from, std::string to, bool refused, std::int64_t called,
        std::int64_t answered) {
    op o;
    o.what = op::kind::compare_and_put, o.expected = std::move(from), o.wanted = std::move(to);
    o.refused = refused, o.called = called, o.answered = answered;
    return o;
}

}  // namespace

TEST_CASE("histories that one copy could have made are linearizable") {
    CHECK(is_linearizable(history{}));
    CHECK(is_linearizable(history{got({}, 0, 1), put("a", 2, 3), got("a", 4, 5)}));
    // Two at once, in either order.
    CHECK(is_linearizable(history{put("a", 0, 10), put("b", 0, 10), got("a", 11, 12)}));
    CHECK(is_linearizable(history{put("a", 0, 10), got("a", 1, 2), got("a", 3, 4)}));
    // One without an answer happens late, or never.
    CHECK(is_linearizable(history{put("a", 0), got({}, 5, 6), got("a", 7, 8)}));
    CHECK(is_linearizable(history{put("a", 0), put("b", 1, 2), got("b", 5, 6), got("b", 7, 8)}));
    CHECK(is_linearizable(
        history{put("a", 0, 1), swap("a", "b", false, 2, 3), swap("a", "c", true, 4, 5)}));
}

TEST_CASE("histories that no one copy could have made are seen") {
    CHECK_FALSE(is_linearizable(history{put("a", 0, 1), got({}, 2, 3)}));
    CHECK_FALSE(is_linearizable(history{put("a", 0, 1), put("b", 2, 3), got("a", 4, 5)}));
    // Read back and forth.
    CHECK_FALSE(is_linearizable(history{put("a", 0), got("a", 1, 2), got({}, 3, 4)}));
    CHECK_FALSE(is_linearizable(
        history{put("a", 0, 20), put("b", 0, 20), got("a", 21, 22), got("b", 23, 24)}));
    CHECK_FALSE(is_linearizable(history{got("never written", 0, 1)}));
    // Done twice: after another's.
    CHECK_FALSE(
        is_linearizable(history{put("a", 0, 1), put("b", 2, 3), got("b", 4, 5), got("a", 6, 7)}));
    CHECK_FALSE(is_linearizable(
        history{put("a", 0, 1), swap("a", "b", false, 2, 5), swap("a", "c", false, 2, 5)}));
    CHECK_FALSE(is_linearizable(history{put("a", 0, 1), swap("a", "b", true, 2, 3)}));
}
