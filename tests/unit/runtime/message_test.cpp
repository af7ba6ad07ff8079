#include "libbeamcore/runtime/message.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct plain {
    std::string text;
};

// What another module's compiled-in copy of a type looks like: a descriptor of its own, with the same
// name. Version 1 of `tool::put` has one field, version 2 two.
struct put_v1 {
    std::string key;
    BEAM_FIELDS(put_v1, key)
};
struct put_v2 {
    std::string key;
    int priority = 5;
    BEAM_FIELDS(put_v2, key, priority)
};
struct put_v3 {
    std::int64_t key = 0;
    BEAM_FIELDS(put_v3, key)
};

}  // namespace

template <>
struct beam::detail::descriptor_holder<put_v1> {
    static constinit const type_descriptor value;
};
template <>
struct beam::detail::descriptor_holder<put_v2> {
    static constinit const type_descriptor value;
};
template <>
struct beam::detail::descriptor_holder<put_v3> {
    static constinit const type_descriptor value;
};

namespace {

template <class T>
term put_to_term(const void* p) {
    return field_codec<T>::to(*static_cast<const T*>(p));
}
template <class T>
result<void> put_from_term(const term& t, void* raw) {
    auto v = from_term<T>(t);
    if (!v) return pass(v);
    ::new (raw) T(std::move(*v));
    return {};
}
template <class T>
constexpr type_descriptor put_descriptor() {
    return {"tool::put",
            1,
            sizeof(T),
            alignof(T),
            detail::destroy_object<T>,
            detail::relocate_object<T>,
            put_to_term<T>,
            put_from_term<T>};
}

}  // namespace

constinit const type_descriptor beam::detail::descriptor_holder<put_v1>::value =
    put_descriptor<put_v1>();
constinit const type_descriptor beam::detail::descriptor_holder<put_v2>::value =
    put_descriptor<put_v2>();
constinit const type_descriptor beam::detail::descriptor_holder<put_v3>::value =
    put_descriptor<put_v3>();

TEST_CASE("a message knows its type and gives its value") {
    auto m = message::make(plain{"hello"});
    CHECK(bool(m));
    CHECK(m.type() == descriptor_of<plain>());
    CHECK(m.is<plain>());
    CHECK_FALSE(m.is<std::string>());
    CHECK(m.get_if<std::string>() == nullptr);
    REQUIRE(m.get_if<plain>() != nullptr);
    m.get_if<plain>()->text += " there";
    auto moved = std::move(m);
    CHECK_FALSE(bool(m));
    CHECK(moved.take<plain>().text == "hello there");
    CHECK_FALSE(bool(moved));
}

TEST_CASE("an empty message is of no type") {
    message m;
    CHECK_FALSE(bool(m));
    CHECK_FALSE(m.is<int>());
    CHECK(m.get_if<int>() == nullptr);
    CHECK(m.to_term() == atoms::undefined);
}

TEST_CASE("a message as a term: its fields, or that it has none") {
    CHECK(message::make(7).to_term() == term(7));
    CHECK(message::make(put_v1{"k"}).to_term() == map({{atom("key"), "k"}}));
    const term opaque = message::make(plain{"x"}).to_term();
    REQUIRE(opaque.is_tagged(atom("opaque"), 2));
    CHECK(opaque.elements()[1].as_text()->find("plain") != std::string_view::npos);
}

TEST_CASE("a message of the same name from another module is converted") {
    auto m = message::make(put_v1{"k"});
    CHECK(m.is<put_v2>());
    CHECK(m.type() == descriptor_of<put_v2>());
    auto v = m.take<put_v2>();
    CHECK(v.key == "k");
    CHECK(v.priority == 5);
}

TEST_CASE("a message of the same name whose fields do not fit stays what it is") {
    auto m = message::make(put_v1{"k"});
    CHECK_FALSE(m.is<put_v3>());
    CHECK(m.type() == descriptor_of<put_v1>());
    CHECK(m.take<put_v1>().key == "k");
}

TEST_CASE("a receive takes another module's message of the same name, in its place") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        send(me.id(), put_v1{"first"});
        send(me.id(), put_v2{"second", 9});
        auto a = co_await me.receive<put_v2>();
        auto b = co_await me.receive<put_v2>();
        CHECK(a.key == "first");
        CHECK(a.priority == 5);
        CHECK(b.key == "second");
        CHECK(b.priority == 9);
        send(me.id(), 2);
        CHECK(mailbox(me) == list({1, 2}));
        CHECK(process_info(me.id())->message_bytes == 0);
    });
}

TEST_CASE("a converted message that is not taken stays in its place, and the mailbox in order") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        send(me.id(), put_v1{"last"});
        me.mark_mailbox();  // behind the one to be converted
        auto none = co_await me.receive_if<put_v2>([](const put_v2&) { return false; }, 0ms);
        CHECK_FALSE(none.has_value());
        send(me.id(), 2);
        auto marked = co_await me.receive_marked_if<int>([](const int&) { return true; }, 0ms);
        CHECK(marked == 2);
        send(me.id(), 3);
        const term key = map({{atom("key"), "last"}, {atom("priority"), 5}});
        CHECK(mailbox(me) == list({1, key, 3}));
        CHECK(process_info(me.id())->message_queue_len == 0);
        CHECK(process_info(me.id())->message_bytes == 0);
    });
}

TEST_CASE("a request from another module is converted and still a request") {
    struct codes {
        static process server(self me) {
            auto m = co_await me.receive();
            const auto from = request_from(m);
            REQUIRE(m.is<put_v2>());
            CHECK(request_from(m).has_value());
            reply(*from, m.get_if<put_v2>()->key);
        }
    };
    simulated([](self me) -> awaitable<void> {
        const pid server = spawn(codes::server);
        constexpr auto layout =
            detail::layout_of(detail::request_header, sizeof(put_v1), alignof(put_v1));
        auto* s = detail::allocate_request(descriptor_of<put_v1>(), layout);
        ::new (s->payload()) put_v1{"asked"};
        future<std::string> answer(server, 1s, s, "put");
        auto text = co_await answer;
        CHECK(text == "asked");
        (void)me;
    });
}

namespace {

template <std::size_t Align, std::size_t Size>
struct alignas(Align) aligned {
    unsigned char bytes[Size];
    [[nodiscard]] bool is_aligned() const {
        return reinterpret_cast<std::uintptr_t>(this) % Align == 0;
    }
};

// Functions of their own: a coroutine's frame does not keep the alignment of what is in it (g++ 12).
template <class T>
void send_numbered(pid to, int i) {
    T t;
    t.bytes[0] = static_cast<unsigned char>(i);
    t.bytes[sizeof t.bytes - 1] = static_cast<unsigned char>(i + 1);
    send(to, std::move(t));
}
template <class T>
void send_by_other_ways(pid me) {
    send(alias(), T());
    send_after(1ms, me, T());
}

template <std::size_t Align, std::size_t Size>
awaitable<void> passes(self me) {
    using type = aligned<Align, Size>;
    // Several, so that neighbours in memory are tried.
    for (int i = 0; i < 20; ++i) send_numbered<type>(me.id(), i);
    for (int i = 0; i < 20; ++i) {
        auto m = co_await me.receive();
        REQUIRE(m.template get_if<type>() != nullptr);
        CHECK(m.template get_if<type>()->is_aligned());
        CHECK(m.template get_if<type>()->bytes[Size - 1] == i + 1);
    }
    send_by_other_ways<type>(me.id());
    auto m = co_await me.receive();
    CHECK(m.template get_if<type>()->is_aligned());
    m = co_await me.receive();
    CHECK(m.template get_if<type>()->is_aligned());
}

}  // namespace

TEST_CASE("messages keep their types' alignment, whatever it is") {
    simulated([](self me) -> awaitable<void> {
        co_await passes<1, 1>(me);
        co_await passes<16, 16>(me);
        co_await passes<32, 8>(me);
        co_await passes<64, 64>(me);
        co_await passes<64, 960>(me);
        co_await passes<128, 300>(me);
        co_await passes<4096, 5000>(me);
    });
}

namespace {
struct large {
    char bytes[200'000];
    explicit large(char c) { std::memset(bytes, c, sizeof bytes); }
};
}  // namespace

TEST_CASE("large messages pass and are given back") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), large('a'));
        send(me.id(), large('b'));
        auto m = co_await me.receive();
        CHECK(m.get_if<large>()->bytes[199'999] == 'a');
        m = co_await me.receive();
        CHECK(m.get_if<large>()->bytes[0] == 'b');
    });
}

TEST_CASE("only what owns itself is sendable") {
    static_assert(sendable<int> && sendable<std::string> && sendable<std::unique_ptr<int>>);
    static_assert(!sendable<int*> && !sendable<int&> && !sendable<int[3]> && !sendable<const int>);
}
