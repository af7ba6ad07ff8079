// Control messages: what one node tells another, beside the messages of processes.
//
// One struct each, whatever its form on the wire: OTP has older and newer ones, and ones with a trace token, which is
// dropped. Where a pid of this node has another creation it belongs to an earlier life: its `node` is not 0.
// (erts/doc/src/erl_dist_protocol.xml)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/flags.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::control {

/// A process, or what is registered under a name there.
using target = std::variant<pid, atom>;

// Three that bring a message.

struct send {
    pid from;  ///< false: not said
    pid to;
    friend bool operator==(const send&, const send&) = default;
};
struct reg_send {
    pid from;
    atom name;
    friend bool operator==(const reg_send&, const reg_send&) = default;
};
struct alias_send {
    pid from;
    ref alias;
    friend bool operator==(const alias_send&, const alias_send&) = default;
};

// Links.

struct link {
    pid from, to;
    friend bool operator==(const link&, const link&) = default;
};
/// `id` is 0 where the peer's unlink knows none and wants no acknowledgement (not UNLINK_ID).
struct unlink {
    std::uint64_t id = 0;
    pid from, to;
    friend bool operator==(const unlink&, const unlink&) = default;
};
struct unlink_ack {
    std::uint64_t id = 0;
    pid from, to;  ///< `from` acknowledges
    friend bool operator==(const unlink_ack&, const unlink_ack&) = default;
};
/// The end of a linked process.
struct link_exit {
    pid from, to;
    term reason;
    friend bool operator==(const link_exit&, const link_exit&) = default;
};
/// exit/2.
struct exit {
    pid from, to;
    term reason;
    friend bool operator==(const exit&, const exit&) = default;
};

// Monitors.

struct monitor {
    pid from;
    target to;
    beam::ref ref;
    friend bool operator==(const monitor&, const monitor&) = default;
};
struct demonitor {
    pid from;
    target to;
    beam::ref ref;
    friend bool operator==(const demonitor&, const demonitor&) = default;
};
/// The end of a monitored process. `from` in the form that the monitor had.
struct monitor_exit {
    target from;
    pid to;
    beam::ref ref;
    term reason;
    friend bool operator==(const monitor_exit&, const monitor_exit&) = default;
};

// The others.

struct group_leader {
    pid leader, to;
    friend bool operator==(const group_leader&, const group_leader&) = default;
};
struct spawn_request {
    ref id;
    pid from;
    pid leader;
    atom module, function;
    std::uint8_t arity = 0;
    term options;    ///< a list
    term arguments;  ///< a list of `arity` elements
    friend bool operator==(const spawn_request&, const spawn_request&) = default;
};
inline constexpr std::uint32_t spawned_link = 1, spawned_monitor = 2;  // spawn_reply::flags
struct spawn_reply {
    ref id;
    pid to;
    std::uint32_t flags = 0;
    target result;  ///< the new process, or why there is none
    friend bool operator==(const spawn_reply&, const spawn_reply&) = default;
};

using message =
    std::variant<send, reg_send, alias_send, link, unlink, unlink_ack, link_exit, exit, monitor,
                 demonitor, monitor_exit, group_leader, spawn_request, spawn_reply>;

/// The first element of the tuple.
enum class op : std::uint8_t {
    link = 1,
    send = 2,
    exit = 3,
    unlink = 4,
    reg_send = 6,
    group_leader = 7,
    exit2 = 8,
    send_tt = 12,
    exit_tt = 13,
    reg_send_tt = 16,
    exit2_tt = 18,
    monitor_p = 19,
    demonitor_p = 20,
    monitor_p_exit = 21,
    send_sender = 22,
    send_sender_tt = 23,
    payload_exit = 24,
    payload_exit_tt = 25,
    payload_exit2 = 26,
    payload_exit2_tt = 27,
    payload_monitor_p_exit = 28,
    spawn_request = 29,
    spawn_request_tt = 30,
    spawn_reply = 31,
    spawn_reply_tt = 32,
    alias_send = 33,
    alias_send_tt = 34,
    unlink_id = 35,
    unlink_id_ack = 36,
};

struct op_entry {
    op code;
    std::string_view name;  ///< as OTP's documents have it
    std::uint8_t arity;     ///< of the tuple, `code` counted
    bool has_payload;       ///< another term follows
    /// Where in the tuple a trace token is; 0: none.
    std::uint8_t token_at;
};

/// All that we know, by ascending code.
[[nodiscard]] BEAM_EXPORT std::span<const op_entry> op_table() noexcept;
/// Null: unknown.
[[nodiscard]] BEAM_EXPORT const op_entry* find_op(std::uint64_t code) noexcept;

/// What a tuple says, without what comes as payload (`reason` or `arguments` are `undefined` then).
///
/// Errors: `unknown_control`, `bad_control`.
[[nodiscard]] BEAM_EXPORT result<message> from_term(const term& tuple);

}  // namespace beam::dist::control
