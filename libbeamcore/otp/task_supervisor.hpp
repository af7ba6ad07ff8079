// task_supervisor: tasks as children of a supervisor (Elixir's Task.Supervisor).
//
// Its children end with it; it is a dynamic supervisor, whose other functions (which_children,
// count_children) serve it too. A task that waits for its result is temporary: it is not started again.
//
// Functions that are awaited take code whose captures are trivially destructible (g++ 12 destroys a
// temporary in a co_await expression twice); pass other values as arguments.
#pragma once

#include <chrono>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/task.hpp"
#include "libbeamcore/otp/task_stream.hpp"

namespace beam {

namespace detail {

/// Starts a task under a supervisor. Raises `{badarg, Reason}` if that does not start it.
[[nodiscard]] BEAM_EXPORT awaitable<task_core> supervised_task(server_ref supervisor,
                                                               task_request request, bool linked);
template <class R>
awaitable<task<R>> supervised_task_of(server_ref supervisor, task_request request, bool linked) {
    task_core core = co_await supervised_task(std::move(supervisor), std::move(request), linked);
    co_return task<R>(std::move(core));
}

template <class F>
inline constexpr bool is_safe_code = std::is_trivially_destructible_v<F>;

}  // namespace detail

namespace task_supervisor {

/// Starts one, linked to the calling process.
///
/// Errors: as dynamic_supervisor::start_link.
[[nodiscard]] inline awaitable<start_result> start_link(dynamic_supervisor_flags flags = {},
                                                        server_name name = {}) {
    return dynamic_supervisor::start_link(flags, std::move(name));
}
/// The start of one as a child of another supervisor.
[[nodiscard]] inline child_start child(dynamic_supervisor_flags flags = {}, server_name name = {}) {
    return dynamic_supervisor::child(flags, std::move(name));
}

/// Runs `code(args...)` in a child of the supervisor, linked to the caller too. Raises `{badarg,
/// max_children}` if there are too many.
template <class F, class... Args>
[[nodiscard]] auto async(const server_ref& supervisor, F code, Args... args) {
    static_assert(detail::is_safe_code<F>, "pass what the code needs as arguments");
    using R = typename detail::task_value<detail::task_result<F, Args...>>::type;
    return detail::supervised_task_of<R>(
        supervisor, detail::task_request_of(std::move(code), std::move(args)...), true);
}
/// The same without a link to the caller: its crash is an exit reason that yield gives.
template <class F, class... Args>
[[nodiscard]] auto async_nolink(const server_ref& supervisor, F code, Args... args) {
    static_assert(detail::is_safe_code<F>, "pass what the code needs as arguments");
    using R = typename detail::task_value<detail::task_result<F, Args...>>::type;
    return detail::supervised_task_of<R>(
        supervisor, detail::task_request_of(std::move(code), std::move(args)...), false);
}

/// Starts a child that runs `code(args...)`; nobody waits for its value. With another restart than
/// temporary, code and arguments are copied at each start.
///
/// Errors: `max_children`.
template <class F, class... Args>
[[nodiscard]] future<start_result> start_child(const server_ref& supervisor, restart_type restart,
                                               F code, Args... args) {
    static_assert(detail::is_safe_code<F>, "pass what the code needs as arguments");
    child_spec spec = task_child(atoms::undefined, std::move(code), std::move(args)...);
    spec.restart = restart;
    return dynamic_supervisor::start_child(supervisor, std::move(spec));
}
template <class F, class... Args>
requires(!std::is_same_v<F, restart_type>)
    [[nodiscard]] future<start_result> start_child(const server_ref& supervisor, F code,
                                                   Args... args) {
    return start_child(supervisor, restart_type::temporary, std::move(code), std::move(args)...);
}

/// Ends a task as its supervisor would: `shutdown`, and `kill` after 5 s. Error: `not_found`.
[[nodiscard]] inline future<outcome<void>> terminate_child(const server_ref& supervisor, pid task) {
    return dynamic_supervisor::terminate_child(supervisor, task);
}

/// The tasks that run now.
[[nodiscard]] BEAM_EXPORT awaitable<std::vector<pid>> children(server_ref supervisor);

/// async_stream() with the tasks under the supervisor, linked to the caller too.
template <class Range, class F>
auto async_stream(const server_ref& supervisor, Range items, F code,
                  task_stream_options options = {}) {
    using R = beam::detail::task_result<F, beam::detail::item_of<Range>>;
    auto source =
        beam::detail::stream_source(std::move(items), std::move(code), options.zip_input_on_exit);
    return beam::detail::stream_of<R>(
        beam::detail::task_stream_core(std::move(source), options, supervisor, true));
}
/// The same without links: a task that crashes is a failure among the elements.
template <class Range, class F>
auto async_stream_nolink(const server_ref& supervisor, Range items, F code,
                         task_stream_options options = {}) {
    using R = beam::detail::task_result<F, beam::detail::item_of<Range>>;
    auto source =
        beam::detail::stream_source(std::move(items), std::move(code), options.zip_input_on_exit);
    return beam::detail::stream_of<R>(
        beam::detail::task_stream_core(std::move(source), options, supervisor, false));
}

}  // namespace task_supervisor

}  // namespace beam
