// Flights: of all who find the same key missing, one makes the value (`get KEY --or-run CMD`); the others wait for it.
//
// Who makes it is the leader, a process that is watched: if it ends without the value being there, the next of those
// that wait leads. Nothing is kept of a key for which nobody flies.
#pragma once

#include <deque>
#include <string>
#include <tuple>
#include <unordered_map>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"

namespace cache {

enum class flight_role : std::uint8_t {
    leads,   ///< make the value, put it, and end
    landed,  ///< the value is there, or was: look again
    busy,    ///< somebody else makes it (only for who does not wait)
};

class flights : public beam::gen_server<flights> {
    struct board {
        using reply = flight_role;
        std::string key;
        beam::pid passenger;
        bool waits = true;
    };

public:
    /// Waits until the caller leads, or the leader has put the value. With `waits` false never waits.
    static beam::future<flight_role> join(std::string key, bool waits);

    using arguments = std::tuple<>;
    using calls = beam::messages<board>;

    static beam::init_result<flights> init();
    beam::call_result<flight_role> handle_call(board m, beam::from caller);
    void handle_info(beam::down_message m);

private:
    struct passenger {
        beam::pid who;
        beam::from caller;
    };
    struct flight {
        beam::pid leader;
        std::deque<passenger> waiting;
    };

    void lead(const std::string& key, flight& f, beam::pid who);

    std::unordered_map<std::string, flight> flights_;
    std::unordered_map<beam::ref, std::string> keys_;  // of the leaders' monitors
};

}  // namespace cache
