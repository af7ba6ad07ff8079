#include "tools/ratelimit/app/breaker_answers.hpp"

#include "tools/ratelimit/app/starter.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace breakers {

namespace {

using ratelimit::fields;
using ratelimit::ms_up;

constexpr std::size_t name_max = 256;
constexpr std::size_t reason_max = 1024;
constexpr std::int64_t time_max_ms = 366LL * 24 * 3600 * 1000;

beam::term shown(const settings& s) {
    fields f;
    f.add("failures", s.failures);
    f.add("rate_percent", double(s.rate_ppm) / 10'000);
    f.add("min_calls", s.min_calls);
    f.add("window_ms", s.window_calls > 0 ? beam::term(0) : beam::term(ms_up(s.window)));
    f.add("window_calls", s.window_calls);
    f.add("cooldown_ms", ms_up(s.cooldown));
    f.add("cooldown_max_ms", ms_up(s.cooldown_max));
    f.add("jitter_percent", double(s.jitter_ppm) / 10'000);
    f.add("probes", s.probes);
    f.add("successes", s.successes);
    f.add("slow_ms", ms_up(s.slow));
    f.add("permit_time_ms", ms_up(s.permit_time));
    f.add("ramp_ms", ms_up(s.ramp));
    return f.to_term();
}

}  // namespace

std::optional<std::string> bad_name(const std::string& name) {
    return ratelimit::bad_text("the breaker's name", name, name_max);
}
std::optional<std::string> bad_reason(const std::string& text) {
    return text.empty() ? std::nullopt : ratelimit::bad_text("the reason", text, reason_max);
}

std::optional<nanoseconds> time_of(const std::optional<std::int64_t>& ms) {
    if (!ms) return nanoseconds(0);
    if (*ms < 0 || *ms > time_max_ms) return {};
    return std::chrono::milliseconds(*ms);
}

beam::awaitable<tl::expected<beam::pid, beam::request_error>> breaker_named(std::string name) {
    using found = tl::expected<beam::pid, beam::request_error>;
    if (auto why = bad_name(name)) co_return found(malformed(*why));
    if (!ratelimit::has_tables()) co_return found(ratelimit::no_tables());
    beam::outcome<beam::pid> p = co_await ensure_breaker(name);
    if (!p) co_return found(beam::refuse_for(p.error()));
    co_return found(*p);
}

beam::term shown(const std::string& name, const status& s, bool known) {
    fields f;
    f.add("name", name);
    f.add("known", known);
    f.add("state", name_of(s.state));
    f.add("cooldown_ms", ms_up(s.left));
    f.add("forced", s.forced);
    f.add("by", s.by);
    f.add("reason", s.reason);
    f.add("since_ms", s.since_ms);
    f.add("opened", s.opened);
    f.add("opened_at_ms", s.opened_at_ms);
    f.add("calls", s.counts.calls);
    f.add("failures", s.counts.failures);
    f.add("slow", s.counts.slow);
    f.add("in_flight", s.permits);
    f.add("probes_in_flight", s.probes);
    f.add("probes_succeeded", s.successes);
    f.add("total_calls", s.calls);
    f.add("total_rejected", s.rejected);
    f.add("share_percent", double(s.share_ppm) / 10'000);
    f.add("settings", shown(s.in_force));
    f.add("own_settings", s.own_settings);
    return f.to_term();
}

beam::awaitable<beam::answer> shown_now(beam::pid p, std::string name) {
    auto asked = ratelimit::answered(breaker::look_at(p));
    auto got = co_await asked;
    if (!got) co_return tl::unexpected<beam::request_error>(std::move(got.error()));
    co_return shown(name, *got, true);
}

}  // namespace breakers
