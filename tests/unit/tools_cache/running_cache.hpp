// A cache that runs: its tables, its keeper and its worker, under a supervisor, in a test's node.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tests/support/simulated.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/flights.hpp"
#include "tools/cache/app/keeper.hpp"
#include "tools/cache/app/session.hpp"
#include "tools/cache/app/worker.hpp"

namespace test {

using namespace std::chrono_literals;

/// Starts the application's processes, linked to the caller.
inline beam::awaitable<void> start_cache() {
    std::vector<beam::child_spec> children;
    children.push_back(beam::child_spec("keeper", beam::child<cache::keeper>()));
    children.push_back(beam::child_spec("worker", beam::child<cache::worker>()));
    children.push_back(beam::child_spec("flights", beam::child<cache::flights>()));
    beam::supervisor_flags flags;
    flags.intensity = 1000;
    auto starting = beam::supervisor::start_link(flags, std::move(children));
    beam::start_result started = co_await starting;
    CHECK(started.has_value());
}

/// What was counted; and that it adds up.
inline beam::awaitable<cache::statistics> counted() {
    auto asked = cache::worker::stats();
    cache::statistics s = co_await asked;
    const cache::totals& t = s.counted;
    CHECK(t.entries() >= 0);
    CHECK(t.inserted == t.entries() + t.deleted + t.expired + t.evicted);
    CHECK(beam::ets::size(cache::entries_name()) == std::size_t(t.entries()));
    co_return s;
}

inline beam::awaitable<void> set_limits(cache::limits_change to) {
    auto asked = cache::worker::set_limits(to);
    (void)co_await asked;
}

inline void put(cache::session& s, const std::string& key, const std::string& value,
                std::int64_t ttl_ms = 0) {
    cache::put_options o;
    o.ttl_ms = ttl_ms;
    s.look_at_clock();
    (void)s.put(key, value, o);
    s.settle(true);
}

inline std::string value_of(cache::session& s, const std::string& key) {
    s.look_at_clock();
    const auto value = s.get(key);
    s.settle(true);
    return value ? std::string(value->value()) : "(none)";
}

/// Kills the process of that name and waits until another has it.
inline beam::awaitable<void> kill_and_wait(beam::self me, beam::atom name) {
    const beam::pid old = *beam::whereis(name);
    const beam::ref monitor = beam::monitor(old);
    beam::exit(old, beam::atoms::kill);
    (void)co_await me.receive_if<beam::down_message>(
        [monitor](const beam::down_message& m) { return m.monitor == monitor; });
    for (;;) {
        const auto now = beam::whereis(name);
        if (now && *now != old) co_return;
        co_await me.sleep_for(1ms);  // of virtual time, or the supervisor's turn
    }
}

/// Waits until worker and keeper have found each other: who is killed before loses the tables, as both at once do.
inline beam::awaitable<void> settled(beam::self me) {
    for (;;) {
        const auto worker = beam::whereis(cache::worker_name());
        const auto keeper = beam::whereis(cache::keeper_name());
        bool all = worker && keeper;
        for (beam::atom name : {cache::entries_name(), cache::books_name()}) {
            const auto table = beam::ets::info_of(name);
            all = all && table && table->owner == *worker && table->heir == keeper;
        }
        if (all) co_return;
        co_await me.sleep_for(1ms);  // of virtual time, or their turns
    }
}

}  // namespace test
