#include "tools/cache/app/resp_client.hpp"

#include <chrono>

#include "libbeamcore/runtime/timer.hpp"
#include "tools/cache/app/limits.hpp"

namespace cache {

// Made once a module.
const resp::command_index<resp_client>& all_commands() {
    static const resp::command_index<resp_client> all{value_commands(), key_commands(),
                                                      resp::connection_commands<resp_client>,
                                                      server_commands()};
    return all;
}

std::optional<std::int64_t> expiry_of(const session& s, resp::time_unit unit, std::int64_t amount) {
    resp::expiry_clock clock;
    clock.now = s.now_ms();
    clock.ttl_max = ttl_max_ms;
    if (unit == resp::time_unit::unix_s || unit == resp::time_unit::unix_ms) {
        // Both clocks at one moment, or the same time of day would be another time when it is said again.
        const auto apart =
            beam::monotonic_time() - std::chrono::system_clock::now().time_since_epoch();
        clock.epoch = std::chrono::round<std::chrono::milliseconds>(apart).count();
    }
    return resp::expiry_of(unit, amount, clock);
}

}  // namespace cache
