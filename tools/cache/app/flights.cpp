#include "tools/cache/app/flights.hpp"

#include <utility>

#include "libbeamcore/runtime/name.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/session.hpp"

namespace cache {

beam::future<flight_role> flights::join(std::string key, bool waits) {
    return beam::call<board>(flights_name(), beam::timeout(beam::infinity{}), std::move(key), id(),
                             waits);
}

beam::init_result<flights> flights::init() {
    if (!beam::try_register_name(flights_name(), id()))
        return beam::stop_with{beam::atom("name_taken")};
    return flights();
}

void flights::lead(const std::string& key, flight& f, beam::pid who) {
    f.leader = who;
    keys_.emplace(beam::monitor(who), key);
}

beam::call_result<flight_role> flights::handle_call(board m, beam::from caller) {
    auto [it, first] = flights_.try_emplace(m.key);
    if (first) {
        lead(m.key, it->second, m.passenger);
        return flight_role::leads;
    }
    if (!m.waits) return flight_role::busy;
    it->second.waiting.push_back({m.passenger, caller});
    return beam::noreply{};
}

void flights::handle_info(beam::down_message m) {
    auto monitored = keys_.find(m.monitor);
    if (monitored == keys_.end()) return;
    const std::string key = std::move(monitored->second);
    keys_.erase(monitored);
    flight f = std::move(flights_[key]);
    flights_.erase(key);
    if (session().has(key)) {
        for (const passenger& p : f.waiting) beam::reply(p.caller, flight_role::landed);
        return;
    }
    // One that is gone meanwhile is noticed at once, by its monitor, and the next leads.
    if (f.waiting.empty()) return;
    const passenger next = f.waiting.front();
    f.waiting.pop_front();
    flight& again = flights_[key];
    again.waiting = std::move(f.waiting);
    lead(key, again, next.who);
    beam::reply(next.caller, flight_role::leads);
}

}  // namespace cache
