#include "libbeamcore/runtime/detail/flat_table.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/term/pid.hpp"

using beam::random_generator;
using beam::detail::flat_table;

namespace {

/// All keys land in few homes, so that runs collide and wrap around.
struct clumped {
    std::uint64_t n = 0;
    friend bool operator==(const clumped&, const clumped&) = default;
    friend auto operator<=>(const clumped&, const clumped&) = default;
};

}  // namespace

template <>
struct std::hash<clumped> {
    std::size_t operator()(const clumped& c) const noexcept {
        return c.n % 3 == 0 ? ~std::size_t{0} : c.n % 5;
    }
};

namespace {

template <class Key, class Make>
void compare(std::uint64_t seed, std::uint64_t keys, int steps, Make make) {
    CAPTURE(seed);
    random_generator random(seed);
    flat_table<Key, std::string> table;
    std::map<Key, std::string> expected;
    for (int i = 0; i < steps; ++i) {
        const Key key = make(1 + random.below(keys));
        // Phases of growing and of shrinking.
        if (random.below(10) < (i / 500 % 2 ? 3u : 7u)) {
            auto [value, made] = table.insert(key);
            REQUIRE(made == !expected.contains(key));
            *value = std::to_string(i);
            expected[key] = *value;
        } else {
            std::string taken;
            REQUIRE(table.take(key, &taken) == expected.contains(key));
            if (expected.contains(key)) REQUIRE(taken == expected[key]);
            expected.erase(key);
        }
        REQUIRE(table.size() == expected.size());
        REQUIRE(table.empty() == expected.empty());
        const Key probe = make(1 + random.below(keys));
        auto it = expected.find(probe);
        std::string* found = table.find(probe);
        REQUIRE((found != nullptr) == (it != expected.end()));
        if (found) REQUIRE(*found == it->second);
        if (i % 97 != 0) continue;
        std::map<Key, std::string> all;
        table.for_each([&](const Key& k, std::string& v) { REQUIRE(all.emplace(k, v).second); });
        REQUIRE(all == expected);
    }
    table.clear();
    CHECK(table.empty());
    CHECK(table.bytes() == 0);
}

}  // namespace

TEST_CASE("flat_table does what std::map does") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        compare<std::uint64_t>(seed, 6, 1000, [](std::uint64_t n) { return n; });
        compare<std::uint64_t>(seed, 40, 2000, [](std::uint64_t n) { return n * 64; });
        compare<std::uint64_t>(seed, 2000, 3000, [](std::uint64_t n) { return n; });
        compare<clumped>(seed, 100, 2000, [](std::uint64_t n) { return clumped{n}; });
    }
}

TEST_CASE("flat_table takes eight bytes while it is empty, and gives its memory back") {
    static_assert(sizeof(flat_table<int, int>) == 8);
    flat_table<int, int> table;
    CHECK(table.bytes() == 0);
    for (int i = 1; i <= 1000; ++i) table.insert(i);
    CHECK(table.bytes() > 0);
    for (int i = 1; i <= 1000; ++i) CHECK(table.take(i));
    CHECK_FALSE(table.take(1));
    CHECK(table.bytes() == 0);
}

TEST_CASE("flat_table keeps the first process of another node") {
    flat_table<beam::pid, int> table;
    for (std::uint32_t node = 1; node <= 20; ++node) *table.insert({0, 0, node}).first = int(node);
    CHECK(table.size() == 20);
    for (std::uint32_t node = 1; node <= 20; ++node) {
        REQUIRE(table.find({0, 0, node}));
        CHECK(*table.find({0, 0, node}) == int(node));
        CHECK(table.take({0, 0, node}));
    }
    CHECK(table.empty());
}
