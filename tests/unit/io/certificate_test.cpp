#include "libbeamcore/io/certificate.hpp"

#include <string>

#include "tests/support/certificates.hpp"

using namespace beam;
using namespace std::chrono_literals;

TEST_CASE("a certificate says what was wished for") {
    const test::authority ca("my cluster");
    const auto made =
        ca.sign(test::wish("host a", {"a.example", "*.b.example", "10.0.0.1", "::1"}));
    const auto read = io::certificate::read(made.certificate);
    REQUIRE(read.has_value());
    CHECK(*read);
    CHECK(read->subject() == "host a");
    CHECK(read->issuer() == "my cluster");
    CHECK(read->hosts() == std::vector<std::string>{"a.example", "*.b.example", "10.0.0.1", "::1"});
    CHECK_FALSE(read->is_authority());
    CHECK(read->fingerprint().size() == 64);
    const auto until = read->valid_until() - std::chrono::system_clock::now();
    CHECK(until > 29 * 24h);
    CHECK(until <= 30 * 24h);
    CHECK(read->valid_from() < std::chrono::system_clock::now());
    CHECK(io::check_key(made).has_value());
    CHECK(made.key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

TEST_CASE("a certificate is for its hosts, in any case and by wild card, and for no others") {
    const test::authority ca;
    const auto made =
        ca.sign(test::wish("c.example", {"a.example", "*.b.example", "10.0.0.1", "::1"}));
    const auto c = *io::certificate::read(made.certificate);
    for (const char* host :
         {"a.example", "A.Example", "x.b.example", "10.0.0.1", "::1", "0:0:0:0:0:0:0:1"})
        CHECK_MESSAGE(c.is_for(host), host);
    for (const char* host :
         {"b.example", "x.y.b.example", "c.example", "10.0.0.2", "::2", "", "example"})
        CHECK_FALSE_MESSAGE(c.is_for(host), host);
    CHECK_FALSE(io::certificate().is_for("a.example"));
    CHECK(io::certificate().hosts().empty());
}

TEST_CASE("an authority signs, and is known by what it signed") {
    const test::authority ca("one"), other("one");
    const auto made = *io::certificate::read(ca.sign(test::wish("x", {"x"})).certificate);
    const auto signer = *io::certificate::read(ca.own().certificate);
    CHECK(signer.is_authority());
    CHECK(signer.is_signed_by(signer));
    CHECK(made.is_signed_by(signer));
    // The same name is not enough, nor is a certificate that may not sign.
    CHECK_FALSE(made.is_signed_by(*io::certificate::read(other.own().certificate)));
    CHECK_FALSE(signer.is_signed_by(made));
    const auto no_authority = ca.sign(test::wish("y", {"y"}));
    const auto refused = io::make_certificate(test::wish("z", {"z"}), no_authority);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().is("bad_authority"));
}

TEST_CASE("what cannot be a certificate is refused") {
    const test::authority ca;
    for (const char* host : {"", "a b", "a,DNS:b", "-a", ".a", "*.", "a/b", "\n"}) {
        const auto r = io::make_certificate(test::wish("x", {host}), ca.own());
        REQUIRE_FALSE_MESSAGE(r, host);
        CHECK(r.error().is("bad_host"));
    }
    const auto no_name = io::make_authority(test::wish(""));
    REQUIRE_FALSE(no_name);
    CHECK(no_name.error().is("bad_name"));
    CHECK_FALSE(io::make_authority(test::wish(std::string(65, 'x'))).has_value());
    for (const char* text :
         {"", "no pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"})
        CHECK(io::certificate::read(text).error().is("bad_certificate"));
}

TEST_CASE("a key belongs to one certificate") {
    const test::authority ca;
    auto a = ca.sign(test::wish("a", {"a"}));
    const auto b = ca.sign(test::wish("b", {"b"}));
    a.key = b.key;
    CHECK(io::check_key(a).error().is("bad_key"));
    a.key = "nothing";
    CHECK(io::check_key(a).error().is("bad_key"));
}
