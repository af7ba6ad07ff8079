// Dirty calls: code that blocks runs on a pool of its own, not on a scheduler.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"

namespace beam {

namespace detail {
/// Runs `job` on the dirty pool; it answers `from` itself or by what it returns.
BEAM_EXPORT void run_dirty(const from& to, callback<signal*()> job);
BEAM_EXPORT from start_dirty(pending& p);
BEAM_EXPORT signal* dirty_failure() noexcept;
}  // namespace detail

/// The answer of a blocking job; awaited as a call is.
template <class T>
class [[nodiscard]] blocking_future {
public:
    template <class F>
    explicit blocking_future(F job) : pending_(server_ref(pid{}), infinity{}, "blocking") {
        from to = detail::start_dirty(pending_);
        detail::run_dirty(to, [job = std::move(job)]() mutable -> detail::signal* {
            try {
                if constexpr (std::is_void_v<T>) {
                    job();
                    return message::make(detail::unit{}).release();
                } else {
                    return message::make(T(job())).release();
                }
            } catch (...) {
                return detail::dirty_failure();
            }
        });
    }
    bool await_ready() { return pending_.await_ready(); }
    void await_suspend(std::coroutine_handle<> h) noexcept { pending_.await_suspend(h); }
    T await_resume() {
        auto answer = pending_.finish();
        if (!answer) exit(std::move(answer.error()));
        return detail::reply_value<T>(*std::move(answer));
    }

private:
    detail::pending pending_;
};

/// Runs `job()` on the dirty pool and gives its result: `auto f = beam::blocking([p] { return read(p); });
/// int n = co_await f;`. What it throws exits the caller. If the caller dies the job runs to its end and
/// the result is dropped. A job that captures (by value) something with a destructor must be named before the
/// co_await, as here: g++ 12.
template <class F>
[[nodiscard]] auto blocking(F job) {
    return blocking_future<std::invoke_result_t<F&>>(std::move(job));
}

}  // namespace beam
