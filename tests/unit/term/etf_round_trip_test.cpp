// Random terms through the External Term Format and back, and the compressed form of it.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/show.hpp"
#include "tests/unit/term/etf_bytes.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

TEST_CASE("random terms come back equal, in the same bytes") {
    // The generator's node 1 must be somebody, or its pids would be read as ours.
    (void)node_index({atom("other@host"), 7});
    const auto seed = test_seed();
    INFO("seed ", seed);
    term_generator generate(seed);
    for (int i = 0; i < 20'000; ++i) {
        auto t = generate.any(i % 6);
        auto bytes = written(t);
        auto back = etf::decode(bytes);
        REQUIRE_MESSAGE(back, back.error().code, " ", back.error().detail, ": ", t);
        REQUIRE(*back == t);
        REQUIRE(hex_of(written(*back)) == hex_of(bytes));
    }
}

TEST_CASE("random terms one after the other are taken apart again") {
    (void)node_index({atom("other@host"), 7});
    const auto seed = test_seed();
    INFO("seed ", seed);
    term_generator generate(seed);
    std::vector<term> terms;
    std::string bytes;
    for (int i = 0; i < 1000; ++i) {
        terms.push_back(generate.any(i % 4));
        REQUIRE(etf::encode(terms.back(), bytes, {.with_version = i % 2 == 0}).has_value());
    }
    std::string_view left = bytes;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        auto next = etf::decode_prefix(left, {.with_version = i % 2 == 0});
        REQUIRE(next);
        REQUIRE(next->value == terms[i]);
        left.remove_prefix(next->size);
    }
    CHECK(left.empty());
}

TEST_CASE("random bytes in place of some of a term's never do harm") {
    (void)node_index({atom("other@host"), 7});
    const auto seed = test_seed();
    INFO("seed ", seed);
    term_generator generate(seed);
    etf::atom_budget budget(10'000);
    for (int i = 0; i < 20'000; ++i) {
        auto bytes = written(generate.any(4));
        for (auto n = 1 + generate.below(3); n > 0; --n)
            bytes[1 + generate.below(bytes.size() - 1)] = char(generate.below(256));
        auto read = etf::decode(bytes, {.budget = &budget});
        if (!read) {
            CHECK(read.error().detail.find("byte ") == 0);
            continue;
        }
        // What is read is a term like any other.
        REQUIRE(etf::decode(written(*read)) == *read);
    }
}

TEST_CASE("a list of integers of every size comes back") {
    std::vector<term> made;
    for (int bits = 0; bits < 70; ++bits)
        for (int offset = -2; offset <= 2; ++offset)
            for (bool negative : {false, true}) {
                big_integer b{negative, std::vector<std::uint8_t>(9, 0)};
                b.magnitude[std::size_t(bits) / 8] = std::uint8_t(1 << bits % 8);
                auto t = integer(b);
                if (auto i = t.as_int64(); i && offset != 0 && bits < 62) t = *i + offset;
                made.push_back(t);
            }
    for (std::size_t first = 0; first < 20; ++first) {
        auto list = list_of(std::span<const term>(made).subspan(first));
        CHECK(etf::decode(written(list)) == list);
        auto improper = list_of(std::span<const term>(made).subspan(first), 5);
        CHECK(etf::decode(written(improper)) == improper);
    }
}

TEST_CASE("compressed terms are read where they are allowed") {
    std::string text(100'000, 'x');
    auto bytes = written(text, {.compression = 6});
    CHECK(bytes.substr(0, 2) == bytes_of("83 50"));
    CHECK(bytes.size() < 1000);
    CHECK(etf::decode(bytes).error().code == "compressed");
    CHECK(etf::decode(bytes, {.inflated_max = 1'000'000}) == term(text));
    CHECK(etf::decode(bytes, {.inflated_max = 100'000}).error().code == "too_large");
    auto prefix = etf::decode_prefix(bytes + "more", {.inflated_max = 1'000'000});
    REQUIRE(prefix);
    CHECK(prefix->size == bytes.size());
}

TEST_CASE("what compression does not make shorter is not compressed") {
    CHECK(written(atoms::ok, {.compression = 9}) == written(atoms::ok));
    CHECK(written(std::string("abcdefghijklmnop"), {.compression = 9}) ==
          written(std::string("abcdefghijklmnop")));
}

TEST_CASE("a compressed term that lies is refused") {
    etf::decode_options allowed{.inflated_max = 1'000'000};
    const std::string stream = "789c4b6404000 0c50063";  // 61 01
    auto error = [&](const std::string& hex) {
        auto t = etf::decode(bytes_of(hex), allowed);
        REQUIRE_FALSE(t);
        return t.error().code;
    };
    CHECK(etf::decode(bytes_of("83 50 00000002" + stream), allowed) == term(1));
    CHECK(error("83 50 00000001" + stream) == "bad_value");
    CHECK(error("83 50 00000003" + stream) == "bad_value");
    CHECK(error("83 50 000f4240" + stream) == "bad_value");
    CHECK(error("83 50 00000002 789c4b64040000c50064") == "bad_value");  // its checksum
    CHECK(error("83 50 00000002 789c4b640400") == "bad_value");
    CHECK(error("83 50 00000002 0000") == "bad_value");
    CHECK(error("83 50 0000") == "truncated");
    CHECK(error("83 50") == "truncated");
    CHECK(error("83 50 00000002" + stream + "00") == "trailing_bytes");
}
