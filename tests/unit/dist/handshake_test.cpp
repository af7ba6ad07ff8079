#include "libbeamcore/dist/handshake.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <stdexcept>

#include "libbeamcore/dist/internal/digest.hpp"
#include "tests/unit/dist/hex.hpp"

using namespace beam;
using namespace beam::dist;
using event = handshake_event;
using test::from_hex;

namespace {

// As on TCP.
std::string framed(const std::string& body) {
    return std::string{char(body.size() >> 8), char(body.size())} + body;
}
std::string text(std::string_view words) {
    return framed(std::string(words));
}

handshake_options options_of(const std::string& name, std::uint32_t creation = 7) {
    handshake_options o;
    o.own_name = name;
    o.creation = creation;
    o.cookie = "secret";
    return o;
}

// The dialogue of section 19 of an OTP node a with an OTP node b, cookie `probecookie`.
const std::string name_of_a =
    framed(from_hex("4e 0000000d07df7fbd 6b00f252 000b 61403132372e302e302e31"));
const std::string status_ok = framed(from_hex("73 6f6b"));
const std::string challenge_of_b =
    framed(from_hex("4e 0000000d07df7fbd d04a6559 6b00f24f 000b 62403132372e302e302e31"));
const std::string reply_of_a = framed(from_hex("72 dbac1461 e35f6f09f2da1acc66e54919f9bd6b68"));
const std::string ack_of_b = framed(from_hex("61 f289f60b52643ef0cd2bb083f4533bda"));

handshake_options as_seen(const std::string& name, std::uint32_t creation,
                          std::uint32_t challenge) {
    auto o = options_of(name, creation);
    o.own_flags = own_flags({.visible = true, .atom_cache = true, .fragments = true});
    o.cookie = "probecookie";
    o.challenge = challenge;
    return o;
}

using decide = std::function<event(handshake&)>;

// How two of ours get on with each other when what they say is cut anywhere.
struct dialogue {
    handshake a;  // connects
    handshake b;
    decide by_a = [](handshake& h) { return h.go_on(true); };
    decide by_b = [](handshake& h) { return h.answer(peer_standing::unconnected); };

    void run(unsigned seed) {
        std::minstd_rand random(seed);
        std::string to_a, to_b;
        for (int idle = 0; idle < 3; ++idle) {
            to_b += a.take_output();
            to_a += b.take_output();
            if (give(a, to_a, random, by_a) | give(b, to_b, random, by_b)) idle = 0;
        }
    }

private:
    static bool give(handshake& to, std::string& bytes, std::minstd_rand& random,
                     const decide& decider) {
        const auto before = to.event();
        const auto size = std::min<std::size_t>(bytes.size(), 1 + random() % 9);
        to.feed(bytes.substr(0, size));
        bytes.erase(0, size);
        if (to.event() == event::peer_offers || to.event() == event::peer_has_connection)
            decider(to);
        return size > 0 || to.event() != before;
    }
};

dialogue between(const std::string& a, const std::string& b) {
    return {handshake::initiator(options_of(a, 11), b), handshake::acceptor(options_of(b, 12))};
}

// What an acceptor makes of these bytes.
handshake accept(const std::string& bytes) {
    auto h = handshake::acceptor(options_of("b@host"));
    h.feed(bytes);
    return h;
}
handshake connect(const std::string& bytes) {
    auto h = handshake::initiator(options_of("a@host"), "b@host");
    (void)h.take_output();
    h.feed(bytes);
    return h;
}

std::string name_message(const std::string& name, flags f = own_flags()) {
    auto o = options_of(name);
    o.own_flags = f;
    return handshake::initiator(o, "whoever@host").take_output();
}
std::string challenge_message(const std::string& name, flags f = own_flags()) {
    auto o = options_of(name);
    o.own_flags = f;
    auto h = handshake::acceptor(o);
    h.feed(name_message("whoever@host"));
    h.answer(peer_standing::unconnected);
    return h.take_output().substr(5);  // without the status
}

}  // namespace

TEST_CASE("the digest is what was seen on the wire") {
    auto hex_of = [](std::string_view cookie, std::uint32_t challenge) {
        const auto d = dist::detail::digest_of(cookie, challenge);
        return std::string(d.begin(), d.end());
    };
    CHECK(hex_of("probecookie", 0xd04a6559) == from_hex("e35f6f09f2da1acc66e54919f9bd6b68"));
    CHECK(hex_of("probecookie", 0xdbac1461) == from_hex("f289f60b52643ef0cd2bb083f4533bda"));
}

TEST_CASE("digests are equal only when all of them is") {
    CHECK(dist::detail::equal_in_constant_time("abc", "abc"));
    CHECK_FALSE(dist::detail::equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(dist::detail::equal_in_constant_time("abc", "ab"));
}

TEST_CASE("an initiator says byte for byte what OTP says") {
    auto h = handshake::initiator(as_seen("a@127.0.0.1", 0x6b00f252, 0xdbac1461), "b@127.0.0.1");
    // Ours sets the digest bit and V4_NC as OTP 25 does, and so the flags are the same.
    CHECK(h.take_output() == name_of_a);
    CHECK(h.feed(status_ok) == event::needs_input);
    CHECK(h.feed(challenge_of_b) == event::needs_input);
    CHECK(h.take_output() == reply_of_a);
    CHECK(h.feed(ack_of_b) == event::established);
    CHECK(h.result().peer_creation == 0x6b00f24f);
    CHECK(h.result().negotiated.bits() == 0xD07DF7FBD);
    CHECK_FALSE(h.result().peer_is_hidden());
    CHECK(h.steps() == 3);
}

TEST_CASE("an acceptor says byte for byte what OTP says") {
    auto h = handshake::acceptor(as_seen("b@127.0.0.1", 0x6b00f24f, 0xd04a6559));
    CHECK(h.feed(name_of_a) == event::peer_offers);
    CHECK(h.offer().name == "a@127.0.0.1");
    CHECK(h.offer().creation == 0x6b00f252);
    CHECK(h.answer(peer_standing::unconnected) == event::needs_input);
    CHECK(h.take_output() == status_ok + challenge_of_b);
    CHECK(h.feed(reply_of_a) == event::established);
    CHECK(h.take_output() == ack_of_b);
    CHECK(h.result().peer_name == "a@127.0.0.1");
    CHECK(h.result().peer_creation == 0x6b00f252);
}

TEST_CASE("two of ours connect, however the bytes are cut") {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        for (bool tls : {false, true}) {
            CAPTURE(seed);
            auto of_a = options_of("a@host", 11);
            auto of_b = options_of("b@host", 12);
            of_a.tls = of_b.tls = tls;
            of_b.own_flags = own_flags({.visible = true});
            dialogue d{handshake::initiator(of_a, "b@host"), handshake::acceptor(of_b)};
            d.run(seed);
            REQUIRE(d.a.event() == event::established);
            REQUIRE(d.b.event() == event::established);
            CHECK(d.a.result().peer_creation == 12);
            CHECK(d.b.result().peer_creation == 11);
            CHECK(d.a.result().negotiated == own_flags());
            CHECK(d.a.result().negotiated == d.b.result().negotiated);
            CHECK(d.b.result().peer_is_hidden());
            CHECK_FALSE(d.a.result().peer_is_hidden());
            CHECK_FALSE(d.b.result().replaces_connection);
            CHECK_FALSE(d.b.result().ends_own_attempt);
        }
    }
}

TEST_CASE("over TLS lengths have four bytes") {
    auto o = options_of("a@host");
    o.tls = true;
    const auto out = handshake::initiator(o, "b@host").take_output();
    CHECK(out.substr(0, 5) == std::string("\0\0\0\x15N", 5));
}

TEST_CASE("a wrong cookie gets no answer, and both can say why") {
    auto d = between("a@host", "b@host");
    auto o = options_of("b@host");
    o.cookie = "other";
    d.b = handshake::acceptor(o);
    d.run(1);
    REQUIRE(d.b.event() == event::failed);
    CHECK(d.b.failure().is("bad_cookie"));
    CHECK(d.b.take_output().empty());
    CHECK(d.a.input_ended() == event::failed);
    CHECK(d.a.failure().is("closed"));
    CHECK(d.a.failure().detail.find("cookie") != std::string::npos);
}

TEST_CASE("an acceptor that does not know the cookie is found out") {
    auto h = connect(status_ok + challenge_message("b@host") +
                     framed("a" + std::string(dist::detail::digest_size, 'x')));
    CHECK(h.event() == event::failed);
    CHECK(h.failure().is("bad_cookie"));
}

TEST_CASE("of two that connect to each other at once the greater name's connection stays") {
    SUBCASE("the peer's") {
        auto d = between("z@host", "b@host");
        d.by_b = [](handshake& h) { return h.answer(peer_standing::attempting); };
        d.run(1);
        REQUIRE(d.b.event() == event::established);
        CHECK(d.a.event() == event::established);
        CHECK(d.b.result().ends_own_attempt);
    }
    SUBCASE("our own") {
        auto d = between("a@host", "b@host");
        d.by_b = [](handshake& h) { return h.answer(peer_standing::attempting); };
        d.run(1);
        REQUIRE(d.b.event() == event::failed);
        CHECK(d.b.failure().is("simultaneous"));
        REQUIRE(d.a.event() == event::failed);
        CHECK(d.a.failure().is("simultaneous"));
    }
    SUBCASE("as it is said") {
        auto h = accept(name_message("z@host"));
        h.answer(peer_standing::attempting);
        CHECK(h.take_output().substr(0, 18) == text("sok_simultaneous"));
        h = accept(name_message("a@host"));
        h.answer(peer_standing::attempting);
        CHECK(h.take_output() == text("snok"));
    }
}

TEST_CASE("a node that is connected and connects again replaces the connection, if it wants to") {
    auto d = between("a@host", "b@host");
    d.by_b = [](handshake& h) { return h.answer(peer_standing::connected); };
    SUBCASE("it does") {
        d.run(1);
        REQUIRE(d.b.event() == event::established);
        CHECK(d.b.result().replaces_connection);
        CHECK(d.a.event() == event::established);
    }
    SUBCASE("it does not") {
        d.by_a = [](handshake& h) { return h.go_on(false); };
        d.run(1);
        CHECK(d.a.failure().is("declined"));
        CHECK(d.b.failure().is("declined"));
    }
}

TEST_CASE("the old connection is replaced only by who knows the cookie") {
    auto h = accept(name_message("a@host"));
    h.answer(peer_standing::connected);
    CHECK(h.take_output() == text("salive"));
    CHECK(h.feed(text("strue")) == event::needs_input);
    CHECK(h.feed(framed("r" + std::string(20, 'x'))) == event::failed);
    CHECK(h.failure().is("bad_cookie"));
}

TEST_CASE("who is refused is told") {
    auto d = between("a@host", "b@host");
    d.by_b = [](handshake& h) { return h.answer(peer_standing::refused); };
    d.run(1);
    CHECK(d.b.failure().is("refused"));
    CHECK(d.a.failure().is("not_allowed"));
}

TEST_CASE("nobody else may have our name") {
    auto d = between("b@host", "b@host");
    d.run(1);
    CHECK(d.b.failure().is("own_name"));
    CHECK(d.a.failure().is("own_name"));
}

TEST_CASE("who lacks mandatory flags is told, and we know which") {
    auto h = accept(name_message("a@host", flags(0x1070F94)));
    CHECK(h.failure().is("missing_flags"));
    CHECK(h.failure().detail.find("V4_NC") != std::string::npos);
    CHECK(h.take_output() == text("snot_allowed"));
    h = connect(status_ok + challenge_message("b@host", flags()));
    CHECK(h.failure().is("missing_flags"));
    // With the digest bit they need not be listed.
    h = accept(name_message("a@host", flags{flag::mandatory_25_digest, flag::v4_nc}));
    CHECK(h.event() == event::peer_offers);
}

TEST_CASE("a node without a name is given one") {
    auto o = options_of("");
    o.own_name = "host";
    o.ask_for_name = true;
    dialogue d{handshake::initiator(o, "b@host"), handshake::acceptor(options_of("b@host", 12))};
    SUBCASE("if the caller has one for it") {
        d.by_b = [](handshake& h) {
            CHECK(h.offer().wants_name);
            CHECK(h.offer().name == "host");
            return h.give_name("guest1@host", 99);
        };
        d.run(3);
        REQUIRE(d.a.event() == event::established);
        CHECK(d.a.result().own_name == "guest1@host");
        CHECK(d.a.result().own_creation == 99);
        CHECK(d.b.result().peer_name == "guest1@host");
        CHECK(d.b.result().peer_creation == 99);
        CHECK_FALSE(d.a.result().negotiated.has(flag::name_me));
    }
    SUBCASE("else it is refused") {
        d.run(3);
        CHECK(d.b.failure().is("refused"));
        CHECK(d.a.failure().is("not_allowed"));
    }
    SUBCASE("and a bad one is the caller's bug") {
        d.b.feed(d.a.take_output());
        CHECK_THROWS_AS(d.b.give_name("nohost", 1), std::invalid_argument);
    }
}

TEST_CASE("another node than the wanted one is not talked to") {
    auto h = connect(status_ok + challenge_message("c@host"));
    CHECK(h.failure().is("wrong_node"));
    CHECK(h.take_output().empty());
}

TEST_CASE("what an acceptor takes for no message") {
    struct bad {
        std::string bytes;
        const char* code;
    };
    const std::string whole = name_message("a@host");
    const bad all[] = {
        {framed(""), "bad_message"},
        {framed("x"), "bad_message"},
        {framed("N"), "bad_message"},
        {framed(whole.substr(2, whole.size() - 3)), "bad_message"},  // the name is cut
        {framed("n" + whole.substr(3)), "old_version"},
        {std::string("\x04\x01N", 3), "too_long"},
        {std::string("\x16\x03\x01\x02\x00", 5), "wants_tls"},
        {std::string("\xff\xff", 2), "too_long"},
        {name_message("nohost"), "bad_name"},
        {name_message("a@b@c"), "bad_name"},
        {name_message("@"), "bad_name"},
        {name_message("\xc3\xa9@host"), "bad_name"},
        {name_message(std::string("a\0@host", 7)), "bad_name"},
        {name_message("a@" + std::string(254, 'h')), "bad_name"},
        {text("GET / HTTP/1.1"), "bad_message"},
    };
    for (const auto& b : all) {
        const auto h = accept(b.bytes);
        CHECK(h.event() == event::failed);
        CHECK_MESSAGE(h.failure().is(b.code), h.failure().code);
        CHECK_FALSE(h.failure().detail.empty());
    }
}

TEST_CASE("what may stand behind a name in later versions is ignored") {
    auto body = name_message("a@host").substr(2);
    auto h = accept(framed(body + "something new"));
    CHECK(h.event() == event::peer_offers);
    CHECK(h.offer().name == "a@host");
}

TEST_CASE("what an acceptor does not take for an answer") {
    for (const char* body : {"x", "r", "r123", "rtoo long for an answer to a challenge"}) {
        auto h = accept(name_message("a@host"));
        h.answer(peer_standing::unconnected);
        CHECK(h.feed(text(body)) == event::failed);
        CHECK(h.failure().is("bad_message"));
    }
    auto h = accept(name_message("a@host"));
    h.answer(peer_standing::connected);
    CHECK(h.feed(text("smaybe")) == event::failed);
    CHECK(h.failure().is("bad_message"));
}

TEST_CASE("what an initiator takes for no message") {
    struct bad {
        std::string bytes;
        const char* code;
    };
    const auto challenge = challenge_message("b@host");
    const bad all[] = {
        {framed(""), "bad_message"},
        {text("ok"), "bad_message"},
        {text("s"), "bad_message"},
        {text("sokay"), "bad_message"},
        {text("snamed:"), "bad_message"},
        {framed(std::string("snamed:\0\x06x@host\0\0\0\x01", 19)), "bad_message"},  // not asked for
        {std::string("\x10\0", 2), "too_long"},
        {std::string("\x15\x03\x03\x00\x02\x02\x46", 7), "wants_tls"},
        {status_ok + text("N"), "bad_message"},
        {status_ok + framed("n" + challenge.substr(3)), "old_version"},
        {status_ok + framed(challenge.substr(2, challenge.size() - 3)), "bad_message"},
        {status_ok + text("x"), "bad_message"},
        {status_ok + challenge + text("a"), "bad_message"},
        {status_ok + challenge + text("a0123456789abcdef0"), "bad_message"},
        {status_ok + challenge + text("b0123456789abcdef"), "bad_message"},
    };
    for (const auto& b : all) {
        const auto h = connect(b.bytes);
        CHECK(h.event() == event::failed);
        CHECK_MESSAGE(h.failure().is(b.code), h.failure().code);
    }
}

TEST_CASE("a name that is given must be one") {
    auto o = options_of("host");
    o.ask_for_name = true;
    for (const auto& [body, code] :
         {std::pair("sok", "bad_message"), std::pair("salive", "bad_message"),
          std::pair("snamed:", "bad_message")}) {
        auto h = handshake::initiator(o, "b@host");
        CHECK(h.feed(text(body)) == event::failed);
        CHECK(h.failure().is(code));
    }
    auto h = handshake::initiator(o, "b@host");
    CHECK(h.feed(framed(std::string("snamed:\0\x06nohost\0\0\0\x01", 19))) == event::failed);
    CHECK(h.failure().is("bad_name"));
}

TEST_CASE("a connection that broke says why") {
    auto h = handshake::initiator(options_of("a@host"), "b@host");
    CHECK(h.connection_failed({"tls_refused", "unknown ca"}) == event::failed);
    CHECK(h.failure() == error{"tls_refused", "unknown ca"});
}

TEST_CASE("a peer that talks on without waiting is cut off") {
    auto h = accept(name_message("a@host"));
    REQUIRE(h.event() == event::peer_offers);
    for (int i = 0; i < 10 && h.event() != event::failed; ++i) h.feed(std::string(1000, 'x'));
    CHECK(h.event() == event::failed);
    CHECK(h.failure().is("too_long"));
}

TEST_CASE("what came before a decision is read after it") {
    auto a = handshake::initiator(as_seen("a@127.0.0.1", 1, 0xdbac1461), "b@127.0.0.1");
    for (const auto standing : {peer_standing::unconnected, peer_standing::connected}) {
        auto b = handshake::acceptor(as_seen("b@127.0.0.1", 1, 0xd04a6559));
        const bool asks = standing == peer_standing::connected;
        CHECK(b.feed(name_of_a + (asks ? text("strue") : "") + reply_of_a) == event::peer_offers);
        CHECK(b.answer(standing) == event::established);
        CHECK(b.steps() == (asks ? 3 : 2));
    }
    CHECK(a.feed(text("salive") + challenge_of_b + ack_of_b) == event::peer_has_connection);
    CHECK(a.go_on(true) == event::established);
}

TEST_CASE("what follows the handshake is kept, however much it is") {
    auto a = handshake::initiator(options_of("a@host"), "b@host");
    auto b = handshake::acceptor(options_of("b@host"));
    b.feed(a.take_output());
    b.answer(peer_standing::unconnected);
    a.feed(b.take_output());
    const std::string frames(100'000, 'f');
    CHECK(b.feed(a.take_output() + frames) == event::established);
    CHECK(b.take_rest() == frames);
    CHECK(a.feed(b.take_output() + "f") == event::established);
    CHECK(a.take_rest() == "f");
}

TEST_CASE("a peer that goes or is silent: the error says what was waited for") {
    auto h = handshake::acceptor(options_of("b@host"));
    CHECK(h.timed_out() == event::failed);
    CHECK(h.failure().is("timeout"));
    CHECK(h.failure().detail == "the peer was silent before it said its name");
    h = handshake::initiator(options_of("a@host"), "b@host");
    CHECK(h.input_ended() == event::failed);
    CHECK(h.failure().is("closed"));
    // The first reason stays.
    CHECK(h.timed_out() == event::failed);
    CHECK(h.failure().is("closed"));
    CHECK(h.feed(status_ok) == event::failed);
}

TEST_CASE("answers that nobody asked for change nothing") {
    auto h = handshake::acceptor(options_of("b@host"));
    CHECK(h.answer(peer_standing::unconnected) == event::needs_input);
    CHECK(h.give_name("x@host", 1) == event::needs_input);
    CHECK(h.go_on(true) == event::needs_input);
    CHECK(h.take_output().empty());
}

TEST_CASE("each connection has another challenge") {
    CHECK(challenge_message("b@host") != challenge_message("b@host"));
}
