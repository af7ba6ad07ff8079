// What makes a class the class of a state machine: its base, and how it names its states. See
// gen_statem.hpp.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/otp/server_class.hpp"
#include "libbeamcore/otp/transition.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam {

/// The types that are a machine's states.
template <class... Ts>
struct states {};

namespace detail {

template <class T>
constexpr auto states_of() {
    if constexpr (requires { typename T::states; })
        return std::type_identity<typename T::states>{};
    else
        return std::type_identity<states<typename T::state>>{};
}
template <class T>
using states_in = typename decltype(states_of<T>())::type;

template <class State, class... Ts>
constexpr bool is_among(states<Ts...>) {
    return (std::is_same_v<State, Ts> || ...);
}
template <class First, class... Rest>
First first_of(states<First, Rest...>);

}  // namespace detail

/// The base of a state machine's class. It holds nothing.
template <class T>
class gen_statem {
protected:
    /// The machine's process. Only in its own code.
    [[nodiscard]] static self process() { return this_process(); }
    [[nodiscard]] static pid id() { return this_process().id(); }

    /// To a state of one of the class's types; a class with one type of states takes what converts
    /// to it.
    template <class State>
    [[nodiscard]] static transition next_state(State state) {
        if constexpr (detail::is_among<State>(detail::states_in<T>{})) {
            return transition::to(std::move(state));
        } else {
            static_assert(
                requires { typename T::state; }, "the type is none of the class's `states`");
            return transition::to(typename T::state(std::move(state)));
        }
    }
    [[nodiscard]] static transition keep_state() { return {}; }
    /// Keeps the state and makes the enter call again.
    [[nodiscard]] static transition repeat_state() { return transition::repeat(); }
};

template <class T>
concept statem_class = std::is_base_of_v<gen_statem<T>, T>;

}  // namespace beam
