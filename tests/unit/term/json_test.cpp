#include "libbeamcore/term/json.hpp"

#include <nlohmann/json.hpp>

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;
using nlohmann::json;

TEST_CASE("terms become the JSON of the table") {
    CHECK(to_json_text(true) == "true");
    CHECK(to_json_text(atoms::undefined) == "null");
    CHECK(to_json_text(atoms::null) == "null");
    CHECK(to_json_text(atoms::nil) == "null");
    CHECK(to_json_text(nil) == "[]");
    CHECK(to_json_text(atoms::ok) == "\"ok\"");
    CHECK(to_json_text(-5) == "-5");
    CHECK(to_json_text(~std::uint64_t(0)) == "18446744073709551615");
    CHECK(to_json_text(*integer("18446744073709551616")) == "\"18446744073709551616\"");
    CHECK(to_json_text(1.5) == "1.5");
    CHECK(to_json_text("hé") == "\"hé\"");
    CHECK(to_json_text("\xff\x01") == R"({"$b64":"/wE="})");
    CHECK(to_json_text(bitstring("\xe0", 3)) == R"({"$b64":"4A==","bits":3})");
    CHECK(to_json_text(tuple(atoms::ok, list({1, 2}))) == R"(["ok",[1,2]])");
    CHECK(to_json_text(cons(1, 2)) == "[1,2]");
    CHECK(to_json_text(map({{atoms::id, 1}, {"b", 2}, {3, 4}, {tuple(1), 5}})) ==
          R"({"3":4,"b":2,"id":1,"{1}":5})");
    CHECK(to_json_text(pid{215, 0}) == "\"<0.215.0>\"");
    CHECK(to_json_text(ref{0, {1, 2, 3}}) == "\"#Ref<0.3.2.1>\"");
}

TEST_CASE("JSON becomes terms with binaries for strings and keys") {
    auto t = from_json_text(R"({"a":[1,-2,1.5,true,null,"x"],"b":{"c":18446744073709551615}})");
    REQUIRE(t);
    CHECK(*t == map({{"a", list({1, -2, 1.5, true, atoms::null, "x"})},
                     {"b", map({{"c", ~std::uint64_t(0)}})}}));
    CHECK(from_json_text(R"({"$b64":"/wE="})") == term("\xff\x01"));
    CHECK(from_json_text(R"({"$b64":"4A==","bits":3})") == bitstring("\xe0", 3));
}

TEST_CASE("what is not JSON, or says bytes wrongly, is an error") {
    CHECK(from_json_text("{").error().is("syntax"));
    CHECK(from_json_text("").error().is("syntax"));
    CHECK(from_json_text("[1] 2").error().is("syntax"));
    CHECK(from_json_text("1e400").error() == error{"syntax", "a number is out of range"});
    CHECK(from_json_text("[1,]").error() == error{"syntax", "byte 4 is not JSON"});
    CHECK(from_json_text("\"\xff\"").error().is("syntax"));
    CHECK(from_json_text(R"({"$b64":"?"})").error().is("bad_base64"));
    CHECK(from_json_text(R"({"$b64":5})").error().is("bad_base64"));
    CHECK(from_json_text(R"({"$b64":"4A==","bits":9})").error().is("bad_base64"));
    CHECK(from_json_text(R"({"$b64":"4A==","bits":-3})").error().is("bad_base64"));
    CHECK(from_json_text(R"({"$b64":"4A==","other":3})").has_value());
}

TEST_CASE("JSON deeper than 64 levels is refused while it is read") {
    auto nested = [](int n) {
        return std::string(std::size_t(n), '[') + std::string(std::size_t(n), ']');
    };
    CHECK(from_json_text(nested(64)).has_value());
    CHECK(from_json_text(nested(65)).error().is("too_deep"));
    CHECK(from_json_text(nested(1'000'000)).error().is("too_deep"));
}

TEST_CASE("a term deeper than 64 levels ends in text, and any term gives JSON that can be read") {
    term deep = 1;
    for (int i = 0; i < 1000; ++i) deep = tuple(deep);
    auto text = to_json_text(deep);
    CHECK(text.starts_with(std::string(64, '[') + "\"{{"));
    CHECK(from_json_text(text).has_value());

    term_generator generate(test_seed());
    INFO("seed ", test_seed());
    for (int i = 0; i < 5000; ++i) {
        auto t = generate.any();
        auto as_text = to_json_text(t);
        INFO(as_text);
        auto back = from_json_text(as_text);
        REQUIRE(back);
        // What came from JSON goes back as it was.
        CHECK(to_json_text(*back) == as_text);
    }
}
