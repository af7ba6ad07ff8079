// A notice: a durable message for one user, and what has become of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "libbeamcore/term/fields.hpp"

namespace presence {

enum class notice_state : std::uint8_t {
    queued,        ///< on disk; nobody has it
    delivered,     ///< the client of a session that lives has confirmed receipt
    acknowledged,  ///< done
    expired,       ///< never acknowledged within its time
};
BEAM_ENUM(notice_state, queued, delivered, acknowledged, expired)

/// The last states: nothing follows them.
[[nodiscard]] constexpr bool is_closed(notice_state s) {
    return s == notice_state::acknowledged || s == notice_state::expired;
}

/// One that waits, as it is kept. Times are Unix time.
struct notice {
    std::uint64_t seq = 0;  ///< its place in the user's queue: rises with each, never used again
    std::string id;         ///< the sender's own; the same again is the same notice
    std::string from;
    std::string text;
    std::int64_t accepted_ms = 0;
    std::int64_t expires_ms = 0;
    BEAM_FIELDS(notice, seq, id, from, text, accepted_ms, expires_ms)
};

/// What the sender may ask for later.
struct receipt {
    std::string user;
    std::string id;
    std::uint64_t seq = 0;
    notice_state state = notice_state::queued;
    std::int64_t accepted_ms = 0;
    std::int64_t closed_ms = 0;  ///< 0: it is open
    BEAM_FIELDS(receipt, user, id, seq, state, accepted_ms, closed_ms)
};

/// To a session, from the mailbox of its user. `after` is the notice before it in the queue, 0 for the first: a reader
/// that has not seen that one has missed something, and waits until it is sent again.
struct delivery {
    std::string user;
    notice what;
    std::uint64_t after = 0;
    BEAM_FIELDS(delivery, user, what, after)
};

/// To a session that was sent a notice: another has acknowledged it, or it has expired.
struct settled {
    std::string user;
    std::string id;
    std::uint64_t seq = 0;
    notice_state state = notice_state::acknowledged;
    BEAM_FIELDS(settled, user, id, seq, state)
};

namespace limits {

inline constexpr std::size_t open_max = 1000;  ///< notices that wait for one user
inline constexpr std::size_t text_max = std::size_t{64} * 1024;
inline constexpr std::size_t id_max = 64;              ///< bytes
inline constexpr std::size_t in_flight_max = 64;       ///< sent to a session, not confirmed
inline constexpr std::chrono::seconds retry_first{5};  ///< not confirmed: sent again
inline constexpr std::chrono::seconds retry_max{60};   ///< doubling up to this
inline constexpr std::chrono::hours receipt_kept{24};  ///< after it was closed
inline constexpr std::chrono::hours ttl_default{24 * 7};
inline constexpr std::chrono::hours ttl_max{24 * 365};
inline constexpr std::size_t remembered_max = 1024;  ///< ids that a reader knows again

}  // namespace limits

}  // namespace presence
