#include "libbeamcore/term/descriptor.hpp"

#include <memory>

#include "tests/unit/term/show.hpp"

using namespace beam;

namespace chat {
struct join {
    std::string room;
    pid who;
    BEAM_FIELDS(join, room, who)
};
struct bare {
    std::unique_ptr<int> held;
};
template <class T>
struct box {
    T value;
};
}  // namespace chat

namespace {
struct local {
    int n = 0;
    BEAM_FIELDS(local, n)
};
struct no_default {
    explicit no_default(int v) : n(v) {}
    int n;
    BEAM_FIELDS(no_default, n)
};
}  // namespace

TEST_CASE("a descriptor says what the type is") {
    const auto* d = descriptor_of<chat::join>();
    CHECK(d == descriptor_of<chat::join>());
    CHECK(std::string(d->name) == "chat::join");
    CHECK(d->size == sizeof(chat::join));
    CHECK(d->align == alignof(chat::join));
    CHECK(d->fingerprint == fingerprint<chat::join>());
    CHECK(std::string(descriptor_of<chat::box<std::pair<int, chat::join>>>()->name) ==
          "chat::box<std::pair<int, chat::join> >");
    CHECK(std::string(descriptor_of<int>()->name) == "int");
    CHECK(std::string(descriptor_of<local>()->name).ends_with("::local"));
    CHECK(descriptor_of<chat::join>() != descriptor_of<local>());
}

TEST_CASE("a message becomes {Name, Map} and comes back from it") {
    const auto* d = descriptor_of<chat::join>();
    chat::join sent{"lobby", {7, 0}};
    auto t = d->to_term(&sent);
    CHECK(to_string(t) == "{join,#{room => <<\"lobby\">>,who => <0.7.0>}}");

    alignas(chat::join) unsigned char raw[sizeof(chat::join)];
    REQUIRE(d->from_term(t, raw));
    auto* received = reinterpret_cast<chat::join*>(raw);
    CHECK(received->room == "lobby");
    d->destroy(raw);

    auto failed = d->from_term(tuple(atom("join"), map({{atom("room"), 5}})), raw);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().detail == "room: expected a binary, found 5");
}

TEST_CASE("relocating moves the value and leaves raw storage behind") {
    const auto* d = descriptor_of<chat::bare>();
    alignas(chat::bare) unsigned char from[sizeof(chat::bare)], to[sizeof(chat::bare)];
    new (from) chat::bare{std::make_unique<int>(5)};
    d->relocate(from, to);
    CHECK(*reinterpret_cast<chat::bare*>(to)->held == 5);
    d->destroy(to);
}

TEST_CASE("a type without fields has a descriptor that cannot cross a seam") {
    const auto* d = descriptor_of<chat::bare>();
    CHECK_FALSE(bool(d->to_term));
    CHECK_FALSE(bool(d->from_term));
    CHECK(d->fingerprint == 0);
    CHECK(std::string(d->name) == "chat::bare");
}

TEST_CASE("a type without a default constructor goes out but not in") {
    CHECK(bool(descriptor_of<no_default>()->to_term));
    CHECK_FALSE(bool(descriptor_of<no_default>()->from_term));
}

TEST_CASE("common types are themselves as terms") {
    int i = 5;
    CHECK(descriptor_of<int>()->to_term(&i) == term(5));
    std::string s = "x";
    CHECK(descriptor_of<std::string>()->to_term(&s) == term("x"));
    term t = tuple(1, 2);
    CHECK(descriptor_of<term>()->to_term(&t) == t);
    int read = 0;
    CHECK(descriptor_of<int>()->from_term(7, &read));
    CHECK(read == 7);
    CHECK(descriptor_of<int>()->from_term("7", &read).error().is("bad_field"));
}
