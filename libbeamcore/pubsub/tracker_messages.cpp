#include "libbeamcore/pubsub/tracker_messages.hpp"

#include <string>
#include <type_traits>
#include <utility>

#include "libbeamcore/term/syntax.hpp"

namespace beam::tracker {

namespace {

constexpr int protocol_version = 1;

atom protocol_name() {
    static const atom name("beam_tracker");
    return name;
}

template <class T>
bool read_as(atom name, const term& t, std::optional<result<message>>& read) {
    if (name != beam::detail::declared_name<T>()) return false;
    auto m = from_term<T>(t);
    if (m)
        read.emplace(std::move(*m));
    else
        read.emplace(pass(m));
    return true;
}

template <class... Ts>
result<message> read_one(atom name, const term& t, std::variant<Ts...>*) {
    std::optional<result<message>> read;
    if ((read_as<Ts>(name, t, read) || ...)) return std::move(*read);
    return fail("unknown_message", std::string(name.name()));
}

}  // namespace

atom sender_of(const message& m) {
    return std::visit([](const auto& one) { return one.node; }, m);
}

term to_term(const message& m) {
    return std::visit(
        [](const auto& one) {
            using T = std::remove_cvref_t<decltype(one)>;
            return tuple(protocol_name(), protocol_version,
                         tuple(beam::detail::declared_name<T>(), beam::to_term(one)));
        },
        m);
}

result<message> message_from_term(const term& t) {
    if (!t.is_tagged(protocol_name(), 3))
        return fail("unknown_message", to_string(t, {.max_bytes = 200}));
    auto version = t.elements()[1].as_int64();
    if (!version || *version > protocol_version)
        return fail("later_version", to_string(t.elements()[1], {.max_bytes = 40}));
    const term& inner = t.elements()[2];
    auto name = inner.elements().size() == 2 ? inner.elements()[0].as_atom() : std::nullopt;
    if (!name) return fail("unknown_message", to_string(inner, {.max_bytes = 200}));
    return read_one(*name, inner.elements()[1], static_cast<message*>(nullptr));
}

}  // namespace beam::tracker
