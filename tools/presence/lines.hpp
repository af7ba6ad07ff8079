// How presence shows things as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/common/shown_text.hpp"

namespace presence::client {

/// ` (via nodeA)`, and `: at lunch` behind it if the user's status says so.
[[nodiscard]] std::string where_text(const nlohmann::json& user);
/// `nodeA: up entries=3 version=7 last_heard=250ms incarnation=64c2...`
[[nodiscard]] std::string node_line(const nlohmann::json& node);
/// `healthy (nodes=3 sessions=12)` or `degraded (down=nodeC)`
[[nodiscard]] std::string health_line(const nlohmann::json& health);
/// `join bob/default (via nodeA)`
[[nodiscard]] std::string event_line(const nlohmann::json& event);

/// `alice: ping`
[[nodiscard]] std::string notice_line(const nlohmann::json& notice);
/// `bob: waiting=3 oldest=2m expired=1`
[[nodiscard]] std::string waiting_line(const nlohmann::json& waiting);
/// `9f3c... queued alice: ping`
[[nodiscard]] std::string queued_line(const nlohmann::json& message);
/// `acknowledged (user=bob)`
[[nodiscard]] std::string receipt_line(const nlohmann::json& receipt);

}  // namespace presence::client
