#include "tools/ratelimit/app/breaker_settings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/rate.hpp"

namespace breakers {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t million = 1'000'000;
constexpr std::uint64_t ramp_begins = 100'000;
constexpr std::uint64_t calls_max = 10'000;  // that a window of calls remembers
constexpr std::uint64_t probes_max = 1'000;
constexpr nanoseconds time_max = std::chrono::hours(24 * 366);

tl::unexpected<beam::error> bad(const char* option, const std::string& text, std::string why) {
    return beam::fail("bad_setting",
                      "--" + std::string(option) + " " + text + ": " + std::move(why));
}
tl::unexpected<beam::error> impossible(std::string why) {
    return beam::fail("impossible", std::move(why));
}

// The part of an option's text that is a time.
beam::result<nanoseconds> read_time(const char* option, const std::string& text,
                                    std::string_view part) {
    auto read = beam::parse_duration(part);
    if (!read) return bad(option, text, "not a duration, as 250ms, 10s or 1m30s");
    if (*read > time_max) return bad(option, text, "it is longer than 366d");
    return *read;
}

beam::result<std::uint64_t> read_share(const char* option, const std::string& text) {
    const auto read = beam::parse_percent(text);
    if (!read) return bad(option, text, read.error().detail);
    return static_cast<std::uint64_t>(std::llround(*read * double(million)));
}

std::optional<std::uint64_t> read_count(std::string_view text) {
    std::uint64_t n = 0;
    const auto end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, n);
    if (text.empty() || r.ec != std::errc() || r.ptr != end) return {};
    return n;
}

beam::result<void> set_failures(settings& s, const settings_text& changes) {
    const std::string& text = *changes.failures;
    const auto slash = text.find('/');
    if (text == "off") {
        s.failures = 0;
        return {};
    }
    const auto count = read_count(std::string_view(text).substr(0, slash));
    if (!count || *count == 0) return bad("failures", text, "a number, a rate as 5/10s, or off");
    if (slash != std::string::npos) {
        if (changes.window) return impossible("the window is given twice: --failures and --window");
        auto time = read_time("failures", text, text.substr(slash + 1));
        if (!time) return beam::pass(time);
        s.window = *time;
        s.window_calls = 0;
    }
    s.failures = *count;
    return {};
}

beam::result<void> set_window(settings& s, const std::string& text) {
    if (const auto calls = read_count(text); calls && *calls > 0) {
        s.window_calls = *calls;
        return {};
    }
    auto time = read_time("window", text, text);
    if (!time) return beam::pass(time);
    s.window = *time;
    s.window_calls = 0;
    return {};
}

beam::result<void> set_cooldown(settings& s, const std::string& text) {
    const auto dots = text.find("..");
    auto first = read_time("cooldown", text, text.substr(0, dots));
    if (!first) return beam::pass(first);
    s.cooldown = s.cooldown_max = *first;
    if (dots == std::string::npos) return {};
    auto last = read_time("cooldown", text, text.substr(dots + 2));
    if (!last) return beam::pass(last);
    s.cooldown_max = *last;
    return {};
}

beam::result<void> set_time_or_off(nanoseconds& field, const char* option,
                                   const std::string& text) {
    if (text == "off") {
        field = 0ns;
        return {};
    }
    auto time = read_time(option, text, text);
    if (!time) return beam::pass(time);
    if (*time == 0ns) return bad(option, text, "it must be longer than 0, or off");
    field = *time;
    return {};
}

beam::result<void> set_share_or_off(std::uint64_t& field, const char* option,
                                    const std::string& text) {
    if (text == "off") {
        field = 0;
        return {};
    }
    auto share = read_share(option, text);
    if (!share) return beam::pass(share);
    field = *share;
    return {};
}

}  // namespace

bool settings_text::is_empty() const {
    return !failures && !rate && !min_calls && !window && !cooldown && !jitter && !probes &&
           !successes && !slow && !permit_time && !ramp;
}

beam::result<void> check(const settings& s) {
    if (s.failures == 0 && s.rate_ppm == 0)
        return impossible("with neither --failures nor --rate it never opens");
    if (s.window_calls > calls_max)
        return impossible("a window has at most " + std::to_string(calls_max) + " calls");
    if (s.window_calls == 0 && s.window < 1ms)
        return impossible("a window of time is at least 1ms");
    if (s.window_calls > 0 && s.failures > s.window_calls)
        return impossible(std::to_string(s.failures) + " failures are never among the last " +
                          std::to_string(s.window_calls) + " calls");
    if (s.rate_ppm > 0 && s.min_calls == 0)
        return impossible("a share of no calls says nothing: --min-calls is at least 1");
    if (s.rate_ppm > 0 && s.window_calls > 0 && s.min_calls > s.window_calls)
        return impossible("there are never " + std::to_string(s.min_calls) +
                          " calls in a window of " + std::to_string(s.window_calls));
    if (s.rate_ppm > million) return impossible("a rate is at most 100%");
    if (s.cooldown <= 0ns) return impossible("with a cooldown of 0 it is never open");
    if (s.cooldown_max < s.cooldown)
        return impossible("the longest cooldown is not the longer one");
    if (s.jitter_ppm >= million) return impossible("a jitter is less than 100%");
    if (s.probes == 0) return impossible("without a probe it never closes again");
    if (s.probes > probes_max)
        return impossible("there are at most " + std::to_string(probes_max) + " probes");
    if (s.successes == 0) return impossible("without a success it never closes again");
    if (s.permit_time <= 0ns) return impossible("a permit is good for longer than 0");
    if (s.slow > s.permit_time)
        return impossible(
            "a call that is heard of too late never is slow: --slow is longer than "
            "--permit-time");
    return {};
}

beam::result<settings> changed(settings s, const settings_text& changes) {
    beam::result<void> r;
    if (changes.failures && r) r = set_failures(s, changes);
    if (changes.window && r) r = set_window(s, *changes.window);
    if (changes.rate && r) r = set_share_or_off(s.rate_ppm, "rate", *changes.rate);
    if (changes.cooldown && r) r = set_cooldown(s, *changes.cooldown);
    if (changes.jitter && r) r = set_share_or_off(s.jitter_ppm, "jitter", *changes.jitter);
    if (changes.slow && r) r = set_time_or_off(s.slow, "slow", *changes.slow);
    if (changes.ramp && r) r = set_time_or_off(s.ramp, "ramp", *changes.ramp);
    if (changes.permit_time && r) {
        auto time = read_time("permit-time", *changes.permit_time, *changes.permit_time);
        if (!time) return beam::pass(time);
        s.permit_time = *time;
    }
    if (!r) return beam::pass(r);
    if (changes.rate && *changes.rate != "off" && s.rate_ppm == 0)
        return impossible("a rate of 0% opens it without a failure");
    if (changes.min_calls) s.min_calls = *changes.min_calls;
    // As many successes close it as probes may run, unless it is said otherwise.
    if (changes.probes) s.probes = s.successes = *changes.probes;
    if (changes.successes) s.successes = *changes.successes;
    if (auto good = check(s); !good) return beam::pass(good);
    return s;
}

std::uint64_t ramp_share(const settings& s, nanoseconds since) {
    if (since >= s.ramp || since < 0ns) return million;
    __extension__ using wide = unsigned __int128;
    const auto risen = wide(million - ramp_begins) * static_cast<std::uint64_t>(since.count()) /
                       static_cast<std::uint64_t>(s.ramp.count());
    return ramp_begins + static_cast<std::uint64_t>(risen);
}

nanoseconds cooldown_of(const settings& s, std::uint32_t again, std::uint32_t random) {
    const std::uint64_t cap = static_cast<std::uint64_t>(s.cooldown_max.count());
    std::uint64_t time = static_cast<std::uint64_t>(s.cooldown.count());
    for (std::uint32_t i = 0; i < again && time < cap; ++i) time *= 2;
    time = std::min(time, cap);
    // From (1 - jitter) to (1 + jitter) times as long.
    __extension__ using wide = unsigned __int128;
    const auto spread = static_cast<std::uint64_t>(wide(time) * s.jitter_ppm / million);
    const auto added = static_cast<std::uint64_t>(wide(spread) * 2 * random >> 32U);
    return nanoseconds(static_cast<std::int64_t>(time - spread + added));
}

}  // namespace breakers
