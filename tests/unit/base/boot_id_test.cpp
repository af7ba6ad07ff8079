#include "libbeamcore/base/boot_id.hpp"

#include <doctest/doctest.h>

TEST_CASE("the machine's start has a name, which stays the same") {
    const std::string id = beam::boot_id();
    CHECK(id.size() == 36);  // a UUID
    CHECK(id == beam::boot_id());
}
