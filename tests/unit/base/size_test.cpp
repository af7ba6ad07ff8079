#include "libbeamcore/base/size.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using beam::parse_size;
using beam::print_size;

namespace {

std::string code_of(std::string_view text) {
    auto r = parse_size(text);
    return r ? "ok" : r.error().code;
}

}  // namespace

TEST_CASE("sizes are read as people type them") {
    CHECK(parse_size("0").value() == 0);
    CHECK(parse_size("812").value() == 812);
    CHECK(parse_size("812B").value() == 812);
    CHECK(parse_size("64K").value() == 65536);
    CHECK(parse_size("64KiB").value() == 65536);
    CHECK(parse_size("64kB").value() == 64000);
    CHECK(parse_size("16M").value() == 16U << 20U);
    CHECK(parse_size("2G").value() == 2ULL << 30U);
    CHECK(parse_size("1MB").value() == 1'000'000);
    CHECK(parse_size("1.5K").value() == 1536);
    CHECK(parse_size("15P").value() == 15ULL << 50U);
    CHECK(parse_size("18446744073709551615").value() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("what is no size is refused with the reason") {
    CHECK(code_of("") == "empty");
    CHECK(code_of("K") == "bad_number");
    CHECK(code_of("-1K") == "bad_number");
    CHECK(code_of("64k") == "unknown_unit");
    CHECK(code_of("64KB") == "unknown_unit");
    CHECK(code_of("64 K") == "unknown_unit");
    CHECK(code_of("1Kx") == "unknown_unit");
    CHECK(code_of("0.3B") == "not_whole");
    CHECK(code_of("1.0001K") == "not_whole");
    CHECK(code_of("18446744073709551616") == "out_of_range");
    CHECK(code_of("99999P") == "out_of_range");
}

TEST_CASE("sizes are printed short") {
    CHECK(print_size(0) == "0B");
    CHECK(print_size(1023) == "1023B");
    CHECK(print_size(1024) == "1K");
    CHECK(print_size(65536) == "64K");
    CHECK(print_size(1536) == "1.5K");
    CHECK(print_size((1U << 20U) - 1) == "1M");
    CHECK(print_size(12ULL << 20U) == "12M");
    CHECK(print_size(std::numeric_limits<std::uint64_t>::max()) == "16384P");
}
