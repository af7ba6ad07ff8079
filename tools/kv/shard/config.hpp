// The times and limits of a shard. The defaults are the product's; the simulator's limits are smaller.
#pragma once

#include <chrono>
#include <cstddef>

namespace kv {

struct config {
    using milliseconds = std::chrono::milliseconds;

    milliseconds beacon{250};
    /// All shards of a node at the same times: it wakes once for them.
    bool beacons_together = false;
    milliseconds lease{2000};   ///< how long a beacon that was acked lets the primary read
    milliseconds grace{3000};   ///< how long a replica waits for a beacon; at least 1.5 leases
    milliseconds stagger{300};  ///< between the replicas that might take over
    milliseconds coordinator_patience{2000};  ///< then an answer of it is unknown
    milliseconds resend{250};                 ///< what nobody acked
    milliseconds prepared_wait{100};          ///< of a replica's read for a commit on its way

    // Bytes are keys and values and a little for each entry: size_of().
    std::size_t entries_a_message = 128, bytes_a_message = 1U << 20U;
    std::size_t entries_in_flight = 512, bytes_in_flight = 4U << 20U;  ///< to one replica
    std::size_t piece_bytes = 256U << 10U;                             ///< of a snapshot
    std::size_t pieces_in_flight_bytes = 1U << 20U;                    ///< to one learner
    /// What is applied stays in the log on disk for those who lack it, until it is more than this by an eighth.
    std::size_t log_kept = 100'000, log_kept_bytes = 64U << 20U;
    /// And in memory, beside what is not applied. A checkpoint is saved about as often.
    std::size_t window_entries = 1000, window_bytes = 256U << 10U;
    std::size_t join_gap = 64;  ///< entries that a learner may lack when commits begin to wait
    /// Requests, and the bytes of those that write and are not done; then busy.
    std::size_t waiting_max = 10'000, waiting_bytes_max = 16U << 20U;
    /// A learner is brought up only with a permit: may_move().
    bool ask_to_move = false;
    milliseconds move_ask_again{1000};
    /// Without a step forward of the learner: then the permit is given back for a while.
    milliseconds move_patience{60'000};
    /// How long a store keeps a copy that neither the record nor the plan wants, and how often it then asks its primary
    /// whether it may be erased.
    milliseconds erase_after{300'000}, erase_ask_again{5'000};
    std::size_t copies = 1;        ///< members without which no other store's copy is erased
    std::size_t expire_max = 256;  ///< keys in one removal
    std::size_t min_isr = 1;       ///< writes are refused on fewer members

    /// How old a replica's knowledge may be. Less than a lease by more than clocks' rates differ.
    [[nodiscard]] milliseconds replica_age() const { return lease * 4 / 5; }
};

/// The rules that keep the promises. All hold; the simulator switches one off at a time to prove that it would
/// see a store without it.
struct rules {
    bool raise_epoch = true;           ///< each change of the record does
    bool only_members_lead = true;     ///< a store outside the in-sync set never takes over
    bool join_when_complete = true;    ///< a member joins when it holds all that is committed
    bool new_epoch_at_start = true;    ///< a primary that starts does not go on in its old one
    bool drop_older_epochs = true;     ///< nobody listens to a primary of an older one
    bool apply_committed_only = true;  ///< what is prepared is in the log only
    bool check_leases = true;          ///< a primary reads only while all others have granted it
    bool deduplicate = true;           ///< a request that was done is not done again
    bool wait_for_own_promise = true;  ///< a new primary sits out what it granted the last one
    bool lease_of_joining = true;      ///< who may be a member already must grant one too
    bool serving_beacons_only = true;  ///< a replica is as fresh as a primary that may itself read
    bool leaving_not_fresh = true;     ///< and not while its removal may be done already
    bool log_refusals = true;          ///< a refused request is remembered as a done one is
    bool log_expiry = true;            ///< a key is gone when its removal is committed
    bool log_scan_expiry = true;       ///< for a scan too
    bool settled_is_over = true;       ///< a request that is settled is not done any more
    bool replay_requests = true;       ///< a start knows the requests after its checkpoint
    bool refill_strangers = true;      ///< a state of another history is replaced as a whole
    bool ask_before_erasing = true;    ///< a copy is erased when its primary says that it may be
    bool new_epoch_after_erasing = true;  ///< and brought up again in a later epoch only
};

}  // namespace kv
