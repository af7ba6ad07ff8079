#include "libbeamcore/base/log.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "libbeamcore/base/internal/log_limiter.hpp"

using namespace std::chrono_literals;
using namespace beam;

namespace {

/// Collects events instead of stderr, as long as it lives.
class collected_log {
public:
    collected_log() {
        flush_suppressed_logs();
        set_log_sink([this](const log_event& e) {
            std::lock_guard lock(mutex_);
            events_.push_back(e);
        });
    }
    ~collected_log() {
        set_log_sink({});
        set_log_limit({});
        set_log_threshold(log_level::info);
    }
    std::vector<log_event> events() {
        std::lock_guard lock(mutex_);
        return events_;
    }

private:
    std::mutex mutex_;
    std::vector<log_event> events_;
};

log_event event_at(std::chrono::system_clock::time_point time) {
    return {log_level::warning, time, "store", "map is full", {{"size", "64G"}}, 0};
}

const std::chrono::sys_days new_year{std::chrono::year{2026} / 1 / 2};

}  // namespace

TEST_CASE("an event reaches the sink with copies of all it was given") {
    collected_log log;
    std::string domain = "base", message = "tried", value = "yes";
    auto before = std::chrono::system_clock::now();
    beam::log(log_level::error, domain, message, {{"worked", value}, {"n", std::to_string(3)}});
    domain = message = value = "overwritten";
    auto events = log.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].level == log_level::error);
    CHECK(events[0].time >= before);
    CHECK(events[0].domain == "base");
    CHECK(events[0].message == "tried");
    CHECK(events[0].fields == std::vector<log_field>{{"worked", "yes"}, {"n", "3"}});
    CHECK(events[0].suppressed == 0);
}

TEST_CASE("of a very long value the beginning is logged, and how long it was") {
    collected_log log;
    beam::log(log_level::info, "base", "much", {{"text", std::string(1'000'000, 'x')}});
    const auto events = log.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].fields[0].value == std::string(32 << 10, 'x') + "... (1000000 bytes)");
}

TEST_CASE("what is below the threshold is not logged") {
    collected_log log;
    beam::log(log_level::debug, "base", "unseen");
    CHECK_FALSE(log_enabled(log_level::debug));
    set_log_threshold(log_level::debug);
    beam::log(log_level::debug, "base", "seen");
    set_log_threshold(log_level::none);
    beam::log(log_level::critical, "base", "unseen");
    auto events = log.events();
    REQUIRE(events.size() == 1);
    CHECK(events[0].message == "seen");
}

TEST_CASE("a flood of one message is cut, others pass, and the number dropped is told") {
    collected_log log;
    set_log_limit({3, 1h});
    for (int i = 0; i < 10; ++i) beam::log(log_level::warning, "flood", "again");
    beam::log(log_level::warning, "flood", "another");
    beam::log(log_level::warning, "trickle", "again");
    CHECK(log.events().size() == 5);
    flush_suppressed_logs();
    auto events = log.events();
    REQUIRE(events.size() == 6);
    CHECK(events[5].domain == "flood");
    CHECK(events[5].message == "again");
    CHECK(events[5].suppressed == 7);
    flush_suppressed_logs();
    CHECK(log.events().size() == 6);
}

TEST_CASE("the first event of a new window tells what the last one dropped") {
    internal::log_limiter limiter;
    limiter.set_limit({2, 1s});
    internal::log_limiter::time_point t{};
    auto admit = [&](auto at) { return limiter.admit(log_level::info, "d", "m", t + at); };
    CHECK(admit(0ms) == 0U);
    CHECK(admit(1ms) == 0U);
    CHECK_FALSE(admit(2ms).has_value());
    CHECK_FALSE(admit(999ms).has_value());
    CHECK(admit(1000ms) == 2U);
    CHECK(admit(1001ms) == 0U);
    CHECK_FALSE(admit(1002ms).has_value());
}

TEST_CASE("the limiter's memory is bounded and it loses no count") {
    internal::log_limiter limiter;
    limiter.set_limit({1, 1s});
    internal::log_limiter::time_point t{};
    for (std::size_t i = 0; i < internal::log_limiter::keys_max; ++i) {
        auto message = std::to_string(i);
        CHECK(limiter.admit(log_level::info, "d", message, t) == 0U);
        CHECK_FALSE(limiter.admit(log_level::info, "d", message, t).has_value());
    }
    // Full: what cannot be counted passes.
    for (int i = 0; i < 3; ++i) CHECK(limiter.admit(log_level::info, "d", "new", t) == 0U);
    // Later the old ones are forgotten, but not what was dropped of them.
    CHECK(limiter.admit(log_level::info, "d", "new", t + 2s) == 0U);
    CHECK_FALSE(limiter.admit(log_level::info, "d", "new", t + 2s).has_value());
    CHECK(limiter.take_suppressed().size() == internal::log_limiter::keys_max + 1);
    CHECK(limiter.take_suppressed().empty());
}

TEST_CASE("threads may log at once, and while the sink is changed") {
    collected_log log;
    set_log_limit({1'000'000, 1h});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([] {
            for (int i = 0; i < 500; ++i) beam::log(log_level::info, "threads", "one of many");
        });
    std::thread other{[] {
        for (int i = 0; i < 500; ++i) beam::log(log_level::info, "threads", "another");
    }};
    for (auto& t : threads) t.join();
    other.join();
    CHECK(log.events().size() == 2500);
}

TEST_CASE("a sink that throws harms nobody") {
    set_log_sink([](const log_event&) { throw std::runtime_error("disk full"); });
    beam::log(log_level::info, "base", "lost");
    set_log_sink({});
    CHECK(log_enabled(log_level::info));
}

TEST_CASE("levels have names") {
    for (auto level : {log_level::debug, log_level::info, log_level::notice, log_level::warning,
                       log_level::error, log_level::critical, log_level::none})
        CHECK(parse_log_level(to_string(level)) == level);
    CHECK_FALSE(parse_log_level("loud").has_value());
}

TEST_CASE("an event is one line of text, whatever is in it") {
    auto e = event_at(new_year + 3h + 4min + 5s + 678ms);
    CHECK(log_text_line(e) == "2026-01-02T03:04:05.678Z warning store: map is full size=64G\n");
    e.fields = {{"a", "two words"}, {"b", ""}, {"c", "say \"hi\""}, {"d", "x\ny\x1B[0m"}};
    e.suppressed = 7;
    CHECK(log_text_line(e) ==
          "2026-01-02T03:04:05.678Z warning store: map is full a=\"two words\" b=\"\" "
          "c=\"say \\\"hi\\\"\" d=\"x\\ny\\e[0m\" suppressed=7\n");
    e.message = "first\nsecond";
    auto line = log_text_line(e);
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
}

TEST_CASE("times before 1970 and at its edge are printed right") {
    auto e = event_at(std::chrono::system_clock::time_point{} - 1ms);
    CHECK(log_text_line(e).substr(0, 24) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("an event is one JSON object, whatever is in it") {
    auto e = event_at(new_year);
    CHECK(log_json_line(e) ==
          R"({"time":"2026-01-02T00:00:00.000Z","level":"warning","domain":"store",)"
          R"("message":"map is full","fields":{"size":"64G"}})"
          "\n");
    e.fields = {{"k\"", "a\\b\n\x01\xFF"}, {"l", ""}};
    e.suppressed = 2;
    CHECK(log_json_line(e) ==
          R"({"time":"2026-01-02T00:00:00.000Z","level":"warning","domain":"store",)"
          R"("message":"map is full","fields":{"k\"":"a\\b\n\u0001)"
          "\xEF\xBF\xBD"
          R"(","l":""},"suppressed":2})"
          "\n");
}
