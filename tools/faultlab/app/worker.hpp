// A worker of a tree under test: it does tasks, keeps their number, and has faults when it is told to.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
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
/// By how much messages are late under `delay`.
inline constexpr std::chrono::milliseconds late_by{50};

class worker : public beam::gen_server<worker> {
    struct task {};
    struct noise {};
    struct ballast {
        std::array<char, 16384> bytes;  // in the message itself: what that points to is not counted
    };
    struct late {};  // the first of those that are late is due
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
    using infos = beam::messages<late>;

    static beam::init_result<worker> init(beam::pid experiment, std::string name);

    beam::awaitable<beam::call_result<pulse>> handle_call(pulse_request, beam::from caller);
    beam::awaitable<void> handle_cast(task);
    void handle_cast(noise) {}
    void handle_cast(ballast) {}
    beam::awaitable<beam::cast_result> handle_cast(order o);
    beam::awaitable<void> handle_info(late);
    beam::awaitable<void> terminate(const beam::term& reason);

private:
    [[nodiscard]] bool is_kept_away(std::optional<beam::from> caller);
    beam::awaitable<void> be_slow() const;
    beam::awaitable<void> do_task();
    [[nodiscard]] pulse facts() const;

    beam::pid experiment_;
    std::uint64_t done_ = 0;
    // Of the node's clock, as far as there was such a fault.
    std::chrono::nanoseconds slow_until_{}, drop_until_{}, delay_until_{};
    // What has come and is late: a task, or the request of that caller; and when the last of them is due.
    std::deque<std::optional<beam::from>> late_;
    std::chrono::nanoseconds last_late_{};
    bool will_not_stop_ = false;
};

}  // namespace faultlab
