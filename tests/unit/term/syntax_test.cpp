#include "libbeamcore/term/syntax.hpp"

#include "libbeamcore/base/utf8.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

static term parsed(std::string_view text) {
    auto t = parse_term(text);
    INFO(text);
    REQUIRE_MESSAGE(t.has_value(), t.error().detail);
    return *t;
}
static std::string refused(std::string_view text, const parse_options& options = {}) {
    auto t = parse_term(text, options);
    return t ? "read as " + to_string(*t) : t.error().code + " " + t.error().detail;
}

TEST_CASE("terms print as Erlang's") {
    CHECK(to_string(tuple(atoms::ok, list({1, 2}), "text")) == "{ok,[1,2],<<\"text\">>}");
    CHECK(to_string(map({{atom("b"), 1}, {atom("a"), 2.0}})) == "#{a => 2.0,b => 1}");
    CHECK(to_string(tuple()) == "{}");
    CHECK(to_string(nil) == "[]");
    CHECK(to_string(map()) == "#{}");
    CHECK(to_string(cons(1, 2)) == "[1|2]");
    CHECK(to_string(list_of(std::vector<term>{1, 2}, "x")) == "[1,2|<<\"x\">>]");
    CHECK(to_string(list_of(std::vector<term>{1}, list_of(std::vector<term>{2}, tuple(3)))) ==
          "[1,2|{3}]");
    CHECK(to_string(charlist("ab")) == "[97,98]");
    CHECK(to_string(pid{215, 0}) == "<0.215.0>");
    CHECK(to_string(term(ref{0, {1, 2, 3}})) == "#Ref<0.3.2.1>");
    CHECK(to_string(term(port{5})) == "#Port<0.5>");
    CHECK(to_string(
              term(fun{.module = atom("m"), .name = atom("f"), .arity = 1, .external = true})) ==
          "fun m:f/1");
    CHECK(to_string(term(fun{.module = atom("m"), .name = atom("f"), .arity = 1, .unique = 9})) ==
          "#Fun<m.f.1.9>");
}

TEST_CASE("atoms are quoted where Erlang quotes them") {
    CHECK(to_string(atom("ok")) == "ok");
    CHECK(to_string(atom("a@b_1")) == "a@b_1");
    CHECK(to_string(atom("ét")) == "ét");
    CHECK(to_string(atom("×a")) == "'×a'");
    CHECK(to_string(atom("")) == "''");
    CHECK(to_string(atom("Xx")) == "'Xx'");
    CHECK(to_string(atom("_x")) == "'_x'");
    CHECK(to_string(atom("a b")) == "'a b'");
    CHECK(to_string(atom("end")) == "'end'");
    CHECK(to_string(atom("maybe")) == "maybe");
    CHECK(to_string(atom("日本")) == "'日本'");
    CHECK(to_string(atom("it's\n\\")) == "'it\\'s\\n\\\\'");
    CHECK(to_string(atom("\x7f\x1b\x01")) == "'\\d\\e\\001'");
    CHECK(to_string(atom("\u200bx")) == "'\\x{200B}x'");
}

TEST_CASE("binaries that people can read are text, the others are numbers") {
    CHECK(to_string(term("a\"b\\\n\t")) == "<<\"a\\\"b\\\\\\n\\t\">>");
    CHECK(to_string(term("hé")) == "<<\"hé\"/utf8>>");
    CHECK(to_string(term("\xe9")) == "<<233>>");
    CHECK(to_string(term(std::string_view("a\0", 2))) == "<<97,0>>");
    CHECK(to_string(term("")) == "<<>>");
    CHECK(to_string(bitstring("\x01\x60", 11)) == "<<1,3:3>>");
    CHECK(to_string(bitstring("\x80", 1)) == "<<1:1>>");
}

TEST_CASE("floats print as Erlang prints them") {
    const std::pair<double, const char*> cases[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-1.5, "-1.5"},
        {100.0, "100.0"},
        {1000.0, "1.0e3"},
        {0.0001, "0.0001"},
        {0.001, "0.001"},
        {1e10, "1.0e10"},
        {123456789012345680.0, "1.2345678901234568e17"},
        {12345678.9, "12345678.9"},
        {1e-5, "1.0e-5"},
        {0.00012345, "1.2345e-4"},
        {9007199254740992.0, "9.007199254740992e15"},
        {9007199254740991.0, "9007199254740991.0"},
        {4503599627370496.0, "4503599627370496.0"},
        {1e22, "1.0e22"},
        {5e-324, "5.0e-324"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
        {123000.0, "1.23e5"},
        {99999999999999.0, "99999999999999.0"},
        {0.1, "0.1"}};
    for (auto [d, text] : cases) CHECK(to_string(term(d)) == text);
}

TEST_CASE("a limit cuts the text, between characters, and says so") {
    term many = list_of(std::vector<term>(1000, 7));
    auto cut = to_string(many, {.max_bytes = 20});
    CHECK(cut == "[7,7,7,7,7,7,7,7,...");
    CHECK(to_string(list({7, 7}), {.max_bytes = 20}) == "[7,7]");
    for (std::size_t max = 10; max < 40; ++max) {
        auto text = to_string(term("ééééééééééééééééééééééééé"), {.max_bytes = max});
        CHECK(text.size() <= max);
        CHECK(text.ends_with("..."));
        CHECK(is_valid_utf8(text));
    }
    CHECK(to_string(term(std::string(100'000'000, 'x')), {.max_bytes = 100}).size() <= 100);
    // Near the limit nothing beyond the bytes is looked at.
    for (std::size_t size = 15; size < 25; ++size) {
        auto text = to_string(list({term(std::string(size, 'x'))}), {.max_bytes = 20});
        CHECK(text.size() <= 20);
        CHECK(text.ends_with("...") == (size > 12));
    }
}

TEST_CASE("what is printed reads back equal") {
    term_generator generate(test_seed());
    for (int i = 0; i < 20000; ++i) {
        auto t = generate.any();
        auto text = to_string(t);
        INFO("seed ", test_seed());
        INFO(text);
        auto back = parse_term(text);
        REQUIRE_MESSAGE(back.has_value(), back.error().detail);
        REQUIRE(*back == t);
        REQUIRE(to_string(*back) == text);
    }
}

TEST_CASE("numbers are read as Erlang reads them") {
    CHECK(parsed("42") == term(42));
    CHECK(parsed("-42") == term(-42));
    CHECK(parsed("+42") == term(42));
    CHECK(parsed("16#FF") == term(255));
    CHECK(parsed("-16#ff") == term(-255));
    CHECK(parsed("36#zZ") == term(35 * 36 + 35));
    CHECK(parsed("1_000_000") == term(1000000));
    CHECK(parsed("2#1_0") == term(2));
    CHECK(parsed("1.5") == term(1.5));
    CHECK(parsed("1.0e10") == term(1e10));
    CHECK(parsed("1.0E-3") == term(0.001));
    CHECK(parsed("-2.5e+1") == term(-25.0));
    CHECK(parsed("1_0.2_5") == term(10.25));
    CHECK(parsed("$a") == term(97));
    CHECK(parsed("$\\n") == term(10));
    CHECK(parsed("$日") == term(0x65e5));
    CHECK(parsed("$ ") == term(32));
    CHECK(parsed("123456789012345678901234567890") == *integer("123456789012345678901234567890"));
    CHECK(parsed("1.0e-400") == term(0.0));
}

TEST_CASE("atoms, strings and their escapes are read as Erlang reads them") {
    CHECK(parsed("ok") == atoms::ok);
    CHECK(parsed("'hello world'") == atom("hello world"));
    CHECK(parsed("'\\x41\\x{65e5}\\101\\^A\\s\\d\\e\\'\\q'") == atom("A日A\x01 \x7f\x1b'q"));
    CHECK(parsed("''") == atom(""));
    CHECK(parsed("étude") == atom("étude"));
    CHECK(parsed("\"abc\"") == list({97, 98, 99}));
    CHECK(parsed("\"a\" \"b\"\n\"c\"") == list({97, 98, 99}));
    CHECK(parsed("\"é\"") == list({0xe9}));
    CHECK(parsed("\"\"") == term(nil));
}

TEST_CASE("binaries and bit strings are read as Erlang reads them") {
    CHECK(parsed("<<>>") == term(""));
    CHECK(parsed("<<\"text\">>") == term("text"));
    CHECK(parsed("<<\"é\"/utf8>>") == term("é"));
    CHECK(parsed("<<\"é\">>") == term("\xe9"));  // as Erlang: a byte a character
    CHECK(parsed("<< 1 , 255 , -1, 256 >>") == term(std::string_view("\x01\xff\xff\x00", 4)));
    CHECK(parsed("<<1:1, 0:1, 1:1>>") == bitstring("\xa0", 3));
    CHECK(parsed("<<258:16>>") == term("\x01\x02"));
    CHECK(parsed("<<-1:12>>") == bitstring("\xff\xf0", 12));
    CHECK(parsed("<<\"a\", 98, \"c\">>") == term("abc"));
    CHECK(parsed("<<16#FFFFFFFFFFFFFFFFFFFF:80>>") == term(std::string(10, '\xff')));
    CHECK(parsed("<<5:0>>") == term(""));
}

TEST_CASE("containers are read, with white space and comments in them") {
    CHECK(parsed(" { a , [ 1 | [ 2 ] ] , #{ } } % end\n .") ==
          tuple(atom("a"), list({1, 2}), map()));
    CHECK(parsed("#{a=>1,b=>#{1=>2}}") == map({{atom("a"), 1}, {atom("b"), map({{1, 2}})}}));
    CHECK(parsed("#{a=>1,a=>2}") == map({{atom("a"), 2}}));
    CHECK(parsed("{[],{},#{},<<>>}") == tuple(nil, tuple(), map(), ""));
    CHECK(parsed("[[],[[]]]") == list({nil, list({nil})}));
    CHECK(parsed("[1,2|x]") == list_of(std::vector<term>{1, 2}, atom("x")));
    CHECK(parsed("%c\n1.") == term(1));
    CHECK(parsed("fun lists:'map'/2").as_fun()->arity == 2);
    CHECK(parsed("<0.1.2>") == term(pid{1, 2}));
    CHECK(parsed("#Ref<0.3.2.1>") == term(ref{0, {1, 2, 3}}));
    CHECK(parsed("#Ref<0.5.4.3.2.1>") == term(ref{0, {1, 2, 3, 4, 5}}));
    CHECK(parsed("#Port<0.7>") == term(port{7}));
}

TEST_CASE("errors say where they are and what was expected") {
    CHECK(refused("{1 2}") == "syntax 1:4: expected ',' or '}', found '2'");
    CHECK(refused("\n [1}") == "syntax 2:4: expected ',', '|' or ']', found '}'");
    CHECK(refused("[1|2,3]") == "syntax 1:5: expected ']', found ','");
    CHECK(refused("#{a}") == "syntax 1:4: expected '=>', found '}'");
    CHECK(refused("#{a=>1,}") == "syntax 1:8: expected a term, found '}'");
    CHECK(refused("") == "syntax 1:1: expected a term, found the end of the text");
    CHECK(refused("{") == "syntax 1:2: expected a term, found the end of the text");
    CHECK(refused("{ok") == "syntax 1:4: expected ',' or '}', found the end of the text");
    CHECK(refused("Var") == "syntax 1:1: expected a term, found a variable");
    CHECK(refused("{ok, _}") == "syntax 1:6: expected a term, found a variable");
    CHECK(refused("'é\né' x") == "syntax 2:4: expected the end of the text, found 'x'");
    CHECK(refused("1.2.3") == "syntax 1:5: expected the end of the text, found '3'");
    CHECK(refused("ok ok") == "syntax 1:4: expected the end of the text, found 'o'");
    CHECK(refused("'abc") == "syntax 1:1: expected a closing ', found the end of the text");
    CHECK(refused("<<1,x>>") == "syntax 1:5: expected a number or string, found 'x'");
    CHECK(refused("\xff") == "syntax 1:1: expected a term, found a byte that is not UTF-8");
    CHECK(refused("'a\\\xff'") == "syntax 1:4: expected UTF-8, found a byte that is not UTF-8");
    CHECK(refused("37#1") == "syntax 1:1: expected a base from 2 to 36, found 37");
    CHECK(refused("2#2") == "syntax 1:3: expected a digit of base 2, found '2'");
    CHECK(refused("1.0e400").starts_with("syntax 1:1: expected a float"));
    CHECK(refused("'\\x{d800}'").starts_with("syntax 1:2:"));
    CHECK(refused("if").starts_with("syntax 1:1: expected a term, found the reserved word if"));
    CHECK(refused("fun() -> ok end").starts_with("syntax 1:1:"));
    CHECK(refused("#Fun<m.f.1.9>").starts_with("syntax 1:1:"));
    CHECK(refused("<0.4294967296.0>").starts_with("syntax 1:4: expected a number"));
    CHECK(refused("'" + std::string(256, 'x') + "'").starts_with("system_limit 1:1:"));
}

TEST_CASE("text from strangers need not create atoms") {
    parse_options careful{.create_atoms = false};
    CHECK(parse_term("{ok, [error]}", careful) == tuple(atoms::ok, list({atoms::error})));
    auto before = atom_count();
    CHECK(refused("{ok, syntax_test_never_made}", careful) ==
          "unknown_atom 1:6: there is no atom syntax_test_never_made");
    CHECK(refused("'syntax_test never made'", careful).starts_with("unknown_atom"));
    CHECK(atom_count() == before);
}

TEST_CASE("nesting is read without the stack, up to its limit") {
    auto nested = [](std::size_t n, const char* open, const char* close) {
        std::string text;
        for (std::size_t i = 0; i < n; ++i) text += open;
        text += "1";
        for (std::size_t i = 0; i < n; ++i) text += close;
        return text;
    };
    for (auto [open, close] : {std::pair("[", "]"), {"{", "}"}, {"#{1=>", "}"}, {"[1|", "]"}}) {
        CHECK(parse_term(nested(100'000, open, close)).has_value());
        CHECK(parse_term(nested(100'001, open, close)).error().is("too_deep"));
    }
    CHECK(parse_term("[[1]]", {.depth_max = 1}).error().detail.starts_with("1:2:"));
    CHECK(parse_term("[[1],[2]]", {.depth_max = 2}).has_value());
    CHECK(refused(std::string(100'001, '9')).starts_with("too_long"));
    CHECK(parsed(std::string(10'000, '9')).is_integer());
}

TEST_CASE("damaged text is refused or read, never worse") {
    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    int read = 0;
    for (int i = 0; i < 20000; ++i) {
        auto text = to_string(generate.any());
        for (auto n = 1 + generate.below(3); n > 0; --n) {
            auto at = generate.below(text.size() + 1);
            switch (generate.below(3)) {
                case 0:
                    text.erase(at, 1);
                    break;
                case 1:
                    text.insert(at, 1, "{}[]<>#|,'\"\\=>0a.$%/:e-"[generate.below(23)]);
                    break;
                default:
                    text.resize(at);
            }
        }
        auto t = parse_term(text);
        read += t.has_value();
        if (t) CHECK(parse_term(to_string(*t)) == *t);
    }
    CHECK(read > 0);
}

TEST_CASE("terms that end with dots are read as file:consult reads them") {
    auto all = parse_terms("{a,1}.\n% comment\n{b,2}.  [].\n");
    REQUIRE(all);
    CHECK(*all == std::vector<term>{tuple(atom("a"), 1), tuple(atom("b"), 2), nil});
    CHECK(parse_terms("")->empty());
    CHECK(parse_terms("a. b").error().detail == "1:5: expected '.', found the end of the text");
}
