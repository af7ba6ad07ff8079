// What a run is to do, read from a request and checked: nothing of it changes any more.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "tools/faultlab/app/program.hpp"
#include "tools/faultlab/app/promise.hpp"
#include "tools/faultlab/app/schedule.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

struct run_plan {
    tree_rules rules;
    std::vector<std::string> names;     ///< of the workers or programs, in the order of their start
    std::vector<std::string> commands;  ///< of the programs; empty: workers
    program_setting programs;           ///< with commands only
    fault what = fault::crash;
    std::chrono::milliseconds hold{500};     ///< of a lasting fault
    std::chrono::milliseconds within{5000};  ///< a recovery may take so long
    std::optional<std::size_t> victim;       ///< nothing: drawn
    std::uint64_t seed = 0;
    std::vector<planned_fault> faults;

    [[nodiscard]] bool has_programs() const { return !commands.empty(); }
    [[nodiscard]] std::size_t victim_of(const planned_fault& f) const {
        return victim ? *victim : std::size_t(f.draw % names.size());
    }
};

struct program_params {
    std::string name;
    std::string command;
    BEAM_FIELDS(program_params, name, command)
};
struct run_params {
    std::string strategy = "one_for_one";
    std::string restart = "permanent";
    std::string fault = "crash";
    std::optional<std::uint64_t> workers;
    std::optional<std::string> victim;
    std::optional<std::uint64_t> count;
    std::optional<std::string> rate;
    std::optional<std::int64_t> for_ms;
    std::uint64_t seed = 0;
    std::uint64_t intensity = 1;
    std::uint64_t period_s = 5;
    std::optional<std::int64_t> hold_ms;
    std::optional<std::int64_t> within_ms;
    bool dry_run = false;
    std::vector<std::uint64_t> only;  ///< places of the faults in the schedule; empty: all
    std::vector<program_params> programs;
    std::string folder;
    std::map<std::string, std::string> env;
    std::string ready_line;
    std::uint64_t ready_port = 0;
    std::string ready_command;
    std::optional<std::int64_t> ready_within_ms;
    std::optional<std::int64_t> grace_ms;
    BEAM_FIELDS(run_params, strategy, restart, fault, workers, victim, count, rate, for_ms, seed,
                intensity, period_s, hold_ms, within_ms, dry_run, only, programs, folder, env,
                ready_line, ready_port, ready_command, ready_within_ms, grace_ms)
};

/// The plan, or the refusal: kind `bad_params`, exit 2.
[[nodiscard]] tl::expected<std::shared_ptr<run_plan>, beam::request_error> plan_of(
    const run_params& params);

/// What --dry-run shows.
[[nodiscard]] beam::term shown(const run_plan& plan);

/// For runs and attacks: what is drawn, of the rate as people type it. Errors: exit 2.
struct drawing_params {
    std::optional<std::uint64_t> count;
    std::optional<std::string> rate;
    std::optional<std::int64_t> for_ms;
    std::uint64_t seed = 0;
};
[[nodiscard]] tl::expected<std::vector<planned_fault>, beam::request_error> schedule_of(
    const drawing_params& params);

/// A time that a client gives in milliseconds. Errors: exit 2, for negative ones and those over a day.
[[nodiscard]] tl::expected<std::chrono::milliseconds, beam::request_error> time_of(
    const char* option, std::int64_t ms);

/// `A` ... `Z`, `AA` ...
[[nodiscard]] std::string worker_name(std::size_t place);

}  // namespace faultlab
