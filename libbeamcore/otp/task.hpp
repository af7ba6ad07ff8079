// task: a computation in a process of its own, whose value is waited for (Elixir's Task).
//
//     beam::task<int> answer = beam::async(slow_sum, 1, 2);
//     ...
//     int sum = co_await answer.await();
//
// The code is a function, or a function object, that gives a value or an awaitable of one. It runs in a
// process that is linked to its owner, the process that called async: the crash of one is the end of
// the other, unless it traps exits. What the code throws is the task's exit reason. A task's own
// process knows who asked: callers().
//
// On g++ 12 make a function object with captures in a statement, not inside a co_await expression; the
// functions here are shaped so that this happens by itself.
#pragma once

#include <chrono>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/detail/task_core.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// How long await, yield and shutdown wait unless told otherwise.
inline constexpr timeout default_task_timeout = std::chrono::seconds(5);

/// A task as its owner holds it. Move-only; used by its owner only (another process gets the error
/// `badarg`). Destroyed while the task is at work, as when the owner dies of whatever reason, it ends
/// the task with `shutdown`.
template <class R>
class [[nodiscard]] task {
public:
    using value_type = R;

    [[nodiscard]] beam::pid pid() const { return core_.pid(); }
    [[nodiscard]] beam::pid owner() const { return core_.owner(); }

    struct awaiter {
        detail::task_core* core;
        bool await_ready() { return core->await_ready(); }
        void await_suspend(std::coroutine_handle<> h) noexcept { core->await_suspend(h); }
        R await_resume() { return detail::reply_value<R>(core->await_resume()); }
    };
    /// The value. Exits the caller with `{Reason, {task, await, [Pid, Limit]}}` if the task has ended
    /// without one, or with `timeout` for the reason; the task goes on then, as long as this object
    /// lives. Once.
    [[nodiscard]] awaiter await(timeout limit = default_task_timeout) & {
        core_.set_limit(limit);
        return {&core_};
    }

    /// The value, or the task's exit reason; nothing if neither is here when `limit` has passed. May be
    /// asked again.
    [[nodiscard]] awaitable<std::optional<outcome<R>>> yield(
        timeout limit = default_task_timeout) & {
        detail::task_core::answer a = co_await core_.yield(limit);
        co_return detail::typed_answer<R>(std::move(a));
    }

    /// Ends the task: with `shutdown`, and with `kill` when it has not ended in time. The value if it
    /// had one; nothing if it ended because of this; else its exit reason. No message of the task is
    /// left.
    [[nodiscard]] awaitable<std::optional<outcome<R>>> shutdown(
        shutdown_type how = default_shutdown) & {
        detail::task_core::answer a = co_await core_.shutdown(std::move(how));
        co_return detail::typed_answer<R>(std::move(a));
    }

    /// Takes link and interest back: the task goes on by itself, and its answer is dropped. The value
    /// or the exit reason if it is here already.
    std::optional<outcome<R>> ignore() { return detail::typed_answer<R>(core_.ignore()); }

    // For the functions of this header and task_supervisor's.
    explicit task(detail::task_core core) : core_(std::move(core)) {}
    [[nodiscard]] detail::task_core& core() { return core_; }

private:
    detail::task_core core_;
};

template <class F, class... Args>
using task_of = task<typename detail::task_value<detail::task_result<F, Args...>>::type>;

/// Runs `code(args...)` in a process linked to the caller, which is the task's owner.
template <class F, class... Args>
task_of<F, Args...> async(F code, Args... args) {
    auto request = detail::task_request_of(std::move(code), std::move(args)...);
    return task_of<F, Args...>(detail::task_core::start(std::move(request)));
}

/// A task that has its value already, without a process.
template <sendable R>
task<R> completed_task(R value) {
    return task<R>(detail::task_core::completed(message::make(std::move(value))));
}

/// Runs `code(args...)` in a process of its own, linked to the caller or not. Nobody waits for its value.
template <class F, class... Args>
pid start_task_link(F code, Args... args) {
    return detail::start_task_process(detail::task_request_of(std::move(code), std::move(args)...),
                                      true);
}
template <class F, class... Args>
pid start_task(F code, Args... args) {
    return detail::start_task_process(detail::task_request_of(std::move(code), std::move(args)...),
                                      false);
}

/// A task as the child of a supervisor, temporary: it is not started again.
template <class F, class... Args>
[[nodiscard]] child_spec task_child(term id, F code, Args... args) {
    auto start = [code = std::move(code), args...]() -> start_result {
        return started{start_task_link(code, args...), {}};
    };
    return child_spec(std::move(id),
                      child_start(std::move(start)).described(atom("task"), atoms::undefined),
                      restart_type::temporary);
}

/// The values of all tasks, in their order. The first failure, or the end of `limit`, exits the caller
/// with `{Reason, {task, await_many, [Pids, Limit]}}`.
template <class R>
[[nodiscard]] awaitable<std::vector<R>> await_many(std::vector<task<R>>& tasks,
                                                   timeout limit = default_task_timeout) {
    std::vector<detail::task_core*> cores;
    for (auto& t : tasks) cores.push_back(&t.core());
    std::vector<message> answers = co_await detail::await_all(std::move(cores), limit);
    std::vector<R> values;
    for (auto& a : answers) values.push_back(detail::reply_value<R>(std::move(a)));
    co_return values;
}

/// For each task its value, its exit reason, or nothing when `limit` has passed, which is one for all
/// of them.
template <class R>
[[nodiscard]] awaitable<std::vector<std::optional<outcome<R>>>> yield_many(
    std::vector<task<R>>& tasks, timeout limit = default_task_timeout) {
    std::vector<detail::task_core*> cores;
    for (auto& t : tasks) cores.push_back(&t.core());
    std::vector<detail::task_core::answer> answers =
        co_await detail::yield_all(std::move(cores), limit);
    std::vector<std::optional<outcome<R>>> values;
    for (auto& a : answers) values.push_back(detail::typed_answer<R>(std::move(a)));
    co_return values;
}

/// In a task: who started it, its starter first, if that is a task itself its own callers after it.
/// Elsewhere `[]`.
[[nodiscard]] BEAM_EXPORT term callers();

}  // namespace beam
