// An agent is a gen_core whose state is the user's value; what it is asked is a function that the request
// brings along. One table of functions a type of state.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/detail/object_traits.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"

namespace beam {

/// The base of a state that an application's module lists (BEAM_APPLICATION), so that an upgrade takes
/// agents with it to its new version: by its fields, and code_change(vsn, state, extra) if it has one, as a
/// gen_server. It holds nothing.
template <class T>
class agent_state {};

template <class T>
concept agent_state_class = std::is_base_of_v<agent_state<T>, T>;

namespace detail {

/// A function object of any type; a small plain one without an allocation. Keeps its module mapped.
class agent_function {
public:
    template <class F>
    agent_function(F f, module_record* module) : module_(module) {  // NOLINT: not for implicit use
        retain_module(module_);
        if constexpr (is_inline<F>) {
            ::new (static_cast<void*>(place_)) F(std::move(f));
        } else {
            auto* made = new F(std::move(f));
            std::memcpy(place_, &made, sizeof(made));
            destroy_ = [](void* p) noexcept { delete static_cast<F*>(p); };
        }
    }
    agent_function(agent_function&& other) noexcept
        : destroy_(std::exchange(other.destroy_, nullptr)),
          module_(std::exchange(other.module_, nullptr)) {
        std::memcpy(place_, other.place_, sizeof(place_));
    }
    agent_function& operator=(agent_function&&) = delete;
    ~agent_function() {
        if (destroy_) destroy_(pointer());
        if (module_) release_module(module_);
    }

    template <class F>
    [[nodiscard]] F& as() {
        if constexpr (is_inline<F>)
            return *std::launder(reinterpret_cast<F*>(place_));
        else
            return *static_cast<F*>(pointer());
    }

private:
    static constexpr std::size_t room = 24;
    template <class F>
    static constexpr bool is_inline = std::is_trivially_copyable_v<F> && sizeof(F) <= room &&
                                      alignof(F) <= alignof(void*);

    [[nodiscard]] void* pointer() const {
        void* p = nullptr;
        std::memcpy(&p, place_, sizeof(p));
        return p;
    }

    alignas(void*) std::byte place_[room];
    void (*destroy_)(void*) noexcept = nullptr;
    module_record* module_;
};

/// What an agent is sent: a function for a state of that type, and how it is called. `to` names nobody for a
/// cast.
struct agent_request {
    const type_descriptor* state;
    void (*run)(agent_function& f, void* state, const from& to);
    agent_function function;
};

/// The answer to a request for a state of another type: `bad_reply` for the caller.
struct agent_refusal {
    std::string asked;  ///< the state that the function is for
    std::string holds;  ///< the state that the agent has
    BEAM_FIELDS(agent_refusal, asked, holds)
};

}  // namespace detail

}  // namespace beam

// Before whatever asks for them.
BEAM_EXPORTED_DESCRIPTOR(beam::detail::agent_request);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::agent_refusal);

namespace beam {

namespace detail {

BEAM_EXPORT bool serve_agent(gen_core& core, self s, const type_descriptor* type, void* state,
                             message& m);
BEAM_EXPORT atom agent_name();

// -- what a function does with a state ------------------------------------------------------------

template <class F, class... Args>
struct agent_call {
    F function;
    std::tuple<Args...> arguments;

    template <class State>
    decltype(auto) operator()(State& state) {
        if constexpr (sizeof...(Args) == 0) {
            return std::invoke(function, state);
        } else {
            return std::apply(
                [&](auto&... a) -> decltype(auto) {
                    return std::invoke(function, state, std::move(a)...);
                },
                arguments);
        }
    }
};
/// Without arguments it is as trivial as the function.
template <class F>
struct agent_call<F> {
    F function;

    template <class State>
    decltype(auto) operator()(State& state) {
        return std::invoke(function, state);
    }
};

template <class State, class F, class... Args>
using agent_result = std::remove_cvref_t<std::invoke_result_t<F&, State&, Args...>>;

// State is const for a function that only looks.
template <class State, class Call>
void agent_answer(agent_function& f, void* state, const from& to) {
    State& held = *static_cast<State*>(state);
    using R = decltype(f.as<Call>()(held));
    if constexpr (std::is_void_v<R>) {
        f.as<Call>()(held);
        reply(to);
    } else {
        reply(to, std::remove_cvref_t<R>(f.as<Call>()(held)));
    }
}

template <class State, class Call>
void agent_change(agent_function& f, State& state) {
    using R = decltype(f.as<Call>()(state));
    if constexpr (std::is_void_v<R>) {
        f.as<Call>()(state);
    } else {
        static_assert(std::is_same_v<std::remove_cvref_t<R>, State>,
                      "the function changes the state it is given, or returns the next one");
        state = f.as<Call>()(state);
    }
}

template <class State, class Call>
void agent_update(agent_function& f, void* state, const from& to) {
    agent_change<State, Call>(f, *static_cast<State*>(state));
    reply(to);
}

template <class State, class Call>
void agent_cast(agent_function& f, void* state, const from&) {
    agent_change<State, Call>(f, *static_cast<State*>(state));
}

template <class F>
inline constexpr bool is_callback = false;
template <class Signature>
inline constexpr bool is_callback<callback<Signature>> = true;

template <class F>
constexpr void check_agent_function() {
    static_assert(
        std::is_trivially_destructible_v<F> || is_callback<F>,
        "g++ 12 destroys a capturing lambda in a co_await expression twice: pass what the "
        "function needs as arguments behind it, or make a callback<...> first and move it in");
}

template <class F, class... Args>
agent_call<F, Args...> bind_agent_call(F f, Args... args) {
    if constexpr (sizeof...(Args) == 0)
        return {std::move(f)};
    else
        return {std::move(f), std::tuple<Args...>(std::move(args)...)};
}

template <class R, class State, class Call>
future<R> ask_agent(const server_ref& agent, timeout limit, const char* what,
                    void (*run)(agent_function&, void*, const from&), Call call) {
    constexpr auto layout =
        layout_of(request_header, sizeof(agent_request), alignof(agent_request));
    auto* s = allocate_request(descriptor_of<agent_request>(), layout);
    ::new (s->payload())
        agent_request{descriptor_of<State>(), run, agent_function(std::move(call), this_module())};
    return future<R>(agent, limit, s, what);
}

// -- the class ------------------------------------------------------------------------------------

template <class State>
struct agent_traits {
    static constexpr bool is_shown = encodable<State>;
    static constexpr bool is_replaced =
        declared<State> ||
        (encodable<State> && std::default_initializable<State> && std::is_move_assignable_v<State>);

    static bool dispatch(gen_core& core, self s, void* state, message& m) {
        return serve_agent(core, s, descriptor_of<State>(), state, m);
    }
    static bool on_timeout(gen_core&, self, void*) { return true; }
    static bool on_continue(gen_core&, self, void*, message&) { return true; }
    static term get_state(const void* state) {
        if constexpr (is_shown) return field_codec<State>::to(*static_cast<const State*>(state));
        return {};
    }
    static result<void> set_state(void* state, const term& t) {
        if constexpr (declared<State>) {
            return object_traits<State>::set_state(state, t);
        } else if constexpr (is_replaced) {
            auto read = from_term<State>(t);
            if (!read) return pass(read);
            *static_cast<State*>(state) = *std::move(read);
        }
        return {};
    }
    static atom name() {
        if constexpr (agent_state_class<State>) return class_name<State>();
        return agent_name();
    }
};

// Hidden: one table in each module.
template <class State>
struct __attribute__((visibility("hidden"))) agent_class_holder {
    using traits = agent_traits<State>;
    using of_any = object_traits<State>;
    static constexpr gen_class value{
        type_name<State>.text,
        atoms::gen_server,
        sizeof(State),
        alignof(State),
        of_any::fingerprint(),
        &traits::dispatch,
        &traits::on_timeout,
        &traits::on_continue,
        nullptr,
        nullptr,
        nullptr,
        traits::is_shown ? &traits::get_state : nullptr,
        traits::is_replaced ? &traits::set_state : nullptr,
        nullptr,
        of_any::can_change_code ? &of_any::code_change : nullptr,
        nullptr,
        &of_any::destroy,
        &of_any::module,
        &traits::name,
    };
};

template <class State, class F>
start_result run_agent_start(gen_start& start, F&& f) {
    if (start.begin()) {
        try {
            ::new (start.storage()) State(std::invoke(f));
            start.made({});
        } catch (...) {
            start.caught();
        }
    }
    return start.finish();
}

template <class State, class F>
start_result start_agent(const server_options& options, bool link, F&& f) {
    gen_start start(&agent_class_holder<State>::value, options, link, false);
    return run_agent_start<State>(start, std::forward<F>(f));
}

template <class State, class F>
using state_of_start =
    std::conditional_t<std::is_void_v<State>, std::remove_cvref_t<std::invoke_result_t<F&>>, State>;

template <agent_state_class T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        f.server = &agent_class_holder<T>::value;
        f.fingerprint = agent_class_holder<T>::value.fingerprint;
    }
};

}  // namespace detail

}  // namespace beam
