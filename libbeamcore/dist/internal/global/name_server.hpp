// The name server of `global`: a process on each node that speaks OTP's protocol (global.erl, version 8).
//
// Nodes whose name servers know each other are a partition, and have the same names. When two partitions meet, each pair
// of nodes says `init_connect`; the lockers (locker.hpp) lock both partitions; the two name servers exchange names,
// resolve clashes, tell each other what to do (`resolved`) and their own partitions who is new (`new_nodes`). The nodes of
// the two partitions then connect with each other and say `in_sync`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "libbeamcore/dist/internal/global/messages.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist::detail {

class name_server : public gen_server<name_server> {
public:
    /// `keeps_whole`: see options::prevent_overlapping_partitions.
    explicit name_server(bool keeps_whole);

    using calls = messages<global_request, name_order, sync_order>;
    using infos = messages<partitions_locked, names_resolved, node_unreachable, nodeup_message,
                           nodedown_message>;

    call_result<term> handle_call(global_request r, const from& who);
    call_result<bool> handle_call(name_order o, const from& who);
    call_result<bool> handle_call(sync_order o, const from& who);
    void handle_info(partitions_locked m);
    void handle_info(names_resolved m);
    void handle_info(const node_unreachable& m);
    void handle_info(const nodeup_message& m);
    void handle_info(const nodedown_message& m);
    void handle_info(const down_message& m);
    cast_result handle_info(exit_message m);
    void handle_info(const term& t);

private:
    /// A half of what is to be done at the end of a synchronisation, while the other has yet to come.
    struct his_resolution {
        std::vector<term> operations;
        std::vector<std::pair<atom, int>> known;
    };
    /// The synchronisation with a node, from the connection to `resolved` or `in_sync`.
    struct synchronisation {
        sync_tag my_tag = 0;
        term his_tag;
        int version = 0;
        std::optional<pid> early_locker;  // of an init_connect that came before the node was up
        bool locked = false;
        term lock_id;
        std::optional<term> his_names;
        std::optional<std::vector<term>> my_operations;
        std::optional<his_resolution> his;
        pid resolver;  // while it works
    };
    struct waiting_sync {
        from who;
        std::vector<atom> nodes;
    };
    enum class loss {
        lost,     // the connection is gone
        removed,  // it is about to be, as was asked for
    };

    // Each message between nodes, by its tag.
    void on_init_connect(const term& m);
    void on_init_connect_ack(const term& m);
    void on_cancel_connect(const term& m);
    void on_lock_set(const term& m);
    void on_exchange(const term& m);
    void on_resolved(const term& m);
    void on_new_nodes(const term& m);
    void on_in_sync(const term& m);
    void on_lost_connection(const term& m);
    void on_remove_connection(const term& m);
    void on_whereis(const term& m);

    // Synchronising (name_server_sync.cpp).
    void begin(atom node);
    void begin_again(atom node, sync_tag my_tag);
    void cancel(atom node, sync_tag my_tag, std::vector<atom> to = {}, term news = {});
    void reset(atom node);
    void meet(atom node, int version, const term& his_tag, const pid& his_locker);
    void names_exchanged(atom node);
    void finish(atom node, his_resolution his);
    void connect_others(const std::vector<atom>& nodes);
    void synced(atom node);
    void no_longer_waited_for(atom node);
    [[nodiscard]] synchronisation* current(atom node, const term& my_tag);
    [[nodiscard]] std::vector<atom> add_known(const std::vector<std::pair<atom, int>>& nodes);
    [[nodiscard]] term known_list() const;
    [[nodiscard]] int version_of(atom node) const;
    [[nodiscard]] bool may_know(atom node) const {
        return known_.contains(node) || pending_.contains(node);
    }

    // Losing nodes (name_server_losses.cpp).
    void lose(atom node, loss how);
    void tell_partition(const term& what, atom but);

    // Names and locks (name_server_names.cpp).
    void insert_name(const term& name, const pid& who, const term& method, bool lock_holds);
    void remove_name(const term& name);
    void apply(const std::vector<term>& operations, const term& lock_id);
    [[nodiscard]] bool holds_lock(const pid& who) const;
    [[nodiscard]] bool holds_lock(const term& lock_id) const;
    [[nodiscard]] bool set_lock(const term& id, const pid& who);
    void remove_lock(const term& id, const pid& who);
    void release_lock(const term& resource, const pid& who, bool died);
    term change_names(const term& request, const pid& who);

    const bool keeps_whole_;
    global_table& table_;
    pid locker_, registrar_;
    std::unordered_map<atom, int> known_;    // the partition: its versions
    std::unordered_map<atom, int> pending_;  // being synchronised with
    std::unordered_set<atom> removing_;      // lost on purpose: nobody is to be told
    std::unordered_set<atom> synced_;
    std::unordered_map<atom, synchronisation> syncs_;
    std::vector<waiting_sync> waiting_;
    std::unordered_map<ref, term> monitored_names_;
    std::unordered_map<ref, term> monitored_locks_;  // to the resource
    bool lock_died_ = false;                         // whoever had the global lock did
    sync_tag last_tag_ = 0;

    // Losses that were told: who lost whom, in which life of his, as which operation, and when.
    struct told_loss {
        term life;
        term operation;
        std::chrono::nanoseconds at;
    };
    std::map<std::pair<atom, atom>, told_loss> losses_;
    term life_;  // `undefined` before it is first needed: the node has no creation yet
    std::int64_t last_operation_ = 0;
};

}  // namespace beam::dist::detail
