// What a breaker opens for, and how it comes back. Plain values; check() refuses what can never work.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/fields.hpp"

namespace breakers {

using std::chrono::nanoseconds;

/// A field's 0 means "not at all" where the comment says so.
struct settings {
    std::uint64_t failures = 5;  ///< so many within the window open it; 0: however many
    std::uint64_t rate_ppm =
        0;  ///< failures a million calls of the window that open it; 0: whatever share
    std::uint64_t min_calls = 10;  ///< calls in the window before their share counts
    nanoseconds window = std::chrono::minutes(1);
    std::uint64_t window_calls = 0;  ///< the window is the last so many calls; 0: it is a time
    nanoseconds cooldown = std::chrono::seconds(30);
    /// Each time it opens again without having closed the cooldown doubles, up to this.
    nanoseconds cooldown_max = std::chrono::seconds(30);
    std::uint64_t jitter_ppm = 0;  ///< a cooldown is longer or shorter by up to this share
    std::uint64_t probes = 1;      ///< calls that may run at once when half open
    std::uint64_t successes = 1;   ///< of these that close it
    nanoseconds slow{0};           ///< a call that takes longer is a failure; 0: none is
    nanoseconds permit_time = std::chrono::seconds(60);  ///< unheard of for so long: a failure
    nanoseconds ramp{0};  ///< once its probes have closed it, how long until all calls go through

    friend bool operator==(const settings&, const settings&) = default;
    BEAM_FIELDS(settings, failures, rate_ppm, min_calls, window, window_calls, cooldown,
                cooldown_max, jitter_ppm, probes, successes, slow, permit_time, ramp)
};

/// Errors: `impossible`, with the sentence that says which settings exclude each other or their meaning.
[[nodiscard]] beam::result<void> check(const settings& s);

/// Changes of settings as people type them; what is not given stays.
struct settings_text {
    std::optional<std::string> failures;  ///< `5/10s`, `5`, `off`
    std::optional<std::string> rate;      ///< `50%`, `off`
    std::optional<std::uint64_t> min_calls;
    std::optional<std::string> window;    ///< `10s`, or a number of calls: `100`
    std::optional<std::string> cooldown;  ///< `30s`, `30s..10m`
    std::optional<std::string> jitter;    ///< `20%`
    std::optional<std::uint64_t> probes;
    std::optional<std::uint64_t> successes;
    std::optional<std::string> slow;         ///< `1s`, `off`
    std::optional<std::string> permit_time;  ///< `60s`
    std::optional<std::string> ramp;         ///< `1m`, `off`
    BEAM_FIELDS(settings_text, failures, rate, min_calls, window, cooldown, jitter, probes,
                successes, slow, permit_time, ramp)

    [[nodiscard]] bool is_empty() const;
};

/// Errors: `bad_setting` (malformed, with the option's name), `impossible`.
[[nodiscard]] beam::result<settings> changed(settings s, const settings_text& changes);

/// Calls a million that go through so long after its probes have closed it: from a tenth to all.
[[nodiscard]] std::uint64_t ramp_share(const settings& s, nanoseconds since);

/// The cooldown of the `again`th opening without a closing in between (0: the first), `random` being a
/// number from 0 to 2^32 - 1: it lies within the jitter around the doubled and capped cooldown.
[[nodiscard]] nanoseconds cooldown_of(const settings& s, std::uint32_t again, std::uint32_t random);

}  // namespace breakers
