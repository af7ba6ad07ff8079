// How it is said when a store's writes are on the disk: "always", before they are acknowledged, or "interval=20ms", so long after
// that. Said to the tool and by a node's environment, and told by nodes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/duration.hpp"

namespace kv {

inline constexpr std::string_view sync_always = "always", sync_after = "interval=";
inline constexpr const char* sync_usage = "it is always, or interval=1ms to interval=10s";

struct sync_words {
    std::optional<std::chrono::milliseconds> interval{};  ///< nothing: always

    [[nodiscard]] std::string text() const {
        if (!interval) return std::string(sync_always);
        return std::string(sync_after) + beam::print_duration_exact(*interval);
    }
};

/// Nothing: it is neither.
[[nodiscard]] inline std::optional<sync_words> parse_sync(std::string_view said) {
    using namespace std::chrono_literals;
    if (said == sync_always) return sync_words{};
    if (!said.starts_with(sync_after)) return std::nullopt;
    const auto d = beam::parse_duration(said.substr(sync_after.size()));
    if (!d || *d < 1ms || *d > 10s) return std::nullopt;
    return sync_words{std::chrono::duration_cast<std::chrono::milliseconds>(*d)};
}

}  // namespace kv
