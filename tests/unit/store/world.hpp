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

#ifdef BEAM_TEST_ROCKSDB
inline constexpr bool has_rocksdb = true;
#else
inline constexpr bool has_rocksdb = false;
#endif

/// For as long as it lives, start() makes stores of that engine.
class with_engine {
public:
    explicit with_engine(const char* name) { ::setenv("BEAM_TEST_ENGINE", name, 1); }
    ~with_engine() { ::unsetenv("BEAM_TEST_ENGINE"); }
    with_engine(const with_engine&) = delete;
    with_engine& operator=(const with_engine&) = delete;
};

inline void run_with(const char* name, void (*body)()) {
    if (!has_rocksdb && std::string(name) == "rocksdb") {
        MESSAGE("skipped: built without librocksdb-dev");
        return;
    }
    const with_engine chosen(name);
    body();
}

}  // namespace test

// A test case that is run with each engine.
#define STORE_TEST_OF(name, body)              \
    static void body();                        \
    TEST_CASE(name) {                          \
        SUBCASE("lmdb") {                      \
            ::test::run_with("lmdb", body);    \
        }                                      \
        SUBCASE("rocksdb") {                   \
            ::test::run_with("rocksdb", body); \
        }                                      \
    }                                          \
    static void body()
#define STORE_TEST(name) STORE_TEST_OF(name, DOCTEST_ANONYMOUS(store_test_))
