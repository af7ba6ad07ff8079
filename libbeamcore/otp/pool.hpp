// pool: a fixed number of worker processes, each used by one process at a time.
//
//     beam::pool_options options(beam::child<connection>(address), 10);
//     auto connections = co_await beam::pool::start_link(options);
//     auto rows = co_await beam::pool::with_worker(
//         *connections, [](beam::pid c, std::string sql) { return connection::query(c, sql); }, sql);
//
// As poolboy and NimblePool. Who finds no free worker waits, first come first served, as long as his limit
// says and while no more than `queue_max` wait. Who dies while he waits, or gives up, is taken out of the
// queue. Workers are children of a dynamic supervisor of the pool's own. One that dies is replaced at once; if
// it lived for less than a second, or cannot be started, after a pause that doubles from 100 ms to 10 s.
//
// Who has a worker is watched. If he dies, or the function of with_worker throws, the worker may be in the middle
// of something: it is ended and replaced. With `give_back` it goes to the next one as it is (poolboy's way).
//
// A work queue is a pool and a process for each job, so that a job's crash is its own:
//
//     beam::process job(beam::self, beam::pid pool, order o) {
//         auto done = co_await beam::pool::with_worker_within(1min, pool, handle_order, o);
//         if (!done) report(o, done.error());  // full: more than queue_max wait; timeout: a minute has passed
//     }
//
// queue_max bounds the memory and tells producers to slow down; the limit bounds how old a job may grow.
//
// All functions exit their caller with `{noproc, _}`, or the pool's reason, when there is no such pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/otp/via.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/detail/unit.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam {

/// What becomes of a worker whose user has died, or has thrown.
enum class unfinished_work : std::uint8_t {
    replace,    ///< the worker is ended, and another one started
    give_back,  ///< the next one has it as it is
};

/// How to make a pool.
struct pool_options {
    pool_options(child_start worker, unsigned size) : worker(std::move(worker)), size(size) {}

    child_start worker;  ///< how each of them is started
    unsigned size;       ///< how many there are
    server_name name{};
    std::size_t queue_max = 1000;  ///< how many may wait; 0: nobody
    unfinished_work unfinished = unfinished_work::replace;
    std::optional<shutdown_type> shutdown{};  ///< of a worker: default 5 s
};

/// A pool at one moment. free + busy + replacing is its size.
struct pool_status {
    std::uint64_t free = 0;
    std::uint64_t busy = 0;
    std::uint64_t replacing = 0;  ///< workers that are about to go, or to be started
    std::uint64_t waiting = 0;    ///< processes that wait for a worker

    friend bool operator==(const pool_status&, const pool_status&) = default;
    BEAM_FIELDS(pool_status, free, busy, replacing, waiting)
};

namespace pool {

/// Starts a pool, linked to the caller, and all its workers. Error: `{already_started, Pid}`; `badarg` for no
/// workers; `{failed_to_start_worker, Reason}`.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> start_link(pool_options options);
/// The start of a pool as a child of a supervisor.
[[nodiscard]] BEAM_EXPORT child_start child(pool_options options);
/// The specification of a child that is a pool: permanent, with all the time that its workers need to stop.
[[nodiscard]] BEAM_EXPORT child_spec child_of(term id, pool_options options);

/// Gives a worker, which is the caller's until check_in, or his death. Error: `timeout` after `limit`; `full` if
/// queue_max processes wait already, and at once if none is free and the limit is 0.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> check_out(server_ref pool,
                                                            timeout limit = default_call_timeout);
/// Gives a worker back. Never waits. From who does not have it: logged, and nothing happens.
BEAM_EXPORT void check_in(const server_ref& pool, pid worker);
/// The same for a worker that is not to be used again: it is ended and replaced.
BEAM_EXPORT void discard(const server_ref& pool, pid worker);

[[nodiscard]] BEAM_EXPORT future<pool_status> status(const server_ref& pool);

/// Ends the pool and its workers and waits until they are gone. As beam::stop.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(server_ref pool, term reason = atoms::normal,
                                               timeout limit = infinity{});

}  // namespace pool

namespace detail {

/// Gives a worker back whose user threw.
BEAM_EXPORT void worker_unfinished(const server_ref& pool, pid worker);

/// What co_await of it gives; T itself if it is no awaitable.
template <class T>
concept awaited_directly = requires(T t) {
    t.await_ready();
    t.await_resume();
};
template <class T>
struct awaited_type {
    using type = T;
};
template <awaited_directly T>
struct awaited_type<T> {
    using type = decltype(std::declval<T&>().await_resume());
};

template <class F, class... Args>
using work_result =
    std::remove_cvref_t<typename awaited_type<std::invoke_result_t<F&, pid, Args...>>::type>;

template <class F, class... Args>
awaitable<outcome<work_result<F, Args...>>> do_work(timeout limit, server_ref pool, F f,
                                                    Args... args) {
    using R = work_result<F, Args...>;
    using given = std::invoke_result_t<F&, pid, Args...>;
    auto asking = pool::check_out(pool, limit);
    outcome<pid> worker = co_await asking;
    if (!worker) co_return fail_term(std::move(worker.error()));
    std::optional<std::conditional_t<std::is_void_v<R>, unit, R>> done;
    try {
        if constexpr (awaited_directly<given>) {
            auto work = f(*worker, std::move(args)...);
            if constexpr (std::is_void_v<R>)
                co_await work;
            else
                done.emplace(co_await work);
        } else if constexpr (std::is_void_v<R>) {
            f(*worker, std::move(args)...);
        } else {
            done.emplace(f(*worker, std::move(args)...));
        }
    } catch (...) {
        worker_unfinished(pool, *worker);
        throw;
    }
    pool::check_in(pool, *worker);
    if constexpr (std::is_void_v<R>)
        co_return outcome<void>();
    else
        co_return outcome<R>(*std::move(done));
}

}  // namespace detail

namespace pool {

/// Checks a worker out, awaits or calls `f(worker, args...)`, gives the worker back and what f gave. Error:
/// as check_out. What f throws goes on to the caller, and the worker is as if the caller had died. What f
/// captures must be trivially destructible: pass the rest as arguments.
template <class F, class... Args>
[[nodiscard]] auto with_worker_within(timeout limit, server_ref pool, F f, Args... args) {
    static_assert(
        std::is_trivially_destructible_v<F>,
        "g++ 12 destroys a capturing lambda in a co_await expression twice: pass what the "
        "function needs as arguments behind it");
    return detail::do_work(limit, pool, std::move(f), std::move(args)...);
}
template <class F, class... Args>
[[nodiscard]] auto with_worker(server_ref pool, F f, Args... args) {
    return with_worker_within(default_call_timeout, pool, std::move(f), std::move(args)...);
}

}  // namespace pool

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::pool_status);
