// What the tests of store need.
#pragma once

#include <string>

#include "libbeamcore/store/store.hpp"
#include "tests/support/world.hpp"

namespace test {

/// A started store, or the test fails.
inline beam::pid start(const std::string& path, const beam::store::open_options& options = {}) {
    auto s = beam::store::start_link(path, options);
    REQUIRE_MESSAGE(s.has_value(), beam::to_string(s ? beam::term() : s.error()));
    return *s;
}

}  // namespace test
