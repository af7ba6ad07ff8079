// How a server's class is taken apart at compile time: which messages go to which handler, what its
// handlers give, how it is made. See gen_traits.hpp.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/detail/gen_traits.hpp"
#include "libbeamcore/otp/detail/object_traits.hpp"
#include "libbeamcore/otp/server_class.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

template <server_class T>
struct gen_traits<T> : object_traits<T> {
    using base = object_traits<T>;
    using object = T;
    using calls = calls_in<T>;
    using casts = casts_in<T>;
    using infos = infos_in<T>;
    using continues = continues_in<T>;
    static constexpr atom behaviour_name() { return atoms::gen_server; }

    template <class M>
    static constexpr bool has_info = requires(T& t, M m) {
        t.handle_info(std::move(m));
    };
    static constexpr bool has_any_info = has_info<message>;
    static constexpr bool has_any_call = requires(T & t, message m, from f) {
        t.handle_call(std::move(m), f);
    };

    template <class M>
    static auto invoke_call(T& t, M m, const from& f) {
        if constexpr (requires { t.handle_call(std::move(m), f); }) {
            return t.handle_call(std::move(m), f);
        } else {
            static_assert(
                requires { t.handle_call(std::move(m)); },
                "a type of `calls` needs a public handle_call(Type) or (Type, from)");
            return t.handle_call(std::move(m));
        }
    }

    // -- calls ------------------------------------------------------------------------------------

    template <class C>
    static void answer(gen_core& core, self s, const from& f,
                       typename call_result<typename C::reply>::value_type value) {
        if (core.is_debugging()) [[unlikely]]
            core.replied(s, f, base::shown(value));
        beam::reply(f, std::move(value));
    }

    template <class C>
    static void apply(gen_core& core, self s, const from& f, call_result<typename C::reply> r) {
        if (r.stops()) {
            if (r.value())
                core.stop(std::move(r.reason()), f, message::make(std::move(*r.value())));
            else
                core.stop(std::move(r.reason()));
            return;
        }
        if (r.value()) answer<C>(core, s, f, std::move(*r.value()));
        core.next(std::move(r.next()));
    }

    template <class C, class R>
    static void settle(gen_core& core, self s, const from& f, R r) {
        if constexpr (std::is_same_v<R, call_result<typename C::reply>>) {
            apply<C>(core, s, f, std::move(r));
        } else {
            static_assert(std::is_convertible_v<R, typename C::reply>,
                          "handle_call gives the request's `reply`, or call_result of it");
            answer<C>(core, s, f, std::move(r));
        }
    }

    template <class C, class R>
    static awaitable<void> wait_for_call(gen_core& core, self s, from f, awaitable<R> work) {
        request_scope open(s.block());
        try {
            if constexpr (std::is_void_v<R>) {
                co_await work;
                answer<C>(core, s, f, unit{});
            } else {
                R r = co_await work;
                settle<C>(core, s, f, std::move(r));
            }
        } catch (call_result<typename C::reply>& r) {
            apply<C>(core, s, f, std::move(r));
        } catch (...) {
            core.caught();
        }
    }

    template <class C>
    static bool call(gen_core& core, self s, T& t, message& m) {
        auto f = request_from(m);
        if (!f) return false;
        using R = decltype(invoke_call<C>(t, m.take<C>(), *f));
        using handled = handler_result<R>;
        begin_request(s.block(), m);
        if constexpr (handled::waits) {
            core.wait(s, wait_for_call<C, typename handled::type>(
                             core, s, *f, invoke_call<C>(t, m.take<C>(), *f)));
        } else {
            request_scope open(s.block());
            try {
                if constexpr (std::is_void_v<R>) {
                    static_assert(std::is_void_v<typename C::reply>,
                                  "handle_call gives nothing, but its request has a reply");
                    invoke_call<C>(t, m.take<C>(), *f);
                    answer<C>(core, s, *f, unit{});
                } else {
                    settle<C>(core, s, *f, invoke_call<C>(t, m.take<C>(), *f));
                }
            } catch (call_result<typename C::reply>& r) {
                apply<C>(core, s, *f, std::move(r));
            }
        }
        return true;
    }

    // -- casts, infos, continues ------------------------------------------------------------------

    template <class R>
    static awaitable<void> wait_for_cast(gen_core& core, awaitable<R> work) {
        try {
            if constexpr (std::is_void_v<R>) {
                co_await work;
            } else {
                R r = co_await work;
                core.apply(std::move(r));
            }
        } catch (...) {
            core.caught();
        }
    }

    template <class F>
    static void handle(gen_core& core, self s, F handler) {
        using R = decltype(handler());
        using handled = handler_result<R>;
        if constexpr (handled::waits) {
            core.wait(s, wait_for_cast<typename handled::type>(core, handler()));
        } else if constexpr (std::is_void_v<R>) {
            handler();
        } else {
            core.apply(handler());
        }
    }

    template <class M>
    static bool cast(gen_core& core, self s, T& t, message& m) {
        handle(core, s, [&]() -> decltype(auto) { return t.handle_cast(m.take<M>()); });
        return true;
    }
    template <class M>
    static bool info(gen_core& core, self s, T& t, message& m) {
        handle(core, s, [&]() -> decltype(auto) { return t.handle_info(m.take<M>()); });
        return true;
    }
    template <class M>
    static bool go_on(gen_core& core, self s, T& t, message& m) {
        handle(core, s, [&]() -> decltype(auto) { return t.handle_continue(m.take<M>()); });
        return true;
    }

    // -- dispatch ---------------------------------------------------------------------------------

    // Types that come as infos without being listed.
    template <class M>
    static bool unlisted(gen_core& core, self s, T& t, const type_descriptor* type, message& m) {
        if constexpr (has_info<M>) {
            // A call that came as a term must not end here, unanswered.
            if (type == descriptor_of<M>() && !(std::is_same_v<M, term> && request_from(m)))
                return info<M>(core, s, t, m);
        }
        return false;
    }

    template <class... C, class... M, class... I>
    static bool known(gen_core& core, self s, T& t, message& m, messages<C...>, messages<M...>,
                      messages<I...>) {
        const type_descriptor* type = m.type();
        bool done = false;
        (void)((type == descriptor_of<C>() && (done = call<C>(core, s, t, m), true)) || ... ||
               false);
        if (done) return true;
        return ((type == descriptor_of<M>() && cast<M>(core, s, t, m)) || ... || false) ||
               ((type == descriptor_of<I>() && info<I>(core, s, t, m)) || ... || false) ||
               unlisted<timed_out>(core, s, t, type, m) ||
               unlisted<exit_message>(core, s, t, type, m) ||
               unlisted<down_message>(core, s, t, type, m) ||
               unlisted<timeout_message>(core, s, t, type, m) ||
               unlisted<cancel_timer_message>(core, s, t, type, m) ||
               unlisted<term>(core, s, t, type, m);
    }

    // From another module, or another version of this one: known by name, and by then converted.
    template <class... C, class... M, class... I>
    static bool adopted(message& m, messages<C...>, messages<M...>, messages<I...>) {
        return (m.is<C>() || ... || false) || (m.is<M>() || ... || false) ||
               (m.is<I>() || ... || false);
    }
    // A term that another node wrote: `{increment_by, 5}` may be both a call and a cast.
    template <class... C, class... M, class... I>
    static bool adopted_term(message& m, messages<C...>, messages<M...>, messages<I...>) {
        if (request_from(m)) return (m.is<C>() || ... || false);
        return (m.is<M>() || ... || false) || (m.is<I>() || ... || false);
    }

    static bool dispatch(gen_core& core, self s, void* state, message& m) {
        T& t = *static_cast<T*>(state);
        if (m.type() == descriptor_of<term>()) [[unlikely]]
            (void)adopted_term(m, calls{}, casts{}, infos{});
        if (known(core, s, t, m, calls{}, casts{}, infos{})) [[likely]]
            return true;
        if (adopted(m, calls{}, casts{}, infos{}) &&
            known(core, s, t, m, calls{}, casts{}, infos{}))
            return true;
        if constexpr (has_any_call) {
            if (auto f = request_from(m)) {
                begin_request(s.block(), m);
                request_scope open(s.block());
                handle(core, s,
                       [&]() -> decltype(auto) { return t.handle_call(std::move(m), *f); });
                return true;
            }
        }
        if constexpr (has_any_info) {
            // A call that nobody knows must not end there, unanswered.
            if (request_from(m)) return false;
            handle(core, s, [&]() -> decltype(auto) { return t.handle_info(std::move(m)); });
            return true;
        }
        return false;
    }

    static bool on_timeout(gen_core& core, self s, void* state) {
        T& t = *static_cast<T*>(state);
        if constexpr (has_info<timed_out>) {
            handle(core, s, [&]() -> decltype(auto) { return t.handle_info(timed_out{}); });
            return true;
        } else if constexpr (has_any_info) {
            handle(core, s,
                   [&]() -> decltype(auto) { return t.handle_info(message::make(timed_out{})); });
            return true;
        }
        return false;
    }

    template <class... W>
    static bool continue_with([[maybe_unused]] gen_core& core, [[maybe_unused]] self s,
                              [[maybe_unused]] T& t, message& m, messages<W...>) {
        return ((m.is<W>() && go_on<W>(core, s, t, m)) || ... || false);
    }
    static bool on_continue(gen_core& core, self s, void* state, message& m) {
        T& t = *static_cast<T*>(state);
        if (continue_with(core, s, t, m, continues{})) return true;
        if constexpr (requires(T & u, term v) { u.handle_continue(std::move(v)); }) {
            handle(core, s, [&]() -> decltype(auto) {
                return t.handle_continue(m.is<term>() ? m.take<term>() : m.to_term());
            });
            return true;
        }
        return false;
    }

    // -- the rest ---------------------------------------------------------------------------------

    static constexpr bool has_terminate = requires(T & t, const term& r) { t.terminate(r); };
    static constexpr bool terminate_waits = [] {
        if constexpr (has_terminate)
            return handler_result<decltype(std::declval<T&>().terminate(
                std::declval<const term&>()))>::waits;
        else
            return false;
    }();
    static void on_terminate(void* state, const term& reason) {
        if constexpr (has_terminate && !terminate_waits) static_cast<T*>(state)->terminate(reason);
    }
    static awaitable<void> on_terminate_waiting(void* state, const term& reason) {
        if constexpr (terminate_waits)
            return static_cast<T*>(state)->terminate(reason);
        else
            return nothing();
    }
    static awaitable<void> nothing() { co_return; }

    static constexpr statem_engine* (*engine)(void*) = nullptr;

    // -- start ------------------------------------------------------------------------------------

    // Start: a gen_start, or what stands for it where init runs in the process (gen_process_init).
    template <class Start, class... Args>
    static void construct(Start& start, Args&&... args) {
        if constexpr (base::template has_init<std::remove_cvref_t<Args>...>) {
            init_result<T> r = T::init(std::forward<Args>(args)...);
            if (r.state()) {
                ::new (start.storage()) T(*std::move(r.state()));
                start.made(std::move(r.next()));
            } else if (r.is_failure()) {
                start.stopped(std::move(r.reason()));
            } else {
                start.ignored();
            }
        } else {
            static_assert(std::is_constructible_v<T, Args&&...>,
                          "the class has neither a constructor nor an init for these arguments");
            ::new (start.storage()) T(std::forward<Args>(args)...);
            start.made({});
        }
    }

    template <class... Args>
    static awaitable<void> init_in_process(gen_core& core, Args... args) {
        try {
            init_result<T> r = co_await T::init(std::move(args)...);
            if (r.state()) {
                ::new (core.storage()) T(*std::move(r.state()));
                core.init_ready(std::move(r.next()));
            } else if (r.is_failure()) {
                core.init_stopped(std::move(r.reason()));
            } else {
                core.init_ignored();
            }
        } catch (...) {
            core.init_caught();
        }
    }
};

}  // namespace beam::detail
