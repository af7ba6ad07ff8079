#include "libbeamcore/dist/node_list.hpp"

#include <doctest/doctest.h>

using namespace beam;
using namespace beam::dist;

TEST_CASE("a listed node is a name, with or without an address") {
    CHECK(parse_listed_node("a@host") == listed_node{"a@host", {}});
    CHECK(parse_listed_node("a@host=10.0.0.1:9100") ==
          listed_node{"a@host", node_address{"10.0.0.1", 9100}});
    CHECK(parse_listed_node("a@host=other:1") == listed_node{"a@host", node_address{"other", 1}});
    CHECK(parse_listed_node("a@host=[::1]:65535") ==
          listed_node{"a@host", node_address{"::1", 65535}});
}

TEST_CASE("what is printed of a listed node is read as the same") {
    for (const char* text : {"a@host", "a@host=10.0.0.1:9100", "a@host=[fe80::1]:4"})
        CHECK(print_listed_node(*parse_listed_node(text)) == text);
}

TEST_CASE("what is no node is refused, and the error shows it") {
    for (const char* text : {"", "a", "@host", "a@", "a@b@c", "a b@host", "a@host=", "a@host=1",
                             "a@host=10.0.0.1", "a@host=10.0.0.1:", "a@host=:5", "a@host=x:0",
                             "a@host=x:65536", "a@host=x:1x", "a@host=::1:5", "a@host=[::1]5"}) {
        CAPTURE(text);
        const auto read = parse_listed_node(text);
        REQUIRE(!read);
        CHECK(read.error().is("bad_node"));
        CHECK(read.error().detail.find('"') != std::string::npos);
    }
}

TEST_CASE("a list has commas between its nodes, and none twice") {
    const auto list = parse_node_list("a@h,b@h=h:5");
    REQUIRE(list);
    CHECK(list->size() == 2);
    CHECK(!parse_node_list(""));
    CHECK(!parse_node_list("a@h,"));
    CHECK(!parse_node_list("a@h,,b@h"));
    CHECK(!parse_node_list("a@h,b@h,a@h=x:1"));
}

TEST_CASE("a name of the DNS, with a prefix and a port where they are said") {
    CHECK(parse_dns_name("chat.internal", "own") == listed_dns_name{"own", "chat.internal", 0});
    CHECK(parse_dns_name("chat.internal:9100", "own") ==
          listed_dns_name{"own", "chat.internal", 9100});
    CHECK(parse_dns_name("other@chat.internal:9100", "own") ==
          listed_dns_name{"other", "chat.internal", 9100});
    CHECK(parse_dns_names("a,x@b:1", "own")->size() == 2);
    for (const char* text : {"", ":5", "a:0", "a:b", "@a", "x@", "a b", "a=b"}) {
        CAPTURE(text);
        const auto read = parse_dns_names(text, "own");
        REQUIRE(!read);
        CHECK(read.error().is("bad_dns_name"));
    }
}
