#include "libbeamcore/term/atom.hpp"

#include <thread>

#include "libbeamcore/term/atoms.hpp"
#include "libbeamcore/term/term.hpp"
#include "tests/support/show.hpp"

using namespace beam;

TEST_CASE("the same text is the same atom, and its text can be read back") {
    CHECK(atom("hello") == atom("hello"));
    CHECK(atom("hello") != atom("hellp"));
    CHECK(atom("hello").name() == "hello");
    CHECK(atom("").name() == "");
    CHECK(atom(std::string_view("a\0b", 3)).name().size() == 3);
    CHECK(atom("hello").name().data()[5] == '\0');
}

TEST_CASE("well-known atoms have the index that the constant says") {
#define BEAM_X(identifier, text) CHECK(atom(text) == atoms::identifier);
    BEAM_WELL_KNOWN_ATOMS(BEAM_X)
#undef BEAM_X
    CHECK(atom() == atoms::undefined);
    CHECK(atoms::true_.name() == "true");
}

TEST_CASE("no two well-known atoms have one text") {
    std::set<std::string_view> texts;
#define BEAM_X(identifier, text) CHECK_MESSAGE(texts.insert(text).second, text);
    BEAM_WELL_KNOWN_ATOMS(BEAM_X)
#undef BEAM_X
}

TEST_CASE("looking an atom up does not create it") {
    auto before = atom_count();
    CHECK_FALSE(existing_atom("atom_test: never made"));
    CHECK(atom_count() == before);
    CHECK(existing_atom("ok") == atoms::ok);
}

TEST_CASE("an atom has at most 255 characters, whatever their bytes") {
    CHECK(try_atom(std::string(255, 'x')));
    CHECK(try_atom(std::string(256, 'x')).error().is("system_limit"));
    std::string wide;
    for (int i = 0; i < 255; ++i) wide += "日";
    CHECK(try_atom(wide));
    CHECK(try_atom(wide + "x").error().is("system_limit"));
    CHECK_THROWS_AS(atom(std::string(256, 'x')), std::length_error);
}

TEST_CASE("an atom that is not UTF-8 is refused") {
    CHECK(try_atom("\xff").error().is("not_utf8"));
    CHECK_THROWS_AS(atom("\xc3"), std::invalid_argument);
}

TEST_CASE("a full table is an error, existing atoms still work, and a raised limit helps") {
    auto limit = atom_limit();
    set_atom_limit(0);
    CHECK(atom_limit() == atom_count());
    CHECK(try_atom("atom_test: one too many").error().is("system_limit"));
    CHECK_THROWS_AS(atom("atom_test: one too many"), std::length_error);
    CHECK(atom("ok") == atoms::ok);
    set_atom_limit(atom_count() + 1);
    CHECK(try_atom("atom_test: one too many"));
    CHECK_FALSE(try_atom("atom_test: two too many"));
    set_atom_limit(limit);
    CHECK(atom_limit() == 1'048'576);
}

TEST_CASE("atoms are ordered by their text, not by age") {
    auto younger = atom("atom_test: a");
    auto older = atom("atom_test: b");
    CHECK(younger < older);
    CHECK(atom("Z") < atom("a"));
    CHECK(atom("z") < atom("é"));
    CHECK(atom("a") < atom("aa"));
    CHECK((atom("a") <=> atom("a")) == 0);
}

TEST_CASE("many threads that make the same atoms agree on them") {
    constexpr int threads = 4, names = 3000;
    std::vector<std::vector<std::uint32_t>> found(threads);
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            for (int i = 0; i < names; ++i) {
                auto text = "atom_test thread " + std::to_string(i);
                auto a = atom(text);
                if (a.name() != text) return;  // shows as a missing index
                found[std::size_t(t)].push_back(a.index());
            }
        });
    for (auto& t : running) t.join();
    CHECK(found[0].size() == names);
    for (auto& f : found) CHECK(f == found[0]);
}
