// The structured logger: an event is a level, a domain, a fixed message and fields.
//
// Everything is copied where it is logged, so an event never points into a module or a process. A
// flood of one message is cut: so many of one domain and message pass in a window, and the next one
// says how many did not. Without a sink, events are lines on stderr; a node installs its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"

namespace beam {

enum class log_level : std::uint8_t {
    debug,
    info,
    notice,
    warning,
    error,
    critical,
    none,  ///< as a threshold: log nothing
};

[[nodiscard]] BEAM_EXPORT std::string_view to_string(log_level level);
[[nodiscard]] BEAM_EXPORT std::optional<log_level> parse_log_level(std::string_view text);

struct log_field {
    std::string key;
    std::string value;  ///< of more than 32 KiB the beginning, and how long it was

    friend bool operator==(const log_field&, const log_field&) = default;
};

struct log_event {
    log_level level = log_level::info;
    std::chrono::system_clock::time_point time;
    std::string domain;   ///< who says it: a layer or an application
    std::string message;  ///< the same words each time; what differs is in fields
    std::vector<log_field> fields;
    std::uint64_t suppressed = 0;  ///< how many of this domain and message were dropped before it
};

namespace detail {

BEAM_EXPORT extern std::atomic<log_level> log_threshold;

struct log_argument {
    std::string_view key;
    std::string_view value;
};

BEAM_EXPORT void write_log(log_level level, std::string_view domain, std::string_view message,
                           std::initializer_list<log_argument> fields);

}  // namespace detail

/// What is below the threshold costs one load. Default: info.
inline bool log_enabled(log_level level) {
    return level >= detail::log_threshold.load(std::memory_order_relaxed);
}
inline void set_log_threshold(log_level level) {
    detail::log_threshold.store(level, std::memory_order_relaxed);
}

/// Logs one event: log(log_level::warning, "store", "map is full", {{"size", size}}). Any thread; the
/// sink runs in the caller's. What the sink throws is dropped.
inline void log(log_level level, std::string_view domain, std::string_view message,
                std::initializer_list<detail::log_argument> fields = {}) {
    if (log_enabled(level)) detail::write_log(level, domain, message, fields);
}

/// An event made elsewhere, as it is: neither the threshold nor the limit applies.
BEAM_EXPORT void write_log_event(const log_event& event);

using log_sink = std::function<void(const log_event&)>;

/// From now on events go to `sink`; an empty one is the default, lines on stderr. A call of the old
/// one may still be running when this returns. A sink must itself be thread-safe.
BEAM_EXPORT void set_log_sink(log_sink sink);

/// How many events of one domain and message pass in each window. Default: 100 a second.
struct log_limit {
    std::uint32_t burst = 100;
    std::chrono::nanoseconds window = std::chrono::seconds{1};
};
BEAM_EXPORT void set_log_limit(log_limit limit);

/// Reports what was suppressed and not yet said, one event each. A node calls this now and then, and
/// at its end.
BEAM_EXPORT void flush_suppressed_logs();

/// `2026-01-02T03:04:05.678Z warning store: map is full size=64G` and a newline. Values with spaces
/// are quoted; what is not printable is escaped, so an event is always one line.
[[nodiscard]] BEAM_EXPORT std::string log_text_line(const log_event& event);

/// The event as one JSON object: time, level, domain, message, fields, suppressed.
[[nodiscard]] BEAM_EXPORT std::string log_json_line(const log_event& event);

}  // namespace beam
