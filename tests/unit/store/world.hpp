// What the tests of store need.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/store/store.hpp"
#include "tests/support/world.hpp"

namespace test {

/// The engine of the stores that start() makes. Helper programs inherit it.
inline beam::store::engine_type engine() {
    const char* name = std::getenv("BEAM_TEST_ENGINE");
    return beam::store::parse_engine(name ? name : "").value_or(beam::store::engine_type::lmdb);
}

/// A started store, or the test fails.
inline beam::pid start(const std::string& path, beam::store::open_options options = {}) {
    if (!options.engine) options.engine = engine();
    auto s = beam::store::start_link(path, options);
    REQUIRE_MESSAGE(s.has_value(), beam::to_string(s ? beam::term() : s.error()));
    return *s;
}

/// Runs `body` with an engine, if it is built.
inline void with_engine(const char* name, void (*body)()) {
    ::setenv("BEAM_TEST_ENGINE", name, 1);
    body();
    ::unsetenv("BEAM_TEST_ENGINE");
}

}  // namespace test

// A test case that is run with each engine.
#define STORE_TEST_BODY(body, name)            \
    static void body();                        \
    TEST_CASE(name) {                          \
        SUBCASE("lmdb") {                      \
            ::test::with_engine("lmdb", body); \
        }                                      \
    }                                          \
    static void body()
#define STORE_TEST(name) STORE_TEST_BODY(DOCTEST_ANONYMOUS(store_test_), name)
