// How a state machine's class is taken apart at compile time: which event goes to which handler in
// which state. See gen_traits.hpp for what a server and a machine share.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/detail/gen_traits.hpp"
#include "libbeamcore/otp/detail/statem.hpp"
#include "libbeamcore/otp/statem_class.hpp"
#include "libbeamcore/otp/transition.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

// How a state is seen from outside. One without fields is an atom, its name; one with fields
// `{Name, Map}`.
template <class S>
struct state_codec {
    static constexpr bool is_named = declared<S> || (std::is_empty_v<S> && !encodable<S>);
    static atom name() { return class_name<S>(); }

    static term to(const S& s) {
        if constexpr (std::is_empty_v<S> && is_named)
            return name();
        else if constexpr (declared<S>)
            return tuple(name(), field_codec<S>::to(s));
        else if constexpr (encodable<S>)
            return field_codec<S>::to(s);
        else
            return tuple(atom("opaque"), name());
    }
    // Nothing if `t` is no such state.
    static std::optional<S> from(const term& t) {
        if constexpr (std::is_empty_v<S> && is_named) {
            if (t == name()) return S{};
        } else if constexpr (declared<S> && std::default_initializable<S>) {
            S s{};
            if (t.is_tagged(name(), 2) && field_codec<S>::from(t.elements()[1], s)) return s;
        } else if constexpr (encodable<S> && std::default_initializable<S>) {
            S s{};
            if (field_codec<S>::from(t, s)) return s;
        }
        return std::nullopt;
    }
};

template <statem_class T>
struct gen_traits<T> : class_traits<T> {
    using base = class_traits<T>;
    using object = statem_object<T>;
    using all_states = states_in<T>;
    using calls = calls_in<T>;
    using casts = casts_in<T>;
    using infos = infos_in<T>;
    using internals = internals_in<T>;
    using timeouts = timeouts_in<T>;
    static constexpr atom behaviour_name() { return atoms::gen_statem; }

    static object& of(void* o) { return *static_cast<object*>(o); }
    static const object& of(const void* o) { return *static_cast<const object*>(o); }

    // Where one event's handler is looked for, and what its result is.
    struct turn {
        statem_engine& engine;
        gen_core& core;
        self s;
        T& t;
        statem_event& e;
    };

    // -- results ----------------------------------------------------------------------------------

    template <class Reply, class R>
    static void give(statem_engine& engine, gen_core& core, self s, statem_event& e, R r) {
        if constexpr (std::is_same_v<R, transition>) {
            engine.settle(core, s, e, std::move(r));
        } else if constexpr (std::is_same_v<R, stop_with>) {
            core.stop(std::move(r.reason));
        } else {
            static_assert(std::is_convertible_v<R, Reply>,
                          "a handler gives void or a transition; that of a call its `reply` too");
            Reply answer(std::move(r));
            if (core.is_debugging()) [[unlikely]]
                core.replied(s, e.caller, base::shown(answer));
            beam::reply(e.caller, std::move(answer));
        }
    }

    template <class Reply, class R>
    static awaitable<void> wait_for(statem_engine& engine, gen_core& core, self s, statem_event e,
                                    awaitable<R> work) {
        request_scope open(s.block());
        try {
            if constexpr (std::is_void_v<R>) {
                co_await work;
            } else {
                R r = co_await work;
                give<Reply>(engine, core, s, e, std::move(r));
            }
        } catch (...) {
            engine.caught(core, s, e);
        }
        engine.resume(core);
    }

    struct no_reply {};

    // Calls the handler and does what it says. Its event lies in `e` all the while, for it may be
    // postponed.
    template <class Reply = no_reply, class F>
    static bool finish(turn& at, F handler) {
        using handled = handler_result<decltype(handler())>;
        if constexpr (handled::waits) {
            auto work = handler();
            at.core.wait(
                at.s, wait_for<Reply>(at.engine, at.core, at.s, std::move(at.e), std::move(work)));
        } else if constexpr (std::is_void_v<typename handled::type>) {
            handler();
        } else {
            give<Reply>(at.engine, at.core, at.s, at.e, handler());
        }
        return true;
    }

    // -- one event in one state -------------------------------------------------------------------

    template <class S, class C>
    static bool call(turn& at, const S& state, C& request) {
        using reply = typename call_result<typename C::reply>::value_type;
        if constexpr (requires { at.t.handle_call(state, request, at.e.caller); }) {
            const from& caller = at.e.caller;
            return finish<reply>(
                at, [&]() -> decltype(auto) { return at.t.handle_call(state, request, caller); });
        } else if constexpr (requires { at.t.handle_call(state, request); }) {
            return finish<reply>(
                at, [&]() -> decltype(auto) { return at.t.handle_call(state, request); });
        }
        return false;
    }

// One kind of event whose handler takes the state and the content.
#define BEAM_DETAIL_STATEM_EVENT(kind, handler)                                                  \
    template <class S, class M>                                                                  \
    static bool kind(turn& at, const S& state, M& content) {                                     \
        if constexpr (requires { at.t.handler(state, content); })                                \
            return finish(at, [&]() -> decltype(auto) { return at.t.handler(state, content); }); \
        return false;                                                                            \
    }
    BEAM_DETAIL_STATEM_EVENT(cast, handle_cast)
    BEAM_DETAIL_STATEM_EVENT(info, handle_info)
    BEAM_DETAIL_STATEM_EVENT(internal, handle_internal)
    BEAM_DETAIL_STATEM_EVENT(event_timeout, handle_event_timeout)
    BEAM_DETAIL_STATEM_EVENT(state_timeout, handle_state_timeout)
#undef BEAM_DETAIL_STATEM_EVENT

    template <class S, class M>
    static bool named_timeout(turn& at, const S& state, M& content) {
        if constexpr (requires { at.t.handle_timeout(state, at.e.name, content); }) {
            const term name = at.e.name;
            return finish(
                at, [&]() -> decltype(auto) { return at.t.handle_timeout(state, name, content); });
        }
        return false;
    }

    // -- which event it is ------------------------------------------------------------------------

    // A type first by the address of its descriptor; then, for one of another module, by its name.
    template <class M>
    static M* held(statem_event& e, bool adopt) {
        if (e.content.type() != descriptor_of<M>() && !(adopt && e.content.is<M>())) return nullptr;
        return static_cast<M*>(e.content.peek()->payload());
    }

    enum class looked : std::uint8_t { unknown, unhandled, handled };
    static looked outcome_of(bool handled) {
        return handled ? looked::handled : looked::unhandled;
    }

    template <class S, class... C>
    static looked as_call(turn& at, const S& state, [[maybe_unused]] bool adopt, messages<C...>) {
        looked r = looked::unknown;
        (void)([&] {
            C* m = held<C>(at.e, adopt);
            if (m) r = outcome_of(call(at, state, *m));
            return m != nullptr;
        }() || ... ||
               false);
        return r;
    }
    template <class S, class... M>
    static looked as_other(turn& at, const S& state, [[maybe_unused]] bool adopt, messages<M...>) {
        looked r = looked::unknown;
        (void)([&] {
            M* m = held<M>(at.e, adopt);
            if (m) r = outcome_of(other(at, state, *m));
            return m != nullptr;
        }() || ... ||
               false);
        return r;
    }
    template <class S, class M>
    static bool other(turn& at, const S& state, M& content) {
        switch (at.e.type) {
            case event_type::cast:
                return cast(at, state, content);
            case event_type::info:
                return info(at, state, content);
            case event_type::internal:
                return internal(at, state, content);
            case event_type::event_timeout:
                return event_timeout(at, state, content);
            case event_type::state_timeout:
                return state_timeout(at, state, content);
            case event_type::timeout:
                return named_timeout(at, state, content);
            case event_type::call:
                break;
        }
        return false;
    }

    using unlisted_infos =
        messages<exit_message, down_message, timeout_message, cancel_timer_message, term>;
    using unlisted_timeouts = messages<std::int64_t>;

    template <class S>
    static looked look(turn& at, const S& state, bool adopt) {
        switch (at.e.type) {
            case event_type::call:
                return as_call(at, state, adopt, calls{});
            case event_type::cast:
                return as_other(at, state, adopt, casts{});
            case event_type::info: {
                const looked r = as_other(at, state, adopt, infos{});
                return r == looked::unknown ? as_other(at, state, adopt, unlisted_infos{}) : r;
            }
            case event_type::internal:
                return as_other(at, state, adopt, internals{});
            default: {
                const looked r = as_other(at, state, adopt, timeouts{});
                return r == looked::unknown ? as_other(at, state, adopt, unlisted_timeouts{}) : r;
            }
        }
    }

    template <class S>
    static bool in_state(turn& at, const S& state) {
        looked r = look(at, state, false);
        if (r == looked::unknown) r = look(at, state, true);
        if (r == looked::handled) return true;
        if constexpr (requires { at.t.handle_info(state, at.e.content); }) {
            if (at.e.type == event_type::info)
                return finish(
                    at, [&]() -> decltype(auto) { return at.t.handle_info(state, at.e.content); });
        }
        return false;
    }

    template <class F, class... S>
    static auto with_state(const any_value& v, F f, states<S...>) {
        using result = std::common_type_t<decltype(f(v.as<S>()))...>;
        std::optional<result> r;
        (void)((v.is<S>() && (r.emplace(f(v.as<S>())), true)) || ...);
        return *std::move(r);
    }

    static bool handle(statem_engine& engine, gen_core& core, self s, statem_event& e) {
        turn at{engine, core, s, *static_cast<T*>(engine.data()), e};
        return with_state(
            engine.state(), [&](const auto& state) { return in_state(at, state); }, all_states{});
    }
    template <class... M>
    static bool is_one_of(message& m, messages<M...>) {
        return ((m.type() == descriptor_of<M>()) || ... || false) || (m.is<M>() || ... || false);
    }
    static bool is_cast(message& m) {
        return is_one_of(m, casts{});
    }

    // -- the state --------------------------------------------------------------------------------

    template <class S>
    static constexpr bool enters = requires(T& t, const term& old, const S& s) {
        t.handle_enter(old, s);
    };
    template <class... S>
    static constexpr bool any_enters(states<S...>) {
        return (enters<S> || ...);
    }
    static enter_result enter(statem_engine& engine, const term& old) {
        T& t = *static_cast<T*>(engine.data());
        return with_state(
            engine.state(),
            [&]<class S>(const S& s) -> enter_result {
                if constexpr (enters<S>) {
                    if constexpr (std::is_void_v<decltype(t.handle_enter(old, s))>)
                        t.handle_enter(old, s);
                    else
                        return t.handle_enter(old, s);
                }
                return {};
            },
            all_states{});
    }

    template <class S>
    static bool equal(const S& a, const S& b) {
        if constexpr (std::is_empty_v<S>)
            return true;
        else if constexpr (requires { bool(a == b); })
            return a == b;
        else
            return false;
    }
    static bool same(const any_value& a, const any_value& b) {
        if (a.type() != b.type()) return false;
        return with_state(
            a, [&]<class S>(const S& s) { return equal(s, b.as<S>()); }, all_states{});
    }
    template <class... S>
    static bool is_any_of(const any_value& v, states<S...>) {
        return v && (v.is<S>() || ...);
    }
    static bool is_state(const any_value& v) {
        return is_any_of(v, all_states{});
    }
    static term state_term(const any_value& v) {
        return with_state(
            v, []<class S>(const S& s) { return state_codec<S>::to(s); }, all_states{});
    }
    template <class... S>
    static result<any_value> read_state(const term& t, states<S...>) {
        any_value made;
        auto read = [&]<class One>(std::type_identity<One>) {
            auto s = state_codec<One>::from(t);
            if (s) made = any_value::make(*std::move(s));
            return bool(made);
        };
        if ((read(std::type_identity<S>{}) || ...)) return made;
        return fail("badarg",
                    "no state of " + std::string(type_name<T>.text) + ": " + to_string(t));
    }
    static result<any_value> state_from(const term& t) {
        return read_state(t, all_states{});
    }

    static constexpr statem_table table{
        &handle,     &is_cast,    any_enters(all_states{}) ? &enter : nullptr, &same, &is_state,
        &state_term, &state_from,
    };

    // -- what gen_core asks of a class ------------------------------------------------------------

    static bool dispatch(gen_core& core, self s, void* o, message& m) {
        of(o).engine.dispatch(core, s, m);
        return true;
    }
    static bool on_timeout(gen_core&, self, void*) {
        return false;
    }
    static bool on_continue(gen_core& core, self s, void* o, message&) {
        of(o).engine.go_on(core, s);
        return true;
    }

    template <class S>
    static constexpr bool ends_in = requires(T& t, const S& s, const term& reason) {
        t.terminate(s, reason);
    };
    template <class... S>
    static constexpr bool ends_in_any(states<S...>) {
        return (ends_in<S> || ...);
    }
    static constexpr bool plain_terminate = requires(T & t, const term& reason) {
        t.terminate(reason);
    };
    static constexpr bool has_terminate = plain_terminate || ends_in_any(all_states{});
    static constexpr bool terminate_waits = false;
    static void on_terminate(void* o, const term& reason) {
        T& t = of(o).data;
        if (!of(o).engine.state()) return;
        with_state(
            of(o).engine.state(), [&](const auto& s) { return end_in(t, s, reason); },
            all_states{});
    }
    template <class U, class S>
    static bool end_in(U& t, const S& s, const term& reason) {
        if constexpr (requires { t.terminate(s, reason); })
            t.terminate(s, reason);
        else if constexpr (requires { t.terminate(reason); })
            t.terminate(reason);
        return true;
    }
    static awaitable<void> on_terminate_waiting(void*, const term&) {
        co_return;
    }

    static void on_hibernate(void* o) {
        base::hibernate(of(o).data);
    }

    // `{State, Data}` (SM-24).
    static constexpr bool has_state_term = true;
    static term get_state(const void* o) {
        return tuple(of(o).engine.state_term(), base::fields_of(of(o).data));
    }
    static result<void> set_state(void* o, const term& t) {
        auto parts = t.elements();
        if (parts.size() != 2) return fail("badarg", "a machine's state is {State, Data}");
        auto state = state_from(parts[0]);
        if (!state) return pass(state);
        if constexpr (declared<T>)
            if (auto r = base::set_fields(of(o).data, parts[1]); !r) return r;
        return of(o).engine.set_state(parts[0]);
    }
    static term format_status(const void* o, atom why) {
        return base::status_of(of(o).data, why);
    }

    static constexpr bool can_change_code = base::has_fields;
    // Gives {ok, NewState, NewData} (SM-25).
    static outcome<void> code_change(void* raw, const term& old_vsn, const term& both,
                                     const term& extra) {
        if constexpr (can_change_code) {
            if (both.elements().size() != 2)
                return fail_term(tuple(atoms::badarg, "a machine's state is {State, Data}"));
            unfinished<object> made(raw, &table);
            term state = both.elements()[0];
            const term& data = both.elements()[1];
            auto changed = base::change_fields(made->data, data, [&](T& t) {
                if constexpr (requires { t.code_change(old_vsn, state, data, extra); })
                    return t.code_change(old_vsn, state, data, extra);
            });
            if (!changed) return changed;
            if (auto r = made->engine.set_state(state); !r) return fail_term(error_term(r.error()));
            made.keep();
        }
        return {};
    }
    static statem_engine* engine(void* o) {
        return &of(o).engine;
    }
    static void destroy(void* o) noexcept {
        of(o).~object();
    }

    // -- start ------------------------------------------------------------------------------------

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

    template <class... Args>
    static then make(void* storage, transition first, Args&&... args) {
        unfinished<object> made(storage, &table, std::forward<Args>(args)...);
        const bool busy = made->engine.begin(std::move(first));
        made.keep();
        return busy ? then::continue_with(unit{}) : then();
    }

    // Start: a gen_start, or what stands for it where init runs in the process (gen_process_init).
    template <class Start, class... Args>
    static void construct(Start& start, Args&&... args) {
        if constexpr (has_init<std::remove_cvref_t<Args>...>) {
            statem_init<T> r = T::init(std::forward<Args>(args)...);
            if (r.data())
                start.made(make(start.storage(), std::move(r.first()), *std::move(r.data())));
            else if (r.is_failure())
                start.stopped(std::move(r.reason()));
            else
                start.ignored();
        } else {
            static_assert(std::is_constructible_v<T, Args&&...>,
                          "the class has neither a constructor nor an init for these arguments");
            using initial = decltype(first_of(all_states{}));
            start.made(
                make(start.storage(), transition::to(initial{}), std::forward<Args>(args)...));
        }
    }

    template <class... Args>
    static awaitable<void> init_in_process(gen_core& core, Args... args) {
        try {
            statem_init<T> r = co_await T::init(std::move(args)...);
            if (r.data())
                core.init_ready(make(core.storage(), std::move(r.first()), *std::move(r.data())));
            else if (r.is_failure())
                core.init_stopped(std::move(r.reason()));
            else
                core.init_ignored();
        } catch (...) {
            core.init_caught();
        }
    }
};

}  // namespace beam::detail
