// The checker of histories: good ones pass, and each kind of bad one is seen.
#include <doctest/doctest.h>

#include "tests/support/kv_history.hpp"

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
op removed(std::int64_t called, std::int64_t answered = op::never) {
    op o;
    o.what = op::kind::remove, o.called = called, o.answered = answered;
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
    // Removed, once; a removal without an answer at any time.
    CHECK(is_linearizable(history{put("a", 0, 1), removed(2, 3), got({}, 4, 5)}));
    CHECK(is_linearizable(history{put("a", 0, 1), removed(2), got("a", 3, 4), got({}, 5, 6)}));
    // Nobody saw it, but a swap that was refused must have met it.
    CHECK(is_linearizable(history{put("a", 0, 1), put("b", 2), swap("a", "c", true, 3, 4)}));
    // A swap without an answer that was done, as is seen later.
    CHECK(is_linearizable(history{put("a", 0, 1), swap("a", "b", false, 2, op::never),
                                  got("a", 3, 4), got("b", 5, 6)}));
}

TEST_CASE("long histories with many requests that had no answer are judged in time") {
    history good;
    for (std::int64_t i = 0; i < 20'000; ++i) {
        const std::string value = std::to_string(i);
        good.push_back(put(value, 10 * i, 10 * i + 5));
        good.push_back(got(value, 10 * i + 6, 10 * i + 8));
        if (i % 50 == 0) good.push_back(put("lost " + value, 10 * i + 1));
        if (i % 2500 == 0) good.push_back(removed(10 * i + 1));
    }
    CHECK(is_linearizable(good));
    good.push_back(got("17", 40000, 40001));
    CHECK_FALSE(is_linearizable(good));
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
    // Removed, and there again; there, and nobody removed it.
    CHECK_FALSE(is_linearizable(history{put("a", 0, 1), removed(2, 3), got("a", 4, 5)}));
    CHECK_FALSE(is_linearizable(history{put("a", 0, 1), put("b", 0, 5), got({}, 6, 7)}));
    // Seen before it was asked for.
    CHECK_FALSE(is_linearizable(history{got("a", 0, 1), put("a", 2)}));
    // A put without an answer is done once, not again after another's.
    CHECK_FALSE(
        is_linearizable(history{put("a", 0), got("a", 1, 2), put("b", 3, 4), got("a", 5, 6)}));
    // Two readers that do not agree on the order of two puts without an answer.
    CHECK_FALSE(is_linearizable(
        history{put("a", 0), put("b", 0), got("a", 1, 2), got("b", 3, 4), got("a", 5, 6)}));
}
