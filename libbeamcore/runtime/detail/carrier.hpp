// For the layer that connects nodes: what the runtime gives it for processes of other nodes, and what it
// gives the runtime for those here (arrival).
//
// The runtime knows other nodes' pids and refs by their `node` index (term/node_table.hpp) and has no connections.
// Every signal that is for such a pid goes to the carrier, in the sender's thread and in the order sent. Without a
// carrier other nodes cannot be reached: links and monitors are told `noconnection`, messages are dropped.
#pragma once

#include <cstdint>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/node_table.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail {

/// Carries signals to other nodes. Called by any thread; `from` is the local process concerned, the false pid for a
/// plain thread. A server_ref here is a pid of another node or `{Name, Node}` of another node. What cannot be carried is
/// answered through `arrival`, later: a lost link by exit, a lost monitor by down. Messages are dropped.
class BEAM_EXPORT carrier {
public:
    carrier(const carrier&) = delete;
    carrier& operator=(const carrier&) = delete;

    virtual void message(const pid& from, const server_ref& to, term value) noexcept = 0;
    /// Dropped where there is no connection: none is made for it.
    virtual void message_if_connected(const pid& from, const server_ref& to,
                                      term value) noexcept = 0;
    virtual void alias_message(const pid& from, const ref& alias, term value) noexcept = 0;
    virtual void link(const pid& from, const pid& to) noexcept = 0;
    /// `id` comes back in the acknowledgement.
    virtual void unlink(const pid& from, const pid& to, std::uint64_t id) noexcept = 0;
    virtual void unlink_ack(const pid& from, const pid& to, std::uint64_t id) noexcept = 0;
    virtual void monitor(const pid& from, const server_ref& to, const ref& monitor) noexcept = 0;
    virtual void demonitor(const pid& from, const server_ref& to, const ref& monitor) noexcept = 0;
    /// A monitor that came from there: `from` has died, or never lived. `by_name`: what it was monitored by, or the
    /// default.
    virtual void down(const pid& from, atom by_name, const pid& to, const ref& monitor,
                      const term& reason) noexcept = 0;
    /// exit/2.
    virtual void exit(const pid& from, const pid& to, const term& reason) noexcept = 0;
    /// The end of a linked process.
    virtual void link_exit(const pid& from, const pid& to, const term& reason) noexcept = 0;

    virtual void connect(atom node) noexcept = 0;
    virtual bool disconnect(atom node) noexcept = 0;

protected:
    carrier() = default;
    ~carrier() = default;
};

/// From now on this runtime is the node `self` and reaches others through `c`, which lives as long as its processes;
/// null takes it away. The name and the creation are what the node's pids carry to others.
BEAM_EXPORT void set_carrier(runtime& node, const node_identity& self, carrier* c);
/// Who the runtime is; `nonode@nohost` and 0 without a carrier.
[[nodiscard]] BEAM_EXPORT node_identity identity_of(runtime& node) noexcept;

/// As send to another node, but no connection is made for it (erlang:send with `noconnect`): for what all who are there are
/// told. To look first whether one is there does not do: the connection may be lost in between, and be made anew.
BEAM_EXPORT void send_if_connected(const server_ref& to, term value);

/// What came from another node, given to the process here that it is for. Each returns at once. False: there is no
/// such process, and the carrier answers as OTP does (`noproc` for links and monitors).
namespace arrival {

/// An answer to a call that is waited for ends the call and is no message.
BEAM_EXPORT bool message(runtime& node, const pid& to, term value) noexcept;
BEAM_EXPORT bool message(runtime& node, atom name, term value) noexcept;
BEAM_EXPORT bool alias_message(runtime& node, const ref& alias, term value) noexcept;
BEAM_EXPORT bool link(runtime& node, const pid& from, const pid& to) noexcept;
BEAM_EXPORT bool unlink(runtime& node, const pid& from, const pid& to, std::uint64_t id) noexcept;
BEAM_EXPORT bool unlink_ack(runtime& node, const pid& from, const pid& to,
                            std::uint64_t id) noexcept;
/// `by_name`: the name under which `to` was found, for the answer; or the default.
BEAM_EXPORT bool monitor(runtime& node, const pid& from, const pid& to, atom by_name,
                         const ref& monitor) noexcept;
BEAM_EXPORT bool demonitor(runtime& node, const pid& to, const ref& monitor) noexcept;
/// A monitor of the local process `to`, or the one that belongs to a call of its; `node_name` is the node concerned.
BEAM_EXPORT bool down(runtime& node, const pid& to, const ref& monitor, term reason,
                      atom node_name) noexcept;
BEAM_EXPORT bool exit(runtime& node, const pid& from, const pid& to, term reason) noexcept;
BEAM_EXPORT bool link_exit(runtime& node, const pid& from, const pid& to, term reason) noexcept;

/// Something is delivered to that process soon: fetches the memory that this will touch.
BEAM_EXPORT void soon(runtime& node, const pid& to) noexcept;

/// Connections, for nodes() and those who watch. `hidden` nodes are in nodes() only when asked for.
BEAM_EXPORT void node_up(runtime& node, atom name, bool hidden);
BEAM_EXPORT void node_down(runtime& node, atom name, const term& reason);
/// A connection that monitor_node asked for did not come about.
BEAM_EXPORT void node_unreachable(runtime& node, atom name);

}  // namespace arrival

/// The local process registered under that name.
[[nodiscard]] BEAM_EXPORT pid local_name(runtime& node, atom name) noexcept;

/// `who`, if it is the calling process, does not run on before resume_caller, once it waits or gives way: the carrier has
/// too much to send. Counted. False: somebody else calls, on its behalf, such as who answers for one that has ended.
BEAM_EXPORT bool suspend_caller(const pid& who) noexcept;
BEAM_EXPORT void resume_caller(runtime& node, const pid& suspended) noexcept;

/// A reference under which an answer finds the caller's process without a table (call.cpp): for requests of the
/// carrier's own that its caller waits for.
[[nodiscard]] BEAM_EXPORT ref remote_request_ref(std::uint64_t id, const pid& caller) noexcept;
[[nodiscard]] BEAM_EXPORT bool is_remote_request(const ref& r) noexcept;

}  // namespace beam::detail
