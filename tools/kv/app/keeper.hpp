// keeper: this node's part in the cluster. It is the node's member in the coordinator, runs a process for each shard that
// this node shall hold or holds, or has a copy of that is not erased yet, tells them and the router what the cluster is, and does what anybody may: found a
// cluster whose nodes are all there, write the plan that follows a change of the nodes, put out a node that is gone.
//
// It knows its store by an id that lies in the store itself. When it dies, the shards are started anew with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/kv/app/protocol.hpp"
#include "tools/kv/app/rebuilding.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"

namespace kv {

/// A cluster that shall be made.
struct founding {
    std::vector<std::string> nodes;  ///< full names; this one's among them or not
    std::uint32_t shards = 64, copies = 2, min_isr = 1;
    std::int64_t out_after_ms = 10'000;
    BEAM_FIELDS(founding, nodes, shards, copies, min_isr, out_after_ms)
};

/// What a node's disk has of a shard: for an operator's recover, and for who goes on where machines stopped.
struct copy_on_disk {
    std::uint32_t shard = 0;
    std::uint64_t epoch = 0, seq = 0;  ///< of its log's last entry; 0: it has nothing
    bool is_ahead = false;             ///< its data has what its log does not lead to
    BEAM_FIELDS(copy_on_disk, shard, epoch, seq, is_ahead)
};

/// What this node knows of its cluster.
struct node_standing {
    cluster_facts facts;  ///< its view is null before the first look
    bool has_joined = false;
    coordinator_reachable coordinator;
    std::string coordinator_name;  ///< name_of() in settings.hpp
    std::string
        coordinator_before;  ///< another, in which its cluster was last; empty: the same, or none
    std::string trouble;     ///< why it takes no part; empty: nothing is wrong
};

class keeper : public beam::gen_server<keeper> {
    struct get_known {
        using reply = node_standing;
    };
    struct found_one {
        using reply = beam::outcome<bool>;
        founding what;
    };
    struct set_state {
        using reply = beam::outcome<bool>;
        std::string node;
        store_state state = store_state::in;
    };
    struct get_copies {
        using reply = std::vector<copy_on_disk>;
        std::vector<std::uint32_t> shards;
        BEAM_FIELDS(get_copies, shards)
    };
    struct take_part {
        using reply = beam::outcome<bool>;
    };
    struct give_up_part {
        using reply = beam::outcome<std::uint64_t>;
    };
    struct give_account {
        using reply = beam::outcome<store_account>;
        bool stands_down = false;
        BEAM_FIELDS(give_account, stands_down)
    };
    struct tell_me {
        beam::pid who;
    };
    /// Between keepers: which store a node has.
    struct hello {
        std::string node, address;
        store_id store;
        bool wants_answer = false;
        BEAM_FIELDS(hello, node, address, store, wants_answer)
    };
    struct look {};

public:
    /// cluster_facts, and store_died for all that are, to that process of this node; again after each change.
    static void tell_cluster(beam::pid who);
    static beam::future<node_standing> known();
    /// Once its nodes are all there. Errors: `exists`, `unreachable` with the nodes that are missing.
    static beam::future<beam::outcome<bool>> found(founding what);
    static beam::future<beam::outcome<bool>> set_node_state(const std::string& node,
                                                            store_state state);

    /// Of a node, by its full name; those that are damaged are left out.
    static beam::future<std::vector<copy_on_disk>> copies(const std::string& node,
                                                          std::vector<std::uint32_t> shards);
    /// Of a node, by its full name, whose coordinator has lost the cluster, or has an earlier state of it: what its store holds. If
    /// it `stands_down` none of its shards runs any more by what the coordinator said before, and its keeper begins anew. Errors:
    /// `coordinator_is_there` (it has all that this node knows), `not_a_member`, `busy` (a shard could not be stopped), the
    /// coordinator's.
    static beam::future<beam::outcome<store_account>> account(const std::string& node,
                                                              bool stands_down);
    /// This node joins the cluster that its coordinator has, if it is none of it yet.
    static beam::future<beam::outcome<bool>> join_cluster();
    /// This node leaves its cluster, once the others have all that it has. Gives what they lack still, which the plan
    /// then moves off it: ask again. 0: it is none of the cluster any more, its store is empty and has another name, and the keeper
    /// begins anew. Errors: `no_cluster`, `not_a_member`, `last` and `too_few` (nothing is begun: no other node could take
    /// the copies; those left would take no writes), the coordinator's.
    static beam::future<beam::outcome<std::uint64_t>> leave_cluster();

    using calls = beam::messages<get_known, found_one, set_state, take_part, give_up_part,
                                 give_account, get_copies>;
    using casts = beam::messages<tell_me, hello>;
    using infos = beam::messages<cluster_changed, coordinator_reachable, beam::store::written, look,
                                 beam::nodeup_message, beam::nodedown_message>;

    static beam::awaitable<beam::init_result<keeper>> init();

    node_standing handle_call(get_known) { return known_; }
    beam::call_result<beam::outcome<bool>> handle_call(found_one m, beam::from from);
    beam::awaitable<beam::outcome<bool>> handle_call(set_state m);
    beam::awaitable<beam::outcome<bool>> handle_call(take_part);
    beam::awaitable<beam::call_result<beam::outcome<std::uint64_t>>> handle_call(give_up_part);
    beam::awaitable<beam::call_result<beam::outcome<store_account>>> handle_call(give_account m);
    std::vector<copy_on_disk> handle_call(get_copies m);
    void handle_cast(tell_me m);
    beam::awaitable<void> handle_cast(hello m);
    beam::awaitable<void> handle_info(cluster_changed m);
    beam::cast_result handle_info(coordinator_reachable m);
    void handle_info(const beam::store::written& m);
    beam::awaitable<void> handle_info(look);
    beam::awaitable<void> handle_info(beam::nodeup_message m);
    void handle_info(beam::nodedown_message) {}

private:
    using time = std::chrono::nanoseconds;

    // Founding: founding.cpp.
    void introduce(beam::atom node, bool wants_answer) const;
    void introduce_to_all() const;
    beam::awaitable<void> consider_founding();
    /// Who asked for a cluster before this node had seen that there is one.
    void refuse_founding();
    beam::awaitable<beam::outcome<bool>> create(founding what);
    [[nodiscard]] std::vector<std::string> missing(const founding& what) const;

    // Membership and shards: keeper.cpp.
    /// What the store says of itself. Empty: nothing. Throws spoilt_disk.
    [[nodiscard]] static std::string in_meta(const std::string& key);
    static beam::awaitable<void> begin_as_another(std::string loss);
    beam::awaitable<void> begin_part();
    beam::awaitable<void> join();
    [[nodiscard]] bool is_of_cluster() const;
    beam::awaitable<void> note_cluster();
    void tell_all() const;
    void tell_deaths(const cluster_view& before);
    void tell_former_deaths(beam::pid who) const;
    [[nodiscard]] bool has_settled() const;
    beam::awaitable<void> host_shards();
    beam::awaitable<void> start_shard(std::uint32_t shard);
    /// False: it may run yet.
    beam::awaitable<bool> stop_shard(std::uint32_t shard);
    beam::awaitable<bool> stop_shards();
    [[nodiscard]] bool is_wanted_here(std::uint32_t shard) const;
    beam::awaitable<void> look_after_left_copies();
    void meet_nodes() const;

    // Leaving: leaving.cpp.
    [[nodiscard]] static std::uint64_t copies_left(const cluster_view& view,
                                                   const store_entry& own);
    beam::awaitable<beam::outcome<std::uint64_t>> move_off();
    beam::awaitable<beam::outcome<std::uint64_t>> give_up_store();

    // What the store keeps of the cluster, if the coordinator loses it: keeper_account.cpp.
    void keep_view(bool at_once = false);
    [[nodiscard]] static cluster_memory memory_of_store(const std::string& node);
    void tell_of_coordinator(const coordinator_reachable& is) const;
    beam::awaitable<beam::outcome<store_account>> account_of_store() const;

    // What anybody may do: keeper_care.cpp.
    beam::awaitable<void> care_for_cluster();
    beam::awaitable<void> put_out_silent();
    beam::awaitable<void> renew_plan();
    beam::awaitable<void> see_to_lost_shards();

    node_standing known_;
    std::string name_, address_;
    std::string coordinator_kept_,
        coordinator_used_;  // to_keep() of it: in the store, in this life
    std::uint64_t last_incarnation_ = 0;
    store_id after_;                           // of which the store is what is left
    std::string sync_;                         // member::sync
    bool has_noted_ = false;                   // that there is a cluster, on disk
    bool wants_to_join_ = false;               // was told to, though the cluster does not know it
    std::map<std::string, hello> introduced_;  // by address
    std::optional<founding> founding_;
    std::optional<beam::from> founder_;
    time founding_until_{};
    time alone_since_{};
    std::optional<time> known_since_;
    bool has_told_former_deaths_ = false;
    std::map<std::string, time> silent_since_;  // nodes
    std::set<std::uint32_t> hosted_;
    time lost_shards_at_{};                          // when they were seen to
    std::optional<beam::pid> succession_;            // by that process
    time left_copies_at_{};                          // when they were looked at
    std::set<std::uint32_t> told_spoilt_;            // of these, what was logged
    std::shared_ptr<const cluster_view> kept_view_;  // what the store keeps
    time kept_at_{};
    std::set<beam::pid> listeners_;
};

}  // namespace kv
