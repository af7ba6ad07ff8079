// coordinator: who decides which store leads a shard. One interface, two backends: a file that the nodes of one host
// share (local.hpp), and etcd (etcd.hpp).
//
// Calls block: a file's for a sync of the disk, etcd's for as long as `patience` says at most. They are made by one
// thread at a time; wait() may be called by one more, and interrupt() by any. coordinator_process.hpp is the
// interface for processes.
//
// Errors of all calls, and what they mean:
//   unreachable        no answer; nothing was written
//   unknown            no answer; what was asked may be done, now or later. Read before anything is made of it
//   no_cluster         nothing was created here yet
//   wrong_cluster      another cluster is here than the one known (its uuid differs)
//   lost               the cluster that was known is not here any more: the coordinator has lost its data
//   recovered          it was lost and put together anew, or went back, since this coordinator was opened: open another one
//   outdated           an earlier state of the cluster is here than one that was seen (in the detail): a backup, perhaps
//   corrupt            what is here cannot be read
//   denied             the coordinator does not let us: user, password, certificate, mode of a file
//   bad_file_system    the folder is on another machine's disk, where locks prove nothing
//   moved              the cluster has another coordinator now, which the detail names
//   too_new            written by a later version
//   rejected           the coordinator does not take what was asked, in its words; nothing was written
// and those that a call names. Besides them the system's (`enospc`, `eacces`, ...), with a file's name as the
// detail: nothing was written then.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/cluster_view.hpp"

namespace kv {

/// What a shard asks for: `target` in the place of the record whose revision is `expected_rev`.
struct record_swap {
    std::uint32_t shard = 0;
    shard_record target;
    std::uint64_t expected_rev = 0;
};

enum class change_outcome : std::uint8_t {
    made,
    refused,  ///< the record had another revision. It will not be made later
    unknown,  ///< may be made, now or later; `now` says nothing
};

struct changed_record {
    known_record now;
    change_outcome outcome = change_outcome::unknown;
};

/// What a cluster begins with.
struct first_cluster {
    cluster_meta meta;  ///< with a uuid that nobody had; or, of a cluster that was lost, its own
    std::vector<store_entry> stores;  ///< oldest first: that gives them their `order`
    kv::plan plan;
    std::vector<shard_record> records;  ///< one a shard; all epochs at least 1
};

struct join_request {
    std::string node;
    store_id store;
    std::uint64_t incarnation = 0;
    std::string dist_address;
    /// An earlier life of this node that has ended for sure; who has opened the store alone may say that of the life
    /// that had it before. 0: none. Its entry is replaced without waiting for it to run out.
    std::uint64_t ended_incarnation = 0;
    store_id after{};    ///< store_entry::after of the store, if it is new
    std::string sync{};  ///< member::sync
};

using steady_time = std::chrono::steady_clock::time_point;

class coordinator {
public:
    coordinator() = default;
    coordinator(const coordinator&) = delete;
    coordinator& operator=(const coordinator&) = delete;
    /// Ends nothing of what join() said: the life that joined has ended when leave() was called or its OS process is gone.
    virtual ~coordinator();

    /// All of it at one revision, linearizable. Without a cluster: a view that has none. One that has moved is told,
    /// too, as it was then, and one that is marked as outdated.
    [[nodiscard]] virtual beam::result<cluster_view> snapshot() = 0;

    /// The records of these shards, in the order asked; each read is linearizable. Errors: `no_shard`.
    [[nodiscard]] virtual beam::result<std::vector<known_record>> read(
        const std::vector<std::uint32_t>& shards) = 0;

    /// Compare-and-swap of several records, each for itself, in as few transactions as can be. In the order asked; no
    /// shard twice. Epochs are the caller's: see invariant 1. Errors: nothing of it was written; `no_shard`.
    [[nodiscard]] virtual beam::result<std::vector<changed_record>> change(
        const std::vector<record_swap>& changes) = 0;

    /// Makes the cluster, all of it or nothing; in the place of an earlier state of it, if that is marked as outdated and its
    /// recoveries are fewer. Errors: `exists` (with its uuid as detail), `bad_cluster`, `conflict` (an earlier state is not
    /// marked, or somebody else makes a cluster now).
    [[nodiscard]] virtual beam::result<void> create(const first_cluster& first) = 0;

    /// Gives the plan's new revision. Errors: `conflict` (the plan is of another revision).
    [[nodiscard]] virtual beam::result<std::uint64_t> write_plan(const plan& next,
                                                                 std::uint64_t expected_rev) = 0;

    /// Makes this life the holder of the node's name, and its store known (state `in`) if it is new. One coordinator
    /// joins once. Errors: `name_taken` and `store_taken` (detail: by whom), `removed` (the store was), `bad_name`, `bad_store`.
    [[nodiscard]] virtual beam::result<void> join(const join_request& request) = 0;

    /// Says that the life that joined has ended: it must do nothing any more. Not joined: nothing.
    [[nodiscard]] virtual beam::result<void> leave() = 0;

    /// Gives the entry's new revision. Errors: `no_store`, `conflict`.
    [[nodiscard]] virtual beam::result<std::uint64_t> set_store_state(
        const store_id& store, store_state state, std::uint64_t expected_rev) = 0;

    /// An operator's `recover`: the record's next epoch, with this primary and set, whatever they were. Not for
    /// nodes: it may lose what was acknowledged. Errors: `no_shard`, `conflict`, `bad_record` (a primary outside its set).
    [[nodiscard]] virtual beam::result<known_record> overwrite_record(
        std::uint32_t shard, const store_id& primary, const std::vector<store_id>& isr,
        std::uint64_t expected_rev) = 0;

    /// What a life that joined must say now and then, so that it is held to go on. To be called every tend_every(), as the
    /// other calls are; zero: never.
    virtual void tend() {}
    [[nodiscard]] virtual std::chrono::milliseconds tend_every() const { return {}; }

    /// The cluster is kept elsewhere from now on: for everybody, all calls but snapshot() and this one fail with
    /// `moved`. An empty `where` takes it back, which is safe only as long as no other coordinator has the cluster.
    [[nodiscard]] virtual beam::result<void> retire(const std::string& where) = 0;

    /// What is here, of that description, is an earlier state of the cluster than one that was seen: `why` says what. For
    /// everybody, all calls but snapshot() and create() fail with `outdated` from now on. Marked before: that is enough. Errors:
    /// `conflict` (another description is here).
    [[nodiscard]] virtual beam::result<void> mark_outdated(const cluster_meta& what,
                                                           const std::string& why) = 0;

    /// Blocks until something may have changed since the revision `rev`, or the deadline. True: look. By a thread of
    /// its own, beside the other calls. Errors are seen by the look.
    virtual bool wait(std::uint64_t rev, steady_time deadline) = 0;

    /// Ends what blocks: wait() gives true, a call `unreachable` or `unknown`. For good: later calls fail at once.
    virtual void interrupt() = 0;
};

}  // namespace kv
