// An attack: faults in a node's own trees, a few and for a time, undone at their end.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "tools/faultlab/app/lease.hpp"
#include "tools/faultlab/app/schedule.hpp"
#include "tools/faultlab/app/targets.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

struct attack_params {
    std::string target;
    std::string fault = "kill";
    std::optional<std::uint64_t> count;
    std::optional<std::string> rate;
    std::optional<std::int64_t> for_ms;
    std::uint64_t seed = 0;
    std::int64_t hold_ms = 1000;
    std::int64_t within_ms = 5000;
    bool include_system = false;
    bool dry_run = false;
    BEAM_FIELDS(attack_params, target, fault, count, rate, for_ms, seed, hold_ms, within_ms,
                include_system, dry_run)
};

struct attack_plan {
    std::string pattern;
    fault what = fault::kill;
    std::chrono::milliseconds hold{}, within{};
    std::optional<std::chrono::milliseconds> during;
    bool include_system = false;
    std::uint64_t seed = 0;
    std::vector<planned_fault> faults;
};

/// Errors: kind `bad_params`, exit 2.
[[nodiscard]] tl::expected<std::shared_ptr<attack_plan>, beam::request_error> plan_of(
    const attack_params& params);

/// Who would be hit now, sorted by name. Errors: `not_found`, exit 1: nobody; `is_system`, exit 77: only
/// processes that the plan does not include.
[[nodiscard]] beam::awaitable<tl::expected<std::vector<target>, beam::request_error>> victims_of(
    std::shared_ptr<const attack_plan> plan);

/// What --dry-run shows.
[[nodiscard]] beam::term shown(const attack_plan& plan, const std::vector<target>& victims);

/// What a lease does for an attack.
[[nodiscard]] leased_work work_of(std::shared_ptr<const attack_plan> plan);

}  // namespace faultlab
