// pubsub: topics that processes on any node publish and subscribe to.
//
//     auto started = co_await beam::pubsub::start_link(beam::pubsub::options("rooms"));
//     beam::pubsub::subscribe("rooms", "lobby");
//     beam::pubsub::broadcast("rooms", "lobby", said{"ann", "hello"});
//     said s = co_await me.receive<said>();
//
// As Phoenix.PubSub. A message reaches who is subscribed when it comes by, at most once a subscription; nothing is
// kept for later. A subscriber's end takes its subscriptions away. Messages of one process to one topic
// arrive in the order sent. Messages are terms: a struct with declared fields arrives as `{name, Fields}`, which
// receive<T> reads; other values as themselves.
//
// Each function is called by a process and raises `{badarg, {unknown_registry, Name}}` when there is no such
// pubsub. The subscribers are in a registry (otp/registry.hpp) of that name, and linked to it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/pubsub/peers.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::pubsub {

/// How to make a pubsub.
struct options {
    options(atom name) : name(name) {}                                 // NOLINT: implicit
    options(const char* name) : name(atom(std::string_view(name))) {}  // NOLINT: implicit

    atom name;                        ///< the same on all nodes
    unsigned partitions = 1;          ///< of the registry: more when many subscribe at once
    std::shared_ptr<peers> others{};  ///< default: connected_nodes()
};

/// Starts a pubsub, linked to the caller: a supervisor of a registry and of a process that relays to other
/// nodes and from them. Errors: those of registry::start_link.
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(options o);
[[nodiscard]] BEAM_EXPORT child_start child(options o);
[[nodiscard]] BEAM_EXPORT child_spec child_of(term id, options o);

/// Subscribes the calling process. Twice: each message comes twice. PUB-01.
BEAM_EXPORT void subscribe(atom pubsub, std::string_view topic);
/// Ends all subscriptions of the caller to that topic; nothing if there are none.
BEAM_EXPORT void unsubscribe(atom pubsub, std::string_view topic);
/// The subscribers of a topic on this node, one for each subscription.
[[nodiscard]] BEAM_EXPORT std::vector<pid> subscribers(atom pubsub, std::string_view topic);

/// Sends to all subscribers on all nodes that are connected. Never waits.
BEAM_EXPORT void broadcast(atom pubsub, std::string_view topic, term what);
/// The same, but not to `from`. PUB-02.
BEAM_EXPORT void broadcast_from(atom pubsub, pid from, std::string_view topic, term what);
/// On this node only. PUB-03.
BEAM_EXPORT void local_broadcast(atom pubsub, std::string_view topic, term what);
BEAM_EXPORT void local_broadcast_from(atom pubsub, pid from, std::string_view topic, term what);
/// On one node only, which may be this one; dropped if it is not connected. PUB-03.
BEAM_EXPORT void direct_broadcast(atom node, atom pubsub, std::string_view topic, term what);

/// A struct with declared fields, as it is sent.
template <declared T>
void broadcast(atom pubsub, std::string_view topic, T what) {
    broadcast(pubsub, topic, message::make(std::move(what)).to_term());
}
template <declared T>
void broadcast_from(atom pubsub, pid from, std::string_view topic, T what) {
    broadcast_from(pubsub, from, topic, message::make(std::move(what)).to_term());
}

}  // namespace beam::pubsub
