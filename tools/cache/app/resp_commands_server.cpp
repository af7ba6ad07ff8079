// Commands about the server, and CL.THROTTLE, which the rate limiter answers.
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/cache/app/resp_client.hpp"
#include "tools/cache/app/worker.hpp"
#include "tools/ratelimit/app/ratelimit.hpp"
#include "tools/resp/info_text.hpp"

namespace cache {

namespace {

void config(resp_client& c, arguments all) {
    if (!resp::equals(all[1], "GET") || all.size() < 3)
        return resp::equals(all[1], "SET")
                   ? c.out.error("ERR limits are set with `cache limits`, not with CONFIG SET")
                   : resp::unknown_subcommand(c, "CONFIG", all[1]);
    const limits& l = c.data.bounds();
    const std::string_view by = !l.bounded()              ? "noeviction"
                                : l.policy == policy::lru ? "allkeys-lru"
                                : l.policy == policy::lfu ? "allkeys-lfu"
                                                          : "allkeys-fifo";
    const std::pair<std::string_view, std::string> known[] = {
        {"maxmemory", std::to_string(l.max_bytes)},
        {"maxmemory-policy", std::string(by)},
        {"save", ""},
        {"appendonly", "no"},
        {"databases", "1"},
        {"timeout", "0"},
        {"maxclients", "20000"},
        {"proto-max-bulk-len", std::to_string(value_max)}};
    resp::config_get(c, all, known);
}

void command(resp_client& c, arguments all) {
    resp::about_commands(c, all, all_commands());
}

// -- INFO ---------------------------------------------------------------------------------------------

std::string info_about(const statistics& s, std::string_view section) {
    const totals& t = s.counted;
    resp::info_text text(section);
    if (text.begin("Server")) {
        text.line("redis_version", resp::redis_version);
        text.line("redis_mode", "standalone");
        text.line("server_name", "beamcore cache");
        text.count("process_id", ::getpid());
    }
    if (text.begin("Memory")) {
        text.count("used_memory", t.bytes);
        text.count("maxmemory", s.bounds.max_bytes);
        text.line("maxmemory_policy", name_of(s.bounds.policy));
    }
    if (text.begin("Stats")) {
        text.count("keyspace_hits", t.hits);
        text.count("keyspace_misses", t.misses);
        text.count("expired_keys", t.expired);
        text.count("evicted_keys", t.evicted);
        text.count("inserted_keys", t.inserted);
        text.count("deleted_keys", t.deleted);
    }
    if (text.begin("Replication")) {
        text.line("role", "master");
        text.line("connected_slaves", "0");
    }
    if (text.begin("Keyspace") && t.entries() > 0)
        text.line("db0", "keys=" + std::to_string(t.entries()));
    return text.text();
}

beam::awaitable<void> info(resp_client& c, std::vector<std::string> all) {
    auto asked = worker::stats();
    beam::outcome<statistics> s = co_await asked.outcome();
    if (!s) {
        c.out.error("LOADING the cache's worker is being restarted");
        co_return;
    }
    c.out.verbatim(info_about(*s, all.size() > 1 ? all[1] : std::string()));
}

// -- CL.THROTTLE --------------------------------------------------------------------------------------

/// Seconds, rounded up: who waits that long has waited long enough. -1 stays -1.
std::int64_t seconds(std::chrono::nanoseconds d) {
    if (d.count() < 0) return -1;
    return (d.count() + 999'999'999) / 1'000'000'000;
}

beam::awaitable<void> throttle(resp_client& c, std::vector<std::string> all) {
    if (all.size() > 6) {
        resp::wrong_arguments(c, "cl.throttle");
        co_return;
    }
    std::array<std::int64_t, 4> n{0, 0, 0, 1};
    for (std::size_t i = 2; i < all.size(); ++i) {
        const auto value = resp::integer_of(all[i]);
        if (!value || *value < 0 || (i == 4 && *value > ttl_max_ms / 1000)) {
            c.out.error(resp::not_an_integer);
            co_return;
        }
        n[i - 2] = *value;
    }
    if (!ratelimit::is_running()) {
        auto starting = beam::application::ensure_all_started(beam::atom("ratelimit"));
        beam::outcome<std::vector<beam::atom>> started = co_await starting;
        if (!started) {
            c.out.error(
                "ERR CL.THROTTLE needs the application ratelimit, which does not start on this "
                "node");
            co_return;
        }
    }
    auto asked = ratelimit::throttle(all[1], std::uint64_t(n[0]), std::uint64_t(n[1]),
                                     std::chrono::seconds(n[2]), std::uint64_t(n[3]));
    beam::outcome<ratelimit::throttle_answer> a = co_await asked.outcome();
    if (!a || !a->error.empty()) {
        c.out.error("ERR " + (a ? a->error : std::string("the rate limiter did not answer")));
        co_return;
    }
    c.out.array(5);
    c.out.integer(a->limited);
    c.out.integer(std::int64_t(a->limit));
    c.out.integer(std::int64_t(a->remaining));
    c.out.integer(seconds(a->retry_after));
    c.out.integer(seconds(a->reset_after));
}

constexpr resp_command table[] = {
    {"CONFIG", -2, config, nullptr, "", 0, 0},
    {"COMMAND", -1, command, nullptr, "", 0, 0},
    {"INFO", -1, nullptr, info, "", 0, 0},
    {"CL.THROTTLE", -5, nullptr, throttle, "write"},
};

}  // namespace

std::span<const resp_command> server_commands() {
    return table;
}

}  // namespace cache
