// From JSON's shape of a value to that of a type with declared fields (see method.hpp, read_parameters).
#pragma once

#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail {

/// The value of a key that may be an atom or a binary; null if there is none.
[[nodiscard]] BEAM_EXPORT const term* parameter(const term& params, atom name) noexcept;
/// A binary as the atom of that text, if there is one; else as it is.
[[nodiscard]] BEAM_EXPORT term known_atom(const term& text);

/// A binary as the atom of one of an enum's names; else as it is.
template <class T>
term named_value(const term& text) {
    const auto bytes = text.as_text();
    if (!bytes) return text;
    for (const auto& n : field_codec<T>::names.names)
        if (*bytes == n.name) return atom(n.name);
    return text;
}

template <class T>
term parameters_of(const term& t);

template <class T>
term parameter_fields(const term& t) {
    // An atom that only T's own defaults name is known from here on.
    [[maybe_unused]] static const bool defaults_made = (T{}, true);
    std::vector<map_entry> made;
    T::beam_each_field([&]<class F>(const char* text, F T::*) {
        const atom name{std::string_view(text)};
        if (const term* value = parameter(t, name))
            made.push_back({name, parameters_of<F>(*value)});
    });
    return map_of(std::move(made));
}

template <class T>
term parameters_of(const term& t) {
    if constexpr (declared<T>) {
        return t.is_map() ? parameter_fields<T>(t) : t;
    } else if constexpr (named_enum<T>) {
        return named_value<T>(t);
    } else if constexpr (std::is_same_v<T, atom>) {
        return known_atom(t);
    } else if constexpr (optional_like<T>) {
        if (t == atoms::null) return atoms::undefined;
        return parameters_of<typename T::value_type>(t);
    } else if constexpr (mapping<T>) {
        std::vector<map_entry> made;
        for (const auto& e : t.entries())
            made.push_back({parameters_of<typename T::key_type>(e.key),
                            parameters_of<typename T::mapped_type>(e.value)});
        return t.is_map() ? map_of(std::move(made)) : t;
    } else if constexpr (sequence<T> || set_like<T>) {
        auto items = t.as_list();
        if (!items) return t;
        for (auto& item : *items) item = parameters_of<typename T::value_type>(item);
        return list_of(std::move(*items));
    } else {
        return t;
    }
}

}  // namespace beam::detail
