#include "tools/ratelimit/app/breaker_settings.hpp"

#include <doctest/doctest.h>

namespace {

using namespace breakers;
using namespace std::chrono_literals;

settings after(const settings_text& changes) {
    auto s = changed(settings(), changes);
    REQUIRE_MESSAGE(s.has_value(), (s ? std::string() : s.error().detail));
    return *s;
}

std::string why_not(const settings_text& changes, const char* code) {
    const auto s = changed(settings(), changes);
    if (s) return "it was taken";
    return s.error().code == code ? s.error().detail : s.error().code + ": " + s.error().detail;
}

}  // namespace

TEST_CASE("what is not said stays as it is") {
    CHECK(after({}) == settings());
    CHECK(settings_text().is_empty());
    settings_text t;
    t.slow = "1s";
    CHECK_FALSE(t.is_empty());
    CHECK(after(t).slow == 1s);
    CHECK(after(t).failures == 5);
}

TEST_CASE("settings are read as people type them") {
    settings_text t;
    t.failures = "3/10s";
    t.rate = "50%";
    t.min_calls = 20;
    t.cooldown = "30s..10m";
    t.jitter = "20%";
    t.probes = 4;
    t.slow = "1.5s";
    t.permit_time = "2m";
    t.ramp = "1m";
    const settings s = after(t);
    CHECK(s.failures == 3);
    CHECK(s.window == 10s);
    CHECK(s.window_calls == 0);
    CHECK(s.rate_ppm == 500'000);
    CHECK(s.min_calls == 20);
    CHECK(s.cooldown == 30s);
    CHECK(s.cooldown_max == 10min);
    CHECK(s.jitter_ppm == 200'000);
    CHECK(s.probes == 4);
    CHECK(s.successes == 4);
    CHECK(s.slow == 1500ms);
    CHECK(s.permit_time == 2min);
    CHECK(s.ramp == 1min);

    settings_text calls;
    calls.failures = "7";
    calls.window = "100";
    calls.probes = 3;
    calls.successes = 2;
    CHECK(after(calls).window_calls == 100);
    CHECK(after(calls).failures == 7);
    CHECK(after(calls).successes == 2);
    settings_text back;
    back.failures = "5/1m";
    CHECK(changed(after(calls), back)->window_calls == 0);
}

TEST_CASE("combinations that can never work are refused, and say why") {
    const auto refused = [](auto set) {
        settings_text t;
        set(t);
        return why_not(t, "impossible");
    };
    CHECK(refused([](auto& t) { t.failures = "off"; }) ==
          "with neither --failures nor --rate it never opens");
    CHECK(refused([](auto& t) { t.failures = "11", t.window = "10"; }) ==
          "11 failures are never among the last 10 calls");
    CHECK(refused([](auto& t) { t.rate = "50%", t.min_calls = 20, t.window = "10"; }) ==
          "there are never 20 calls in a window of 10");
    CHECK(refused([](auto& t) { t.failures = "5/10s", t.window = "10s"; }) ==
          "the window is given twice: --failures and --window");
    CHECK(refused([](auto& t) { t.rate = "0%"; }) == "a rate of 0% opens it without a failure");
    CHECK(refused([](auto& t) { t.rate = "5%", t.min_calls = 0; }) ==
          "a share of no calls says nothing: --min-calls is at least 1");
    CHECK(refused([](auto& t) { t.cooldown = "0"; }) == "with a cooldown of 0 it is never open");
    CHECK(refused([](auto& t) { t.cooldown = "10m..30s"; }) ==
          "the longest cooldown is not the longer one");
    CHECK(refused([](auto& t) { t.jitter = "100%"; }) == "a jitter is less than 100%");
    CHECK(refused([](auto& t) { t.probes = 0; }) == "without a probe it never closes again");
    CHECK(refused([](auto& t) { t.successes = 0; }) == "without a success it never closes again");
    CHECK(refused([](auto& t) { t.slow = "2m"; }) ==
          "a call that is heard of too late never is slow: --slow is longer than --permit-time");
    CHECK(refused([](auto& t) { t.window = "20000"; }) == "a window has at most 10000 calls");
}

TEST_CASE("what is malformed names its option") {
    const auto malformed = [](auto set) {
        settings_text t;
        set(t);
        return why_not(t, "bad_setting");
    };
    CHECK(malformed([](auto& t) { t.failures = "many"; }) ==
          "--failures many: a number, a rate as 5/10s, or off");
    CHECK(malformed([](auto& t) { t.failures = "0/10s"; }) ==
          "--failures 0/10s: a number, a rate as 5/10s, or off");
    CHECK(malformed([](auto& t) { t.failures = "5/10"; }) ==
          "--failures 5/10: not a duration, as 250ms, 10s or 1m30s");
    CHECK(malformed([](auto& t) { t.rate = "half"; }) ==
          "--rate half: \"half\" is not a percentage such as 25%");
    CHECK(malformed([](auto& t) { t.cooldown = "30s.."; }) ==
          "--cooldown 30s..: not a duration, as 250ms, 10s or 1m30s");
    CHECK(malformed([](auto& t) { t.slow = "0"; }) == "--slow 0: it must be longer than 0, or off");
    CHECK(malformed([](auto& t) { t.cooldown = "400d"; }) ==
          "--cooldown 400d: it is longer than 366d");
}

TEST_CASE("a cooldown doubles up to its cap, with a jitter around") {
    settings s;
    s.cooldown = 30s;
    s.cooldown_max = 100s;
    CHECK(cooldown_of(s, 0, 0) == 30s);
    CHECK(cooldown_of(s, 1, 12345) == 60s);
    CHECK(cooldown_of(s, 2, 0) == 100s);
    CHECK(cooldown_of(s, 4'000'000'000, 0) == 100s);
    s.jitter_ppm = 200'000;
    CHECK(cooldown_of(s, 0, 0) == 24s);
    CHECK(cooldown_of(s, 0, 1u << 31) == 30s);
    CHECK(cooldown_of(s, 0, UINT32_MAX) > 36s - 1us);
    CHECK(cooldown_of(s, 0, UINT32_MAX) < 36s);
    s.jitter_ppm = 0;
    s.cooldown_max = 30s;
    CHECK(cooldown_of(s, 9, 0) == 30s);
}

TEST_CASE("a ramp rises evenly from a tenth to all") {
    settings_text t;
    t.ramp = "100s";
    const settings s = after(t);
    CHECK(ramp_share(s, 0s) == 100'000);
    CHECK(ramp_share(s, 50s) == 550'000);
    CHECK(ramp_share(s, 100s - 1ns) == 999'999);
    CHECK(ramp_share(s, 100s) == 1'000'000);
    CHECK(ramp_share(settings(), 0s) == 1'000'000);
    t.ramp = "8784h";
    CHECK(ramp_share(after(t), 4392h) == 550'000);
    t.ramp = "off";
    CHECK(changed(s, t)->ramp == 0s);
    t.ramp = "0s";
    CHECK(why_not(t, "bad_setting") == "--ramp 0s: it must be longer than 0, or off");
}
