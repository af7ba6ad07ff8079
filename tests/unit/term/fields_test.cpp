#include "libbeamcore/term/fields.hpp"

#include <chrono>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/show.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

enum class color { red, green, blue };
BEAM_ENUM(color, red, green)

struct join {
    std::string room;
    pid who;
    BEAM_FIELDS(join, room, who)
};

struct reset {
    BEAM_FIELDS(reset)
};

struct everything {
    bool b = true;
    std::int8_t i8 = -1;
    std::uint64_t u64 = ~std::uint64_t(0);
    double d = 1.5;
    float f = 0.5f;
    std::string s = "text";
    atom a = atoms::ok;
    ref r;
    port p;
    term t = 42;
    color c = color::green;
    join nested{"lobby", {1, 0}};
    std::vector<join> many{{"a", {}}, {"b", {}}};
    std::vector<bool> bits{true, false};
    std::deque<int> queue{1, 2};
    std::set<std::string> names{"x"};
    std::map<std::string, int> by_name{{"k", 1}};
    std::unordered_map<int, std::vector<double>> by_number{{7, {1.0}}};
    std::optional<int> none = {};
    std::optional<std::string> some = "s";
    std::pair<int, atom> pair{1, atoms::error};
    std::tuple<int, std::string, bool> triple{1, "x", true};
    std::array<int, 2> two{3, 4};
    std::chrono::milliseconds wait = 1500ms;
    std::chrono::system_clock::time_point at{};
    BEAM_FIELDS(everything, b, i8, u64, d, f, s, a, r, p, t, c, nested, many, bits, queue, names,
                by_name, by_number, none, some, pair, triple, two, wait, at)
};

class closed {
public:
    closed() = default;
    explicit closed(int secret) : secret_(secret) {}
    [[nodiscard]] int secret() const { return secret_; }
    BEAM_FIELDS(closed, secret_, mode_)

private:
    enum class mode { quiet, loud };
    friend BEAM_ENUM(mode, quiet, loud);
    int secret_ = 0;
    mode mode_ = mode::loud;
};

struct tree {
    int value = 0;
    std::vector<tree> children;
    BEAM_FIELDS(tree, value, children)
};

struct derived : join {
    int more = 0;
};

struct thirty_two {
    int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20,
        a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32;
    BEAM_FIELDS(thirty_two, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16,
                a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32)
};

std::string refused(const auto& read) {
    return read ? "read" : read.error().code + " " + read.error().detail;
}
term parsed(std::string_view text) {
    return *parse_term(text);
}

}  // namespace

TEST_CASE("a declared struct is the map of its fields") {
    CHECK(to_string(to_term(join{"lobby", {215, 0}})) ==
          "#{room => <<\"lobby\">>,who => <0.215.0>}");
    CHECK(to_term(reset{}) == map());
    CHECK(to_string(to_term(closed(5))) == "#{mode_ => loud,secret_ => 5}");
}

TEST_CASE("every type of field goes out and in again") {
    everything e;
    auto t = to_term(e);
    auto back = from_term<everything>(t);
    REQUIRE_MESSAGE(back.has_value(), back.error().detail);
    CHECK(to_term(*back) == t);
    CHECK(back->by_number == e.by_number);
    CHECK(back->many[1].room == "b");
    CHECK(back->wait == 1500ms);
    CHECK(back->triple == e.triple);
    CHECK_FALSE(back->none);
    CHECK(*t.map_find(atom("wait")) == term(1500));
    CHECK(*t.map_find(atom("none")) == atoms::undefined);
    CHECK(*t.map_find(atom("c")) == atom("green"));
    CHECK(*t.map_find(atom("r")) == atoms::undefined);  // a reference that is none
    CHECK(*t.map_find(atom("two")) == tuple(3, 4));
    // And through text, as an upgrade's journal or another node would carry it.
    CHECK(parse_term(to_string(t)) == t);
}

TEST_CASE("absent fields keep their default, unknown ones are ignored") {
    auto e = from_term<everything>(parsed("#{d => 2.5, unheard_of => 1, <<\"s\">> => 3}"));
    REQUIRE(e);
    CHECK(e->d == 2.5);
    CHECK(e->s == "text");
    CHECK(e->i8 == -1);
    CHECK(from_term<join>(map())->room.empty());
}

TEST_CASE("a message may come as {Name, Map} or as its name") {
    CHECK(from_term<join>(parsed("{join, #{room => <<\"x\">>}}"))->room == "x");
    CHECK(from_term<reset>(atom("reset")).has_value());
    CHECK(from_term<reset>(parsed("{reset, #{}}")).has_value());
    CHECK(refused(from_term<reset>(parsed("{join, #{}}"))) ==
          "bad_field expected reset, found {join,#{}}");
    CHECK(refused(from_term<join>(atom("reset"))) == "bad_field expected join, found reset");
}

TEST_CASE("a wrong type is an error that names the way to the field") {
    CHECK(refused(from_term<everything>(parsed("#{s => 1}"))) ==
          "bad_field s: expected a binary, found 1");
    CHECK(refused(from_term<everything>(parsed("#{many => [#{}, #{who => 42}]}"))) ==
          "bad_field many[1].who: expected a pid, found 42");
    CHECK(refused(from_term<everything>(parsed("#{nested => {}}"))) ==
          "bad_field nested: expected join, found {}");
    CHECK(refused(from_term<everything>(parsed("#{i8 => 200}"))) ==
          "bad_field i8: expected an integer of 8 bits, found 200");
    CHECK(refused(from_term<everything>(parsed("#{u64 => -1}"))) ==
          "bad_field u64: expected an unsigned integer of 64 bits, found -1");
    CHECK(refused(from_term<everything>(parsed("#{by_name => #{<<\"k\">> => x}}"))) ==
          "bad_field by_name[<<\"k\">>]: expected an integer of 32 bits, found x");
    CHECK(refused(from_term<everything>(parsed("#{pair => {1}}"))) ==
          "bad_field pair: expected a tuple of 2, found {1}");
    CHECK(refused(from_term<everything>(parsed("#{pair => {1, 2}}"))) ==
          "bad_field pair[1]: expected an atom, found 2");
    CHECK(refused(from_term<everything>(parsed("#{c => blue}"))) ==
          "bad_field c: expected color, found blue");
    CHECK(refused(from_term<everything>(parsed("#{queue => [1|2]}"))) ==
          "bad_field queue: expected a proper list, found [1|2]");
    CHECK(refused(from_term<everything>(parsed("#{b => 1}"))) ==
          "bad_field b: expected true or false, found 1");
    CHECK(refused(from_term<everything>(parsed("#{f => 1.0e300}"))).starts_with("bad_field f: "));
    CHECK(refused(from_term<int>(atoms::ok)) ==
          "bad_field expected an integer of 32 bits, found ok");
    CHECK(refused(from_term<join>(1)) == "bad_field expected join, found 1");
}

TEST_CASE("numbers that are none of Erlang's come back all the same") {
    auto infinite = to_term(std::numeric_limits<double>::infinity());
    CHECK(infinite == atoms::infinity);
    CHECK(from_term<double>(infinite) == std::numeric_limits<double>::infinity());
    CHECK(std::isnan(*from_term<double>(to_term(std::nan("")))));
    CHECK(from_term<double>(3) == 3.0);
}

TEST_CASE("an enum's value without a name is its number") {
    CHECK(to_term(color::red) == atom("red"));
    CHECK(to_term(color::blue) == term(2));
    CHECK(from_term<color>(2) == color::blue);
    CHECK(from_term<color>(atom("green")) == color::green);
}

TEST_CASE("a type may hold itself") {
    tree t{1, {{2, {}}, {3, {{4, {}}}}}};
    auto as_term = to_term(t);
    CHECK(
        to_string(as_term) ==
        "#{children => [#{children => [],value => 2},#{children => [#{children => [],value => 4}],"
        "value => 3}],value => 1}");
    CHECK(to_term(*from_term<tree>(as_term)) == as_term);
}

TEST_CASE("what a struct inherits is not its own declaration") {
    CHECK(declared<join>);
    CHECK_FALSE(declared<derived>);
    CHECK_FALSE(encodable<derived>);
    CHECK_FALSE(encodable<std::vector<derived>>);
    CHECK_FALSE(encodable<int*>);
    CHECK(encodable<std::map<std::string, std::vector<std::optional<join>>>>);
}

TEST_CASE("thirty-two fields are possible") {
    thirty_two n{};
    n.a32 = 7;
    CHECK(to_term(n).map_size() == 32);
    CHECK(from_term<thirty_two>(to_term(n))->a32 == 7);
}

namespace one {
struct point {
    int x;
    int y;
    BEAM_FIELDS(point, x, y)
};
struct holder {
    std::vector<point> points;
    BEAM_FIELDS(holder, points)
};
enum class e { a, b };
BEAM_ENUM(e, a, b)
}  // namespace one
namespace two {
struct point {
    int x;
    int y;
    BEAM_FIELDS(point, x, y)
};
struct holder {
    std::vector<point> points;
    BEAM_FIELDS(holder, points)
};
}  // namespace two
namespace three {
struct point {
    int x;
    int z;
    BEAM_FIELDS(point, x, z)
};
struct holder {
    std::vector<point> points;
    BEAM_FIELDS(holder, points)
};
enum class e { a, b, c };
BEAM_ENUM(e, a, b, c)
}  // namespace three
namespace four {
struct point {
    long x;
    int y;
    BEAM_FIELDS(point, x, y)
};
struct holder {
    std::deque<point> points;
    BEAM_FIELDS(holder, points)
};
}  // namespace four

TEST_CASE("a fingerprint is the declaration's, in depth") {
    CHECK(fingerprint<one::holder>() == fingerprint<two::holder>());
    CHECK(fingerprint<one::holder>() != fingerprint<three::holder>());
    CHECK(fingerprint<one::holder>() != fingerprint<four::holder>());
    CHECK(fingerprint<one::e>() != fingerprint<three::e>());
    CHECK(fingerprint<std::chrono::seconds>() != fingerprint<std::chrono::milliseconds>());
    CHECK(fingerprint<std::optional<int>>() != fingerprint<int>());
    CHECK(fingerprint<std::vector<int>>() == fingerprint<std::deque<int>>());
    CHECK(fingerprint<tree>() != 0);
    static_assert(fingerprint<everything>() != 0, "it is known at compile time");
    // Journals and other nodes keep it: it must not change from build to build.
    CHECK(fingerprint<reset>() == detail::fnv("reset", detail::fnv("struct")));
}

TEST_CASE("errors speak of JSON's types while a json_wording lives") {
    const auto why = [](const term& t) {
        auto r = from_term<std::string>(t);
        REQUIRE_FALSE(r);
        return r.error().detail;
    };
    const term value = map({map_entry{term("a"), term(1)}});
    CHECK(why(value) == "expected a binary, found #{<<\"a\">> => 1}");
    {
        const json_wording outer;
        CHECK(why(value) == R"(expected a string, found {"a":1})");
        { const json_wording inner; }
        CHECK(why(list({1, 2})) == "expected a string, found [1,2]");
    }
    CHECK(why(value) == "expected a binary, found #{<<\"a\">> => 1}");
}
