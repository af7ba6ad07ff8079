#include "libbeamcore/dist/frame_writer.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>
#include <vector>

#include "libbeamcore/dist/frame_reader.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/dist/hex.hpp"

using namespace beam;
using namespace beam::dist;
using test::from_hex;

namespace {

const flags plain = own_flags();
const flags cached = own_flags({.atom_cache = true});
const flags cut = own_flags({.fragments = true});
const flags both = own_flags({.atom_cache = true, .fragments = true});

etf::encode_options options_of(frame_writer& w) {
    etf::encode_options o;
    o.references = w.references();
    o.with_version = w.with_version();
    o.splices = w.splices();
    return o;
}

std::optional<cut_message> write(frame_writer& w, std::string& out, const term& control,
                                 const term& message) {
    w.begin(out);
    REQUIRE(etf::encode(control, out, options_of(w)));
    w.message_begins(out);
    REQUIRE(etf::encode(message, out, options_of(w)));
    auto r = w.end(out);
    REQUIRE(r);
    return *std::move(r);
}

// The next fragment, some bytes at a time.
void put_next(cut_message& m, std::string& out) {
    output o;
    m.next(o);
    const std::size_t size = o.size();
    const std::size_t before = out.size();
    while (!o.empty()) {
        std::string_view pieces[2];
        const std::size_t n = o.pieces(pieces);
        REQUIRE(n > 0);
        const auto some = pieces[0].substr(0, 10'000);
        out += some;
        o.sent(some.size());
    }
    CHECK(out.size() - before == size);
}

// The terms of all frames, in pairs.
std::vector<std::pair<term, term>> read(flags negotiated, const std::string& bytes) {
    etf::atom_budget budget(100'000);
    frame_reader r(negotiated, budget);
    r.feed(bytes);
    std::vector<std::pair<term, term>> all;
    for (;;) {
        auto f = r.next();
        REQUIRE_MESSAGE(f, f.error().detail);
        if (!*f) return all;
        etf::decode_options o;
        o.references = (*f)->references;
        o.with_version = (*f)->with_version;
        o.within = (*f)->within;
        auto control = etf::decode_prefix((*f)->terms, o);
        REQUIRE_MESSAGE(control, control.error().detail);
        auto message = etf::decode((*f)->terms.substr(control->size), o);
        REQUIRE_MESSAGE(message, message.error().detail);
        all.emplace_back(control->value, *message);
    }
}

term some_atom(std::uint32_t n) {
    return atom("an_atom_" + std::to_string(n));
}

}  // namespace

TEST_CASE("without cache and fragments a frame is 112 and two terms with their versions") {
    frame_writer w(plain);
    std::string out = "before";
    CHECK_FALSE(write(w, out, 1, atoms::ok));
    CHECK(out == "before" + from_hex("00000009 70 83 61 01 83 77 02 \"ok\""));
    w.tick(out);
    CHECK(out.substr(out.size() - 4) == std::string(4, '\0'));
}

TEST_CASE("with fragments alone the header is empty and atoms are written out") {
    frame_writer w(cut);
    std::string out;
    CHECK_FALSE(write(w, out, 1, atoms::ok));
    CHECK(out == from_hex("00000009 83 44 00 61 01 77 02 \"ok\""));
}

TEST_CASE("an atom is sent once") {
    frame_writer w(cached);
    std::string first, second;
    const term both_terms = tuple(atoms::ok, atoms::error, atoms::ok);
    CHECK_FALSE(write(w, first, 1, both_terms));
    CHECK_FALSE(write(w, second, 1, both_terms));
    CHECK(first.find("error") != std::string::npos);
    CHECK(second.find("error") == std::string::npos);
    // A head of 3, 2 bytes of flags, 2 slots; the terms 2 and 2 + 3 * 2.
    CHECK(second.size() == 4 + 3 + 2 + 2 + 2 + 2 + 3 * 2);
    const auto all = read(cached, first + second);
    REQUIRE(all.size() == 2);
    CHECK(all[0].second == both_terms);
    CHECK(all[1].second == both_terms);
}

TEST_CASE("frames of any atoms are read as they were written, in all forms") {
    for (const flags f : {plain, cached, cut, both}) {
        for (unsigned seed = 1; seed <= 5; ++seed) {
            CAPTURE(seed);
            std::minstd_rand random(seed);
            frame_writer w(f);
            std::string out;
            std::vector<std::pair<term, term>> expected;
            for (int i = 0; i < 60; ++i) {
                // More atoms than a header takes, and more than there are slots.
                std::vector<term> many;
                for (auto n = random() % 600; n > 0; --n)
                    many.push_back(some_atom(random() % 5000));
                const term control = tuple(int(i), some_atom(random() % 5000));
                const term message = list_of(std::move(many));
                CHECK_FALSE(write(w, out, control, message));
                expected.emplace_back(control, message);
            }
            const auto all = read(f, out);
            CHECK(all == expected);
        }
    }
}

TEST_CASE("atoms of more than 255 bytes are sent in the long form") {
    std::string name;
    for (int i = 0; i < 255; ++i) name += "\xe2\x82\xac";
    frame_writer w(cached);
    std::string out;
    const term message = tuple(atom(name), atoms::ok);
    CHECK_FALSE(write(w, out, 1, message));
    CHECK_FALSE(write(w, out, 2, message));
    const auto all = read(cached, out);
    REQUIRE(all.size() == 2);
    CHECK(all[1].second == message);
}

TEST_CASE("an abandoned frame leaves nothing behind, neither bytes nor atoms") {
    frame_writer w(cached);
    std::string out;
    CHECK_FALSE(write(w, out, 1, atoms::ok));
    const std::string before = out;
    w.begin(out);
    REQUIRE(etf::encode(tuple(atoms::ok, atoms::error), out, options_of(w)));
    w.abandon(out);
    CHECK(out == before);
    const term message = tuple(atoms::ok, atoms::error);
    CHECK_FALSE(write(w, out, 2, message));
    const auto all = read(cached, out);
    REQUIRE(all.size() == 2);
    CHECK(all[1].second == message);
}

TEST_CASE("messages of more than a fragment are cut, others are not") {
    for (const flags f : {plain, cached, cut, both}) {
        for (std::size_t size : {fragment_size - 5, fragment_size - 4, 2 * fragment_size - 5,
                                 2 * fragment_size - 4, std::size_t(1) << 20}) {
            CAPTURE(size);
            frame_writer w(f);
            std::string out;
            const term message = binary(std::string(size, 'x'));
            const bool is_cut = f.has(flag::fragments) && size + 5 > fragment_size;
            auto large = write(w, out, tuple(22, atoms::ok), message);
            REQUIRE(large.has_value() == is_cut);
            if (is_cut) {
                CHECK(out.empty());
                CHECK(large->fragments_left() == (size + 5 + fragment_size - 1) / fragment_size);
                while (!large->at_end()) {
                    const auto before = out.size();
                    put_next(*large, out);
                    CHECK(out.size() - before < fragment_size + 100);
                }
            }
            const auto all = read(f, out);
            REQUIRE(all.size() == 1);
            CHECK(all[0].first == tuple(22, atoms::ok));
            CHECK(all[0].second == message);
        }
    }
}

TEST_CASE("what was in the string already stays when a message is taken out to be cut") {
    frame_writer w(both);
    std::string out;
    CHECK_FALSE(write(w, out, 1, atoms::ok));
    const std::string before = out;
    const term message = tuple(atoms::ok, binary(std::string(fragment_size * 3 / 2, 'x')));
    auto large = write(w, out, 2, message);
    REQUIRE(large);
    CHECK(out == before);
    while (!large->at_end()) put_next(*large, out);
    const auto all = read(both, out);
    REQUIRE(all.size() == 2);
    CHECK(all[1].second == message);
}

TEST_CASE("fragments of several messages and whole frames may be mixed in any order") {
    for (const flags f : {cut, both}) {
        for (unsigned seed = 1; seed <= 20; ++seed) {
            CAPTURE(seed);
            std::minstd_rand random(seed);
            frame_writer w(f);
            std::string out;
            std::deque<cut_message> under_way;
            std::vector<term> sent;
            // As a connection does: the frames in order, a first fragment at once, the others when there is time.
            for (int i = 0; i < 30; ++i) {
                const term message =
                    tuple(int(i), some_atom(random() % 300),
                          binary(std::string(random() % 3 == 0 ? random() % 400'000 : 10, 'x')));
                sent.push_back(message);
                if (auto large = write(w, out, tuple(6, some_atom(random() % 300)), message)) {
                    put_next(*large, out);
                    under_way.push_back(*std::move(large));
                }
                for (auto n = random() % 4; n > 0 && !under_way.empty(); --n) {
                    auto& m = under_way[random() % under_way.size()];
                    if (!m.at_end()) put_next(m, out);
                    if (under_way.front().at_end()) under_way.pop_front();
                }
            }
            for (auto& m : under_way)
                while (!m.at_end()) put_next(m, out);
            const auto all = read(f, out);
            REQUIRE(all.size() == sent.size());
            std::vector<term> by_number(sent.size());
            for (const auto& [control, message] : all)
                by_number[*message.elements()[0].as_int<std::size_t>()] = message;
            CHECK(by_number == sent);
        }
    }
}

TEST_CASE("an output gives its pieces in order, however it is sent") {
    const term binary = beam::binary(std::string(1000, 'b'));
    output o, more;
    o.text = "12";
    o.splice(binary, binary.bytes().substr(0, 3));
    o.splice(binary, binary.bytes().substr(0, 2));
    o.text += "34";
    more.splice(binary, binary.bytes().substr(0, 1));
    more.text = "5";
    o.append(std::move(more));
    CHECK(o.size() == 11);
    for (std::size_t step = 1; step <= 11; ++step) {
        CAPTURE(step);
        output copy = o;
        std::string all;
        while (!copy.empty()) {
            std::string_view pieces[8];
            const std::size_t n = copy.pieces(pieces);
            std::string some;
            for (std::size_t i = 0; i < n; ++i) some += pieces[i];
            CHECK(some.size() == copy.size());
            some.resize(std::min(step, some.size()));
            all += some;
            copy.sent(some.size());
        }
        CHECK(all == "12bbbbb34b5");
        copy.clear();
        copy.text = "again";
        CHECK(copy.size() == 5);
    }
}
