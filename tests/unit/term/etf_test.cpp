// The External Term Format: every tag, both ways.
#include "libbeamcore/term/etf.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/etf_bytes.hpp"

using namespace beam;

namespace {

term text_term(std::string_view text) {
    auto read = parse_term(text);
    REQUIRE_MESSAGE(read, text);
    return *read;
}

// Both ways: the bytes are the term, and the term is written so.
void is(std::string_view syntax, std::string_view hex) {
    auto t = text_term(syntax);
    INFO(syntax);
    CHECK(hex_of(written(t)) == hex_of(bytes_of(hex)));
    CHECK(read(hex) == t);
}

// One way: another node's form of it.
void reads(std::string_view hex, std::string_view syntax) {
    INFO(hex);
    CHECK(read(hex) == text_term(syntax));
}

}  // namespace

TEST_CASE("integers are written in the shortest form that OTP uses") {
    is("0", "83 61 00");
    is("255", "83 61 ff");
    is("256", "83 62 00000100");
    is("-1", "83 62 ffffffff");
    is("2147483647", "83 62 7fffffff");
    is("-2147483648", "83 62 80000000");
    is("2147483648", "83 6e 04 00 00000080");
    is("-2147483649", "83 6e 04 01 01000080");
    is("4611686018427387903", "83 6e 08 00 ffffffffffffff3f");
    is("-4611686018427387904", "83 6e 08 01 0000000000000040");
    is("4611686018427387904", "83 6e 08 00 0000000000000040");
    is("-9223372036854775808", "83 6e 08 01 0000000000000080");
    is("18446744073709551615", "83 6e 08 00 ffffffffffffffff");
    is("18446744073709551616", "83 6e 09 00 000000000000000001");
}

TEST_CASE("an integer of more than 255 bytes is a large one") {
    big_integer b{true, std::vector<std::uint8_t>(255, 0x5a)};
    CHECK(written(integer(b)).substr(0, 4) == bytes_of("83 6e ff 01"));
    b.magnitude.push_back(1);
    auto large = written(integer(b));
    CHECK(large.substr(0, 7) == bytes_of("83 6f 00000100 01"));
    CHECK(large.size() == 7 + 256);
    CHECK(etf::decode(large) == integer(b));
}

TEST_CASE("an integer in a longer form than it needs is the same integer") {
    reads("83 62 00000005", "5");
    reads("83 62 ffffff00", "-256");
    reads("83 6e 01 00 05", "5");
    reads("83 6e 01 07 05", "-5");
    reads("83 6e 00 00", "0");
    reads("83 6e 01 01 00", "0");
    reads("83 6e 0a 00 05000000000000000000", "5");
    reads("83 6f 00000001 01 05", "-5");
    reads("83 6f 00000000 00", "0");
    reads("83 6f 00000009 00 000000000000000001", "18446744073709551616");
}

TEST_CASE("floats keep every bit, the sign of zero too") {
    is("1.5", "83 46 3ff8000000000000");
    is("0.0", "83 46 0000000000000000");
    auto zero = read("83 46 8000000000000000").as_double();
    REQUIRE(zero);
    CHECK(std::signbit(*zero));
    CHECK(hex_of(written(-0.0)) ==
          "8346"
          "8000000000000000");
    is("5.0e-324", "83 46 0000000000000001");
    is("1.7976931348623157e308", "83 46 7fefffffffffffff");
}

TEST_CASE("the old form of floats is text") {
    auto text = [](std::string_view digits) {
        std::string bytes =
            "\x83"
            "c" +
            std::string(digits);
        bytes.resize(33);
        return etf::decode(bytes);
    };
    CHECK(text("1.50000000000000000000e+00") == term(1.5));
    CHECK(text("-2.50000000000000000000e-03") == term(-0.0025));
    CHECK(text("+1.5") == term(1.5));
    for (auto wrong : {"", "nan", "inf", "1.5x", " 1.5", "1e999", "--1.5", "+-1.5"}) {
        INFO(wrong);
        CHECK(text(wrong).error().code == "bad_value");
    }
}

TEST_CASE("atoms are UTF-8, short ones with a short length") {
    is("ok", "83 77 02 6f6b");
    is("''", "83 77 00");
    is("'\xc3\xa9'", "83 77 02 c3a9");
    // 255 characters of two bytes each.
    std::string name;
    for (int i = 0; i < 255; ++i) name += "\xc3\xa9";
    auto bytes = written(atom(name));
    CHECK(bytes.substr(0, 4) == bytes_of("83 76 01fe"));
    CHECK(etf::decode(bytes) == term(atom(name)));
}

TEST_CASE("the old forms of atoms are Latin-1") {
    reads("83 64 0002 6f6b", "ok");
    reads("83 73 02 6f6b", "ok");
    reads("83 76 0002 6f6b", "ok");
    reads("83 64 0001 e9", "'\xc3\xa9'");
    reads("83 73 02 fffe", "'\xc3\xbf\xc3\xbe'");
}

TEST_CASE("atoms that begin alike, or differ in zero bytes only, are told apart") {
    using namespace std::string_literals;
    std::vector<term> names;
    std::vector<map_entry> entries;
    for (const auto& text : {"a"s, "a\0"s, "a\0\0"s, "abcdefg"s, "abcdefgh"s, "abcdefgh\0"s,
                             "abcdefghi"s, "abcdefghijklmno"s, "abcdefghijklmnop"s,
                             "abcdefghijklmnop\0"s, "abcdefghijklmnopq"s, "abcdefghijklmnopr"s}) {
        names.emplace_back(atom(text));
        CHECK(names.back().as_atom()->name() == text);
        entries.push_back({atom(text), text});
    }
    for (std::size_t i = 1; i < names.size(); ++i) CHECK(compare(names[i - 1], names[i]) < 0);
    auto list = list_of(names);
    for (int i = 0; i < 2; ++i) CHECK(etf::decode(written(list)) == list);
    // In whatever order they come.
    auto map = map_of(entries);
    auto bytes = bytes_of("83 74 0000000c");
    for (auto e = entries.rbegin(); e != entries.rend(); ++e)
        bytes +=
            written(e->key, {.with_version = false}) + written(e->value, {.with_version = false});
    CHECK(etf::decode(bytes) == map);
    CHECK(etf::decode(written(map)) == map);
}

TEST_CASE("tuples, the large ones too") {
    is("{}", "83 68 00");
    is("{ok,1}", "83 68 02 77026f6b 6101");
    is("{{},{a}}", "83 68 02 6800 6801 770161");
    reads("83 69 00000001 6101", "{1}");
    reads("83 69 00000000", "{}");
    std::vector<term> many(256, 7);
    auto bytes = written(tuple_of(many));
    CHECK(bytes.substr(0, 6) == bytes_of("83 69 00000100"));
    CHECK(etf::decode(bytes) == tuple_of(many));
}

TEST_CASE("lists, proper and not") {
    is("[]", "83 6a");
    is("[a]", "83 6c 00000001 770161 6a");
    is("[a|b]", "83 6c 00000001 770161 770162");
    is("[[]]", "83 6c 00000001 6a 6a");
    is("[a,1,[b]]", "83 6c 00000003 770161 6101 6c00000001 770162 6a 6a");
    is("[1|2]", "83 6c 00000001 6101 6102");
    is("[256]", "83 6c 00000001 6200000100 6a");
    is("[-1]", "83 6c 00000001 62ffffffff 6a");
}

TEST_CASE("a list is written as one, whatever nodes it consists of") {
    auto list = cons(1, cons(atoms::ok, list_of(std::vector<term>{2, 3, 4, 5, 6, 7})));
    CHECK(hex_of(written(list)) ==
          hex_of(bytes_of("83 6c 00000008 6101 77026f6b 6102 6103 6104 6105 6106 "
                          "6107 6a")));
    auto slice = list.tail()->tail()->tail();
    CHECK(hex_of(written(*slice)) == hex_of(bytes_of("83 6b 0005 0304050607")));
}

TEST_CASE("a list of bytes is a string, up to 65,535 of them") {
    is("[1]", "83 6b 0001 01");
    is("\"text\"", "83 6b 0004 74657874");
    reads("83 6b 0000", "[]");
    reads("83 6c 00000002 6101 6102 6a", "[1,2]");
    std::vector<term> bytes(65'535, 200);
    auto string = written(list_of(bytes));
    CHECK(string.substr(0, 4) == bytes_of("83 6b ffff"));
    CHECK(etf::decode(string) == list_of(bytes));
    bytes.emplace_back(1);
    auto list = written(list_of(bytes));
    CHECK(list.substr(0, 6) == bytes_of("83 6c 00010000"));
    CHECK(etf::decode(list) == list_of(bytes));
}

TEST_CASE("a list in pieces is one list") {
    reads("83 6c 00000001 6101 6c 00000001 6102 6a", "[1,2]");
    reads("83 6c 00000000 6a", "[]");
    reads("83 6c 00000000 6101", "1");
    reads("83 6c 00000001 6101 6b 0002 0203", "[1,2,3]");
    reads("83 6c 00000001 6101 6c 00000000 6102", "[1|2]");
}

TEST_CASE("binaries and bit strings") {
    is("<<>>", "83 6d 00000000");
    is("<<1,2>>", "83 6d 00000002 0102");
    is("<<5:3>>", "83 4d 00000001 03 a0");
    is("<<255,1:1>>", "83 4d 00000002 01 ff80");
    reads("83 4d 00000001 08 ff", "<<255>>");
    reads("83 4d 00000000 00", "<<>>");
    reads("83 4d 00000001 03 bf", "<<5:3>>");
    std::string large(100'000, 'x');
    CHECK(etf::decode(written(large)) == term(large));
}

TEST_CASE("maps come in any order") {
    is("#{}", "83 74 00000000");
    is("#{a => 1}", "83 74 00000001 770161 6101");
    is("#{a => 1, b => 2}", "83 74 00000002 770161 6101 770162 6102");
    reads("83 74 00000002 770162 6102 770161 6101", "#{a => 1, b => 2}");
    reads("83 74 00000002 463ff0000000000000 6101 6101 6102", "#{1.0 => 1, 1 => 2}");
}

TEST_CASE("functions of a module") {
    is("fun lists:map/2", "83 71 77056c69737473 77036d6170 6102");
    reads("83 71 64 0001 61 64 0001 62 62 00000100", "fun a:b/256");
}

TEST_CASE("a long binary can be left out, and read without a copy") {
    const term large = std::string(etf::splice_min, 'x'), t = tuple(atoms::ok, large, large, 7);
    std::string plain, text = "before";
    REQUIRE(etf::encode(t, plain));
    std::vector<etf::splice> splices;
    etf::encode_options options;
    options.splices = &splices;
    REQUIRE(etf::encode(t, text, options));
    REQUIRE(splices.size() == 2);
    CHECK(splices[0].bytes.bytes().data() == large.bytes().data());
    for (auto s = splices.rbegin(); s != splices.rend(); ++s) text.insert(s->at, s->bytes.bytes());
    CHECK(text == "before" + plain);
    // What cannot be written leaves none.
    CHECK_FALSE(etf::encode(tuple(large, fun{}), text, options));
    CHECK(splices.size() == 2);

    std::string bytes;
    REQUIRE(etf::encode(tuple(atoms::ok, large), bytes));
    const term within = bytes;
    etf::decode_options reading;
    reading.within = &within;
    auto same = etf::decode(within.bytes(), reading);
    REQUIRE(same);
    CHECK(*same == tuple(atoms::ok, large));
    CHECK(same->elements()[1].bytes().end() == within.bytes().end());
    // Less than half of it is copied.
    const term both = plain;
    reading.within = &both;
    same = etf::decode(both.bytes(), reading);
    REQUIRE(same);
    CHECK(*same == t);
    CHECK((same->elements()[1].bytes().data() < both.bytes().data() ||
           same->elements()[1].bytes().data() >= both.bytes().end()));
}
