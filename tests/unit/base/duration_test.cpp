#include "libbeamcore/base/duration.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/random.hpp"

using namespace std::chrono_literals;
using beam::parse_duration;
using beam::print_duration;
using beam::print_duration_exact;
using std::chrono::nanoseconds;

namespace {

std::string code_of(std::string_view text) {
    auto r = parse_duration(text);
    return r ? "ok" : r.error().code;
}

}  // namespace

TEST_CASE("durations are read as people type them") {
    CHECK(parse_duration("250us").value() == 250us);
    CHECK(parse_duration("20ms").value() == 20ms);
    CHECK(parse_duration("1.5s").value() == 1500ms);
    CHECK(parse_duration("2m").value() == 2min);
    CHECK(parse_duration("1h").value() == 1h);
    CHECK(parse_duration("3d").value() == 72h);
    CHECK(parse_duration("1m30s").value() == 90s);
    CHECK(parse_duration("1h0.25s").value() == 1h + 250ms);
    CHECK(parse_duration("0").value() == 0s);
    CHECK(parse_duration("0s").value() == 0s);
    CHECK(parse_duration("0.0000001us").value() == 1ns);
    CHECK(parse_duration("007s").value() == 7s);
}

TEST_CASE("what is no duration is refused with the reason") {
    CHECK(code_of("") == "empty");
    CHECK(code_of("30") == "missing_unit");
    CHECK(code_of("1m30") == "missing_unit");
    CHECK(code_of("00") == "missing_unit");
    CHECK(code_of("s") == "bad_number");
    CHECK(code_of("-1s") == "bad_number");
    CHECK(code_of("+1s") == "bad_number");
    CHECK(code_of("1 s") == "bad_number");
    CHECK(code_of(" 1s") == "bad_number");
    CHECK(code_of("1s ") == "bad_number");
    CHECK(code_of("1.s") == "bad_number");
    CHECK(code_of(".5s") == "bad_number");
    CHECK(code_of("1,5s") == "bad_number");
    CHECK(code_of("1e3s") == "unknown_unit");
    CHECK(code_of("1.5m30s") == "bad_number");
    CHECK(code_of("5x") == "unknown_unit");
    CHECK(code_of("5S") == "unknown_unit");
    CHECK(code_of("5M") == "unknown_unit");
    CHECK(code_of("30s1m") == "unit_order");
    CHECK(code_of("1s1s") == "unit_order");
    CHECK(code_of("1000000000000d") == "out_of_range");
    CHECK(code_of("99999999999999999999999s") == "out_of_range");
    CHECK(code_of("106751d") == "ok");
    CHECK(code_of("106751d24h") == "out_of_range");
}

TEST_CASE("a duration is printed in its largest whole unit, rounded up") {
    const std::vector<std::pair<nanoseconds, std::string>> rows = {
        {0ns, "0s"},        {1ns, "1us"},     {1000ns, "1us"},    {1001ns, "2us"},
        {999'001ns, "1ms"}, {20ms, "20ms"},   {999'500us, "1s"},  {11'200ms, "12s"},
        {12s, "12s"},       {30s, "30s"},     {59'500ms, "1m"},   {60s, "1m"},
        {61s, "2m"},        {90s, "2m"},      {59min + 1s, "1h"}, {23h + 1ns, "1d"},
        {25h, "2d"},        {-1500ms, "-2s"},
    };
    for (const auto& [duration, text] : rows) {
        CAPTURE(duration.count());
        CHECK(print_duration(duration) == text);
    }
}

TEST_CASE("a printed duration is never shorter than the real one") {
    beam::random_generator random{1};
    for (int i = 0; i < 20'000; ++i) {
        nanoseconds d{static_cast<std::int64_t>(random() >> (1 + random.below(62)))};
        // A week less than the most, since rounding up to days must still be readable.
        if (d > nanoseconds::max() - 24h * 7) continue;
        CAPTURE(d.count());
        CHECK(parse_duration(print_duration(d)).value() >= d);
    }
}

TEST_CASE("a duration printed in full is read back as the same") {
    CHECK(print_duration_exact(90s) == "1m30s");
    CHECK(print_duration_exact(1h + 250ms) == "1h250ms");
    CHECK(print_duration_exact(1500ns) == "1.5us");
    CHECK(print_duration_exact(1s + 5ns) == "1s0.005us");
    CHECK(print_duration_exact(0s) == "0s");
    CHECK(print_duration_exact(-90s) == "-1m30s");
    CHECK(print_duration_exact(nanoseconds::min()).front() == '-');
    beam::random_generator random{2};
    for (int i = 0; i < 20'000; ++i) {
        nanoseconds d{static_cast<std::int64_t>(random() >> (1 + random.below(62)))};
        CAPTURE(d.count());
        CHECK(parse_duration(print_duration_exact(d)).value() == d);
    }
}
