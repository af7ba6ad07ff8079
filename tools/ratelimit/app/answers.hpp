// What the methods' answers have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/release/answered.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/ratelimit/app/limit.hpp"

namespace ratelimit {

/// An answer's members, in the making.
class fields {
public:
    void add(const char* name, beam::term value);
    /// Changes one that is there.
    void set(const char* name, beam::term value);
    [[nodiscard]] beam::term to_term() const { return beam::map_of(std::span(entries_)); }

private:
    std::vector<beam::map_entry> entries_;
};

/// The five that every verdict has.
[[nodiscard]] fields fields_of(const verdict& v);
/// limit_text, count, period_ms, burst, algorithm.
void add_limit(fields& f, const limit& l);

/// Milliseconds, never too few.
[[nodiscard]] std::int64_t ms_up(nanoseconds d);

using beam::answered;

/// A request that makes no sense: exit 2.
[[nodiscard]] tl::unexpected<beam::request_error> malformed(std::string why);
/// The tables are gone for a moment (tables.hpp): exit 75.
[[nodiscard]] tl::unexpected<beam::request_error> no_tables();

/// Why `text` is no name (`what`: "the key"); nothing if it is one.
[[nodiscard]] std::optional<std::string> bad_text(const std::string& what, const std::string& text,
                                                  std::size_t max);

}  // namespace ratelimit
