// The options of SET, EXPIRE and SCAN: what they say, and what is said when they contradict each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/io/resp_writer.hpp"
#include "tools/resp/arguments.hpp"

namespace resp {

using beam::io::resp::writer;

enum class time_unit : std::uint8_t { s, ms, unix_s, unix_ms };

/// A clock that times of expiry are told by, in milliseconds.
struct expiry_clock {
    std::int64_t now = 0;
    std::int64_t epoch = 0;    ///< what it showed when 1970 began
    std::int64_t ttl_max = 0;  ///< what is further away is refused
};

/// When something expires by that clock: `amount` from now, or from 1970 on; never 0, which stands for never. Nothing if
/// that is too far away.
[[nodiscard]] std::optional<std::int64_t> expiry_of(time_unit unit, std::int64_t amount,
                                                    const expiry_clock& clock);
/// Says that the time is none, for that command (small).
void invalid_expire(writer& out, std::string_view command);

/// What SET and GETEX say about time. Numbers are looked at when all words were: what is misspelt is said first.
struct expiry_options {
    std::optional<time_unit> unit;
    std::string_view amount;
    bool keeps = false;
    bool persists = false;
};
/// EX, PX, EXAT and PXAT with the number behind; `i` goes to that. The same one may come again, another may not: false.
bool read_expiry(arguments all, std::size_t& i, expiry_options& options);
/// The number, if it is above 0; else that is said, and nothing is given.
std::optional<std::int64_t> expiry_amount(writer& out, std::string_view command,
                                          std::string_view amount);

struct set_options {
    bool only_new = false, only_existing = false, gets = false;
    expiry_options when;
};
/// Of SET KEY VALUE ...; false: that is not its syntax.
[[nodiscard]] bool read_set(arguments all, set_options& options);

/// NX: only if it stays so far; XX: only if not; GT, LT: only if that is later, earlier.
struct expire_options {
    bool nx = false, xx = false, gt = false, lt = false;

    /// Whether a key may get the expiry `at`; `now`: that which it has, 0: it stays.
    [[nodiscard]] bool allow(std::int64_t now, std::int64_t at) const;
};
/// Of EXPIRE KEY TIME ...; false: it was said what is wrong.
[[nodiscard]] bool read_expire(writer& out, arguments all, expire_options& options);

struct scan_options {
    std::uint64_t cursor = 0;
    std::uint64_t count = 10;
    std::string match = "*";
    bool strings = true;  ///< TYPE: all values are
};
/// Of SCAN CURSOR ...; false: it was said what is wrong.
[[nodiscard]] bool read_scan(writer& out, arguments all, scan_options& options);

}  // namespace resp
