// What each key has used: rows of the table ratelimit_usage, changed in place by whoever checks. No process is
// in the way; the owner of the table only looks after it (limiter.hpp).
//
// A row without which everything would be allowed as well is as good as none: it may be taken out at any time.
//
// All functions run in a process of a node that has the table, and raise badarg where there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/ets/typed_table.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/ratelimit/app/clock.hpp"
#include "tools/ratelimit/app/limit.hpp"

namespace ratelimit {

/// One row: eight elements, so that a table keeps it in place (no node, nothing to follow), and its integers
/// together, so that they are changed where they are.
struct usage_row {
    std::string name;  ///< the rule, a zero byte, the key
    std::int64_t at = 0;
    std::uint64_t used = 0;
    std::uint64_t part = 0;
    std::int64_t idle_at = 0;  ///< from then on it is as good as none
    std::int64_t counts = 0;   ///< of its limit: count and burst
    std::int64_t span = 0;     ///< and period and algorithm; whether it is durable
    std::vector<std::pair<std::int64_t, std::uint64_t>> log;
    BEAM_FIELDS(usage_row, name, at, used, part, idle_at, counts, span, log)
    using key = beam::ets::key_field<&usage_row::name>;

    [[nodiscard]] ratelimit::limit limit() const;
    [[nodiscard]] ratelimit::usage usage() const;
    void set(const ratelimit::limit& l, const ratelimit::usage& u);
    /// Kept in the store too.
    [[nodiscard]] bool is_durable() const { return (span & 1) != 0; }
    void set_durable() { span |= 1; }
};

/// Whose row: `rule` names no key of another rule.
[[nodiscard]] std::string row_name(std::string_view rule, std::string_view key);
[[nodiscard]] std::string_view rule_in(std::string_view row_name);
[[nodiscard]] std::string_view key_in(std::string_view row_name);

/// Makes the table, owned by the caller.
beam::ets::table make_usage_table();

/// Takes `cost` if the limit allows it within `patience`: one atomic step. A row that was charged under another
/// limit is carried over (inheritance::scale). `durable` marks the row; saving it is another's work. The key is
/// made by row_name().
[[nodiscard]] verdict charge(const beam::ets::table& usages, const beam::term& name, const limit& l,
                             std::uint64_t cost, nanoseconds patience = {}, bool durable = false);

/// The row, if there is one.
[[nodiscard]] std::optional<usage_row> find_row(const beam::ets::table& usages,
                                                const std::string& name);

/// Gives tokens back, under the limit they were taken under; what remains is told. False: nothing is spent.
bool refund(const beam::ets::table& usages, const std::string& name, std::uint64_t cost);

/// Carries a row over to another limit now.
void carry_over(const beam::ets::table& usages, const std::string& name, const limit& l,
                inheritance how);

}  // namespace ratelimit
