#include "libbeamcore/base/abi_stamp.hpp"

#include <doctest/doctest.h>

TEST_CASE("the ABI stamp takes in the headers, and more than them") {
    CHECK(BEAM_ABI_HEADERS != 0);
    CHECK(beam::abi_stamp != 0);
    CHECK(beam::abi_stamp != BEAM_ABI_HEADERS);
}
