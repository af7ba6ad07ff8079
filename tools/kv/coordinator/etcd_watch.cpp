#include "tools/kv/coordinator/etcd_watch.hpp"

#include <algorithm>
#include <utility>

namespace kv {

namespace {

constexpr std::chrono::milliseconds look_again{250};
constexpr std::chrono::milliseconds open_limit{2000};
constexpr std::chrono::seconds silence_limit{2};

}  // namespace

etcd_watch::etcd_watch(const etcd_options& options, known_cluster& known,
                       std::function<std::uint64_t()> seen_rev)
    : cluster_(options, known), seen_rev_(std::move(seen_rev)) {}

bool etcd_watch::open() {
    const etcd_keys& keys = cluster_.keys();
    const json body{{"create_request",
                     {{"key", keys.key("")},
                      {"range_end", keys.end_of("")},
                      {"start_revision", std::to_string(told_ + 1)}}}};
    is_confirmed_ = false;
    ahead_since_.reset();
    return cluster_.gateway().open_stream("watch", body).has_value();
}

etcd_watch::news etcd_watch::take(const std::string& line) {
    const json said = json::parse(line, nullptr, false);
    const auto result = said.is_object() ? said.find("result") : said.end();
    if (!said.is_object() || result == said.end()) return news::broken;
    // Compacted, or no permission: all is read again.
    if (flag_in(*result, "canceled")) return news::broken;
    if (flag_in(*result, "created")) {
        is_confirmed_ = true;
        failures_ = 0;
        return news::none;
    }
    std::uint64_t newest = 0;
    for (const json& event : array_in(*result, "events"))
        if (const auto kv = event.find("kv"); kv != event.end())
            newest = std::max(newest, number_in(*kv, "mod_revision"));
    if (newest <= told_) return news::none;
    told_ = newest;
    return news::some;
}

bool etcd_watch::has_missed_some() {
    const std::uint64_t seen = seen_rev_();
    const std::uint64_t known = std::max(told_, checked_);
    const auto now = std::chrono::steady_clock::now();
    if (seen <= known) {
        ahead_since_.reset();
        return false;
    }
    if (!ahead_since_) ahead_since_ = now;
    if (now - *ahead_since_ < silence_limit) return false;
    ahead_since_.reset();
    const etcd_keys& keys = cluster_.keys();
    auto later = cluster_.gateway().call("kv/range",
                                         {{"key", keys.key("")},
                                          {"range_end", keys.end_of("")},
                                          {"min_mod_revision", std::to_string(known + 1)},
                                          {"limit", "1"},
                                          {"keys_only", true}},
                                         etcd_gateway::effect::reads);
    if (!later || !array_in(*later, "kvs").empty()) return true;
    checked_ = revision_of(*later);
    return false;
}

bool etcd_watch::wait(std::uint64_t rev, steady_time deadline) {
    etcd_gateway& gateway = cluster_.gateway();
    if (rev < told_) return true;  // told, and not looked at since
    told_ = rev;
    auto opened = std::chrono::steady_clock::now();
    while (!gateway.is_interrupted()) {
        const auto now = std::chrono::steady_clock::now();
        if (!gateway.has_stream()) {
            opened = now;
            if (!open()) gateway.close_stream();
        }
        auto line = gateway.read_line(std::min(deadline, now + look_again));
        const bool is_silent = line && !*line;
        news n = line && *line ? take(**line) : line ? news::none : news::broken;
        if (is_silent && is_confirmed_ && has_missed_some()) n = news::broken;
        if (is_silent && !is_confirmed_ && now - opened > open_limit) n = news::broken;
        if (n == news::some) return true;
        if (n == news::broken) {
            // After one that was open: the next goes on where it ended. When none can be opened: look.
            gateway.close_stream();
            gateway.turn_away();
            const bool was_open = std::exchange(is_confirmed_, false);
            if (was_open) return true;
            if (++failures_ % gateway.endpoints() == 0) {
                gateway.pause(look_again);
                return true;
            }
        }
        if (is_silent && now >= deadline) return false;
    }
    return true;
}

}  // namespace kv
