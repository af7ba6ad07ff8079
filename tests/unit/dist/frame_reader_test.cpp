#include "libbeamcore/dist/frame_reader.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "tests/unit/dist/hex.hpp"

using namespace beam;
using namespace beam::dist;
using test::from_hex;

namespace {

const flags plain = own_flags();
const flags cached = own_flags({.atom_cache = true});
const flags cut = own_flags({.fragments = true});
const flags both = own_flags({.atom_cache = true, .fragments = true});

std::string number(std::uint64_t n, int size) {
    std::string bytes;
    for (int i = size - 1; i >= 0; --i) bytes += char(n >> (8 * i));
    return bytes;
}
std::string framed(const std::string& body) {
    return number(body.size(), 4) + body;
}
std::string first(std::uint64_t sequence, std::uint64_t fragment, const std::string& rest) {
    return framed("\x83\x45" + number(sequence, 8) + number(fragment, 8) + rest);
}
std::string later(std::uint64_t sequence, std::uint64_t fragment, const std::string& rest) {
    return framed("\x83\x46" + number(sequence, 8) + number(fragment, 8) + rest);
}
const std::string no_atoms(1, '\0');

struct taken {
    std::vector<std::string> frames;
    std::vector<std::vector<std::string>> atoms;
    std::string code;
};

// All frames, read in pieces of at most that size.
taken read_all(frame_reader& r, std::string_view bytes, std::size_t piece = SIZE_MAX) {
    taken found;
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, piece);
        bytes.remove_prefix(part.size());
        r.feed(part);
        for (;;) {
            auto f = r.next();
            if (!f) found.code = f.error().code;
            if (!f || !*f) break;
            found.frames.emplace_back((*f)->terms);
            auto& names = found.atoms.emplace_back();
            for (atom a : (*f)->references) names.emplace_back(a.name());
        }
        if (!found.code.empty()) break;
    }
    return found;
}
taken read_all(flags negotiated, std::string_view bytes, const frame_limits& limits = {}) {
    etf::atom_budget budget(1000);
    frame_reader r(negotiated, budget, limits);
    return read_all(r, bytes);
}

}  // namespace

TEST_CASE("pass-through frames are cut out, however the bytes come") {
    std::string bytes;
    std::vector<std::string> expected;
    for (std::size_t size : {1, 2, 100, 5000, 70'000, 300'000, 3}) {
        expected.emplace_back(size, char('a' + expected.size()));
        bytes += framed("p" + expected.back());
        bytes += number(0, 4);  // a tick
    }
    for (std::size_t piece :
         {std::size_t(1), std::size_t(3), std::size_t(4096), std::size_t(65'536), bytes.size()}) {
        etf::atom_budget budget(0);
        frame_reader r(plain, budget);
        const auto found = read_all(r, bytes, piece);
        CHECK(found.code == "");
        CHECK(found.frames == expected);
        CHECK(r.ticks() == expected.size());
    }
}

TEST_CASE("pass-through terms have a version, those behind a header have none") {
    etf::atom_budget budget(0);
    frame_reader r(plain, budget);
    r.feed(framed("pxyz"));
    auto f = r.next();
    REQUIRE((f && *f));
    CHECK((*f)->with_version);
    CHECK((*f)->references.empty());
    frame_reader h(cached, budget);
    h.feed(framed("\x83\x44" + no_atoms + "xyz"));
    f = h.next();
    REQUIRE((f && *f));
    CHECK_FALSE((*f)->with_version);
    CHECK((*f)->terms == "xyz");
}

TEST_CASE("a header as OTP wrote it") {
    const auto terms = from_hex(
        "68 04 61 06 58 52 00 00000059 00000000 6b00f252 52 01 52 02"
        "68 02 58 52 00 00000059 00000000 6b00f252 52 03");
    const auto bytes = from_hex(
        "83 44 04 8f dc 00 7c 0b \"a@127.0.0.1\" 05 00 58 03 \"rex\" 42 10 \"features_request\"");
    const auto found = read_all(cached, framed(bytes + terms));
    REQUIRE(found.frames.size() == 1);
    CHECK(found.frames[0] == terms);
    CHECK(found.atoms[0] == std::vector<std::string>{"a@127.0.0.1", "", "rex", "features_request"});
}

TEST_CASE("atoms are sent once, and overwritten any time") {
    const auto found =
        read_all(cached, framed(from_hex("83 44 02 98 00 07 01 \"x\" 07 01 \"y\" 61 01")) +
                             framed(from_hex("83 44 02 10 00 07 07 61 02")) +
                             framed(from_hex("83 44 01 08 07 01 \"z\" 61 03")) +
                             framed(from_hex("83 44 01 00 07 61 04")));
    CHECK(found.code == "");
    REQUIRE(found.atoms.size() == 4);
    CHECK(found.atoms[0] == std::vector<std::string>{"x", "y"});
    CHECK(found.atoms[1] == std::vector<std::string>{"x", "y"});
    CHECK(found.atoms[2] == std::vector<std::string>{"z"});
    CHECK(found.atoms[3] == std::vector<std::string>{"z"});
}

TEST_CASE("long atoms have two bytes of length") {
    std::string name;
    for (int i = 0; i < 200; ++i) name += "\xc3\xa9";  // 400 bytes
    const auto found =
        read_all(cached, framed(from_hex("83 44 01 18 00") + number(name.size(), 2) + name + "a"));
    CHECK(found.code == "");
    REQUIRE(found.atoms.size() == 1);
    CHECK(found.atoms[0] == std::vector<std::string>{name});
}

TEST_CASE("fragments are put together, with others between them") {
    const auto found =
        read_all(cut, first(7, 3, no_atoms + "ab") + first(8, 2, no_atoms + "AB") +
                          later(7, 2, "cd") + framed("\x83\x44" + no_atoms + "small") +
                          later(8, 1, "CD") + later(7, 1, "") + first(7, 1, no_atoms + "alone"));
    CHECK(found.code == "");
    CHECK(found.frames == std::vector<std::string>{"small", "ABCD", "abcd", "alone"});
}

TEST_CASE("the atoms of a fragmented message are those of its first fragment") {
    const auto found = read_all(both, first(7, 2, from_hex("01 08 00 01 \"x\"") + "ab") +
                                          framed(from_hex("83 44 01 08 00 01 \"y\"") + "small") +
                                          later(7, 1, "cd"));
    CHECK(found.code == "");
    CHECK(found.frames == std::vector<std::string>{"small", "abcd"});
    REQUIRE(found.atoms.size() == 2);
    CHECK(found.atoms[1] == std::vector<std::string>{"x"});
}

TEST_CASE("what is no frame") {
    struct bad {
        flags negotiated;
        std::string bytes;
        const char* code;
    };
    const auto header = [](const char* text) { return framed(from_hex(text)); };
    const bad all[] = {
        {plain, framed("x"), "bad_frame"},
        {plain, framed("\x83\x44" + no_atoms + "x"), "bad_frame"},  // mixing is fatal
        {cached, framed("pxyz"), "bad_frame"},
        {cut, framed("pxyz"), "bad_frame"},
        {cached, framed("\x83"), "bad_frame"},
        {cached, framed("\x83\x50"), "bad_frame"},
        {cached, framed("\x83\x44"), "bad_frame"},                 // no number of references
        {cached, header("83 44 04"), "bad_frame"},                 // no flags
        {cached, header("83 44 04 00 00"), "bad_frame"},           // nor all of them
        {cached, header("83 44 01 08"), "bad_frame"},              // no slot
        {cached, header("83 44 01 08 07"), "bad_frame"},           // no length
        {cached, header("83 44 01 08 07 02 \"x\""), "bad_frame"},  // a cut atom
        {cached, header("83 44 01 00 07"), "bad_frame"},           // never sent
        {cached, header("83 44 01 08 07 01 ff"), "bad_atom"},
        {cached, first(1, 1, no_atoms + "x"), "bad_frame"},  // not negotiated
        {cached, later(1, 1, "x"), "bad_frame"},
        {cut, later(1, 1, "x"), "bad_frame"},  // did not begin
        {cut, first(1, 0, no_atoms + "x"), "bad_frame"},
        {cut, first(1, 3, no_atoms + "x") + later(1, 3, "x"), "bad_frame"},
        {cut, first(1, 3, no_atoms + "x") + later(1, 1, "x"), "bad_frame"},
        {cut, first(1, 3, no_atoms + "x") + first(1, 3, no_atoms + "x"), "bad_frame"},
        {cut, first(1, 2, no_atoms + "x") + later(1, 1, "x") + later(1, 0, "x"), "bad_frame"},
        {cut, framed("\x83\x46" + number(1, 8) + number(1, 7)), "bad_frame"},
        {cut, framed("\x83\x45" + number(1, 8)), "bad_frame"},
    };
    for (const auto& b : all) {
        const auto found = read_all(b.negotiated, b.bytes);
        CHECK(found.code == b.code);
    }
}

TEST_CASE("after an error nothing more is read") {
    etf::atom_budget budget(0);
    frame_reader r(plain, budget);
    r.feed(framed("x") + framed("pgood"));
    CHECK_FALSE(r.next());
    CHECK_FALSE(r.next());
}

TEST_CASE("a frame that is too long is refused by its length alone") {
    frame_limits limits;
    limits.frame_max = 1000;
    CHECK(read_all(plain, framed("p" + std::string(999, 'x')), limits).frames.size() == 1);
    CHECK(read_all(plain, number(1001, 4), limits).code == "too_long");
    CHECK(read_all(plain, "\xff\xff\xff\xff", limits).code == "too_long");
}

TEST_CASE("unfinished messages are limited in number and in bytes") {
    frame_limits limits;
    limits.sequences_max = 3;
    limits.fragmented_max = 100;
    limits.frame_max = 80;
    std::string many;
    for (unsigned i = 0; i < 4; ++i) many += first(i, 2, no_atoms + "x");
    CHECK(read_all(cut, many, limits).code == "too_many_fragments");
    CHECK(read_all(cut,
                   first(1, 2, no_atoms + std::string(50, 'x')) +
                       first(2, 2, no_atoms + std::string(51, 'x')),
                   limits)
              .code == "too_many_fragments");
    CHECK(read_all(cut,
                   first(1, 3, no_atoms + std::string(50, 'x')) + later(1, 2, std::string(31, 'x')),
                   limits)
              .code == "too_long");
    // Those that have ended do not count.
    std::string ended;
    for (unsigned i = 0; i < 20; ++i)
        ended += first(i, 2, no_atoms + std::string(40, 'x')) + later(i, 1, std::string(40, 'x'));
    const auto found = read_all(cut, ended, limits);
    CHECK(found.code == "");
    CHECK(found.frames.size() == 20);
}

TEST_CASE("a peer brings no more new atoms than it may") {
    etf::atom_budget budget(2);
    frame_reader r(cached, budget);
    const auto found = read_all(r, framed(from_hex("83 44 01 08 00 0b \"frame_new_1\"")) +
                                       framed(from_hex("83 44 01 08 00 0b \"frame_new_2\"")) +
                                       framed(from_hex("83 44 01 08 00 0b \"frame_new_1\"")) +
                                       framed(from_hex("83 44 01 08 00 0b \"frame_new_3\"")));
    CHECK(found.frames.size() == 3);
    CHECK(found.code == "too_many_atoms");
    CHECK_FALSE(existing_atom("frame_new_3"));
}

TEST_CASE("memory is taken for what has come, not for what was announced") {
    etf::atom_budget budget(0);
    frame_reader r(plain, budget);
    r.feed(number(400 << 20, 4) + "p");
    CHECK(r.next());
    CHECK(r.memory() < 100'000);
    r.feed(std::string(1 << 20, 'x'));
    CHECK(r.next());
    CHECK(r.memory() < (3 << 20));
    frame_reader idle(plain, budget);
    idle.feed(framed("p" + std::string(1 << 20, 'x')));
    CHECK(idle.next());
    CHECK(idle.next());
    idle.idle();
    CHECK(idle.memory() < 10'000);
}

TEST_CASE("a large frame is read where it will be looked at") {
    etf::atom_budget budget(0);
    frame_reader r(plain, budget);
    const std::size_t size = 1 << 20;
    r.feed(number(size + 1, 4) + "p");
    std::size_t come = 0;
    int reads = 0;
    while (come < size) {
        REQUIRE(r.next());
        auto to = r.room();
        REQUIRE(!to.empty());
        const auto n = std::min(to.size(), size - come);
        std::fill_n(to.data(), n, 'y');
        r.filled(n);
        come += n;
        ++reads;
    }
    CHECK(reads < 10);
    auto f = r.next();
    REQUIRE((f && *f));
    CHECK((*f)->terms == std::string(size, 'y'));
}
