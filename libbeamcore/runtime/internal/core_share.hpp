// How many schedulers take work, as the machine's cores allow.
//
// Where other threads want the cores too (a disk's, other programs, other nodes), a scheduler's thread waits for one longer than it runs. What
// it takes over lies still meanwhile, and each wake-up and each theft costs both sides. With one scheduler less the others do more: on two
// cores durable puts over RESP come from 43 400 a second to 47 400, those of three nodes from 11 100 to 12 150.
//
// One that rests runs what lies with it, then gives it away; it takes nothing over, looks after no descriptors, and is woken for
// nobody. It is back at once when another never runs out of work, or is stuck, and when cores are free again.
#pragma once

#include <cstdint>
#include <optional>

namespace beam::detail {

/// What a thread had of the cores since it began, in nanoseconds.
struct core_times {
    std::int64_t ran = 0, waited = 0;
};
/// Of a thread of this process. Nothing: it has ended, or the kernel does not tell.
[[nodiscard]] std::optional<core_times> core_times_of(int thread_id);

/// Judges period after period. A plain value.
class core_share {
public:
    static constexpr std::int64_t period_ns = 20'000'000;

    struct period {
        std::int64_t wall = 0;
        core_times all;            // schedulers together
        bool all_ran_out = false;  ///< each that takes work had none at some moment
    };

    explicit core_share(unsigned schedulers) : all_(schedulers), active_(schedulers) {}

    /// How many of them take work from now on; at least one.
    unsigned judge(const period& p, std::int64_t now);
    /// One of them is stuck with work waiting behind it.
    unsigned all_help(std::int64_t now);
    /// All slept meanwhile: what was judged before is over.
    unsigned begin_anew(std::int64_t now);

private:
    unsigned more(unsigned active, std::int64_t now);

    unsigned all_, active_;
    std::int64_t changed_at_ = 0;  // by more()
    std::int64_t rests_since_ = 0, rests_for_ = 0;
};

}  // namespace beam::detail
