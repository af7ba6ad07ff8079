// How a server's class is taken apart at compile time: which messages go to which handler, what its handlers
// give, how it is made. The result is one table of functions a class (gen_class), by which libbeamcore's own code
// (gen_core) runs it.
#pragma once

#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/server_class.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam {

namespace detail {

template <class R>
struct handler_result {
    using type = R;
    static constexpr bool waits = false;
};
template <class R>
struct handler_result<awaitable<R>> {
    using type = R;
    static constexpr bool waits = true;
};

template <class T>
struct gen_traits {
    // -- what the class has -----------------------------------------------------------------------

    template <class C>
    struct calls_type {
        using type = messages<>;
    };
    template <class C>
    requires requires { typename C::calls; }
    struct calls_type<C> {
        using type = typename C::calls;
    };
    template <class C>
    struct casts_type {
        using type = messages<>;
    };
    template <class C>
    requires requires { typename C::casts; }
    struct casts_type<C> {
        using type = typename C::casts;
    };
    template <class C>
    struct infos_type {
        using type = messages<>;
    };
    template <class C>
    requires requires { typename C::infos; }
    struct infos_type<C> {
        using type = typename C::infos;
    };
    template <class C>
    struct continues_type {
        using type = messages<>;
    };
    template <class C>
    requires requires { typename C::continues; }
    struct continues_type<C> {
        using type = typename C::continues;
    };

    using calls = typename calls_type<T>::type;
    using casts = typename casts_type<T>::type;
    using infos = typename infos_type<T>::type;
    using continues = typename continues_type<T>::type;

    template <class M>
    static constexpr bool has_info = requires(T& t, M m) {
        t.handle_info(std::move(m));
    };
    static constexpr bool has_any_info = has_info<message>;

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
            core.replied(s, f, shown(value));
        beam::reply(f, std::move(value));
    }

    template <class V>
    static term shown(const V& value) {
        if constexpr (encodable<V>)
            return field_codec<V>::to(value);
        else
            return tuple(atom("opaque"), type_name<V>.text);
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
            if (type == descriptor_of<M>()) return info<M>(core, s, t, m);
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

    static bool dispatch(gen_core& core, self s, void* state, message& m) {
        T& t = *static_cast<T*>(state);
        if (known(core, s, t, m, calls{}, casts{}, infos{})) [[likely]]
            return true;
        if (adopted(m, calls{}, casts{}, infos{}) &&
            known(core, s, t, m, calls{}, casts{}, infos{}))
            return true;
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

    static void on_hibernate(void* state) {
        if constexpr (requires(T & t) { t.hibernate(); }) static_cast<T*>(state)->hibernate();
    }

    static term get_state(const void* state) {
        if constexpr (declared<T>) return field_codec<T>::to(*static_cast<const T*>(state));
        return {};
    }
    // Members that are not declared stay as they are.
    static result<void> set_state(void* state, const term& t) {
        if constexpr (declared<T>) {
            T& live = *static_cast<T*>(state);
            term before = field_codec<T>::to(live);
            auto r = field_codec<T>::from(t, live);
            if (!r) (void)field_codec<T>::from(before, live);
            return r;
        }
        return {};
    }

    static term format_status(const void* state, atom why) {
        if constexpr (requires(const T& t) { t.format_status(why); })
            return static_cast<const T*>(state)->format_status(why);
        else if constexpr (requires(const T& t) { t.format_status(); })
            return static_cast<const T*>(state)->format_status();
        return {};
    }
    static constexpr bool has_format_status = requires(const T& t, atom why) {
        t.format_status(why);
    }
    || requires(const T& t) { t.format_status(); };

    static constexpr bool static_code_change = requires(const term& a) { T::code_change(a, a, a); };
    static constexpr bool can_change_code =
        static_code_change || (declared<T> && std::default_initializable<T>);

    static outcome<void> code_change(void* raw, const term& old_vsn, const term& state,
                                     const term& extra) {
        if constexpr (static_code_change) {
            auto made = T::code_change(old_vsn, state, extra);
            if (!made) return fail_term(error_term(made.error()));
            ::new (raw) T(*std::move(made));
        } else if constexpr (can_change_code) {
            T* t = ::new (raw) T();
            struct guard {
                T* t;
                ~guard() {
                    if (t) t->~T();
                }
            } unfinished{t};
            if (auto r = field_codec<T>::from(state, *t); !r)
                return fail_term(error_term(r.error()));
            if constexpr (requires { t->code_change(old_vsn, state, extra); }) {
                if constexpr (std::is_void_v<decltype(t->code_change(old_vsn, state, extra))>) {
                    t->code_change(old_vsn, state, extra);
                } else {
                    auto r = t->code_change(old_vsn, state, extra);
                    if (!r) return fail_term(error_term(r.error()));
                }
            }
            unfinished.t = nullptr;
        }
        return {};
    }

    static void destroy(void* state) noexcept { static_cast<T*>(state)->~T(); }
    static module_record* module() { return this_module(); }

    static constexpr std::uint64_t state_fingerprint() {
        if constexpr (declared<T>) return beam::fingerprint<T>();
        return 0;
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
    static void construct(gen_start& start, Args&&... args) {
        if constexpr (has_init<std::remove_cvref_t<Args>...>) {
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

// Hidden: one table in each module.
template <class T>
struct __attribute__((visibility("hidden"))) gen_class_holder {
    using traits = gen_traits<T>;
    static constexpr bool has_hibernate = requires(T & t) { t.hibernate(); };
    static constexpr gen_class value{
        type_name<T>.text,
        sizeof(T),
        alignof(T),
        traits::state_fingerprint(),
        &traits::dispatch,
        &traits::on_timeout,
        &traits::on_continue,
        traits::has_terminate && !traits::terminate_waits ? &traits::on_terminate : nullptr,
        traits::terminate_waits ? &traits::on_terminate_waiting : nullptr,
        has_hibernate ? &traits::on_hibernate : nullptr,
        declared<T> ? &traits::get_state : nullptr,
        declared<T> ? &traits::set_state : nullptr,
        traits::has_format_status ? &traits::format_status : nullptr,
        traits::can_change_code ? &traits::code_change : nullptr,
        &traits::destroy,
        &traits::module,
        &detail::class_name<T>,
    };
};

template <class T, class... Args>
start_result gen_run_start(gen_start& start, Args&&... args) {
    if (start.begin()) {
        try {
            gen_traits<T>::construct(start, std::forward<Args>(args)...);
        } catch (...) {
            start.caught();
        }
    }
    return start.finish();
}

template <class T, class... Args>
start_result gen_start_now(const server_options& options, bool link, Args&&... args) {
    gen_start start(&gen_class_holder<T>::value, options, link, false);
    return gen_run_start<T>(start, std::forward<Args>(args)...);
}

template <class T, class... Args>
awaitable<start_result> gen_start_waiting(server_options options, bool link, ref* monitor,
                                          Args... args) {
    gen_start start(&gen_class_holder<T>::value, options, link, monitor != nullptr);
    if (start.begin())
        start.defer(gen_traits<T>::init_in_process(start.core(), std::move(args)...));
    start_result r = co_await start.finish_waiting();
    if (monitor) *monitor = start.monitor();
    co_return r;
}

template <class T, class... Args>
awaitable<outcome<pid>> gen_start_waiting_pid(server_options options, bool link, Args... args) {
    start_result r = co_await gen_start_waiting<T>(options, link, nullptr, std::move(args)...);
    co_return started_pid(std::move(r));
}

template <class T, class... Args>
awaitable<outcome<spawned>> gen_start_waiting_monitor(server_options options, Args... args) {
    ref monitor;
    start_result r = co_await gen_start_waiting<T>(options, false, &monitor, std::move(args)...);
    outcome<pid> p = started_pid(std::move(r));
    if (!p) co_return fail_term(std::move(p.error()));
    co_return spawned{*p, monitor};
}

template <class T, class... Args>
auto gen_start_pid(const server_options& options, bool link, Args&&... args) {
    if constexpr (gen_traits<T>::template init_waits<std::remove_cvref_t<Args>...>)
        return gen_start_waiting_pid<T, std::remove_cvref_t<Args>...>(options, link,
                                                                      std::forward<Args>(args)...);
    else
        return started_pid(gen_start_now<T>(options, link, std::forward<Args>(args)...));
}

template <class... Args>
inline constexpr bool starts_with_options = false;
template <class First, class... Rest>
inline constexpr bool starts_with_options<First, Rest...> =
    std::is_same_v<std::remove_cvref_t<First>, server_options>;

template <server_class T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        f.server = &gen_class_holder<T>::value;
        f.fingerprint = gen_class_holder<T>::value.fingerprint;
    }
};

template <server_class T>
struct behaviour<T> {
    template <class... Args>
    static auto start_link(const Args&... args) {
        if constexpr (starts_with_options<Args...>)
            return with(args...);
        else
            return with(server_options{}, args...);
    }

private:
    template <class... Args>
    static auto with(const server_options& options, const Args&... args) {
        if constexpr (gen_traits<T>::template init_waits<Args...>)
            return gen_start_waiting<T, Args...>(options, true, nullptr, args...);
        else
            return gen_start_now<T>(options, true, args...);
    }
};

}  // namespace detail

}  // namespace beam
