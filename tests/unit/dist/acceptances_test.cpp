#include "libbeamcore/dist/internal/acceptances.hpp"

#include <doctest/doctest.h>

using namespace beam::dist::detail;

TEST_CASE(
    "an order to connect is kept while somebody connects from there, and given back with the "
    "last") {
    acceptances a;
    const acceptances::order first{nullptr, 1}, second{nullptr, 2};
    CHECK_FALSE(a.keep("a@here", first));
    a.begin("a@here");
    a.begin("a@here");
    CHECK(a.keep("a@here", first));
    CHECK_FALSE(a.keep("b@here", second));
    CHECK_FALSE(a.end("a@here"));
    const auto kept = a.end("a@here");
    REQUIRE(kept.has_value());
    CHECK(kept->attempt == 1);
    // It is over: nothing is kept any more.
    CHECK_FALSE(a.keep("a@here", second));
    a.begin("a@here");
    CHECK_FALSE(a.end("a@here"));
}
