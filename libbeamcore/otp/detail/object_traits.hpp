// What is done with an object that is a state by itself: a server's, an event handler's, an agent's. In the
// form that their tables of functions want.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/otp/detail/class_traits.hpp"

namespace beam::detail {

template <class T>
struct object_traits : class_traits<T> {
    using base = class_traits<T>;

    static void on_hibernate(void* state) { base::hibernate(*static_cast<T*>(state)); }
    static term get_state(const void* state) {
        return base::fields_of(*static_cast<const T*>(state));
    }
    static result<void> set_state(void* state, const term& t) {
        return base::set_fields(*static_cast<T*>(state), t);
    }
    static term format_status(const void* state, atom why) {
        return base::status_of(*static_cast<const T*>(state), why);
    }
    static constexpr bool has_state_term = declared<T>;

    static constexpr bool static_code_change = requires(const term& a) { T::code_change(a, a, a); };
    static constexpr bool can_change_code = static_code_change || base::has_fields;

    static outcome<void> code_change(void* raw, const term& old_vsn, const term& state,
                                     const term& extra) {
        if constexpr (static_code_change) {
            auto made = T::code_change(old_vsn, state, extra);
            if (!made) return fail_term(error_term(made.error()));
            ::new (raw) T(*std::move(made));
        } else if constexpr (can_change_code) {
            unfinished<T> made(raw);
            auto changed = base::change_fields(*made, state, [&](T& t) {
                if constexpr (requires { t.code_change(old_vsn, state, extra); })
                    return t.code_change(old_vsn, state, extra);
            });
            if (!changed) return changed;
            made.keep();
        }
        return {};
    }

    static void destroy(void* state) noexcept { static_cast<T*>(state)->~T(); }

    template <class... Args>
    static constexpr bool has_init = requires(Args... a) {
        T::init(std::move(a)...);
    };

    template <class... Args>
    static constexpr bool init_waits = [] {
        if constexpr (has_init<Args...>)
            return handler_result<decltype(T::init(std::declval<Args>()...))>::waits;
        else
            return false;
    }();
};

}  // namespace beam::detail
