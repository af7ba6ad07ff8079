#include "libbeamcore/dist/epmd_protocol.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/unit/dist/hex.hpp"

using namespace beam::dist;

namespace {

// The registration of section 1 of the facts, as OTP 25 sent it.
const std::string seen(
    "\x00\x0e\x78\x4a\x9d\x4d\x00\x00\x06\x00\x05\x00\x01"
    "a\x00\x00",
    16);

epmd_node node_a() {
    epmd_node n;
    n.name = "a";
    n.port = 19101;
    return n;
}

std::string request(std::string_view body) {
    return std::string{char(body.size() >> 8), char(body.size())}.append(body);
}

}  // namespace

TEST_CASE("a registration is byte for byte what OTP sends") {
    CHECK(encode_epmd_request(epmd_alive_request{node_a()}) == seen);
    const auto r = decode_epmd_request(seen);
    REQUIRE(r);
    REQUIRE(*r);
    CHECK((*r)->size == seen.size());
    CHECK(std::get<epmd_alive_request>((*r)->request).node == node_a());
}

TEST_CASE("requests are read as they were written, and not before they are whole") {
    const epmd_request all[] = {epmd_alive_request{node_a()}, epmd_port_request{"node-1"},
                                epmd_names_request{}, epmd_kill_request{}};
    for (const auto& q : all) {
        const auto bytes = encode_epmd_request(q);
        for (std::size_t n = 0; n < bytes.size(); ++n) {
            const auto part = decode_epmd_request(std::string_view(bytes).substr(0, n));
            REQUIRE(part);
            CHECK_FALSE(*part);
        }
        const auto whole = decode_epmd_request(bytes + "more");
        REQUIRE(whole);
        REQUIRE(*whole);
        CHECK((*whole)->size == bytes.size());
        CHECK((*whole)->request.index() == q.index());
        CHECK(encode_epmd_request((*whole)->request) == bytes);
    }
}

TEST_CASE("what is no request") {
    const std::string alive = seen.substr(2);
    const std::string all[] = {
        request(""),
        request("?"),
        request("z"),                          // a port request without a name
        request("z" + std::string(300, 'n')),  // no node has so long a name
        request("zno name"),
        request("nn"),
        request("kk"),
        request("x"),
        request(alive.substr(0, alive.size() - 1)),
        request(alive + "x"),
        request(std::string(alive).replace(1, 2, 2, '\0')),    // port 0
        request(std::string(alive).replace(11, 1, 1, '@')),    // a name that cannot be
        request(std::string(alive).replace(9, 2, 2, '\xff')),  // longer than there is
    };
    for (const auto& bytes : all) {
        const auto r = decode_epmd_request(bytes);
        REQUIRE_FALSE(r);
        CHECK(r.error().is("bad_request"));
    }
    const auto r = decode_epmd_request(std::string_view("\x04\x01x", 3));
    REQUIRE_FALSE(r);
    CHECK(r.error().is("too_long"));
}

TEST_CASE("the answer to a registration") {
    CHECK(encode_epmd_alive(false, 0x6b00f252, true) == std::string("\x76\0\x6b\x00\xf2\x52", 6));
    const auto ok = decode_epmd_alive(encode_epmd_alive(false, 0x6b00f252, true));
    REQUIRE(ok);
    CHECK(*ok == 0x6b00f252);
    const auto old = decode_epmd_alive(encode_epmd_alive(false, 0x6b00f252, false));
    REQUIRE(old);
    CHECK(**old >= 1);
    CHECK(**old <= 3);
    for (bool extended : {true, false}) {
        const auto taken = decode_epmd_alive(encode_epmd_alive(true, 1, extended));
        REQUIRE_FALSE(taken);
        CHECK(taken.error().is("name_taken"));
    }
    for (std::size_t n = 0; n < 6; ++n)
        CHECK(decode_epmd_alive(encode_epmd_alive(false, 9, true).substr(0, n)) == std::nullopt);
    CHECK_FALSE(decode_epmd_alive("HTTP/1.1"));
    CHECK_FALSE(decode_epmd_alive(std::string("\x76\0\0\0\0\0", 6)));
}

TEST_CASE("the answer to a question for a port") {
    auto n = node_a();
    n.type = epmd_node_type::hidden;
    n.extra = "more";
    const auto found = decode_epmd_port(encode_epmd_port(&n));
    REQUIRE(found);
    CHECK(*found == n);
    const auto none = decode_epmd_port(encode_epmd_port(nullptr));
    REQUIRE_FALSE(none);
    CHECK(none.error().is("unknown_node"));
    const auto bytes = encode_epmd_port(&n);
    for (std::size_t cut = 2; cut < bytes.size(); ++cut) {
        const auto part = decode_epmd_port(bytes.substr(0, cut));
        REQUIRE_FALSE(part);
        CHECK(part.error().is("bad_answer"));
    }
    CHECK_FALSE(decode_epmd_port(""));
    CHECK_FALSE(decode_epmd_port(bytes + "x"));
}

TEST_CASE("the answer to a question for names") {
    const epmd_name all[] = {{"a", 19101}, {"node at port 7", 1}, {"b-2", 65535}};
    const auto bytes = encode_epmd_names(4369, all);
    CHECK(bytes ==
          test::from_hex("00001111") +
              "name a at port 19101\nname node at port 7 at port 1\nname b-2 at port 65535\n");
    const auto read = decode_epmd_names(bytes);
    REQUIRE(read);
    CHECK(*read == std::vector<epmd_name>(std::begin(all), std::end(all)));
    const auto none = decode_epmd_names(encode_epmd_names(4369, {}));
    REQUIRE(none);
    CHECK(none->empty());
    const std::string head(4, '\0');
    for (const std::string bad : {"", "\0\0", "name", "name a at port 1", "name a at port x\n",
                                  "name a at port 70000\n", "name  at port 1\n", "what\n"})
        CHECK_FALSE(decode_epmd_names(bad.size() < 4 ? bad : head + bad));
}

TEST_CASE("the port of EPMD is that of the environment, if it is one") {
    const char* before = std::getenv("ERL_EPMD_PORT");
    const std::string kept = before ? before : "";
    ::setenv("ERL_EPMD_PORT", "5001", 1);
    CHECK(epmd_port_from_environment() == 5001);
    for (const char* bad : {"", "0", "70000", "5001x", "-1"}) {
        ::setenv("ERL_EPMD_PORT", bad, 1);
        CHECK(epmd_port_from_environment() == 4369);
    }
    before ? ::setenv("ERL_EPMD_PORT", kept.c_str(), 1) : ::unsetenv("ERL_EPMD_PORT");
}
