// A worker of a tree under test: it does tasks, keeps their number, and has faults when it is told to.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "tools/faultlab/app/messages.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

/// Bytes of messages that may wait for a worker; with more the runtime kills it.
inline constexpr std::uint64_t worker_heap_max = 1 << 20;
/// How long a worker may take to stop before its supervisor kills it.
inline constexpr std::chrono::milliseconds worker_shutdown{500};
inline constexpr std::uint64_t storm_messages = 10'000;

class worker : public beam::gen_server<worker> {
    struct task {};
    struct noise {};
    struct ballast {
        std::array<char, 16384> bytes;  // in the message itself: what that points to is not counted
    };
    struct order {
        fault what = fault::crash;
        std::chrono::milliseconds hold{};
    };

public:
    /// Has it do a task, which it reports to the experiment (task_done).
    static void give_task(beam::pid worker);
    /// Has it have a fault; a lasting one for `hold`.
    static void suffer(beam::pid worker, fault what, std::chrono::milliseconds hold);

    /// The start of a worker that reports to `experiment`.
    static beam::child_start child(beam::pid experiment, std::string name);
    /// The same with the name to come, for children made from one specification.
    static beam::child_start child(beam::pid experiment);

    /// As long as `experiment` lives or until let_start: no worker of that name starts under `supervisor`.
    static void keep_from_starting(beam::pid experiment, beam::pid supervisor,
                                   const std::string& name);
    static void let_start(beam::pid experiment, beam::pid supervisor, const std::string& name);

    using calls = beam::messages<pulse_request>;
    using casts = beam::messages<task, noise, ballast, order>;

    static beam::init_result<worker> init(beam::pid experiment, std::string name);

    beam::awaitable<pulse> handle_call(pulse_request);
    beam::awaitable<void> handle_cast(task);
    void handle_cast(noise) {}
    void handle_cast(ballast) {}
    beam::awaitable<beam::cast_result> handle_cast(order o);
    beam::awaitable<void> terminate(const beam::term& reason);

private:
    beam::awaitable<void> be_slow() const;

    beam::pid experiment_;
    std::uint64_t done_ = 0;
    std::chrono::nanoseconds slow_until_{};
    bool will_not_stop_ = false;
};

}  // namespace faultlab
