#include "libbeamcore/base/rate.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using beam::parse_percent;
using beam::parse_rate;
using beam::print_rate;
using beam::rate;

namespace {

std::string code_of(std::string_view text) {
    auto r = parse_rate(text);
    return r ? "ok" : r.error().code;
}

std::string percent_code_of(std::string_view text) {
    auto r = parse_percent(text);
    return r ? "ok" : r.error().code;
}

}  // namespace

TEST_CASE("rates are read as people type them") {
    CHECK(parse_rate("10/2m").value() == rate{10, 2min});
    CHECK(parse_rate("100/s").value() == rate{100, 1s});
    CHECK(parse_rate("100").value() == rate{100, 1s});
    CHECK(parse_rate("3/1m30s").value() == rate{3, 90s});
    CHECK(parse_rate("1/ms").value() == rate{1, 1ms});
}

TEST_CASE("what is no rate is refused with the reason") {
    CHECK(code_of("") == "empty");
    CHECK(code_of("x/s") == "bad_number");
    CHECK(code_of("/s") == "bad_number");
    CHECK(code_of("1.5/s") == "bad_number");
    CHECK(code_of("10 /s") == "bad_number");
    CHECK(code_of("0/s") == "out_of_range");
    CHECK(code_of("99999999999999999999/s") == "out_of_range");
    CHECK(code_of("10/0") == "out_of_range");
    CHECK(code_of("10/0s") == "out_of_range");
    CHECK(code_of("10/") == "empty");
    CHECK(code_of("10/2") == "missing_unit");
    CHECK(code_of("10/2x") == "unknown_unit");
}

TEST_CASE("rates are printed as they are read back") {
    CHECK(print_rate({10, 2min}) == "10/2m");
    CHECK(print_rate({100, 1s}) == "100/s");
    CHECK(print_rate({3, 90s}) == "3/1m30s");
    CHECK(print_rate({3, 10s}) == "3/10s");
    CHECK(print_rate({3, 1500ns}) == "3/1.5us");
    for (auto text : {"10/2m", "100/s", "3/1m30s", "7/d", "1/1.5us", "1/11s"})
        CHECK(print_rate(parse_rate(text).value()) == text);
}

TEST_CASE("percentages need their sign and end at 100") {
    CHECK(parse_percent("25%").value() == doctest::Approx(0.25));
    CHECK(parse_percent("0%").value() == 0.0);
    CHECK(parse_percent("100%").value() == 1.0);
    CHECK(parse_percent("12.5%").value() == doctest::Approx(0.125));
    CHECK(percent_code_of("") == "empty");
    CHECK(percent_code_of("25") == "missing_unit");
    CHECK(percent_code_of("%") == "bad_number");
    CHECK(percent_code_of("-1%") == "bad_number");
    CHECK(percent_code_of("25%%") == "bad_number");
    CHECK(percent_code_of("nan%") == "bad_number");
    CHECK(percent_code_of("100.1%") == "out_of_range");
    CHECK(percent_code_of("99999999999999999999%") == "out_of_range");
}
