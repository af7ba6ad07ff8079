// The commands of ratelimit: each asks the node and prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/tool.hpp"

namespace ratelimit::client {

/// What all commands that look at a key may say about its limit.
struct limit_options {
    std::string limit;  ///< `10/2m`
    std::optional<std::uint64_t> burst;
    std::string algorithm;
    std::string rule;
};

struct check_options {
    std::vector<std::string> keys;
    std::uint64_t cost = 1;
    limit_options limit;
    std::string wait;  ///< a duration, `forever`, or empty: not at all
    bool durable = false;
};

struct rule_options {
    std::string name;
    limit_options limit;
    std::string inherit;
    bool shadow = false;
    bool durable = false;
};

beam::tool::exit_code check(beam::client& node, const check_options& o);
beam::tool::exit_code run(beam::client& node, const check_options& o,
                          const std::vector<std::string>& command);
beam::tool::exit_code peek(beam::client& node, const check_options& o);
beam::tool::exit_code reset(beam::client& node, const check_options& o);
beam::tool::exit_code refund(beam::client& node, const check_options& o);
beam::tool::exit_code explain(beam::client& node, const check_options& o, std::uint64_t next);
beam::tool::exit_code set_rule(beam::client& node, const rule_options& o);
beam::tool::exit_code delete_rule(beam::client& node, const std::string& name);
beam::tool::exit_code list_rules(beam::client& node);

/// Reads times from stdin and asks nobody.
beam::tool::exit_code simulate(const beam::tool::common_options& common, const limit_options& o);

}  // namespace ratelimit::client
