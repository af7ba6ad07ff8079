// runtime: one node's processes, schedulers, timers and names. An object; several live side by side.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

struct runtime_options {
    /// Scheduler threads; 0 = one a core.
    unsigned schedulers = 0;
    /// Threads for blocking(); started when needed, ended after a minute without work.
    unsigned dirty_threads = 10;
    /// How long a process may run without giving way before its scheduler is handed to another thread.
    std::chrono::microseconds hog_after{2000};
    /// Threads that may be stuck in such processes at once. At the cap schedulers are no longer handed
    /// over: a further hog holds its scheduler until it gives way, and `hog_limit` is reported.
    unsigned hog_threads_max = 64;
    std::uint32_t processes_max = 1u << 27;
    /// Where a runtime that takes over from another goes on: the first id of its own pids (those below are
    /// given by spawn_options::at alone), and of the numbers in references, timers and requests.
    std::uint32_t first_pid = 1;
    std::uint64_t first_unique = 1;
    /// One thread, virtual time, and an order of running chosen by `seed`: see simulation.hpp.
    bool deterministic = false;
    std::uint64_t seed = 0;
};

/// Counters of a node, since it started.
struct runtime_statistics {
    std::uint64_t spawned = 0, exited = 0, reductions = 0, messages_dropped = 0;
    std::uint64_t hand_overs = 0, hog_limit_hits = 0, timers_pending = 0;
    unsigned schedulers = 0, schedulers_busy = 0, hog_threads = 0, dirty_jobs = 0;
    /// Those that take work: fewer while other threads of the machine want the cores as well, so that the rest does more.
    unsigned schedulers_active = 0;
    std::uint32_t processes = 0;
    std::uint64_t uptime_ns = 0;
    std::vector<std::uint32_t> run_queues;
};

namespace detail {
class runtime_impl;
}

/// A node's runtime. Made and destroyed by a plain thread; its processes live in between.
class BEAM_EXPORT runtime {
public:
    explicit runtime(const runtime_options& options = {});
    /// Kills every process (exit signal `kill`, at once), runs their destructors and joins all
    /// threads. A process that never gives way delays this for ever.
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Spawning and sending from plain threads.
    template <class F, class... Args>
    pid spawn(F code, Args... args) {
        return detail::spawn_in(this, {}, std::move(code), std::move(args)...).pid;
    }
    template <class F, class... Args>
    spawned spawn_opt(const spawn_options& options, F code, Args... args) {
        return detail::spawn_in(this, options, std::move(code), std::move(args)...);
    }
    template <sendable T>
    void send(pid to, T value) {
        send_raw(to, message::make(std::move(value)).release());
    }
    [[nodiscard]] std::optional<pid> whereis(atom name) const;
    [[nodiscard]] std::vector<pid> processes() const;
    [[nodiscard]] std::optional<process_summary> process_info(pid p) const;
    void exit(pid target, term reason);

    /// Runs `code(self, args...)`, a coroutine giving awaitable<T>, in a process of its own and waits, as
    /// a plain thread, for its value; or the process's exit reason. In deterministic mode steps the
    /// runtime until then, and gives `deadlock` when nothing can run and no timer is set.
    template <class F, class... Args>
    auto execute(F code, Args... args) {
        using awaited = std::invoke_result_t<F&, self, Args...>;
        return execute_as(static_cast<awaited*>(nullptr), std::move(code), std::move(args)...);
    }

    /// Waits, as a plain thread, until the process is gone, and gives its reason (`noproc` at once).
    term wait_for_exit(pid p);

    [[nodiscard]] runtime_statistics statistics() const;
    [[nodiscard]] const runtime_options& options() const;

    /// The monotonic clock; virtual in deterministic mode.
    [[nodiscard]] std::chrono::nanoseconds now() const;

    // Deterministic mode only; std::logic_error otherwise. See simulation.hpp.
    /// Runs one process for one turn; false if nothing is runnable.
    bool step();
    /// Steps until nothing is runnable at the present virtual time, or `limit` steps are done.
    std::size_t run_until_idle(std::size_t limit = SIZE_MAX);
    /// Moves virtual time, firing timers in order and running what they wake.
    void advance(std::chrono::nanoseconds d);
    /// Runs, moving time to the next timer whenever idle, until `done()` or nothing is left to happen.
    bool run_until(const std::function<bool()>& done,
                   std::chrono::nanoseconds virtual_limit = std::chrono::hours(24));

    [[nodiscard]] detail::runtime_impl& impl() const { return *impl_; }

private:
    void send_raw(pid to, detail::signal* s);
    term run_to_exit(pid p);

    template <class T, class F, class... Args>
    outcome<T> execute_as(awaitable<T>*, F code, Args... args) {
        struct slot {
            std::optional<std::conditional_t<std::is_void_v<T>, detail::unit, T>> value;
        };
        slot result;
        pid p = spawn(
            [](self s, F f, slot* out, Args... a) -> process {
                (void)co_await s.receive<detail::unit>();  // its end is watched from here on
                if constexpr (std::is_void_v<T>) {
                    co_await f(s, std::move(a)...);
                    out->value.emplace();
                } else {
                    out->value.emplace(co_await f(s, std::move(a)...));
                }
            },
            std::move(code), &result, std::move(args)...);
        term reason = run_to_exit(p);
        if (!result.value) return fail_term(std::move(reason));
        if constexpr (std::is_void_v<T>) {
            return {};
        } else {
            return *std::move(result.value);
        }
    }

    std::unique_ptr<detail::runtime_impl> impl_;
};

}  // namespace beam
