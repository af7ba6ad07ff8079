// What a node says about processes that get in the way of others.
#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/node/harness.hpp"

using namespace test;
using namespace std::chrono_literals;

namespace {

/// Waits for an event with that message.
class log_watch {
public:
    explicit log_watch(std::string message) : message_(std::move(message)) {
        beam::set_log_sink([this](const beam::log_event& e) {
            std::lock_guard lock(mutex_);
            if (e.message != message_) return;
            found_ = e;
            changed_.notify_all();
        });
    }
    ~log_watch() { beam::set_log_sink({}); }
    log_watch(const log_watch&) = delete;
    log_watch& operator=(const log_watch&) = delete;

    std::optional<beam::log_event> wait() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 20s, [&] { return found_.has_value(); });
        return found_;
    }

private:
    std::string message_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<beam::log_event> found_;
};

std::string field(const beam::log_event& e, std::string_view key) {
    for (const auto& f : e.fields)
        if (f.key == key) return f.value;
    return "no such field";
}

beam::process never_gives_way(beam::self, std::atomic<bool>* end) {
    while (!end->load(std::memory_order_relaxed)) {
    }
    co_return;
}

beam::process sends_to_itself(beam::self me, int n) {
    for (int i = 0; i < n; ++i) beam::send(me.id(), i);
    struct never {};
    (void)co_await me.receive<never>();
}

}  // namespace

TEST_CASE("a process that does not give way is logged, with where it is") {
    std::atomic<bool> end{false};
    log_watch log("a process does not give way");
    node n;
    REQUIRE(n.booted.has_value());
    const beam::pid hog = n.runtime->spawn(never_gives_way, &end);
    const auto e = log.wait();
    end = true;
    REQUIRE(e.has_value());
    CHECK(e->level == beam::log_level::warning);
    CHECK(field(*e, "pid") == beam::to_string(hog));
#if !defined(__SANITIZE_THREAD__)  // TSan hands a signal on only when the thread calls something
    CHECK(field(*e, "in").find("never_gives_way") != std::string::npos);
#endif
}

TEST_CASE("a mailbox that grows to 10000 messages is logged") {
    log_watch log("a mailbox grows");
    node n;
    REQUIRE(n.booted.has_value());
    const beam::pid p = n.runtime->spawn(sends_to_itself, 10'000);
    const auto e = log.wait();
    REQUIRE(e.has_value());
    CHECK(field(*e, "pid") == beam::to_string(p));
    CHECK(field(*e, "messages") == "10000");
}
