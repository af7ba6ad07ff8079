// The table `breakers`: a row for each breaker, written by its process at each change of state. So they can be
// listed without asking any of them, and one that is started again knows what it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/ets/typed_table.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/pid.hpp"
#include "tools/ratelimit/app/breaker_settings.hpp"

namespace breakers {

enum class state_kind : std::uint8_t { closed, open, half_open, disabled };
BEAM_ENUM(state_kind, closed, open, half_open, disabled)
[[nodiscard]] const char* name_of(state_kind s);

struct breaker_row {
    std::string name;
    state_kind state = state_kind::closed;
    bool forced = false;
    std::int64_t until = 0;  ///< of an open one, on the node's clock; 0: until it is reset
    std::int64_t since_ms = 0;
    std::uint32_t again = 0;
    std::uint64_t opened = 0;
    std::uint32_t starts = 0;    ///< how often its process was started
    std::int64_t ramp_from = 0;  ///< of a closed one, on the node's clock: since when; 0: no ramp
    std::string reason;
    std::string by;
    BEAM_FIELDS(breaker_row, name, state, forced, until, since_ms, again, opened, starts, ramp_from,
                reason, by)
    using key = beam::ets::key_field<&breaker_row::name>;
};

/// What is kept in the store: what people have set.
struct kept_breaker {
    std::optional<settings> own;
    std::optional<state_kind> forced;  ///< open or disabled
    std::int64_t until_ms = 0;         ///< Unix time; 0: until it is reset
    std::int64_t since_ms = 0;
    std::string reason;
    std::string by;
    BEAM_FIELDS(kept_breaker, own, forced, until_ms, since_ms, reason, by)

    [[nodiscard]] bool is_empty() const { return !own && !forced; }
};

/// What is kept of that breaker; empty if nothing is. Exits the caller if it cannot be read.
[[nodiscard]] kept_breaker read_kept(const std::string& name);

/// To those who watch (breaker_watchers): a breaker has changed its state.
struct breaker_event {
    std::string name;
    state_kind from = state_kind::closed;
    state_kind to = state_kind::closed;
    std::int64_t at_ms = 0;
    std::int64_t cooldown_ms = 0;
    std::string reason;
    std::string by;
};

/// Makes the table, owned by the caller.
beam::ets::table make_breakers_table();

[[nodiscard]] std::optional<breaker_row> find_row(const std::string& name);
/// Puts a row in, or in place of the one before; keeps count of how many are open.
void put_row(const breaker_row& row);
void erase_row(const std::string& name);
/// How many are open or half open.
[[nodiscard]] std::uint64_t open_breakers();

/// At most `limit` rows after that name, in the order of names; looks at no others.
[[nodiscard]] std::vector<breaker_row> page_after(const std::string& name, std::size_t limit);

/// Tells all who watch it, or all.
void tell_watchers(const breaker_event& e);
/// The calling process is sent breaker_event of that breaker (empty: of all) until it ends.
void watch(const std::string& name);

// -- finding processes ----------------------------------------------------------------------------------

[[nodiscard]] std::optional<beam::pid> find_breaker(const std::string& name);
[[nodiscard]] std::vector<beam::pid> all_breakers();

}  // namespace breakers
