#include "libbeamcore/dist/node_name.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace beam::dist;

TEST_CASE("a node's name is a name and a host") {
    const auto parts = split_node_name("a@127.0.0.1");
    REQUIRE(parts);
    CHECK(parts->name == "a");
    CHECK(parts->host == "127.0.0.1");
}

TEST_CASE("what is no node's name") {
    for (const char* text :
         {"", "nohost", "@", "a@", "@host", "a@b@c", "a b@c", "a@b\n", "\xc3\xa9@h"})
        CHECK_FALSE(split_node_name(text));
    const std::string host(node_name_max, 'x');
    CHECK_FALSE(split_node_name("a@" + host));
    CHECK(split_node_name("a@" + host.substr(2)));
}

TEST_CASE("a node of ours is called with letters, digits, _ and -") {
    CHECK(is_own_node_name("nodeA_1-x@host.example"));
    CHECK_FALSE(is_own_node_name("node.a@host"));
    CHECK_FALSE(is_own_node_name("node"));
    CHECK(split_node_name("node.a@host"));
}
