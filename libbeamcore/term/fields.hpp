// Fields declared once, for messages and states alike:
//
//     struct join {
//         std::string room;
//         beam::pid who;
//         BEAM_FIELDS(join, room, who)
//     };
//
// to_term(join{"lobby", p}) is then `#{room => <<"lobby">>, who => <0.215.0>}`, from_term<join>(t)
// reads it back, and fingerprint<join>() changes when names or types do, in depth. The struct stays
// an aggregate; fields may be private. A class declares none with BEAM_FIELDS(reset). At most 32.
//
// What a field may be, and what it is as a term:
//   bool; integers                        true, false; integer (out of the type's range: an error)
//   float, double                         float; an integer is taken; infinities and NaN are atoms
//   std::string                           binary
//   atom, pid, ref, port, term            itself; a pid or ref that is none is `undefined`
//   std::vector, deque, list, set, ...    list
//   std::map, unordered_map               map
//   std::optional                         `undefined`, or the value
//   outcome                               `{ok, Value}`, `ok` without one, `{error, Reason}`
//   std::pair, tuple, array               tuple
//   std::chrono durations, time_points    integer of their own unit (time_point: since its epoch)
//   enums named with BEAM_ENUM            atom
//   structs with BEAM_FIELDS              map
// Another type T becomes one by a specialisation of field_codec<T>; see below.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/detail/for_each.hpp"
#include "libbeamcore/term/detail/type_name.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

/// Declares the fields of `type`, inside it. The first argument is the type's name as written
/// there.
#define BEAM_FIELDS(type, ...)                                                \
    using beam_fields_of = type;                                              \
    static constexpr const char* beam_name() noexcept {                       \
        return #type;                                                         \
    }                                                                         \
    template <class Visitor>                                                  \
    static constexpr void beam_each_field([[maybe_unused]] Visitor&& visit) { \
        using beam_self [[maybe_unused]] = type;                              \
        __VA_OPT__(BEAM_DETAIL_FOR_EACH(BEAM_DETAIL_FIELD, __VA_ARGS__))      \
    }
#define BEAM_DETAIL_FIELD(field) visit(#field, &beam_self::field);

/// Names an enum's values, after it in its namespace; inside a class: `friend BEAM_ENUM(...)`. A
/// value that is not named is its number.
#define BEAM_ENUM(type, ...)                                                     \
    constexpr auto beam_enum_names(type) noexcept {                              \
        using beam_self = type;                                                  \
        return ::beam::detail::name_enum<beam_self>(                             \
            #type, {BEAM_DETAIL_FOR_EACH(BEAM_DETAIL_ENUMERATOR, __VA_ARGS__)}); \
    }
#define BEAM_DETAIL_ENUMERATOR(value) {beam_self::value, #value},

namespace beam {

namespace detail {

template <class E>
struct enum_name {
    E value;
    const char* name;
};
template <class E, std::size_t N>
struct enum_names {
    const char* type;
    enum_name<E> names[N];
};
template <class E, std::size_t N>
constexpr enum_names<E, N> name_enum(const char* type, enum_name<E> (&&names)[N]) {
    enum_names<E, N> made{type, {}};
    for (std::size_t i = 0; i < N; ++i) made.names[i] = names[i];
    return made;
}

// FNV-1a: fingerprints are compared across builds, so they are spelt out here.
constexpr std::uint64_t fnv(std::string_view text, std::uint64_t h = 0xcbf29ce484222325u) noexcept {
    for (char c : text) h = (h ^ std::uint8_t(c)) * 0x100000001b3u;
    return (h ^ 0xff) * 0x100000001b3u;  // ends the text: "ab","c" is not "a","bc"
}
constexpr std::uint64_t fnv(std::uint64_t value, std::uint64_t h) noexcept {
    for (int i = 0; i < 64; i += 8) h = (h ^ ((value >> i) & 0xff)) * 0x100000001b3u;
    return h;
}

// The declared types around the one whose fingerprint is taken: a type within itself ends there.
template <class... Ts>
struct within {};

}  // namespace detail

/// A struct whose own fields are declared (what it inherits does not count).
template <class T>
concept declared = std::is_class_v<T> && requires {
    typename T::beam_fields_of;
} && std::same_as<typename T::beam_fields_of, T>;

/// How T is written as a term. A specialisation has these static functions:
///     static term to(const T&);
///     static result<void> from(const term&, T& value);  // error: detail::mismatch("a pid", t)
///     template <class Within> static constexpr std::uint64_t fingerprint();
template <class T, class = void>
struct field_codec;

/// Has a field_codec.
template <class T>
concept encodable = requires(const T& value, T& out, const term& t) {
    { field_codec<T>::to(value) } -> std::same_as<term>;
    { field_codec<T>::from(t, out) } -> std::same_as<result<void>>;
};

namespace detail {
/// The error of a codec as the caller sees it: without the mark of an empty path.
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> at_top(error&& e);
}  // namespace detail

/// The value as a term; a declared struct as the map of its fields.
template <encodable T>
[[nodiscard]] term to_term(const T& value) {
    return field_codec<T>::to(value);
}

/// Reads it back. Absent fields keep the default that T{} gives them, unknown ones are ignored. A
/// declared struct may also be `{name, Map}`, or only `name`, as messages are (descriptor.hpp), or its values in order,
/// as in `{increment_by, 5}` (a single value that is a map is taken for the map of fields).
///
/// Errors: `bad_field`, with a detail like `members[3].who: expected a pid, found 42`.
template <encodable T>
requires std::default_initializable<T>
[[nodiscard]] result<T> from_term(const term& t) {
    T value{};
    if (auto r = field_codec<T>::from(t, value); !r) return detail::at_top(std::move(r.error()));
    return value;
}

/// While it lives, this thread's errors of from_term speak as JSON does (a string, an object): for terms that
/// came as JSON. Not to be kept across a co_await.
class BEAM_EXPORT json_wording {
public:
    json_wording() noexcept;
    ~json_wording();
    json_wording(const json_wording&) = delete;
    json_wording& operator=(const json_wording&) = delete;

private:
    bool outer_;
};

/// A hash of T's field names and types, in depth. The same for every build of the same declaration.
template <encodable T>
[[nodiscard]] constexpr std::uint64_t fingerprint() {
    return field_codec<T>::template fingerprint<detail::within<>>();
}

namespace detail {

/// The error of a codec: `expected EXPECTED, found T`.
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> mismatch(std::string_view expected, const term& t);
/// The error of a part, seen from the whole: puts the part's name, index or key in front.
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> in_field(std::string_view name, error&& e);
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> in_element(std::size_t index, error&& e);
[[nodiscard]] BEAM_EXPORT tl::unexpected<error> in_key(const term& key, error&& e);

struct field_slot {
    const char* text;
    atom name;
    std::size_t rank;  // where it stands in the sorted map
};
/// Fills names and ranks in.
BEAM_EXPORT void prepare_fields(field_slot* slots, std::size_t count);
/// The map in which a declared struct's fields are, or null: of `t` itself, of `{name, Map}`; an
/// empty one of `name`.
[[nodiscard]] BEAM_EXPORT const term* fields_map(const term& t, atom name) noexcept;
/// The values of `{name, V1, ..., Vn}`, as Erlang would write the struct; empty for all else, and for `{name, Map}`.
[[nodiscard]] BEAM_EXPORT std::span<const term> fields_in_order(const term& t, atom name,
                                                                std::size_t count) noexcept;

template <class M>
struct member_type;
template <class C, class F>
struct member_type<F C::*> {
    using type = F;
};
template <class M>
using member_type_t = typename member_type<M>::type;

template <class T>
inline constexpr std::size_t field_count = [] {
    std::size_t n = 0;
    T::beam_each_field([&n](const char*, auto) { ++n; });
    return n;
}();

template <class T>
const field_slot* fields_of() {
    constexpr auto n = field_count<T>;
    struct table {
        field_slot slots[n + 1] = {};
        table() {
            std::size_t i = 0;
            T::beam_each_field([&](const char* text, auto) { slots[i++].text = text; });
            prepare_fields(slots, n);
        }
    };
    static const table made;
    return made.slots;
}

template <class T>
atom declared_name() {
    static const atom name{std::string_view(T::beam_name())};
    return name;
}

template <class T>
concept plain_integer = std::integral<T> && !std::same_as<T, bool> && sizeof(T) <= 8;
template <class T>
concept named_enum = std::is_enum_v<T> && requires(T e) {
    beam_enum_names(e);
};
template <class T>
concept mapping = requires(T& m, typename T::key_type k, typename T::mapped_type v) {
    m.insert_or_assign(std::move(k), std::move(v));
    m.begin();
};
template <class T>
concept set_like = !requires {
    typename T::mapped_type;
}
&&requires(T& s, typename T::key_type k) {
    s.insert(std::move(k));
    s.begin();
};
template <class T>
concept sequence = requires(T& s, typename T::value_type v) {
    s.push_back(std::move(v));
    s.begin();
    s.clear();
}
&&!std::same_as<T, std::string>;
template <class T>
concept optional_like = requires(T& o, typename T::value_type v) {
    { o.has_value() } -> std::same_as<bool>;
    o.reset();
    o.emplace(std::move(v));
};
template <class T>
concept duration_like = requires(const T& d) {
    typename T::rep;
    typename T::period;
    d.count();
};
template <class T>
concept time_point_like = requires(const T& t) {
    typename T::clock;
    typename T::duration;
    t.time_since_epoch();
};
template <class T>
concept tuple_like = requires {
    std::tuple_size<T>::value;
};

}  // namespace detail

// -- the codecs -----------------------------------------------------------------------------------

// What declares its type and nothing else.
#define BEAM_DETAIL_SIMPLE_CODEC(type, kind)                  \
    template <>                                               \
    struct BEAM_EXPORT field_codec<type> {                    \
        static term to(const type& value);                    \
        static result<void> from(const term& t, type& value); \
        template <class>                                      \
        static constexpr std::uint64_t fingerprint() {        \
            return detail::fnv(kind);                         \
        }                                                     \
    };
BEAM_DETAIL_SIMPLE_CODEC(bool, "bool")
BEAM_DETAIL_SIMPLE_CODEC(double, "float64")
BEAM_DETAIL_SIMPLE_CODEC(float, "float32")
BEAM_DETAIL_SIMPLE_CODEC(std::string, "string")
BEAM_DETAIL_SIMPLE_CODEC(term, "term")
BEAM_DETAIL_SIMPLE_CODEC(atom, "atom")
BEAM_DETAIL_SIMPLE_CODEC(pid, "pid")
BEAM_DETAIL_SIMPLE_CODEC(ref, "ref")
BEAM_DETAIL_SIMPLE_CODEC(port, "port")
#undef BEAM_DETAIL_SIMPLE_CODEC

template <detail::plain_integer T>
struct field_codec<T> {
    static term to(T value) { return value; }
    static result<void> from(const term& t, T& value) {
        auto i = t.as_int<T>();
        if (!i) return detail::mismatch(wanted, t);
        value = *i;
        return {};
    }
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv(sizeof(T), detail::fnv(std::is_signed_v<T> ? "int" : "uint"));
    }

private:
    static constexpr const char* wanted =
        std::is_signed_v<T> ? (sizeof(T) == 1   ? "an integer of 8 bits"
                               : sizeof(T) == 2 ? "an integer of 16 bits"
                               : sizeof(T) == 4 ? "an integer of 32 bits"
                                                : "an integer of 64 bits")
                            : (sizeof(T) == 1   ? "an unsigned integer of 8 bits"
                               : sizeof(T) == 2 ? "an unsigned integer of 16 bits"
                               : sizeof(T) == 4 ? "an unsigned integer of 32 bits"
                                                : "an unsigned integer of 64 bits");
};

template <detail::named_enum T>
struct field_codec<T> {
    static constexpr auto names = beam_enum_names(T{});
    using number = std::underlying_type_t<T>;

    static term to(T value) {
        for (const auto& n : names.names)
            if (n.value == value) return atom(n.name);
        return number(value);
    }
    static result<void> from(const term& t, T& value) {
        if (auto a = t.as_atom()) {
            auto text = a->name();
            for (const auto& n : names.names) {
                if (n.name != text) continue;
                value = n.value;
                return {};
            }
        } else if (auto i = t.as_int<number>()) {
            value = T(*i);
            return {};
        }
        return detail::mismatch(names.type, t);
    }
    template <class>
    static constexpr std::uint64_t fingerprint() {
        auto h = detail::fnv(names.type, detail::fnv("enum"));
        for (const auto& n : names.names) h = detail::fnv(n.name, h);
        return h;
    }
};

template <declared T>
struct field_codec<T> {
    static term to(const T& value) {
        constexpr auto n = detail::field_count<T>;
        if constexpr (n == 0) {
            return map();
        } else {
            const auto* slots = detail::fields_of<T>();
            map_entry made[n];
            std::size_t i = 0;
            T::beam_each_field([&]<class F>(const char*, F T::*member) {
                static_assert(encodable<F>, "this type of field has no field_codec (fields.hpp)");
                auto& entry = made[slots[i].rank];
                entry.key = slots[i++].name;
                entry.value = field_codec<F>::to(value.*member);
            });
            return detail::map_from_sorted(made);
        }
    }
    static result<void> from(const term& t, T& value) {
        const auto* fields = detail::fields_map(t, detail::declared_name<T>());
        if (!fields) {
            constexpr auto n = detail::field_count<T>;
            const auto values = detail::fields_in_order(t, detail::declared_name<T>(), n);
            if (!values.empty()) return from_values(values, value);
            return detail::mismatch(T::beam_name(), t);
        }
        const auto* slots = detail::fields_of<T>();
        result<void> r;
        std::size_t i = 0;
        T::beam_each_field([&]<class F>(const char* name, F T::*member) {
            const auto& slot = slots[i++];
            if (!r) return;
            const auto* found = fields->map_find(slot.name);
            if (!found) return;
            if (auto read = field_codec<F>::from(*found, value.*member); !read)
                r = detail::in_field(name, std::move(read.error()));
        });
        return r;
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        return fingerprint_in(Within{});
    }

private:
    static result<void> from_values(std::span<const term> values, T& value) {
        result<void> r;
        std::size_t i = 0;
        T::beam_each_field([&]<class F>(const char* name, F T::*member) {
            const term& given = values[i++];
            if (!r) return;
            if (auto read = field_codec<F>::from(given, value.*member); !read)
                r = detail::in_field(name, std::move(read.error()));
        });
        return r;
    }

    template <class... Around>
    static constexpr std::uint64_t fingerprint_in(detail::within<Around...>) {
        auto h = detail::fnv(T::beam_name(), detail::fnv("struct"));
        if constexpr (!(std::same_as<T, Around> || ...)) {
            T::beam_each_field([&h]<class F>(const char* name, F T::*) {
                using deeper = detail::within<T, Around...>;
                h = detail::fnv(name, h);
                h = detail::fnv(field_codec<F>::template fingerprint<deeper>(), h);
            });
        }
        return h;
    }
};

template <class T>
requires detail::mapping<T> && encodable<typename T::key_type> && encodable<typename T::mapped_type>
struct field_codec<T> {
    using key = typename T::key_type;
    using mapped = typename T::mapped_type;

    static term to(const T& value) {
        std::vector<map_entry> made;
        made.reserve(value.size());
        for (const auto& [k, v] : value)
            made.push_back({field_codec<key>::to(k), field_codec<mapped>::to(v)});
        return map_of(std::move(made));
    }
    static result<void> from(const term& t, T& value) {
        if (!t.is_map()) return detail::mismatch("a map", t);
        T read;
        for (const auto& e : t.entries()) {
            key k{};
            mapped v{};
            if (auto r = field_codec<key>::from(e.key, k); !r)
                return detail::in_key(e.key, std::move(r.error()));
            if (auto r = field_codec<mapped>::from(e.value, v); !r)
                return detail::in_key(e.key, std::move(r.error()));
            read.insert_or_assign(std::move(k), std::move(v));
        }
        value = std::move(read);
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        auto h = detail::fnv(field_codec<key>::template fingerprint<Within>(), detail::fnv("map"));
        return detail::fnv(field_codec<mapped>::template fingerprint<Within>(), h);
    }
};

template <class T>
requires(detail::sequence<T> || detail::set_like<T>) &&
    encodable<typename T::value_type> struct field_codec<T> {
    using item = typename T::value_type;

    static term to(const T& value) {
        std::vector<term> made;
        made.reserve(value.size());
        for (const auto& e : value) made.push_back(field_codec<item>::to(static_cast<item>(e)));
        return list_of(std::move(made));
    }
    static result<void> from(const term& t, T& value) {
        if (!t.is_list()) return detail::mismatch("a list", t);
        auto view = t.list_elements();
        if (!view.last_tail().is_nil()) return detail::mismatch("a proper list", t);
        T read;
        std::size_t i = 0;
        for (const auto& e : view) {
            item v{};
            if (auto r = field_codec<item>::from(e, v); !r)
                return detail::in_element(i, std::move(r.error()));
            if constexpr (detail::sequence<T>)
                read.push_back(std::move(v));
            else
                read.insert(std::move(v));
            ++i;
        }
        value = std::move(read);
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv(field_codec<item>::template fingerprint<Within>(),
                           detail::fnv(detail::sequence<T> ? "list" : "set"));
    }
};

template <class T>
requires detail::optional_like<T> && encodable<typename T::value_type>
struct field_codec<T> {
    using item = typename T::value_type;

    static term to(const T& value) {
        return value.has_value() ? field_codec<item>::to(*value) : term(atoms::undefined);
    }
    static result<void> from(const term& t, T& value) {
        if (t == atoms::undefined) {
            value.reset();
            return {};
        }
        item v{};
        if (auto r = field_codec<item>::from(t, v); !r) return r;
        value.emplace(std::move(v));
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv(field_codec<item>::template fingerprint<Within>(),
                           detail::fnv("optional"));
    }
};

template <class T>
requires detail::duration_like<T> && encodable<typename T::rep>
struct field_codec<T> {
    using rep = typename T::rep;

    static term to(const T& value) { return field_codec<rep>::to(value.count()); }
    static result<void> from(const term& t, T& value) {
        rep n{};
        if (auto r = field_codec<rep>::from(t, n); !r) return r;
        value = T(n);
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        auto h = detail::fnv(std::uint64_t(T::period::num), detail::fnv("duration"));
        h = detail::fnv(std::uint64_t(T::period::den), h);
        return detail::fnv(field_codec<rep>::template fingerprint<Within>(), h);
    }
};

template <class T>
requires detail::time_point_like<T> && encodable<typename T::duration>
struct field_codec<T> {
    using duration = typename T::duration;

    static term to(const T& value) { return field_codec<duration>::to(value.time_since_epoch()); }
    static result<void> from(const term& t, T& value) {
        duration d{};
        if (auto r = field_codec<duration>::from(t, d); !r) return r;
        value = T(d);
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv(field_codec<duration>::template fingerprint<Within>(),
                           detail::fnv("time_point"));
    }
};

// outcome<T>, as OTP's functions give it: `{ok, Value}`, `ok` for outcome<void>, `{error, Reason}`.
template <class T>
requires std::is_void_v<T> || encodable<T>
struct field_codec<outcome<T>> {
    static term to(const outcome<T>& value) {
        if (!value) return tuple(atoms::error, value.error());
        if constexpr (std::is_void_v<T>)
            return atoms::ok;
        else
            return tuple(atoms::ok, field_codec<T>::to(*value));
    }
    static result<void> from(const term& t, outcome<T>& value) {
        if (t.is_tagged(atoms::error, 2)) {
            value = fail_term(t.elements()[1]);
            return {};
        }
        if constexpr (std::is_void_v<T>) {
            if (t != atoms::ok) return detail::mismatch("ok or {error, Reason}", t);
            value = outcome<T>();
        } else {
            if (!t.is_tagged(atoms::ok, 2))
                return detail::mismatch("{ok, Value} or {error, Reason}", t);
            T read{};
            if (auto r = field_codec<T>::from(t.elements()[1], read); !r) return r;
            value = std::move(read);
        }
        return {};
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        if constexpr (std::is_void_v<T>)
            return detail::fnv("outcome");
        else
            return detail::fnv(field_codec<T>::template fingerprint<Within>(),
                               detail::fnv("outcome"));
    }
};

// std::pair, std::tuple, std::array.
template <class T>
requires detail::tuple_like<T>
struct field_codec<T> {
    static constexpr std::size_t size = std::tuple_size<T>::value;
    template <std::size_t I>
    using item = std::remove_cv_t<std::tuple_element_t<I, T>>;

    static term to(const T& value) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            using std::get;
            return tuple(field_codec<item<I>>::to(get<I>(value))...);
        }
        (std::make_index_sequence<size>{});
    }
    static result<void> from(const term& t, T& value) {
        auto elements = t.elements();
        if (!t.is_tuple() || elements.size() != size)
            return detail::mismatch("a tuple of " + std::to_string(size), t);
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            using std::get;
            result<void> r;
            auto read = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
                r = field_codec<item<N>>::from(elements[N], get<N>(value));
                if (!r) r = detail::in_element(N, std::move(r.error()));
                return r.has_value();
            };
            (void)(read(std::integral_constant<std::size_t, I>{}) && ...);
            return r;
        }
        (std::make_index_sequence<size>{});
    }
    template <class Within>
    static constexpr std::uint64_t fingerprint() {
        auto h = detail::fnv(size, detail::fnv("tuple"));
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((h = detail::fnv(field_codec<item<I>>::template fingerprint<Within>(), h)), ...);
        }
        (std::make_index_sequence<size>{});
        return h;
    }
};

}  // namespace beam
