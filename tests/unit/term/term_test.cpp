#include "libbeamcore/term/term.hpp"

#include <limits>
#include <thread>

#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

TEST_CASE("a default or moved-from term is undefined") {
    CHECK(term() == atoms::undefined);
    term a = "long enough to be on the heap";
    term b = std::move(a);
    CHECK(a == atoms::undefined);
    CHECK(b == "long enough to be on the heap");
    b = std::move(b = a);
    CHECK(b == atoms::undefined);
}

TEST_CASE("integers of every C++ type go in and out, and out of range is none") {
    CHECK(term(42).as_int64() == 42);
    CHECK(term(-1).as_int<int>() == -1);
    CHECK_FALSE(term(-1).as_int<unsigned>());
    CHECK_FALSE(term(300).as_int<std::uint8_t>());
    CHECK(term(255).as_int<std::uint8_t>() == 255);
    CHECK(term('a').as_int64() == 97);
    for (auto i :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
          std::int64_t(1) << 62, (std::int64_t(1) << 62) - 1, -(std::int64_t(1) << 62),
          -(std::int64_t(1) << 62) - 1, std::int64_t(0)}) {
        CHECK(term(i).as_int64() == i);
        CHECK(term(i) == term(i));
        CHECK(term(i).is_integer());
    }
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(term(most).as_uint64() == most);
    CHECK(term(most).as_int<std::uint64_t>() == most);
    CHECK_FALSE(term(most).as_int64());
    CHECK_FALSE(term(-1).as_uint64());
    CHECK_FALSE(term("1").as_int64());
    CHECK_FALSE(term(1.0).as_int64());
}

TEST_CASE("integers of any size are read from digits, and small ones have one form") {
    CHECK(integer("123") == term(123));
    CHECK(integer("-ff", 16) == term(-255));
    CHECK(integer("4611686018427387904") == term(std::int64_t(1) << 62));
    CHECK(integer("00000000000000000000000000000000000007") == term(7));
    CHECK(integer("-0") == term(0));
    CHECK_FALSE(integer(""));
    CHECK_FALSE(integer("-"));
    CHECK_FALSE(integer("12x"));
    CHECK_FALSE(integer("8", 8));
    CHECK_FALSE(integer("1", 37));
    auto digits = "123456789012345678901234567890123456789012345678901234567890";
    CHECK(to_string(*integer(digits)) == digits);
    CHECK(to_string(*integer("-1" + std::string(100, '0'))) == "-1" + std::string(100, '0'));
    CHECK_FALSE(integer(digits)->as_int64());
}

TEST_CASE("integers go through their bytes") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    for (int i = 0; i < 1000; ++i) {
        auto t =
            generate.one_in(2) ? generate.big() : term(std::int64_t(generate.below(1000)) - 500);
        auto bytes = t.as_big_integer();
        REQUIRE(bytes);
        CHECK((bytes->magnitude.empty() || bytes->magnitude.back() != 0));
        CHECK(integer(*bytes) == t);
    }
    CHECK(term(0).as_big_integer()->magnitude.empty());
    CHECK(term(-258).as_big_integer()->magnitude == std::vector<std::uint8_t>{2, 1});
}

TEST_CASE("floats are floats, and infinities and NaN are atoms") {
    CHECK(term(1.5).as_double() == 1.5);
    CHECK(term(1.5f).is_float());
    CHECK_FALSE(term(1).as_double());
    CHECK(term(3).as_number() == 3.0);
    CHECK(integer("1" + std::string(30, '0'))->as_number() == 1e30);
    CHECK_FALSE(integer("1" + std::string(400, '0'))->as_number());
    CHECK(term(std::numeric_limits<double>::infinity()) == atoms::infinity);
    CHECK(term(-std::numeric_limits<double>::infinity()) == atoms::neg_infinity);
    CHECK(term(std::numeric_limits<double>::quiet_NaN()) == atoms::nan);
}

TEST_CASE("big integers become the nearest double, ties to even") {
    // 2^64 + 2^11 lies between two doubles; one more tips it.
    CHECK(integer("18446744073709553664")->as_number() == 18446744073709551616.0);
    CHECK(integer("18446744073709553665")->as_number() == 18446744073709555712.0);
    CHECK(integer("-9223372036854775809")->as_number() == -9223372036854775808.0);
}

TEST_CASE("booleans are atoms, and text is a binary") {
    CHECK(term(true) == atoms::true_);
    CHECK(term(false).as_bool() == false);
    CHECK_FALSE(term(atoms::ok).as_bool());
    CHECK(term(true).is_boolean());
    CHECK(term("hé").as_text() == "hé");
    CHECK(term(std::string("x")).is_binary());
    CHECK(term("").as_text() == "");
    CHECK(term("").is_binary());
    CHECK_FALSE(term(atoms::ok).as_text());
    CHECK(term(std::string_view("\0\xff", 2)).as_text()->size() == 2);
}

TEST_CASE("bit strings keep their bits and nothing behind them") {
    auto t = bitstring("\xff\xff", 11);
    CHECK(t.is_bitstring());
    CHECK_FALSE(t.is_binary());
    CHECK_FALSE(t.as_text());
    CHECK(t.bit_size() == 11);
    CHECK(t.bytes() == "\xff\xe0");
    CHECK(bitstring("\xff\xff", 16) == term("\xff\xff"));
    CHECK(bitstring("\xff", 3) == bitstring("\xe0", 3));
    CHECK(bitstring("\xff", 3) != bitstring("\xff", 4));
    CHECK(bitstring("abc", 0) == term(""));
    CHECK_THROWS_AS((void)bitstring("a", 9), std::out_of_range);
    CHECK(term(1).bit_size() == 0);
}

TEST_CASE("a long part of a binary is the binary's bytes, and equal to a copy") {
    std::string bytes;
    for (int i = 0; i < 1000; ++i) bytes += char(i);
    term whole = bytes;
    const char* where = whole.bytes().data();
    term part = binary_part(whole, 10, 500);
    CHECK(part.bytes().data() == where + 10);
    CHECK(part == term(std::string_view(bytes).substr(10, 500)));
    CHECK(part.hash() == term(std::string_view(bytes).substr(10, 500)).hash());
    CHECK(part.is_binary());
    CHECK(part.bit_size() == 4000);
    term inner = binary_part(part, 100, 300);
    CHECK(inner.bytes().data() == where + 110);
    CHECK(binary_part(whole, 0, 1000).bytes().data() == where);
    CHECK(binary_part(whole, 1, 10).bytes().data() != where + 1);  // short: copied
    CHECK(binary_part(whole, 1000, 0) == term(""));
    // It keeps the bytes alive, and so does what is made of it.
    whole = {};
    term held = tuple(inner, part);
    part = inner = {};
    CHECK(held.elements()[0].bytes() == std::string_view(bytes).substr(110, 300));
    CHECK_THROWS_AS((void)binary_part(held.elements()[0], 1, 300), std::out_of_range);
    CHECK_THROWS_AS((void)binary_part(atoms::ok, 0, 0), std::out_of_range);
    CHECK_THROWS_AS((void)binary_part(bitstring("\xff\xff", 11), 0, 1), std::out_of_range);
}

TEST_CASE("tuples hold what they were made of") {
    auto t = tuple(atoms::error, "no such room", 42, 1.5, true, pid{1, 0});
    CHECK(t.elements().size() == 6);
    CHECK(t.elements()[1] == "no such room");
    CHECK(t.is_tagged(atoms::error, 6));
    CHECK_FALSE(t.is_tagged(atoms::error, 5));
    CHECK_FALSE(t.is_tagged(atoms::ok, 6));
    CHECK(tuple().is_tuple());
    CHECK(tuple().elements().empty());
    CHECK(tuple_of(std::vector<term>()) == tuple());
    CHECK(tuple_of(std::vector<term>{1, 2}) == tuple(1, 2));
    CHECK(term(1).elements().empty());
}

TEST_CASE("lists are proper or not, whatever they were made from") {
    auto l = list({1, 2, 3});
    CHECK(l.list_length() == 3u);
    CHECK(l == cons(1, cons(2, cons(3, nil))));
    CHECK(l == list_of(std::vector<term>{1}, list({2, 3})));
    CHECK(l.hash() == cons(1, cons(2, cons(3, nil))).hash());
    CHECK(l.as_list() == std::vector<term>{1, 2, 3});
    CHECK(list({}) == term(nil));
    CHECK(term(nil).is_list());
    CHECK(term(nil).as_list() == std::vector<term>());
    CHECK(list_of(std::vector<term>(), 5) == term(5));

    auto improper = list_of(std::vector<term>{1, 2}, atoms::end_of_table);
    CHECK(improper.is_list());
    CHECK_FALSE(improper.as_list());
    CHECK_FALSE(improper.list_length());
    auto view = improper.list_elements();
    CHECK(view.size() == 2);
    CHECK(view.last_tail() == atoms::end_of_table);
}

TEST_CASE("a list is read across its nodes") {
    auto l = list_of(std::vector<term>{1, 2}, cons(3, list({4, 5})));
    std::vector<std::int64_t> seen;
    for (const auto& t : l.list_elements()) seen.push_back(*t.as_int64());
    CHECK(seen == std::vector<std::int64_t>{1, 2, 3, 4, 5});
    CHECK(term(1).list_elements().empty());
    CHECK(term(nil).list_elements().empty());
}

TEST_CASE("walking a list by its tails gives the same elements, and shares them") {
    std::vector<term> many;
    for (int i = 0; i < 1000; ++i) many.emplace_back(i);
    auto l = list_of(many, list({-1, -2}));
    std::vector<term> seen;
    auto rest = l;
    while (!rest.is_nil()) {
        CHECK(rest == list_of(std::span(many).subspan(std::min<std::size_t>(seen.size(), 1000)),
                              seen.size() > 1000 ? term(list({-2})) : term(list({-1, -2}))));
        seen.push_back(*rest.head());
        rest = *rest.tail();
    }
    many.emplace_back(-1);
    many.emplace_back(-2);
    CHECK(seen == many);
    CHECK_FALSE(term(nil).tail());
    CHECK(term(nil).head() == nullptr);
    CHECK(cons(1, 2).tail() == term(2));

    // A slice outlives the term it was cut from, compares and hashes like any other list.
    auto slice = *list({1, 2, 3, 4, 5, 6, 7, 8}).tail();
    CHECK(slice == list({2, 3, 4, 5, 6, 7, 8}));
    CHECK(slice.hash() == list({2, 3, 4, 5, 6, 7, 8}).hash());
    CHECK(slice.list_length() == 7u);
    CHECK(slice.as_list()->size() == 7);
    CHECK(cons(1, slice) == list({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_CASE("maps find their keys, and the last of two equal ones counts") {
    auto m = map({{atoms::name, "ann"}, {atoms::id, 7}, {1, "int"}, {1.0, "float"}, {"k", nil}});
    CHECK(m.map_size() == 5);
    CHECK(*m.map_find(atoms::name) == "ann");
    CHECK(*m.map_find(1) == "int");
    CHECK(*m.map_find(1.0) == "float");
    CHECK(*m.map_find("k") == term(nil));
    CHECK(m.map_find(2) == nullptr);
    CHECK(m.map_find(atoms::error) == nullptr);
    CHECK(m.map_find("x") == nullptr);
    CHECK(term(1).map_find(1) == nullptr);
    CHECK(map({{1, "a"}, {1, "b"}, {1, "c"}}) == map({{1, "c"}}));
    CHECK(map().is_map());
    CHECK(map() == map_of(std::vector<map_entry>()));
}

TEST_CASE("a map is the same however it came about") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    for (int round = 0; round < 50; ++round) {
        std::vector<map_entry> entries;
        for (auto n = generate.below(100); n > 0; --n)
            entries.push_back({generate.any(1), int(entries.size())});
        term put = map();
        for (const auto& e : entries) put = map_put(put, e.key, e.value);
        auto made = map_of(entries);
        CHECK(made == put);
        CHECK(made.hash() == put.hash());
        for (std::size_t i = 1; i < made.map_size(); ++i)
            CHECK(compare_exact(made.entries()[i - 1].key, made.entries()[i].key) < 0);
        for (const auto& e : entries) REQUIRE(made.map_find(e.key));
        for (const auto& e : entries) put = map_remove(put, e.key);
        CHECK(put == map());
    }
}

TEST_CASE("entries are put, removed and merged without changing the map they were in") {
    auto m = map({{atoms::id, 1}, {atoms::name, 2}});
    auto copy = m;
    CHECK(map_put(m, atoms::id, 9) == map({{atoms::id, 9}, {atoms::name, 2}}));
    CHECK(map_put(map(), 1, 2) == map({{1, 2}}));
    CHECK(map_remove(m, atoms::id) == map({{atoms::name, 2}}));
    CHECK(map_remove(m, atoms::ok) == m);
    CHECK(map_merge(m, map({{atoms::name, 3}, {atoms::ok, 4}})) ==
          map({{atoms::id, 1}, {atoms::name, 3}, {atoms::ok, 4}}));
    CHECK(map_merge(map(), m) == m);
    CHECK(m == copy);
}

TEST_CASE("chardata is text") {
    CHECK(charlist("hé") == list({'h', 0xe9}));
    CHECK(charlist("") == term(nil));
    CHECK(charlist("\xff") == list({255}));
    CHECK(chardata_text(charlist("hé日")) == "hé日");
    CHECK(chardata_text("bin") == "bin");
    CHECK(chardata_text(list({"a", list({98, list({"c"})}), 100})) == "abcd");
    CHECK(chardata_text(cons("a", "b")) == "ab");
    CHECK_FALSE(chardata_text(list({atoms::ok})));
    CHECK_FALSE(chardata_text(list({0x110000})));
    CHECK_FALSE(chardata_text(atoms::ok));
}

TEST_CASE("funs are values") {
    fun f{.module = atom("lists"), .name = atom("map"), .arity = 2, .external = true};
    CHECK(term(f) == term(f));
    CHECK(term(f).as_fun()->arity == 2);
    auto g = f;
    g.external = false, g.data = "what a codec needs to send it again";
    CHECK(term(f) != term(g));
    CHECK(compare(g, f) < 0);
    CHECK(term(1).as_fun() == nullptr);
}

TEST_CASE("an outcome has a value or the reason that OTP gives") {
    auto start = [](bool works) -> outcome<pid> {
        if (!works) return fail_term(tuple(atoms::already_started, pid{7, 0}));
        return pid{8, 0};
    };
    CHECK(start(true) == pid{8, 0});
    CHECK(start(false).error() == tuple(atoms::already_started, pid{7, 0}));
}

static term wrapped(term t, int shape) {
    switch (shape) {
        case 0:
            return tuple(1, std::move(t));
        case 1:
            return list({std::move(t), 1});
        case 2:
            return map({{1, std::move(t)}});
        case 3:
            return map({{std::move(t), 1}});
        case 4:
            return cons(1, std::move(t));
        default:
            return fun{.data = std::move(t)};
    }
}

static term deep(int levels, int shape) {
    term t = 1;
    for (int i = 0; i < levels; ++i) t = wrapped(std::move(t), shape == 6 ? i % 5 : shape);
    return t;
}

TEST_CASE("terms of any depth are compared, hashed, printed and freed") {
    constexpr int levels = 200'000;  // recursion of any kind would be the end of the stack
    for (int shape = 0; shape <= 6; ++shape) {
        CAPTURE(shape);
        auto a = deep(levels, shape), b = deep(levels, shape), less = deep(levels - 1, shape);
        bool same = a == b, differs = a != less;
        CHECK(same);
        CHECK(differs);
        CHECK(compare(a, b) == 0);
        CHECK(compare_exact(a, b) == 0);
        CHECK(a.hash() == b.hash());
        if (shape != 5) CHECK(to_string(a).size() > levels);
    }
}

TEST_CASE("a wide and deep term that others share is freed when the last one lets go") {
    auto shared = deep(1000, 6);
    auto held = shared;
    std::vector<term> many(1000, shared);
    auto big = tuple_of(std::move(many));
    big = nil;
    CHECK(held == shared);
    shared = nil;
    CHECK(held == deep(1000, 6));
}

TEST_CASE("threads copy and drop one term at once") {
    auto shared = tuple("some text", list({1, 2, 3}), map({{atoms::id, "x"}}));
    auto expected = shared.hash();
    std::vector<std::thread> running;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 4; ++i)
        running.emplace_back([&shared, &wrong, expected] {
            for (int n = 0; n < 20000; ++n) {
                term mine = shared;
                term part = mine.elements()[1];
                mine = part;
                if (n % 1000 == 0 && shared.hash() != expected) ++wrong;
            }
        });
    for (auto& t : running) t.join();
    CHECK(wrong == 0);
    CHECK(shared.elements()[0] == "some text");
}

TEST_CASE("equal terms have equal hashes, and others rarely") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    std::unordered_map<term, term> seen;
    std::set<std::uint64_t> hashes;
    for (int i = 0; i < 5000; ++i) {
        auto t = generate.any();
        if (seen.emplace(t, t).second) hashes.insert(t.hash());
    }
    CHECK(hashes.size() == seen.size());
    for (const auto& [a, b] : seen) CHECK(a == b);
    CHECK(term(0.0) == term(-0.0));
    CHECK(term(0.0).hash() == term(-0.0).hash());
    CHECK(tuple(1, 2).hash() != list({1, 2}).hash());
    CHECK(list({1, list({2})}).hash() != list({1, 2}).hash());
}
