// What observer asks a node. All of it only reads, so that a question which a restart of the node left
// unanswered is asked again.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/common/tool.hpp"

namespace observer {

/// Which processes, and in what order.
struct process_query {
    std::string sort = "memory";
    std::uint64_t limit = 20;  ///< 0: all
    bool reverse = false;
    std::string filter;  ///< part of the name or the code; empty: all
    std::string parent;  ///< only its children; empty: all
    std::uint64_t offset = 0;
    std::int64_t sample_ms =
        0;  ///< how long reductions are counted for `rate`; 0: the node's default
};

/// Asks once more if the node ended meanwhile.
[[nodiscard]] nlohmann::json ask(beam::client& node, std::string_view method,
                                 const nlohmann::json& params = nlohmann::json::object());

/// `node.status` and `node.system` in one.
[[nodiscard]] nlohmann::json ask_system(beam::client& node);

/// More than one answer holds are gathered page by page, and then sorted here.
[[nodiscard]] nlohmann::json ask_processes(beam::client& node, const process_query& query);

[[nodiscard]] nlohmann::json ask_tree(beam::client& node, const std::string& root);
[[nodiscard]] nlohmann::json ask_applications(beam::client& node, bool installed);
[[nodiscard]] nlohmann::json ask_info(beam::client& node, const std::string& pid, bool with_state);

/// The keys that processes can be sorted by, in the order in which the view offers them.
inline constexpr const char* sort_keys[] = {"memory", "reductions", "rate", "queue", "name", "pid"};
/// Whether it is the smallest that comes first, unless reversed: names and pids.
[[nodiscard]] bool is_ascending(std::string_view sort);

}  // namespace observer
