// Requests about keys and limits, understood: what the methods of ratelimit have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/term/fields.hpp"
#include "tools/ratelimit/app/answers.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/rules.hpp"

namespace ratelimit {

struct key_params {
    std::string key;
    std::vector<std::string> keys;
    std::uint64_t cost = 1;
    std::string limit;
    std::optional<std::uint64_t> burst;
    std::string algorithm;
    std::string rule;
    std::optional<std::int64_t> wait_ms;
    bool durable = false;
    std::uint64_t next = 3;
    BEAM_FIELDS(key_params, key, keys, cost, limit, burst, algorithm, rule, wait_ms, durable, next)
};

/// A request understood: which rows, under which limit.
struct asked {
    std::vector<std::string> keys;
    std::vector<std::string> rows;
    ratelimit::rule rule;
    ratelimit::limit limit;
    bool says_limit = false;  ///< the request itself, not only the rule
};

template <class Params>
[[nodiscard]] bool says_limit(const Params& p) {
    return !p.limit.empty() || p.burst || !p.algorithm.empty();
}

/// What `p` says of the limit, and `before` where it says nothing.
template <class Params>
[[nodiscard]] beam::result<limit> limit_of(const Params& p, const limit& before) {
    if (!says_limit(p)) return before;
    if (p.burst && *p.burst == 0) return beam::fail("bad_burst", "a burst is at least 1");
    const std::string kind = p.algorithm.empty() ? name_of(before.kind) : p.algorithm;
    std::uint64_t burst = p.burst.value_or(0);
    if (!p.burst && p.limit.empty() && kind == name_of(algorithm::bucket)) burst = before.burst;
    return parse_limit(p.limit.empty() ? rate_text(before) : p.limit, burst, kind);
}

/// Errors: what a person did wrong, or a rule that is not there.
[[nodiscard]] tl::expected<asked, beam::request_error> understand(const key_params& p);

/// Where the request names no limit, that under which the row was last charged.
[[nodiscard]] limit limit_seen(const asked& a, const std::optional<usage_row>& row);
/// A usage brought under the limit that it is looked at with.
[[nodiscard]] usage usage_seen(const std::optional<usage_row>& row, const limit& l);
[[nodiscard]] verdict look_at(const std::string& row, const limit& l, std::uint64_t cost);

/// Has durable rows saved, and waits until they are on disk; or why they are not.
[[nodiscard]] beam::awaitable<std::optional<beam::request_error>> save_rows(
    std::vector<std::string> rows);

/// check.
void add_check_method(beam::application_definition& app);
/// set_rule, delete_rule, list_rules.
void add_rule_methods(beam::application_definition& app);

}  // namespace ratelimit
