#include "libbeamcore/term/descriptor.hpp"

#include <dlfcn.h>

#include <memory>

#include "tests/support/show.hpp"
#include "tests/unit/term/descriptor_module.hpp"

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
struct greeting {
    std::string text;
    std::string title = "none";
    BEAM_FIELDS(greeting, text, title)
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

TEST_CASE("a module's type of the same name is another one, and its messages go through a term") {
    // BEAM_TEST_MODULE is descriptor_module.cpp, built as applications are.
    auto* module = dlopen(BEAM_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
    REQUIRE_MESSAGE(module, dlerror());
    auto view = reinterpret_cast<module_view (*)()>(dlsym(module, "descriptor_module"))();

    const auto* ours = descriptor_of<chat::greeting>();
    CHECK(view.greeting != ours);
    CHECK(std::string(view.greeting->name) == ours->name);
    CHECK(view.greeting->fingerprint != ours->fingerprint);
    // It lies in the module's mapped range: that is how a purge finds the module's messages.
    Dl_info where{};
    REQUIRE(dladdr(view.greeting, &where) != 0);
    CHECK(std::string(where.dli_fname) == BEAM_TEST_MODULE);

    auto across = view.greeting->to_term(view.sent);
    CHECK(to_string(across) == "{greeting,#{added_in_v2 => 7,text => <<\"hello\">>}}");
    auto read = from_term<chat::greeting>(across);
    REQUIRE(read);
    CHECK(read->text == "hello");
    CHECK(read->title == "none");

    // What belongs to libbeamcore is the same everywhere.
    CHECK(view.string == descriptor_of<std::string>());
    CHECK(view.term == descriptor_of<term>());
    CHECK(view.ok == atoms::ok);

    dlclose(module);
    // It is gone: nothing of the types here holds it.
    CHECK(dlopen(BEAM_TEST_MODULE, RTLD_NOW | RTLD_NOLOAD) == nullptr);
    CHECK(across.is_tagged(atom("greeting"), 2));
}
