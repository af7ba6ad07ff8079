#include "libbeamcore/dist/flags.hpp"

#include <doctest/doctest.h>

using namespace beam::dist;

TEST_CASE("we send what was seen to be right for OTP 25 to 28") {
    CHECK(own_flags().bits() == 0xD075F5FBC);
    CHECK(own_flags({.visible = true}).bits() == 0xD075F5FBD);
    // With all on it is what OTP 25 itself sends.
    CHECK(own_flags({.visible = true, .atom_cache = true, .fragments = true}).bits() ==
          0xD07DF7FBD);
}

TEST_CASE("the table is in the order of the bits, each once, and each says why") {
    std::uint64_t last = 0;
    for (const auto& e : flag_table()) {
        CHECK(std::uint64_t(e.bit) > last);
        CHECK((std::uint64_t(e.bit) & (std::uint64_t(e.bit) - 1)) == 0);
        CHECK_FALSE(e.name.empty());
        CHECK_FALSE(e.why.empty());
        last = std::uint64_t(e.bit);
    }
}

TEST_CASE("what we cannot do without, we send") {
    for (const auto& e : flag_table())
        if (e.need != flag_need::optional) CHECK_MESSAGE(own_flags().has(e.bit), e.name);
}

TEST_CASE("what applies is what both have") {
    const flags ours = own_flags({.fragments = true});
    const flags theirs(0xD07DF7FBD);
    CHECK(negotiated(ours, theirs) == ours);
    CHECK(negotiated(own_flags(), theirs) == own_flags());
    CHECK_FALSE(negotiated(own_flags(), theirs).has(flag::fragments));
    CHECK_FALSE(negotiated(own_flags({.visible = true}), own_flags()).has(flag::published));
}

TEST_CASE("unknown flags of the peer are no trouble") {
    CHECK(negotiated(own_flags(), flags(~std::uint64_t(0))) == own_flags());
    CHECK(missing(flags(~std::uint64_t(0))).empty());
}

TEST_CASE("the digest stands for all that is mandatory since OTP 25") {
    const flags v4{flag::v4_nc};
    CHECK(missing(v4.with(flag::mandatory_25_digest)).empty());
    CHECK(missing(flags(0x1070F94) | v4).empty());
    CHECK(expanded(flags{flag::mandatory_25_digest}).has(flag::map_tag));
    CHECK(negotiated(own_flags(), v4.with(flag::mandatory_25_digest)).has(flag::map_tag));
}

TEST_CASE("what is missing is told in words") {
    flags peer = own_flags().without(flag::mandatory_25_digest).without(flag::map_tag);
    CHECK(missing(peer) == flags{flag::map_tag});
    CHECK(explain_missing(missing(peer)) == "the peer lacks MAP_TAG (maps as terms)");
    peer = peer.without(flag::v4_nc);
    CHECK(explain_missing(missing(peer)) ==
          "the peer lacks MAP_TAG (maps as terms), V4_NC (pids of 64 bits, as ours are)");
    // The digest says nothing about what OTP 25 does not want.
    CHECK(missing(own_flags().without(flag::v4_nc)) == flags{flag::v4_nc});
}

TEST_CASE("flags are shown by name, unknown ones by number") {
    CHECK(to_string(flags()) == "");
    CHECK(to_string(flags{flag::spawn, flag::alias}) == "SPAWN, ALIAS");
    CHECK(to_string(flags(0x8000000)) == "0x8000000");
    CHECK(to_string(flags(0x8000001)) == "PUBLISHED, 0x8000000");
}
