#include "libbeamcore/dist/internal/epmd_registry.hpp"

#include <doctest/doctest.h>

using namespace beam;
using namespace beam::dist;
using dist::detail::epmd_registry;

namespace {

epmd_node node(const std::string& name, std::uint16_t port) {
    epmd_node n;
    n.name = name;
    n.port = port;
    return n;
}

}  // namespace

TEST_CASE("a name has one node, as long as its connection lives") {
    epmd_registry r(100);
    CHECK(r.add(io::token{1}, node("a", 10)) == 100);
    CHECK_FALSE(r.add(io::token{2}, node("a", 20)));
    REQUIRE(r.find("a"));
    CHECK(r.find("a")->port == 10);
    CHECK_FALSE(r.find("b"));
    // Who was refused takes nothing away.
    r.remove(io::token{2});
    CHECK(r.find("a"));
    r.remove(io::token{1});
    CHECK_FALSE(r.find("a"));
    CHECK(r.size() == 0);
    // The same name again is another incarnation.
    CHECK(r.add(io::token{2}, node("a", 20)) == 101);
}

TEST_CASE("all names, in order") {
    epmd_registry r(7);
    CHECK(r.add(io::token{1}, node("b", 2)));
    CHECK(r.add(io::token{2}, node("a", 1)));
    CHECK(r.names() == std::vector<epmd_name>{{"a", 1}, {"b", 2}});
}

TEST_CASE("a creation is never one that old nodes could have") {
    epmd_registry r(UINT32_MAX);
    CHECK(r.add(io::token{1}, node("a", 1)) == UINT32_MAX);
    CHECK(r.add(io::token{2}, node("b", 1)) == 4);
    CHECK(r.add(io::token{3}, node("c", 1)) == 5);
}
