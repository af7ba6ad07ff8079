// Descriptors: what the runtime knows of a message's type.
//
// A message is a descriptor pointer and bytes. Its type's identity is the descriptor's address,
// never type_info, which compares names and so takes two versions of a type for one. Each shared
// module has a descriptor of its own for each type; a message from another module has a foreign
// address, and if the name is the same it goes through a term (its to_term, then the receiver's
// from_term).
//
// Types that belong to libbeamcore and pass between modules as they are (below: int, std::string,
// term, pid and so on; in other layers with BEAM_EXPORTED_DESCRIPTOR) have their one descriptor
// there.
//
// Which module a message belongs to is seen from the descriptor's address: it lies in the module's
// mapped range, so there is no `owner` to keep. (Compiled for an executable, a descriptor of
// libbeamcore's may be copied into the executable; it is still one address.)
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Static, constant, made by descriptor_of<T>() only.
struct type_descriptor {
    /// Qualified: `chat::join`. In the module's memory, so copy what outlives it.
    const char* name;
    std::uint64_t fingerprint;  ///< 0 for a type that cannot cross a seam
    std::uint32_t size, align;
    void (*destroy)(void* object) noexcept;
    /// Move-constructs into the raw storage `to`, then destroys `from`.
    void (*relocate)(void* from, void* to) noexcept;
    /// Null for a type without fields or codec. A declared struct gives `{name, Map}` (the name as
    /// in BEAM_FIELDS), so that a receiver in Erlang can tell what it is; other types what to_term
    /// gives.
    term (*to_term)(const void* object);
    /// Constructs into raw storage, or leaves it raw and gives the error of beam::from_term. Null
    /// as to_term is, and for types without a default constructor.
    result<void> (*from_term)(const term& t, void* raw_storage);
};

namespace detail {

template <class T>
void destroy_object(void* object) noexcept {
    std::destroy_at(static_cast<T*>(object));
}

template <class T>
void relocate_object(void* from, void* to) noexcept {
    auto* source = static_cast<T*>(from);
    new (to) T(std::move(*source));
    std::destroy_at(source);
}

template <class T>
term object_to_term(const void* object) {
    const auto& value = *static_cast<const T*>(object);
    if constexpr (declared<T>)
        return tuple(declared_name<T>(), field_codec<T>::to(value));
    else
        return field_codec<T>::to(value);
}

template <class T>
result<void> object_from_term(const term& t, void* raw_storage) {
    auto read = beam::from_term<T>(t);
    if (!read) return pass(read);
    new (raw_storage) T(std::move(*read));
    return {};
}

template <class T>
consteval type_descriptor make_descriptor(const char* name = type_name<T>.text) {
    static_assert(std::is_same_v<T, std::remove_cvref_t<T>>, "of a value type, please");
    static_assert(std::is_move_constructible_v<T>, "a message is moved into the mailbox");
    type_descriptor d{name,    0,      sizeof(T), alignof(T), destroy_object<T>, relocate_object<T>,
                      nullptr, nullptr};
    if constexpr (encodable<T>) {
        d.fingerprint = beam::fingerprint<T>();
        d.to_term = object_to_term<T>;
        if constexpr (std::default_initializable<T>) d.from_term = object_from_term<T>;
    }
    return d;
}

// Hidden: one object in each shared module, whatever its own flags are.
template <class T>
struct __attribute__((visibility("hidden"))) descriptor_holder {
    static constinit const type_descriptor value;
};
template <class T>
constinit const type_descriptor descriptor_holder<T>::value = make_descriptor<T>();

}  // namespace detail

/// The descriptor of T in the module that asks.
template <class T>
[[nodiscard]] constexpr const type_descriptor* descriptor_of() noexcept {
    return &detail::descriptor_holder<T>::value;
}

/// In a header of libbeamcore, after T, outside all namespaces: T's descriptor is libbeamcore's,
/// for all modules.
#define BEAM_EXPORTED_DESCRIPTOR(...)                                 \
    template <>                                                       \
    struct BEAM_EXPORT beam::detail::descriptor_holder<__VA_ARGS__> { \
        static constinit const ::beam::type_descriptor value;         \
    }
/// In one .cpp of libbeamcore, outside all namespaces.
#define BEAM_DEFINE_DESCRIPTOR(...)                                                               \
    constinit const ::beam::type_descriptor beam::detail::descriptor_holder<__VA_ARGS__>::value = \
        ::beam::detail::make_descriptor<__VA_ARGS__>()

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(bool);
BEAM_EXPORTED_DESCRIPTOR(int);
BEAM_EXPORTED_DESCRIPTOR(std::uint32_t);
BEAM_EXPORTED_DESCRIPTOR(std::int64_t);
BEAM_EXPORTED_DESCRIPTOR(std::uint64_t);
BEAM_EXPORTED_DESCRIPTOR(double);
BEAM_EXPORTED_DESCRIPTOR(std::string);
BEAM_EXPORTED_DESCRIPTOR(beam::term);
BEAM_EXPORTED_DESCRIPTOR(beam::atom);
BEAM_EXPORTED_DESCRIPTOR(beam::pid);
BEAM_EXPORTED_DESCRIPTOR(beam::ref);
BEAM_EXPORTED_DESCRIPTOR(beam::port);
