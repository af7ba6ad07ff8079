#include "libbeamcore/term/term.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

TEST_CASE(
    "ETS-24: number < atom < reference < fun < port < pid < tuple < map < nil < list < bits") {
    const term ascending[] = {-1,      1.5,   atom("a"), ref{0, {1}}, fun{}, port{1}, pid{1, 0},
                              tuple(), map(), nil,       list({1}),   "",    "a"};
    for (std::size_t i = 0; i < std::size(ascending); ++i)
        for (std::size_t j = 0; j < std::size(ascending); ++j) {
            CAPTURE(ascending[i]);
            CAPTURE(ascending[j]);
            CHECK(compare(ascending[i], ascending[j]) == (i <=> j));
            CHECK(compare_exact(ascending[i], ascending[j]) == (i <=> j));
        }
}

TEST_CASE("integers and floats are compared by value, exactly") {
    CHECK(compare(1, 1.0) == 0);
    CHECK(term(1) != term(1.0));
    CHECK(compare(1, 1.5) < 0);
    CHECK(compare(2, 1.5) > 0);
    CHECK(compare(-1, -1.5) > 0);
    // 2^53 + 1 is no double: converting would make these equal.
    CHECK(compare(9007199254740993, 9007199254740992.0) > 0);
    CHECK(compare(9007199254740992.0, 9007199254740993) < 0);
    CHECK(compare(9223372036854775807, 9223372036854775808.0) < 0);
    CHECK(compare(*integer("9223372036854775808"), 9223372036854775808.0) == 0);
    CHECK(compare(*integer("18446744073709551617"), 18446744073709551616.0) > 0);
    CHECK(compare(*integer("18446744073709551615"), 18446744073709551616.0) < 0);
    CHECK(compare(*integer("-18446744073709551617"), -18446744073709551616.0) < 0);
    CHECK(compare(*integer("-18446744073709551616"), -18446744073709551616.0) == 0);
    auto googol = *integer("1" + std::string(100, '0'));
    CHECK(compare(googol, 1e100) < 0);  // the double lies above
    CHECK(compare(googol, 9.999999999999999e99) > 0);
    CHECK(compare(googol, 1e300) < 0);
    CHECK(compare(googol, 0.5) > 0);
    CHECK(compare(googol, -1e300) > 0);
    auto minus_googol = *integer("-1" + std::string(100, '0'));
    CHECK(compare(minus_googol, 0.0) < 0);
    CHECK(compare(minus_googol, googol) < 0);
    CHECK(compare(minus_googol, -1e300) > 0);
    CHECK(compare(minus_googol, 5) < 0);
    CHECK(compare(*integer("1" + std::string(400, '0')), 1.7976931348623157e308) > 0);
}

TEST_CASE("in the exact order every integer is before every float") {
    CHECK(compare_exact(2, 1.0) < 0);
    CHECK(compare_exact(1.0, 2) > 0);
    CHECK(compare_exact(tuple(5), tuple(1.0)) < 0);
    CHECK(compare(tuple(5), tuple(1.0)) > 0);
    CHECK(compare_exact(0.0, -0.0) == 0);
}

TEST_CASE("tuples are compared by size first, lists by their elements") {
    CHECK(compare(tuple(9, 9), tuple(1, 1, 1)) < 0);
    CHECK(compare(tuple(1, 2), tuple(1, 3)) < 0);
    CHECK(compare(list({9, 9}), list({1, 1, 1})) > 0);
    CHECK(compare(list({1, 2}), list({1, 2, 3})) < 0);
    CHECK(compare(list({1, 2, 3}), list({1, 2})) > 0);
    CHECK(compare(cons(1, cons(2, nil)), list({1, 2})) == 0);
    // A tail that is no list counts as what it is.
    CHECK(compare(cons(1, 5), list({1, 2})) < 0);
    CHECK(compare(cons(1, "bits"), list({1, 2})) > 0);
    CHECK(compare(list({1, 2}), cons(1, "bits")) < 0);
    CHECK(compare(list({1, 2}), cons(1, 5)) > 0);
    CHECK(compare(cons(1, atoms::ok), list({1})) < 0);
}

TEST_CASE("maps are compared by size, then keys exactly, then values") {
    CHECK(compare(map({{9, 9}}), map({{1, 1}, {2, 2}})) < 0);
    CHECK(compare(map({{1, 9}}), map({{2, 1}})) < 0);
    CHECK(compare(map({{1, 1}}), map({{1, 2}})) < 0);
    CHECK(compare(map({{1, 1}}), map({{1, 1.0}})) == 0);
    CHECK(compare(map({{1, 1}}), map({{1.0, 1}})) < 0);
    CHECK(compare(map({{2, 1}}), map({{1.0, 1}})) < 0);
    CHECK(compare(map({{atom("a"), 9}, {atom("z"), 1}}), map({{atom("a"), 1}, {atom("zz"), 1}})) <
          0);
}

TEST_CASE("bit strings are compared bit by bit, and a beginning is less than the whole") {
    const std::string zeros(1, 0);
    CHECK(compare("abc", "abd") < 0);
    CHECK(compare("abc", "ab") > 0);
    CHECK(compare("\xff", "a") > 0);
    CHECK(compare(bitstring("\xff", 3), "\xff") < 0);
    CHECK(compare(bitstring("\xff", 3), "\xc0") > 0);
    CHECK(compare(bitstring("\xe0", 3), "\xe0") < 0);
    CHECK(compare(bitstring(zeros, 1), bitstring(zeros, 2)) < 0);
    CHECK(compare("", bitstring(zeros, 1)) < 0);
}

TEST_CASE("both orders are total orders over terms of all kinds") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    std::vector<term> terms;
    for (int i = 0; i < 250; ++i) terms.push_back(generate.any(i % 4));
    for (auto order : {compare, compare_exact}) {
        // Sorting relies on the order; every pair afterwards must agree with it, which shows that
        // it is antisymmetric and transitive.
        std::stable_sort(terms.begin(), terms.end(),
                         [order](const term& a, const term& b) { return order(a, b) < 0; });
        for (std::size_t i = 0; i < terms.size(); ++i) {
            REQUIRE(order(terms[i], terms[i]) == 0);
            for (std::size_t j = i + 1; j < terms.size(); ++j) {
                auto forth = order(terms[i], terms[j]), back = order(terms[j], terms[i]);
                if (forth > 0 || back < 0 || (forth == 0) != (back == 0)) {
                    CAPTURE(terms[i]);
                    CAPTURE(terms[j]);
                    FAIL("not an order");
                }
            }
        }
        // What is equal is equal to the same ones: the runs of equal terms do not overlap.
        for (std::size_t i = 0; i + 2 < terms.size(); ++i)
            if (order(terms[i], terms[i + 1]) == 0 && order(terms[i + 1], terms[i + 2]) == 0)
                CHECK(order(terms[i], terms[i + 2]) == 0);
    }
    for (const auto& a : terms)
        for (const auto& b : terms) {
            if ((compare_exact(a, b) == 0) != (a == b)) {
                CAPTURE(a);
                CAPTURE(b);
                FAIL("the exact order and equality do not agree");
            }
        }
}
