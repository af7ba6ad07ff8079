// The monitor thread: fairness against code that never gives way.
//
// While anything runs it looks at every scheduler once a millisecond. A scheduler whose worker has been in the
// same turn for longer than `hog_after` of processor time (or ten times as long on the clock: it blocks in the
// kernel, or the machine is overloaded) is handed to a fresh worker; the stuck one keeps its process and goes
// on at the lowest priority (nice 19, else SCHED_IDLE), so that the schedulers come first. At most
// `hog_threads_max` threads may be stuck; at the cap nothing is handed over and `hog_limit` is reported. It also
// wakes an idle scheduler when another has work waiting, and asks for news of descriptors when no scheduler comes to
// it. It sleeps while all schedulers do.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/internal/core_share.hpp"
#include "libbeamcore/runtime/internal/thread_stack.hpp"
#include "libbeamcore/runtime/system_monitor.hpp"

namespace beam::detail {

class runtime_impl;
class scheduler;
class worker;

class hog_watch {
public:
    explicit hog_watch(runtime_impl& node) : node_(node) {}

    void start();
    void stop();
    /// A scheduler woke from a state in which all were idle.
    void notice_activity() {
        if (asleep_.load(std::memory_order_relaxed)) wake();
    }
    void worker_retired() { stuck_.fetch_sub(1); }

    [[nodiscard]] unsigned stuck() const { return unsigned(stuck_.load()); }
    [[nodiscard]] std::uint64_t hand_overs() const { return hand_overs_.load(); }
    [[nodiscard]] std::uint64_t limit_hits() const { return limit_hits_.load(); }

private:
    struct seen {
        std::uint64_t turn = 0;
        std::int64_t since = 0;
        std::int64_t cpu_since = 0;  // the thread's processor time then
        bool limit_reported = false;
        bool long_reported = false;
    };

    /// What was read of a scheduler's thread at the end of the last period.
    struct read_before {
        int thread_id = 0;
        core_times times;
        std::uint64_t ran_out = 0;
    };

    struct hog {
        system_event event;  // of no process: there is nothing to report
        std::optional<stack_request> stack;
    };

    void main();
    bool look(std::int64_t now);
    bool news_are_attended();
    void look_at(scheduler& s, seen& last, std::int64_t now);
    /// Once a period: who takes work.
    void share_cores(std::int64_t now);
    void set_active(unsigned count);
    bool hand_over(scheduler& s, std::uint64_t turn);
    void look_at_hog(hog& h, const worker& w, system_event::kind kind, std::int64_t ran_for,
                     bool is_computing) const;
    void report_hog(hog& h);
    void join_ended();
    void wake();

    runtime_impl& node_;
    std::vector<seen> seen_;
    std::optional<core_share> share_;
    std::vector<read_before> read_before_;
    std::int64_t period_began_ = 0;
    std::atomic<bool> asleep_{false};
    std::atomic<std::uint32_t> wake_word_{0};
    std::atomic<int> stuck_{0};
    std::atomic<std::uint64_t> hand_overs_{0}, limit_hits_{0};
    std::thread thread_;
};

}  // namespace beam::detail
