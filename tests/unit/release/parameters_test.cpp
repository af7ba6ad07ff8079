#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/term/json.hpp"

using namespace beam;

namespace {

enum class color { red, green };
BEAM_ENUM(color, red, green)

struct member {
    std::string name;
    std::optional<int> age;
    BEAM_FIELDS(member, name, age)
};
struct params {
    std::string room = "lobby";
    std::vector<member> members;
    std::optional<std::string> topic;
    std::map<std::string, int> votes;
    color paint = color::red;
    atom kind = atom("plain");
    double rate = 0;
    bool quiet = false;
    BEAM_FIELDS(params, room, members, topic, votes, paint, kind, rate, quiet)
};

result<params> read(std::string_view json) {
    auto t = from_json_text(json);
    REQUIRE(t);
    return read_parameters<params>(*t);
}

}  // namespace

TEST_CASE("parameters are read from JSON by the names of the fields, in depth") {
    auto p = read(R"({"room":"room","members":[{"name":"ann","age":7},{"name":"bo","age":null}],
                      "topic":"room","votes":{"room":2,"kind":3},"paint":"green","kind":"plain",
                      "rate":2,"quiet":true,"unknown":[1]})");
    REQUIRE(p);
    CHECK(p->room == "room");
    REQUIRE(p->members.size() == 2);
    CHECK(p->members[0].name == "ann");
    CHECK(p->members[0].age == 7);
    CHECK_FALSE(p->members[1].age);
    CHECK(p->topic == "room");
    CHECK(p->votes.at("room") == 2);
    CHECK(p->votes.at("kind") == 3);
    CHECK(p->paint == color::green);
    CHECK(p->kind == atom("plain"));
    CHECK(p->rate == 2.0);
    CHECK(p->quiet);
}

TEST_CASE("absent parameters keep their defaults, null is no text") {
    auto p = read("{}");
    REQUIRE(p);
    CHECK(p->room == "lobby");
    auto null = read(R"({"topic":null})");
    REQUIRE(null);
    CHECK_FALSE(null->topic);
}

TEST_CASE("parameters that do not fit are named") {
    auto p = read(R"({"members":[{"name":"ann"},{"name":5}]})");
    REQUIRE_FALSE(p);
    CHECK(p.error().is("bad_field"));
    CHECK(p.error().detail.find("members[1].name") != std::string::npos);
    CHECK_FALSE(read(R"([1,2])"));
    CHECK_FALSE(read(R"({"rate":"fast"})"));
}

TEST_CASE("texts from outside make no atoms") {
    const auto before = atom_count();
    auto p = read(R"({"kind":"an atom that nobody ever made","another key":1})");
    CHECK_FALSE(p);
    CHECK(atom_count() == before);
}

TEST_CASE("parameters of a wrong type are refused in JSON's words") {
    const auto why = [](std::string_view json) {
        auto wrong = read(json);
        REQUIRE_FALSE(wrong);
        auto said = detail::bad_parameters(wrong.error());
        REQUIRE_FALSE(said);
        CHECK(said.error().kind == "bad_params");
        CHECK(said.error().exit == 2);
        return said.error().why;
    };
    CHECK(why(R"({"room":7})") == "room: expected a string, found 7");
    CHECK(why(R"({"room":{"a":[null,true]}})") ==
          R"(room: expected a string, found {"a":[null,true]})");
    CHECK(why(R"({"rate":"fast"})") == R"(rate: expected a number, found "fast")");
    CHECK(why(R"({"quiet":"\"no\""})") == R"(quiet: expected true or false, found "\"no\"")");
    CHECK(why(R"({"kind":null,"votes":[]})") == "votes: expected an object, found []");
    CHECK(why(R"({"members":"ann"})") == R"(members: expected an array, found "ann")");
    CHECK(why(R"({"members":[{"name":1.5}]})") == "members[0].name: expected a string, found 1.5");
    // The value may itself say what the message does.
    CHECK(why(R"({"rate":", found expected a binary"})") ==
          R"(rate: expected a number, found ", found expected a binary")");
    CHECK(why("{\"rate\":\"" + std::string(100, 'x') + "\"}") ==
          "rate: expected a number, found a longer string");
}
