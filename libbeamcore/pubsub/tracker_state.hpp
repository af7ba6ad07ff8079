// state: the tracker without a process: what it holds, and what each event makes it do.
//
// Pure: it knows the time only as it is told, sends nothing and waits for nothing. Each function takes what
// happened and the time, and adds to `outputs` what is to be done: messages to nodes, events for subscribers.
// The tracker's process and the simulator of the tests both drive it. How it works, and why entries of
// different origins never meet, is in the layer's README.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/pubsub/detail/change_ring.hpp"
#include "libbeamcore/pubsub/detail/origin.hpp"
#include "libbeamcore/pubsub/detail/roster.hpp"
#include "libbeamcore/pubsub/detail/subscriptions.hpp"
#include "libbeamcore/pubsub/hybrid_clock.hpp"
#include "libbeamcore/pubsub/tracker_config.hpp"
#include "libbeamcore/pubsub/tracker_entry.hpp"
#include "libbeamcore/pubsub/tracker_messages.hpp"

namespace beam::tracker {

/// When something happens: by the monotonic clock of the node, and by the wall clock, which may be wrong.
struct instant {
    std::chrono::nanoseconds now{};
    std::int64_t wall_ms = 0;
};

struct outgoing {
    std::vector<atom> to;
    message what;
};

/// For one subscriber: first everything that is visible (`whole`), then what changes.
struct event {
    std::uint64_t subscriber = 0;
    bool whole = false;
    diff what;
};

/// A tracked process whose entry was removed by a kick.
struct kicked_entry {
    pid process;
    term topic, key;
};

/// What an operator wants to know of.
struct report {
    enum class kind : std::uint8_t {
        up,
        down,
        permdown,
        clock_ahead,      ///< by more than clock_ahead_max; its stamps are not believed
        digest_mismatch,  ///< same version, other entries: never without a bug; is repaired
        bad_message,      ///< its content contradicts itself
        same_name,        ///< another node has this one's name
        reborn,  ///< others knew a later incarnation, so this node took a new one: a clock went back
    };
    kind what = kind::up;
    atom node;
    std::string detail;
};

/// What is to be done, in this order of kinds; within one, in the order given.
struct outputs {
    std::vector<outgoing> messages;
    std::vector<event> events;
    std::vector<kicked_entry> kicked;
    std::vector<report> reports;
};

enum class node_state : std::uint8_t { up, down, permdown };
BEAM_ENUM(node_state, up, down, permdown)

/// One origin as it is seen here.
struct node_info {
    atom node;
    node_state state = node_state::permdown;
    std::uint64_t incarnation = 0;
    std::uint64_t version = 0;
    std::uint64_t entries = 0;
    std::uint64_t digest = 0;
    std::uint64_t missing = 0;               ///< changes known of and not here yet
    std::chrono::milliseconds last_heard{};  ///< ago; 0 for this node itself
    BEAM_FIELDS(node_info, node, state, incarnation, version, entries, digest, missing, last_heard)
};

/// Since the start.
struct state_counters {
    std::uint64_t merges = 0, deltas_seen = 0, deltas_over_gap = 0, stale = 0, syncs_asked = 0,
                  fulls_sent = 0, fulls_taken = 0, digest_mismatches = 0, clocks_ahead = 0,
                  bad_messages = 0;
    BEAM_FIELDS(state_counters, merges, deltas_seen, deltas_over_gap, stale, syncs_asked,
                fulls_sent, fulls_taken, digest_mismatches, clocks_ahead, bad_messages)
};

/// The rules that keep the promises. All hold; the simulator switches one off at a time to prove that it
/// would see a tracker without it.
struct rules {
    bool drop_seen = true;            ///< a delta of versions that are here changes nothing
    bool drop_over_gap = true;        ///< nor does one that does not join on
    bool drop_older = true;           ///< nor anything of an older incarnation
    bool replace_incarnation = true;  ///< a newer one takes all entries of the older one away
    bool wait_for_missed = true;  ///< a node that is back is shown when its missed changes are in
    bool whole_full = true;       ///< all entries are applied when the last chunk is in
    bool remember_bye = true;     ///< a late message does not bring back who has left
};

/// Not thread-safe: its one process's.
class BEAM_EXPORT state {
public:
    /// `incarnation` is greater at each start of the node. Throws std::invalid_argument if check(c) fails.
    state(const config& c, atom node, std::uint64_t incarnation, std::uint64_t seed,
          const rules& r = {});

    // -- what happens on this node ----------------------------------------------------------------

    /// A new entry. One process may have one a topic and key. TRK-01, TRK-02.
    ///
    /// Errors: `already_tracked`, `too_long` (topic, key, session, meta), `too_many_sessions`,
    /// `too_many_entries`.
    result<dot> track(const instant& at, pid process, const term& topic, const term& key,
                      const term& session, const term& meta, outputs& out);
    /// Another meta, and a new dot. Errors: `nopresence`, `too_long`. TRK-07, TRK-08.
    result<dot> update(const instant& at, pid process, const term& topic, const term& key,
                       const term& meta, outputs& out);
    /// False: there was none. TRK-06.
    bool untrack(const instant& at, pid process, const term& topic, const term& key, outputs& out);
    /// All entries of a process, in one event. How many.
    std::size_t untrack_all(const instant& at, pid process, outputs& out);
    /// Asks the origins to remove the entries of that key that are visible here. How many.
    std::size_t kick_key(const instant& at, const term& topic, const term& key, outputs& out);
    /// Sends what is not sent yet and asks the others to say when they have it. The version: see seen_by_all.
    std::uint64_t want_seen(outputs& out);
    /// Whether all nodes that are up have this node's entries as of that version.
    [[nodiscard]] bool seen_by_all(std::uint64_t version) const;
    /// Tells the others that this node leaves. Nothing is sent afterwards. TRK-14.
    void stop(const instant& at, outputs& out);

    /// From now on `subscriber` gets events: first all that is visible, even if nothing is. Without a topic,
    /// of all topics.
    void subscribe(std::uint64_t subscriber, std::optional<term> topic, outputs& out);
    void unsubscribe(std::uint64_t subscriber) { subscriptions_.remove(subscriber); }

    // -- what comes from outside ------------------------------------------------------------------

    void node_up(const instant& at, atom node, outputs& out);
    void node_down(const instant& at, atom node);
    void receive(const instant& at, message m, outputs& out);
    /// Does what is due. To be called when next_wake() has come; earlier does no harm.
    void tick(const instant& at, outputs& out);
    [[nodiscard]] std::chrono::nanoseconds next_wake() const;

    // -- what is there ----------------------------------------------------------------------------

    /// The visible entries of a topic, in the order in which they came here. TRK-03.
    [[nodiscard]] std::vector<presence> list(const term& topic) const;
    /// Those of a key in it, oldest first. TRK-04.
    [[nodiscard]] std::vector<presence> get(const term& topic, const term& key) const;
    /// The entries of that origin that are here, visible or not.
    [[nodiscard]] std::vector<presence> held(atom node) const;
    [[nodiscard]] bool has_any(pid process) const;
    [[nodiscard]] std::vector<node_info> nodes(std::chrono::nanoseconds now) const;
    [[nodiscard]] const state_counters& counters() const { return counters_; }
    [[nodiscard]] atom node() const { return self().node; }

private:
    struct pending_diff;

    // Own entries: tracker_own.cpp.
    [[nodiscard]] result<void> check_entry(const term& topic, const term& key, const term& session,
                                           const term& meta) const;
    [[nodiscard]] roster::slot_id find_own(pid process, const term& topic, const term& key) const;
    dot add_own(const instant& at, entry e, std::uint64_t removed, pending_diff& changes,
                outputs& out);
    void remove_own(const instant& at, roster::slot_id id, pending_diff& changes, outputs& out);
    void drop_own(roster::slot_id id, pending_diff& changes);
    void record(const instant& at, change c, outputs& out);

    // Others' entries: tracker_merge.cpp.
    origin* admit(const instant& at, atom node, std::uint64_t incarnation, pending_diff& changes,
                  outputs& out);
    void take(const instant& at, delta m, pending_diff& changes, outputs& out);
    void take(const instant& at, full m, pending_diff& changes, outputs& out);
    void take(const instant& at, const heartbeat& m, pending_diff& changes, outputs& out);
    void take(const instant& at, const bye& m, pending_diff& changes, outputs& out);
    void take(const instant& at, const sync& m, pending_diff& changes, outputs& out);
    void take(const instant& at, const removal& m, pending_diff& changes, outputs& out);
    void take(const instant& at, const seen& m, pending_diff& changes, outputs& out);
    void take(const instant& at, const got& m, pending_diff& changes, outputs& out);
    void be_reborn(const instant& at, std::uint64_t incarnation, pending_diff& changes,
                   outputs& out);
    void apply(const instant& at, origin& o, const delta& m, pending_diff& changes, outputs& out);
    void apply(const instant& at, origin& o, assembly& whole, pending_diff& changes, outputs& out);
    void merge_entry(const instant& at, origin& o, const entry& e, pending_diff& changes,
                     outputs& out);
    void unmerge(origin& o, roster::slot_id id, pending_diff& changes);
    void begin_incarnation(const instant& at, origin& o, std::uint64_t incarnation,
                           pending_diff& changes);
    void settle(const instant& at, origin& o, pending_diff& changes, outputs& out);
    void ask(const instant& at, origin& o, outputs& out);
    void refuse(const origin& o, std::string why, outputs& out);

    // Who is there, and what goes to them: tracker_peers.cpp.
    origin& origin_of(atom node);
    [[nodiscard]] origin* find_origin(atom node);
    void connect(const instant& at, origin& o, outputs& out);
    void show(const instant& at, origin& o, pending_diff& changes, outputs& out);
    void hide(const instant& at, origin& o, pending_diff& changes, outputs& out);
    void forget(origin& o, pending_diff& changes, outputs& out);
    void send(std::vector<atom> to, message m, outputs& out);
    [[nodiscard]] std::vector<atom> connected() const;
    [[nodiscard]] heartbeat own_heartbeat(bool answer = false) const;
    void flush(outputs& out);
    void send_changes(const std::vector<atom>& to, std::uint64_t from, outputs& out);
    void begin_full(origin& o, std::uint64_t version);
    void send_chunks(const instant& at, origin& o, outputs& out);
    void beat(const instant& at, outputs& out);

    [[nodiscard]] presence presence_of(roster::slot_id id) const;
    [[nodiscard]] bool is_visible(roster::slot_id id) const {
        return origins_[roster_.origin_of(id)]->visible;
    }
    void joined(roster::slot_id id, pending_diff& changes) const;
    void left(roster::slot_id id, pending_diff& changes) const;
    void publish(pending_diff& changes, outputs& out) const;
    [[nodiscard]] origin& self() { return *origins_.front(); }
    [[nodiscard]] const origin& self() const { return *origins_.front(); }

    config config_;
    rules rules_;
    random_generator random_;
    hybrid_clock clock_;
    roster roster_;
    change_ring ring_;
    subscriptions subscriptions_;
    state_counters counters_;

    std::vector<std::unique_ptr<origin>>
        origins_;  // by their list in the roster; this node's first
    std::unordered_map<atom, origin*> by_node_;
    std::set<std::pair<pid, std::uint64_t>> by_process_;  // own entries: process and counter

    std::uint64_t seen_wanted_ = 0;  // the version that somebody waits for the others to have
    std::uint64_t sent_ = 0;         // the version that the others were sent
    std::size_t unsent_bytes_ = 0;   // about, of the changes since
    std::optional<std::chrono::nanoseconds> flush_at_;
    std::chrono::nanoseconds beat_at_{};  // the next heartbeat
    std::shared_ptr<const snapshot> snapshot_;
    std::chrono::nanoseconds snapshot_used_{};
    bool stopped_ = false;
};

}  // namespace beam::tracker
