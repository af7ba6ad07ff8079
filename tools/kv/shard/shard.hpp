// shard: one shard on one store, without a process: what it holds, and what each event makes it do.
//
// Pure: it knows the time only as it is told, sends nothing, stores nothing and waits for nothing. Each function takes
// what happened and the time, and adds to `outputs` what is to be done. The node's process and the simulator of the
// tests both drive it. The rules and the reasons are in the tool's README.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tools/kv/shard/checkpoint.hpp"
#include "tools/kv/shard/config.hpp"
#include "tools/kv/shard/dedup_table.hpp"
#include "tools/kv/shard/evaluate.hpp"
#include "tools/kv/shard/log.hpp"
#include "tools/kv/shard/messages.hpp"
#include "tools/kv/shard/outputs.hpp"
#include "tools/kv/shard/record.hpp"
#include "tools/kv/shard/request.hpp"
#include "tools/kv/shard/term.hpp"

namespace kv {

/// When something happens: by the node's CLOCK_BOOTTIME, and by the wall clock, which may be wrong and decides only
/// when a key expires.
struct instant {
    std::chrono::nanoseconds now{};
    std::int64_t wall_ms = 0;
};

/// The data of the shard, with all that was to be applied by the outputs of earlier calls.
class table {
public:
    table() = default;
    table(const table&) = delete;
    table& operator=(const table&) = delete;
    virtual ~table() = default;
    [[nodiscard]] virtual std::optional<value> get(const std::string& key) const = 0;
};

enum class role : std::uint8_t {
    starting,  ///< has not read the record
    replica,   ///< follows a primary, a member of the in-sync set or not
    primary,
};

/// Not thread-safe: its one process's. What breaks an invariant throws invariant_broken.
class shard {
public:
    /// `life` is another at each start. `data` must outlive it.
    shard(const config& c, store_id self, std::uint64_t life, stored_shard from, const table& data,
          const rules& r = {});

    void start(const instant& at, outputs& out);

    // -- from clients: `origin` comes back with the reply -----------------------------------------
    void write(const instant& at, std::uint64_t origin, write_request request, outputs& out);
    void read(const instant& at, std::uint64_t origin, read_request request, outputs& out);

    // -- from the driver --------------------------------------------------------------------------
    void synced(const instant& at, std::uint64_t ticket, outputs& out);
    void looked_up(const instant& at, std::uint64_t ticket, std::optional<value> found,
                   outputs& out);
    /// What entries_wanted asked for.
    void entries_read(const instant& at, store_id to, std::vector<entry> entries, outputs& out);
    void scanned(const instant& at, std::uint64_t ticket, scan_page page, outputs& out);
    /// These keys have expired, as an index of the data says. A primary that may read logs the removal of the first of them,
    /// config's `expire_max`; to be told again of the rest.
    void expire(const instant& at, const std::vector<expired_key>& due, outputs& out);
    void piece_read(const instant& at, store_id to, std::uint64_t transfer,
                    std::vector<std::pair<std::string, value>> items, bool is_last, outputs& out);
    /// Does what is due. To be called when next_wake() has come; earlier does no harm.
    void tick(const instant& at, outputs& out);
    /// A deadline is kept two milliseconds late at most.
    [[nodiscard]] std::chrono::nanoseconds next_wake() const;

    // -- from other stores and the coordinator ----------------------------------------------------
    void receive(const instant& at, store_id from, message m, outputs& out);
    /// The record is or was this: from a watch, or a change that was made or refused.
    void record_changed(const instant& at, const known_record& known, outputs& out);
    /// The record was this after the last `read_record` was put out.
    void record_read(const instant& at, const known_record& known, outputs& out);
    /// The stores that shall hold the shard, the preferred primary first.
    void plan_changed(const instant& at, std::vector<store_id> plan, outputs& out);
    /// The permit that a move_wish of that number asked for. Late, or never: nothing is copied meanwhile.
    void may_move(const instant& at, std::uint64_t number, outputs& out);
    /// That store's process does not run as this is said: proof, not silence.
    void died(const instant& at, store_id store, outputs& out);

    // -- what is there ----------------------------------------------------------------------------
    [[nodiscard]] role current_role() const { return role_; }
    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
    [[nodiscard]] const known_record& record() const { return record_; }
    [[nodiscard]] bool is_serving() const { return term_ && term_->is_serving; }
    /// A primary to whom all who might take over have promised not to. While it may, no other commits.
    [[nodiscard]] bool may_read(std::chrono::nanoseconds now) const;
    /// A replica that is fresh enough. While it may, nothing is committed that it lacks.
    [[nodiscard]] bool may_answer(std::chrono::nanoseconds now) const;
    [[nodiscard]] const shard_log& log() const { return log_; }
    [[nodiscard]] std::uint64_t durable_seq() const { return durable_; }
    /// Whether there is anything of the shard here.
    [[nodiscard]] bool has_copy() const { return log_.last().seq > 0 || has_staged_; }

private:
    using time = std::chrono::nanoseconds;

    struct waiter {
        std::uint64_t seq = 0, origin = 0;
        time deadline{};
    };
    struct held_write {
        std::uint64_t origin = 0;
        write_request request;
        time deadline{};
        std::size_t bytes = 0;
    };
    struct pending_read {
        std::uint64_t origin = 0;
        read_request request;
        time deadline{};
        std::int64_t wall_ms = 0;            // a scan's, as it came
        std::uint64_t epoch = 0;             // the term's, or the replica's, as the key was read
        std::uint64_t after_seq = 0;         // of what must be applied first
        std::optional<time> prepared_until;  // a replica waits no longer for a commit
    };
    enum class intent : std::uint8_t { new_epoch, take_over, add, remove, hand_over };
    /// A snapshot that comes in.
    struct filling {
        std::uint64_t transfer = 0, next_index = 0;
        std::uint64_t staging = 0;  // the transfer that began it
        log_point at, reflects;
        std::string last_key;
        dedup_table requests;
    };
    struct pending_change {
        intent why = intent::new_epoch;
        shard_record target;
        std::uint64_t expected_rev = 0;
        time sent{};
        bool is_unknown = false;
    };

    // The record: shard_coordinator.cpp.
    void ask_record(const instant& at, outputs& out);
    void learn(const instant& at, const known_record& known, outputs& out);
    void change_record(const instant& at, intent why, shard_record target, outputs& out);
    void chase_change(const instant& at, outputs& out);
    [[nodiscard]] time silent_at() const;
    void consider_taking_over(const instant& at, outputs& out);
    [[nodiscard]] std::optional<time> take_over_at() const;
    [[nodiscard]] std::optional<time> open_time(const instant& at) const;

    // A primary: shard_primary.cpp.
    void begin_term(const instant& at, time open_at, outputs& out);
    void go_on(const instant& at, outputs& out);
    void end_term(outputs& out);
    void save_acted(outputs& out);
    void follow(const instant& at, std::uint64_t epoch, store_id leader, bool is_member);
    void set_peers(const instant& at);
    void append(const instant& at, entry e, outputs& out);
    void send_beacons(const instant& at, outputs& out);
    void advance(const instant& at, outputs& out);
    void apply_to(std::uint64_t seq, outputs& out);
    void tidy_log(outputs& out);
    void save_checkpoint(outputs& out);
    [[nodiscard]] bool is_waited_for(const store_id& s) const;
    void take(const instant& at, store_id from, const ack& m, outputs& out);
    void take(const instant& at, store_id from, const beacon_ack& m, outputs& out);
    void take(const instant& at, store_id from, const stale& m, outputs& out);

    // Who is in the set: shard_members.cpp.
    void manage(const instant& at, outputs& out);
    bool remove_silent(const instant& at, outputs& out);
    bool add_learner(const instant& at, outputs& out);
    bool hand_over(const instant& at, outputs& out);
    bool remove_surplus(const instant& at, outputs& out);

    // Permits to make copies: shard_moves.cpp.
    void manage_moves(const instant& at, outputs& out);
    void ask_to_move(const instant& at, outputs& out);
    void give_permit_back(outputs& out);
    void note_move(const instant& at);
    [[nodiscard]] bool may_bring_up(const store_id& s) const;
    [[nodiscard]] bool has_learner(const instant& at) const;

    // Copies that nobody wants any more: shard_erase.cpp.
    void note_unwanted(const instant& at);
    void consider_erasing(const instant& at, outputs& out);
    [[nodiscard]] bool is_unwanted() const;
    [[nodiscard]] std::optional<time> erase_at() const;
    void erase(outputs& out);
    void take(const instant& at, store_id from, const erase_wish& m, outputs& out);
    void take(const instant& at, store_id from, const may_erase& m, outputs& out);
    [[nodiscard]] bool may_do_without(const store_id& s) const;
    bool leave_epoch_of_erasing(const instant& at, outputs& out);

    // Logs made equal: shard_catch_up.cpp.
    void take(const instant& at, store_id from, const log_ends& m, outputs& out);
    void take(const instant& at, store_id from, const snapshot_ack& m, outputs& out);
    void pump(const instant& at, const store_id& to, peer& p, outputs& out);
    void send_entries(const instant& at, const store_id& to, peer& p, std::vector<entry> entries,
                      outputs& out);
    void tell_commit(const store_id& to, peer& p, outputs& out);
    void want_entries(const store_id& to, peer& p, outputs& out);
    void begin_filling(const store_id& to, peer& p, const log_ends* from);
    [[nodiscard]] bool is_of_history(const peer& p, const log_ends& m) const;
    [[nodiscard]] bool is_stranger(const peer& p, const log_ends& m) const;
    [[nodiscard]] bool is_better_filled(const store_id& who, const peer& p) const;
    void fill(const instant& at, const store_id& to, peer& p, outputs& out);
    void send_piece(const store_id& to, const snapshot_piece& piece, outputs& out);

    // A replica: shard_replica.cpp.
    bool accept_leader(const instant& at, store_id from, std::uint64_t epoch, outputs& out);
    void take(const instant& at, store_id from, prepare&& m, outputs& out);
    void take(const instant& at, store_id from, const query& m, outputs& out);
    void take(const instant& at, store_id from, const beacon& m, outputs& out);
    void take(const instant& at, store_id from, snapshot_piece&& m, outputs& out);
    [[nodiscard]] log_ends own_ends(std::uint64_t epoch) const;
    void stage(snapshot_piece& m, outputs& out);
    void install(const snapshot_piece& m, outputs& out);
    [[nodiscard]] bool is_ahead() const;
    void apply_known(outputs& out);
    void send_ack(outputs& out, bool wants_commit = false);

    // Requests: shard_writes.cpp, shard_reads.cpp.
    void place(const instant& at, std::uint64_t origin, const write_request& r, time deadline,
               outputs& out);
    void place_held(const instant& at, outputs& out);
    void expire_requests(const instant& at, outputs& out);
    void expire_writes(const instant& at, outputs& out);
    void expire_reads(const instant& at, outputs& out);
    void note_due(time t) { due_at_ = std::min(due_at_, t); }
    void wait_for_commit(const waiter& w);
    [[nodiscard]] std::optional<value> newest(const std::string& key, const outputs& out) const;
    void try_read(const instant& at, pending_read r, outputs& out);
    void hold_read(pending_read r);
    void answer_read(const instant& at, pending_read r, std::optional<value> found, outputs& out);
    void answer_scan(const instant& at, pending_read r, scan_page page, outputs& out);
    [[nodiscard]] bool may_tell(time now) const;
    void retry_reads(const instant& at, outputs& out);
    [[nodiscard]] std::optional<time> age(time now) const;
    void remove_expired(const instant& at, const std::vector<expired_key>& due,
                        std::int64_t wall_ms, outputs& out);
    void tell(std::uint64_t origin, answer a, outputs& out);
    [[nodiscard]] answer answer_of(answer::kind what, std::string why = {}) const;
    [[nodiscard]] answer told_of(const outcome& r) const;
    [[nodiscard]] std::size_t waiting() const;

    void finish(const instant& at, outputs& out);
    void send(store_id to, message m, outputs& out);

    config config_;
    rules rules_;
    store_id self_;
    std::uint64_t life_;
    const table& data_;
    shard_log log_;
    dedup_table requests_;
    shard_record acted_;
    checkpoint saved_;    // but for its table: that is not needed again
    log_point reflects_;  // the state may have what came up to this

    role role_ = role::starting;
    std::uint64_t epoch_ = 0;  // the highest seen; a primary's own
    known_record record_;
    std::vector<store_id> plan_;
    store_id leader_;

    std::uint64_t durable_ = 0;  // of the log
    std::uint64_t next_ticket_ = 1;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> unsynced_;  // ticket, last seq then

    // A replica's.
    bool is_member_ = false;
    std::uint64_t matched_ = 0;  // the log is the primary's up to this
    std::uint64_t commit_ = 0;
    time heard_{};                     // receipt of the last beacon
    store_id promised_to_;             // whose beacons it acked last; none: nobody knows
    time promised_{};                  // the receipt of the last of them
    std::optional<time> fresh_as_of_;  // by its own clock
    bool is_leader_dead_ = false;
    std::optional<filling> filling_;
    std::optional<std::pair<std::uint64_t, snapshot_ack>> installed_;  // to be acked when synced
    bool has_staged_ = false;             // items of a snapshot that is not complete
    std::optional<time> unwanted_since_;  // that it has a copy which nobody wants
    time erase_asked_{};

    std::optional<term> term_;
    std::optional<pending_change> change_;
    bool is_exempt_ =
        false;  // from waiting for its promise, when it comes from a new epoch of its own
    time record_asked_{};
    bool wants_record_ = false;

    std::deque<waiter> committing_;  // by seq
    std::deque<held_write> held_;
    std::size_t held_bytes_ = 0;
    std::unordered_map<std::uint64_t, pending_read> reading_;  // by ticket
    std::deque<pending_read> held_reads_;                      // until the primary may read
    std::multimap<std::uint64_t, pending_read> late_reads_;    // until this seq is applied
    std::pair<role, std::uint64_t>
        reads_as_{};             // the role and epoch in which the held ones were looked at
    time due_at_ = time::max();  // no deadline of these is before it
    std::uint64_t transfers_ = 0;
    std::uint64_t permits_ = 0;  // that were asked for
};

}  // namespace kv
