// How an event handler's class is taken apart at compile time, and what its manager is asked.
#pragma once

#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/detail/object_traits.hpp"
#include "libbeamcore/otp/event_result.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam {

/// The base of an event handler's class. It holds nothing.
template <class T>
class gen_event_handler {
protected:
    /// The manager's process. Only in the handler's own code.
    [[nodiscard]] static self process() { return this_process(); }
    [[nodiscard]] static pid id() { return this_process().id(); }
};

template <class T>
concept event_handler_class = std::is_base_of_v<gen_event_handler<T>, T>;

namespace gen_event {
/// Tells handlers of one class apart: `{Class, Id}`.
class id {
public:
    explicit id(term value) : value_(std::move(value)) {}
    [[nodiscard]] const term& value() const { return value_; }

private:
    term value_;
};
}  // namespace gen_event

namespace detail {

// -- what a manager is asked ----------------------------------------------------------------------

struct event_add {
    using reply = outcome<void>;
    event_key key;
    event_maker make;
    bool supervised = false;  // by the caller
};
struct event_delete {
    using reply = outcome<term>;
    event_key key;
    term arguments;
};
struct event_swap {
    using reply = outcome<void>;
    event_key old;
    term arguments;
    event_key key;
    event_maker make;
    bool supervised = false;
};
struct event_answer {
    module_hold hold;
    std::optional<term> failure;
    message value;
};
struct event_call {
    using reply = event_answer;
    event_key key;
    module_hold hold;
    message request;
};
struct event_which {
    using reply = term;
};

// -- the class ------------------------------------------------------------------------------------

template <class T>
struct event_traits {
    using of_any = object_traits<T>;  // what handlers have in common with servers

    using events = events_in<T>;
    using calls = calls_in<T>;
    using infos = infos_in<T>;

    template <class R>
    static constexpr bool is_result = std::is_void_v<R> || std::is_convertible_v<R, event_result>;

    // -- events and other messages ----------------------------------------------------------------

    template <class F>
    static void settle(event_result& next, F handler) {
        using R = decltype(handler());
        static_assert(!handler_result<R>::waits,
                      "a handler of events cannot wait: its manager serves others. Start a process "
                      "for what takes time");
        static_assert(is_result<R>, "handle_event and handle_info give nothing, or event_result");
        if constexpr (std::is_void_v<R>)
            handler();
        else
            next = handler();
    }

    template <class E>
    static bool event(T& t, message& m, event_result& next) {
        const E& e = *m.get_if<E>();
        settle(next, [&]() -> decltype(auto) { return t.handle_event(e); });
        return true;
    }
    template <class I>
    static bool info(T& t, message& m, event_result& next) {
        const I& i = *m.get_if<I>();
        settle(next, [&]() -> decltype(auto) { return t.handle_info(i); });
        return true;
    }

    // Types that come as infos without being listed.
    template <class M>
    static bool unlisted(T& t, const type_descriptor* type, message& m, event_result& next) {
        if constexpr (requires(const M& value) { t.handle_info(value); }) {
            if (type == descriptor_of<M>()) return info<M>(t, m, next);
        }
        return false;
    }

    template <class... E, class... I>
    static bool known(T& t, message& m, event_result& next, messages<E...>, messages<I...>) {
        const type_descriptor* type = m.type();
        return ((type == descriptor_of<E>() && event<E>(t, m, next)) || ... || false) ||
               ((type == descriptor_of<I>() && info<I>(t, m, next)) || ... || false) ||
               unlisted<exit_message>(t, type, m, next) ||
               unlisted<down_message>(t, type, m, next) ||
               unlisted<timeout_message>(t, type, m, next) ||
               unlisted<cancel_timer_message>(t, type, m, next) || unlisted<term>(t, type, m, next);
    }

    // From another module, or another version of this one: known by name, and by then converted.
    template <class... M>
    static bool adopted(message& m, messages<M...>) {
        return (m.is<M>() || ... || false);
    }

    static bool handle(void* state, message& m, event_result& next) {
        T& t = *static_cast<T*>(state);
        if (known(t, m, next, events{}, infos{})) return true;
        return (adopted(m, events{}) || adopted(m, infos{})) &&
               known(t, m, next, events{}, infos{});
    }

    // -- calls ------------------------------------------------------------------------------------

    template <class C>
    static void take(event_call_result<typename C::reply> r, message& answer, event_result& next) {
        answer = message::make(std::move(r.value()));
        next = std::move(r.next());
    }

    template <class C>
    static bool serve(T& t, message& request, message& answer, event_result& next) {
        using reply = typename C::reply;
        using R = decltype(t.handle_call(request.take<C>()));
        static_assert(!handler_result<R>::waits,
                      "a handler of events cannot wait: its manager serves others");
        try {
            if constexpr (std::is_void_v<R>) {
                static_assert(std::is_void_v<reply>,
                              "handle_call gives nothing, but its request has a reply");
                t.handle_call(request.take<C>());
                answer = message::make(unit{});
            } else {
                static_assert(
                    std::is_convertible_v<R, event_call_result<reply>>,
                    "handle_call gives the request's `reply`, or event_call_result of it");
                take<C>(t.handle_call(request.take<C>()), answer, next);
            }
        } catch (event_call_result<reply>& r) {
            take<C>(std::move(r), answer, next);
        }
        return true;
    }

    template <class... C>
    static bool call_of(T& t, message& m, message& to, event_result& next, messages<C...>) {
        return ((m.is<C>() && serve<C>(t, m, to, next)) || ... || false);
    }
    static bool call(void* state, message& m, message& answer, event_result& next) {
        return call_of(*static_cast<T*>(state), m, answer, next, calls{});
    }

    // -- the end ----------------------------------------------------------------------------------

    static constexpr bool has_terminate = requires(T & t, const term& why) { t.terminate(why); };
    static term on_terminate(void* state, const term& why) {
        if constexpr (has_terminate) {
            T& t = *static_cast<T*>(state);
            using R = decltype(t.terminate(why));
            static_assert(!handler_result<R>::waits, "a handler of events cannot wait");
            if constexpr (std::is_void_v<R>) {
                t.terminate(why);
            } else {
                static_assert(std::is_convertible_v<R, term>, "terminate gives nothing, or a term");
                return t.terminate(why);
            }
        }
        return atoms::ok;
    }

    // -- the start --------------------------------------------------------------------------------

    template <class... Args>
    static constexpr bool can_make =
        of_any::template has_init<Args...> || std::is_constructible_v<T, Args&&...>;

    template <class... Args>
    static outcome<event_object> make(const event_class* type, Args... args) {
        event_object made(type);
        if constexpr (of_any::template has_init<Args...>) {
            static_assert(!of_any::template init_waits<Args...>,
                          "a handler of events cannot wait, nor can its init");
            init_result<T> r = T::init(std::move(args)...);
            if (r.is_failure()) return fail_term(std::move(r.reason()));
            if (!r.state()) return fail_term(atoms::ignore);
            ::new (made.state()) T(*std::move(r.state()));
            made.made(r.next().what() == then::kind::hibernate);
        } else {
            ::new (made.state()) T(std::move(args)...);
            made.made();
        }
        return made;
    }
};

// Hidden: one table in each module.
template <class T>
struct __attribute__((visibility("hidden"))) event_class_holder {
    using traits = event_traits<T>;
    using of_any = object_traits<T>;
    static constexpr event_class value{
        type_name<T>.text,
        sizeof(T),
        alignof(T),
        of_any::fingerprint(),
        &traits::handle,
        &traits::call,
        traits::has_terminate ? &traits::on_terminate : nullptr,
        of_any::has_hibernate ? &of_any::on_hibernate : nullptr,
        of_any::has_state_term ? &of_any::get_state : nullptr,
        of_any::has_state_term ? &of_any::set_state : nullptr,
        of_any::has_format_status ? &of_any::format_status : nullptr,
        of_any::can_change_code ? &of_any::code_change : nullptr,
        &of_any::destroy,
        &of_any::module,
        &detail::class_name<T>,
    };
};

/// How to make a T of these arguments in the manager's process. An id in front is not one of them.
template <class T, class... Args>
event_maker event_maker_of(Args... args) {
    static_assert(event_traits<T>::template can_make<Args...>,
                  "the handler has neither a constructor nor an init for these arguments");
    return [kept = std::tuple<Args...>(std::move(args)...)](const term&) mutable {
        return std::apply(
            [](auto&... a) {
                return event_traits<T>::template make<Args...>(&event_class_holder<T>::value,
                                                               std::move(a)...);
            },
            kept);
    };
}
/// The same for one that takes another's place.
template <class T, class... Args>
event_maker event_swapper_of(Args... args) {
    static_assert(
        event_traits<T>::template can_make<Args..., swapped>,
        "a handler that takes another's place needs a constructor (or an init) whose last "
        "argument is beam::swapped");
    return [kept = std::tuple<Args...>(std::move(args)...)](term old) mutable {
        return std::apply(
            [&old](auto&... a) {
                return event_traits<T>::template make<Args..., swapped>(
                    &event_class_holder<T>::value, std::move(a)..., swapped{std::move(old)});
            },
            kept);
    };
}

template <class T>
event_key event_key_of() {
    return {class_name<T>(), {}};
}
template <class T>
event_key event_key_of(const gen_event::id& id) {
    return {class_name<T>(), id.value()};
}

template <event_handler_class T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        f.event_handler = &event_class_holder<T>::value;
        f.fingerprint = event_class_holder<T>::value.fingerprint;
    }
};

}  // namespace detail

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::outcome<beam::term>);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_add);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_delete);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_swap);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_answer);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_call);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::event_which);
