// What a client of kv asked, when, and what it was told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace test {

struct kv_event {
    enum class act : std::uint8_t { get, put, swap, erase, incr };
    enum class end : std::uint8_t {
        done,     ///< a get, too, that was told there is nothing
        refused,  ///< what was expected does not hold
        nothing,  ///< a definite error: nothing was written, or read
        unknown,  ///< it may have been done
    };

    int client = 0;
    act what = act::get;
    end told = end::unknown;
    std::string key, wanted, expected;
    std::string node;                  ///< which was asked
    bool by_primary = false;           ///< the answer of a get is the primary's for sure
    std::int64_t called = 0;           ///< nanoseconds of one clock, for all clients
    std::int64_t answered = 0;         ///< also of an error
    std::optional<std::string> found;  ///< get; incr: the sum
    std::uint64_t version = 0;         ///< 0: not told
    std::int64_t age_ms = 0;           ///< of a replica's answer
    std::int64_t ttl_ms = 0;           ///< put: it goes by itself after that
    std::uint64_t together = 0;        ///< not 0: one request with all events of that number
    std::string why;                   ///< of an error
};

using kv_record = std::vector<kv_event>;

}  // namespace test
