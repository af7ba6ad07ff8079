// A lab: the tree under test, and what can be seen of it. Used by one process, its experiment, to which the
// tree is linked.
//
//   parent (one_for_one)     starts the supervisor under test again when it gives up
//     tested                 with the strategy that is tried
//       A, B, ...            workers or programs
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "tools/faultlab/app/run_plan.hpp"

namespace faultlab {

/// The children at one moment: a pid each, in the order of the plan's names; nothing for who is not there.
struct sighting {
    beam::pid tested;  ///< the supervisor that was asked
    std::vector<std::optional<beam::pid>> pids;
    bool restarting = false;  ///< a start has failed and will be tried again
};

class lab {
public:
    lab(beam::self me, const run_plan& plan, beam::pid lease);

    /// Starts the tree. Gives why it does not start, as people read it.
    beam::awaitable<std::optional<std::string>> start();
    /// Stops it, and waits until it is gone.
    beam::awaitable<void> stop();

    /// Asks for the children; a supervisor that is gone is looked for anew. Nothing when `until` has passed
    /// or the parent has given up too.
    beam::awaitable<std::optional<sighting>> look(std::chrono::nanoseconds until);

    /// Children made from one specification do not come back with their supervisor: starts those missing.
    beam::awaitable<void> start_missing(sighting s);

    /// Has the supervisor stop one of its children and start it again.
    beam::awaitable<void> stop_and_start(std::size_t which, beam::pid child);

    [[nodiscard]] beam::pid parent() const { return parent_; }
    /// Whether the parent has ended by itself.
    [[nodiscard]] bool is_over() const { return over_; }
    /// Takes note of what the parent's end would tell.
    void saw_exit(const beam::exit_message& m) { over_ = over_ || m.from == parent_; }

private:
    [[nodiscard]] beam::child_spec spec_of(std::size_t which) const;
    [[nodiscard]] std::vector<beam::child_spec> specs() const;
    [[nodiscard]] beam::awaitable<std::optional<beam::pid>> find_tested(
        std::chrono::nanoseconds until);
    [[nodiscard]] sighting sighted(const std::vector<beam::child_info>& children) const;
    [[nodiscard]] bool is_simple() const;

    beam::self me_;
    const run_plan& plan_;
    std::shared_ptr<const program_setting> setting_;
    beam::pid parent_;
    beam::pid tested_;
    bool over_ = false;
};

}  // namespace faultlab
