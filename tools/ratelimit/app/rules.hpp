// Named limits: rows of the table ratelimit_rules, read by every check that names one. They are changed by the
// limiter alone (limiter.hpp), and kept in the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/ets/typed_table.hpp"
#include "libbeamcore/term/fields.hpp"
#include "tools/ratelimit/app/limit.hpp"

namespace ratelimit {

BEAM_ENUM(algorithm, bucket, sliding, fixed)
BEAM_ENUM(inheritance, scale, keep, reset)

/// The rule of who names none. There always is one.
inline constexpr const char* default_rule = "default";

inline constexpr std::size_t name_max = 64;   ///< bytes of a rule's name
inline constexpr std::size_t key_max = 1024;  ///< bytes of a key
inline constexpr std::size_t rules_max = 10'000;

struct rule {
    std::string name;
    std::uint64_t count = 10;
    std::int64_t period = nanoseconds(std::chrono::minutes(2)).count();
    std::uint64_t burst = 10;
    algorithm kind = algorithm::bucket;
    inheritance inherit = inheritance::scale;
    bool shadow = false;        ///< nobody is blocked, only counted
    bool durable = false;       ///< what is spent survives the node
    std::uint64_t blocked = 0;  ///< since the node began, those of a shadow too
    BEAM_FIELDS(rule, name, count, period, burst, kind, inherit, shadow, durable, blocked)
    using key = beam::ets::key_field<&rule::name>;

    [[nodiscard]] ratelimit::limit limit() const;
    void set(const ratelimit::limit& l);
};

/// Makes the table, owned by the caller.
beam::ets::table make_rules_table();

/// The rule of that name; for the default one what is built in, if nobody has set it.
[[nodiscard]] std::optional<rule> find_rule(const std::string& name);
[[nodiscard]] std::vector<rule> all_rules();  ///< by name; the default one if it was set
void count_blocked(const std::string& rule_name);

/// Why `text` is no name of a rule or no key; nothing if it is one.
[[nodiscard]] std::optional<std::string> bad_rule_name(const std::string& text);
[[nodiscard]] std::optional<std::string> bad_key(const std::string& text);

}  // namespace ratelimit
