// One round of an experiment: injects the fault, and watches through monitors, pids and which_children.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/ref.hpp"
#include "tools/faultlab/app/lab.hpp"
#include "tools/faultlab/app/messages.hpp"
#include "tools/faultlab/app/round.hpp"
#include "tools/faultlab/app/run_plan.hpp"

namespace faultlab {

/// A supervisor or worker that nothing was done to answers within this time.
inline constexpr std::chrono::seconds answers_within{10};

/// What its rounds have in common: the tree, and the work that was given to its workers.
class round_run {
public:
    round_run(beam::self me, const run_plan& plan, lab& tree) : me_(me), plan_(plan), lab_(tree) {}

    /// Injects `r`'s fault into the tree under `tested`, and notes in `r` what follows it.
    beam::awaitable<void> run(round& r, beam::pid tested);

private:
    beam::awaitable<void> give_work(const round& r);
    beam::awaitable<void> inject(const round& r);
    beam::awaitable<void> watch_the_end(round& r);
    beam::awaitable<void> watch_it_last(round& r);
    beam::awaitable<void> watch_it_stopped(round& r, std::int64_t os_pid);
    beam::awaitable<void> see_who_is_there(round& r);
    beam::awaitable<std::optional<pulse>> ask_again(beam::pid child, std::chrono::nanoseconds until,
                                                    bool are_lost);
    beam::awaitable<std::optional<pulse>> ask(beam::pid child, std::chrono::nanoseconds until);
    beam::awaitable<void> count_work();
    void count_losses(round& r);

    beam::self me_;
    const run_plan& plan_;
    lab& lab_;
    beam::pid tested_;  // the supervisor at the round's start
    std::map<beam::pid, beam::ref> watched_;
    std::map<beam::pid, std::uint64_t> given_, done_;  // tasks, by process
};

}  // namespace faultlab
