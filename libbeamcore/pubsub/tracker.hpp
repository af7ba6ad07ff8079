// tracker: who is here, on all nodes, with no coordinator.
//
//     auto started = co_await beam::tracker::start_link(beam::tracker::options("users"));
//     auto ref = co_await beam::tracker::track("users", session, "lobby", "ann", "web-1", meta);
//     std::vector<beam::tracker::presence> here = co_await beam::tracker::list("users", "lobby");
//
// An entry says that a process of this node stands for a session of a key (a user) in a topic. It goes when
// the process ends, in whatever way. Every node's tracker of the same name knows all entries: a change is seen
// on the others within some 10 ms; entries of a node that is not heard for 5 s are hidden, and are back when it is.
// As Phoenix.Tracker; where it differs is in the layer's README.
//
// A tracker may have several shards, processes that each look after a part of the topics; then `{"users", 4}`
// stands for it in each call, and the number is the same on all nodes.
//
// Tracked processes are watched, not linked. When a tracker itself dies its entries are gone: a session that must be
// seen monitors the shard (shard_of), or tracks itself again. All functions exit the caller with `{noproc, _}`
// when there is no such tracker.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/pubsub/peers.hpp"
#include "libbeamcore/pubsub/tracker_config.hpp"
#include "libbeamcore/pubsub/tracker_entry.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam::tracker {

/// A tracker as its users name it.
class handle {
public:
    handle(atom name, unsigned shards = 1) : name_(name), shards_(shards) {}  // NOLINT: implicit
    handle(const char* name, unsigned shards = 1)                             // NOLINT: implicit
        : handle(atom(std::string_view(name)), shards) {}

    [[nodiscard]] atom name() const { return name_; }
    [[nodiscard]] unsigned shards() const { return shards_; }

private:
    atom name_;
    unsigned shards_;
};

/// How to make a tracker.
struct options {
    options(handle name) : name(name) {}               // NOLINT: implicit
    options(const char* name) : name(handle(name)) {}  // NOLINT: implicit

    handle name;
    config periods{};                 ///< the same on all nodes
    std::shared_ptr<peers> others{};  ///< default: connected_nodes()
};

/// To subscribers, from the process of a shard: first one with `whole`, all that is visible as joins; then one for
/// each merge. Nothing joins twice, and nothing leaves that has not joined.
struct news {
    ref subscription;
    bool whole = false;
    diff topics;
};

/// To a tracked process whose entry was removed by kick().
struct kicked {
    atom tracker;
    term topic, key;
    BEAM_FIELDS(kicked, tracker, topic, key)
};

/// Starts a tracker, linked to the caller: a supervisor of that name, and its shards.
///
/// Errors: `{already_started, Pid}`; `badarg` for no shards; `{bad_config, Code, Text}` if check(periods) fails.
/// When it is stopped in good order (its supervisor's shutdown, stop()) the other nodes forget this node's
/// entries at once; when it dies, after down_after.
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(options o);
[[nodiscard]] BEAM_EXPORT child_start child(options o);
[[nodiscard]] BEAM_EXPORT child_spec child_of(term id, options o);
/// Ends a tracker and waits until it is gone. The others are told that this node leaves.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(handle t, timeout limit = infinity{});

/// The shard that looks after a topic: a registered name, the same on all nodes.
[[nodiscard]] BEAM_EXPORT atom shard_of(const handle& t, std::string_view topic);

/// An entry for a process of this node. It may have one for each topic and key.
///
/// Errors: `already_tracked`; `too_long` (topic, key or session above 255 bytes, meta above 4 KiB);
/// `too_many_sessions` (100 of a key in a topic); `too_many_entries` (500 000 of this node's in a shard). A process
/// that is dead already: its entry comes and goes.
[[nodiscard]] BEAM_EXPORT future<result<dot>> track(const handle& t, pid process,
                                                    std::string_view topic, std::string_view key,
                                                    std::string_view session, term meta = map());

/// Another meta, in one step. Gives the new dot. Errors: `nopresence`, `too_long`.
[[nodiscard]] BEAM_EXPORT future<result<dot>> update(const handle& t, pid process,
                                                     std::string_view topic, std::string_view key,
                                                     term meta);
/// The same with what `change` makes of the old meta. It runs in the tracker's process. Errors: `bad_change` (it
/// threw; nothing is changed).
[[nodiscard]] BEAM_EXPORT future<result<dot>> update_with(const handle& t, pid process,
                                                          std::string_view topic,
                                                          std::string_view key,
                                                          callback<term(const term&)> change);

/// Removes an entry; nothing if there is none.
[[nodiscard]] BEAM_EXPORT future<void> untrack(const handle& t, pid process, std::string_view topic,
                                               std::string_view key);
/// All entries of a process.
[[nodiscard]] BEAM_EXPORT awaitable<void> untrack_all(handle t, pid process);

/// What is visible in a topic; copies.
[[nodiscard]] BEAM_EXPORT future<std::vector<presence>> list(const handle& t,
                                                             std::string_view topic);
/// The sessions of a key in a topic, oldest first.
[[nodiscard]] BEAM_EXPORT future<std::vector<presence>> get(const handle& t, std::string_view topic,
                                                            std::string_view key);

/// The caller gets news of a topic, until unsubscribe() or its end. Each call is a subscription of its own.
[[nodiscard]] BEAM_EXPORT awaitable<ref> subscribe(handle t, std::string topic);
/// The same; where there is no tracker an error, and no exit.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<ref>> try_subscribe(handle t, std::string topic);
/// Of all topics. With several shards there is one `whole` for each.
[[nodiscard]] BEAM_EXPORT awaitable<ref> subscribe_all(handle t);
/// Never waits. News that are under way still arrive.
BEAM_EXPORT void unsubscribe(const handle& t, const ref& subscription);

/// Has the origins remove all entries of a key in a topic that are visible here now: a session that comes at the same
/// moment is another entry and stays. The processes get `kicked`. How many were asked for.
[[nodiscard]] BEAM_EXPORT future<std::uint64_t> kick(const handle& t, std::string_view topic,
                                                     std::string_view key);

/// Waits until all nodes that are up have this node's entries of the topic's shard as they are now; no longer than
/// `limit`, and then gives false. So a login can answer when the next look on any node shows it.
[[nodiscard]] BEAM_EXPORT future<bool> wait_seen(
    const handle& t, std::string_view topic,
    std::chrono::milliseconds limit = std::chrono::seconds{1});

/// What a shard knows of each node, this one first.
[[nodiscard]] BEAM_EXPORT future<std::vector<node_info>> nodes(const handle& t, unsigned shard = 0);
[[nodiscard]] BEAM_EXPORT future<state_counters> counters(const handle& t, unsigned shard = 0);

}  // namespace beam::tracker

BEAM_EXPORTED_DESCRIPTOR(beam::tracker::news);
BEAM_EXPORTED_DESCRIPTOR(beam::tracker::kicked);
BEAM_EXPORTED_DESCRIPTOR(beam::result<beam::tracker::dot>);
BEAM_EXPORTED_DESCRIPTOR(beam::tracker::state_counters);
BEAM_EXPORTED_DESCRIPTOR(std::vector<beam::tracker::presence>);
BEAM_EXPORTED_DESCRIPTOR(std::vector<beam::tracker::node_info>);
