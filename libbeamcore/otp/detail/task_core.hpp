// The part of a task that is not a template: the owner's handle, and the process that runs the code.
//
// A task's process waits for one request, which holds the code; its answer is the result. So the owner
// needs neither a monitor nor an alias: a death before the answer ends the request with the reason, and
// a late answer is dropped.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam::detail {

/// What a task's process is asked to run. One of the two; it answers the request itself.
struct task_request {
    callback<void(const from&)> code;
    callback<awaitable<void>(from)> waiting_code;
    term callers;
};

}  // namespace beam::detail

BEAM_EXPORTED_DESCRIPTOR(beam::detail::task_request);

namespace beam::detail {

template <class F, class... Args>
using task_result = std::invoke_result_t<F&, Args&...>;
template <class R>
struct task_value {
    using type = R;
    static constexpr bool waits = false;
};
template <class R>
struct task_value<awaitable<R>> {
    using type = R;
    static constexpr bool waits = true;
};

/// A code with its arguments, as a task's process gets it.
template <class F, class... Args>
task_request task_request_of(F code, Args... args) {
    using value = task_value<task_result<F, Args...>>;
    using R = typename value::type;
    task_request r;
    if constexpr (value::waits) {
        struct job {
            F code;
            std::tuple<Args...> args;
            static awaitable<void> run(job* j, from to) {
                auto work = std::apply(j->code, j->args);
                if constexpr (std::is_void_v<R>) {
                    co_await work;
                    beam::reply(to);
                } else {
                    R made = co_await work;
                    beam::reply(to, std::move(made));
                }
            }
        };
        r.waiting_code = [j = job{std::move(code), std::tuple<Args...>(std::move(args)...)}](
                             from to) mutable { return job::run(&j, to); };
    } else {
        r.code = [code = std::move(code),
                  args = std::tuple<Args...>(std::move(args)...)](const from& to) mutable {
            if constexpr (std::is_void_v<R>) {
                std::apply(code, args);
                beam::reply(to);
            } else {
                beam::reply(to, std::apply(code, args));
            }
        };
    }
    return r;
}

/// The owner's side. Move-only; belongs to the process that made it.
class BEAM_EXPORT task_core {
public:
    /// A process of its own, linked to the caller.
    static task_core start(task_request request);
    /// In a process that waits for its request already (of a task supervisor).
    static task_core start_in(pid process, bool linked, task_request request);
    /// No process: the value is here.
    static task_core completed(message value);

    task_core(task_core&& other) noexcept;
    task_core& operator=(task_core&&) = delete;
    /// Ends a task that is still at work.
    ~task_core();

    [[nodiscard]] beam::pid pid() const { return pid_; }
    [[nodiscard]] beam::pid owner() const { return owner_; }

    // -- await: a plain awaiter, for it is the common one -----------------------------------------

    void set_limit(timeout limit);
    bool await_ready() { return value_ || request_->await_ready(); }
    void await_suspend(std::coroutine_handle<> h) noexcept { request_->await_suspend(h); }
    /// The value; or exits the caller as Task.await does.
    message await_resume();

    // -- the rest ---------------------------------------------------------------------------------

    using answer = std::optional<outcome<message>>;
    [[nodiscard]] awaitable<answer> yield(timeout limit);
    [[nodiscard]] awaitable<answer> shutdown(shutdown_type how);
    [[nodiscard]] answer ignore();
    /// The answer or the failure, if one of them is here. Never waits.
    [[nodiscard]] answer poll();
    [[nodiscard]] pending* request() { return request_ ? &*request_ : nullptr; }
    /// Raises badarg in a process that is not the owner.
    void check_owner() const;
    /// The answer has been taken, or nobody wants it any more.
    [[nodiscard]] bool is_over() const { return !value_ && !request_; }
    /// Ends it with `kill`; its exit message is not seen either.
    void kill();
    /// Lets go of the link: an exit message that came of it is taken away.
    void forget_link();

private:
    task_core(beam::pid process, bool linked);
    outcome<message> finish();

    beam::pid owner_;
    beam::pid pid_{};
    bool linked_ = false;
    message value_;
    std::optional<pending> request_;
    timeout limit_ = infinity{};
};

/// Waits until one of them has something to give, or `limit` has passed.
[[nodiscard]] BEAM_EXPORT awaitable<void> wait_for_any(std::span<task_core* const> tasks,
                                                       timeout limit);
/// Task.await_many: all answers, or exits the caller with the first failure.
[[nodiscard]] BEAM_EXPORT awaitable<std::vector<message>> await_all(std::vector<task_core*> tasks,
                                                                    timeout limit);
/// Task.yield_many.
[[nodiscard]] BEAM_EXPORT awaitable<std::vector<task_core::answer>> yield_all(
    std::vector<task_core*> tasks, timeout limit);

/// A process that runs `request` without anybody waiting for its result.
[[nodiscard]] BEAM_EXPORT pid start_task_process(task_request request, bool link);
/// One that waits for a request, but not longer than `owner` lives; linked to the caller.
[[nodiscard]] BEAM_EXPORT pid start_waiting_task(pid owner);
/// callers() of a task that the calling process starts.
[[nodiscard]] BEAM_EXPORT term callers_of_new_task();

/// `{Why, {task, Function, [Pid, Limit]}}`
[[nodiscard]] BEAM_EXPORT term task_reason(term why, const char* function,
                                           const std::vector<pid>& tasks, timeout limit);

template <class R>
std::optional<outcome<R>> typed_answer(task_core::answer a) {
    if (!a) return std::nullopt;
    if (!*a) return outcome<R>(fail_term(std::move(a->error())));
    if constexpr (std::is_void_v<R>)
        return outcome<R>();
    else
        return outcome<R>(reply_value<R>(std::move(**a)));
}

}  // namespace beam::detail
