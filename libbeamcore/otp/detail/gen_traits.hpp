// What libbeamcore's own code (gen_core) needs of a class, server or state machine: one table of
// functions (gen_class), and the start. gen_traits<T> takes the class apart: server_traits.hpp and
// statem_traits.hpp.
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/detail/class_traits.hpp"
#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/module_table.hpp"

namespace beam {

namespace detail {

template <class T>
struct gen_traits;

/// A class that runs as a gen_core.
template <class T>
concept gen_startable = requires {
    typename gen_traits<T>::object;
};

// Hidden: one table in each module.
template <class T>
struct __attribute__((visibility("hidden"))) gen_class_holder {
    using traits = gen_traits<T>;
    using object = typename traits::object;
    static constexpr gen_class value{
        type_name<T>.text,
        traits::behaviour_name(),
        sizeof(object),
        alignof(object),
        traits::fingerprint(),
        &traits::dispatch,
        &traits::on_timeout,
        &traits::on_continue,
        traits::has_terminate && !traits::terminate_waits ? &traits::on_terminate : nullptr,
        traits::terminate_waits ? &traits::on_terminate_waiting : nullptr,
        traits::has_hibernate ? &traits::on_hibernate : nullptr,
        traits::has_state_term ? &traits::get_state : nullptr,
        traits::has_state_term ? &traits::set_state : nullptr,
        traits::has_format_status ? &traits::format_status : nullptr,
        traits::can_change_code ? &traits::code_change : nullptr,
        traits::engine,
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

template <gen_startable T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        f.server = &gen_class_holder<T>::value;
        f.fingerprint = gen_class_holder<T>::value.fingerprint;
    }
};

template <gen_startable T>
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
