// How faultlab shows things as text. The events are those of the application (app/round.hpp, app/attack.hpp).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace faultlab {

using text_lines = std::vector<std::string>;

/// A fault of a run and what followed: `worker A crashed -> restarted`, `worker B unaffected`.
[[nodiscard]] text_lines round_lines(const nlohmann::json& event, bool programs);
/// Who ended although nobody did anything.
[[nodiscard]] text_lines unexpected_lines(const nlohmann::json& event, bool programs);
/// `faults=10 as_promised=10 ...`
[[nodiscard]] std::string summary_line(const nlohmann::json& summary);
/// `at 2s: crash worker A`
[[nodiscard]] text_lines plan_lines(const nlohmann::json& plan);

/// A fault of an attack: `room general killed -> restarted (pid=<0.215.0>)`.
[[nodiscard]] std::string hit_line(const nlohmann::json& event);
[[nodiscard]] std::string attack_summary_line(const nlohmann::json& summary);
[[nodiscard]] text_lines attack_plan_lines(const nlohmann::json& plan);
/// A run or an attack under way.
[[nodiscard]] std::string lease_line(const nlohmann::json& facts);

[[nodiscard]] std::string joined(const text_lines& lines);

}  // namespace faultlab
