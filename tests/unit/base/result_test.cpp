#include "libbeamcore/base/result.hpp"

#include <doctest/doctest.h>

#include <string>

using beam::fail;
using beam::pass;
using beam::result;

namespace {

result<int> half(int n) {
    if (n % 2 != 0) return fail("odd", "no half of " + std::to_string(n));
    return n / 2;
}

result<std::string> half_as_text(int n) {
    auto h = half(n);
    if (!h) return pass(h);
    return std::to_string(*h);
}

}  // namespace

TEST_CASE("a result holds the value or says why there is none") {
    CHECK(half(4).value() == 2);
    auto r = half(3);
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error().is("odd"));
    CHECK(r.error().detail == "no half of 3");
}

TEST_CASE("pass hands an error on to a result of another type") {
    CHECK(half_as_text(8).value() == "4");
    CHECK(half_as_text(7).error() == half(7).error());
}
