// Which log events pass: a count a window for each domain and message.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/log.hpp"

namespace beam::internal {

/// Not thread-safe; the time is the caller's. Remembers at most `keys_max` messages: when that many
/// are in one window, further ones pass unlimited rather than unseen.
class log_limiter {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct suppressed {
        log_level level;
        std::string domain;
        std::string message;
        std::uint64_t count;
    };

    static constexpr std::size_t keys_max = 1024;

    void set_limit(log_limit limit) { limit_ = limit; }

    /// How many of this kind were dropped before this one, if it passes; nothing if it is dropped.
    std::optional<std::uint64_t> admit(log_level level, std::string_view domain,
                                       std::string_view message, time_point now) {
        auto it = entries_.find(key_view{domain, message});
        if (it == entries_.end()) {
            if (entries_.size() >= keys_max) forget_old(now);
            if (entries_.size() >= keys_max) return 0;
            it = entries_.try_emplace(key{domain, message}, entry{now, 0, 0, level}).first;
        }
        auto& e = it->second;
        if (now - e.start >= limit_.window) {
            e.start = now;
            e.passed = 0;
        }
        e.level = level;
        if (e.passed < limit_.burst) {
            ++e.passed;
            return std::exchange(e.dropped, 0);
        }
        ++e.dropped;
        return std::nullopt;
    }

    /// Takes what was dropped and not yet told.
    std::vector<suppressed> take_suppressed() {
        auto all = std::move(forgotten_);
        forgotten_.clear();
        for (auto& [k, e] : entries_)
            if (e.dropped > 0)
                all.push_back({e.level, k.first, k.second, std::exchange(e.dropped, 0)});
        return all;
    }

private:
    using key = std::pair<std::string, std::string>;
    using key_view = std::pair<std::string_view, std::string_view>;
    struct less {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            int domains = std::string_view(a.first).compare(b.first);
            return domains != 0 ? domains < 0 : std::string_view(a.second) < b.second;
        }
    };
    struct entry {
        time_point start;
        std::uint32_t passed;
        std::uint64_t dropped;
        log_level level;
    };

    void forget_old(time_point now) {
        for (auto it = entries_.begin(); it != entries_.end();) {
            if (now - it->second.start < limit_.window) {
                ++it;
                continue;
            }
            if (it->second.dropped > 0 && forgotten_.size() < keys_max)
                forgotten_.push_back(
                    {it->second.level, it->first.first, it->first.second, it->second.dropped});
            it = entries_.erase(it);
        }
    }

    log_limit limit_;
    std::map<key, entry, less> entries_;
    std::vector<suppressed> forgotten_;  // dropped of messages that are no longer remembered
};

}  // namespace beam::internal
