// Waiting in a process for a stream: try, and if it is not yet possible wait for the wake and try again.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "libbeamcore/io/internal/stream.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::io::detail {

/// What is left of a time limit.
class deadline {
public:
    explicit deadline(timeout limit) : forever_(limit.is_infinite()) {
        if (!limit.is_valid()) raise(atoms::timeout_value);
        if (!forever_) at_ = monotonic_time() + limit.duration();
    }
    [[nodiscard]] timeout left() const {
        if (forever_) return infinity{};
        return std::max(std::chrono::nanoseconds(0), at_ - monotonic_time());
    }

private:
    bool forever_;
    std::chrono::nanoseconds at_{};
};

/// Reductions for so many bytes.
[[nodiscard]] inline int cost_of(std::size_t bytes) {
    return int(std::min<std::size_t>(1 + bytes / 2048, 2000));
}

/// Waits for the wake of `from`; false after the time-out.
[[nodiscard]] inline auto wait_for_wake(token from, int stream, timeout limit) {
    const std::uint64_t value = from.value;
    return this_process().receive_if<wake>(
        [value, stream](const wake& w) { return w.from.value == value && w.stream == stream; },
        limit);
}

inline awaitable<result<std::string>> read_from(std::shared_ptr<stream> s, stream::want w,
                                                std::size_t n, timeout limit) {
    if (!s) co_return fail("closed");
    const deadline until(limit);
    for (;;) {
        auto r = s->take(this_process().id(), w, n);
        if (!r) co_return pass(r);
        if (*r) {
            this_process().bump_reductions(cost_of((*r)->size()));
            co_return **std::move(r);
        }
        auto woken = co_await wait_for_wake(s->id(), s->number(), until.left());
        if (woken) continue;
        s->cancel_input_wake();
        (void)co_await wait_for_wake(s->id(), s->number(), std::chrono::milliseconds(0));
        co_return fail("timeout");
    }
}

/// Repeats `attempt(stream, pid)`, which gives result<bool>, at each wake of the output until it says true.
template <class Attempt>
awaitable<result<void>> until_done(std::shared_ptr<stream> s, Attempt attempt, timeout limit) {
    if (!s) co_return fail("closed");
    const deadline until(limit);
    for (;;) {
        auto r = attempt(*s, this_process().id());
        if (!r) co_return pass(r);
        if (*r) co_return result<void>();
        auto woken = co_await wait_for_wake(s->id(), wake_output, until.left());
        if (woken) continue;
        s->cancel_output_wake();
        (void)co_await wait_for_wake(s->id(), wake_output, std::chrono::milliseconds(0));
        co_return fail("timeout");
    }
}

inline awaitable<result<void>> write_to(std::shared_ptr<stream> s, std::string bytes,
                                        timeout limit) {
    this_process().bump_reductions(cost_of(bytes.size()));
    auto attempt = [bytes = std::move(bytes)](stream& to, pid me) {
        return to.try_write(me, bytes, stream::when_full::wake);
    };
    return until_done(std::move(s), std::move(attempt), limit);
}
inline awaitable<result<void>> flush(std::shared_ptr<stream> s, timeout limit) {
    return until_done(std::move(s), std::mem_fn(&stream::try_flush), limit);
}
inline awaitable<result<void>> wait_connected(std::shared_ptr<stream> s, timeout limit) {
    return until_done(std::move(s), std::mem_fn(&stream::try_connect), limit);
}

/// What verifying a peer costs, a step.
inline constexpr int handshake_reductions = 1000;

inline awaitable<result<void>> do_tls_handshake(std::shared_ptr<stream> s, timeout limit) {
    const deadline until(limit);
    for (;;) {
        auto r = s->try_tls_handshake(this_process().id());
        this_process().bump_reductions(handshake_reductions);
        if (!r) co_return pass(r);
        if (*r) co_return result<void>();
        auto woken = co_await wait_for_wake(s->id(), s->number(), until.left());
        if (woken) continue;
        s->cancel_input_wake();
        (void)co_await wait_for_wake(s->id(), s->number(), std::chrono::milliseconds(0));
        error late;
        late.code = "timeout";
        late.detail = "the peer was silent in the TLS handshake; it may not speak TLS";
        s->give_up_tls(late);
        co_return tl::unexpected<error>(std::move(late));
    }
}

}  // namespace beam::io::detail
