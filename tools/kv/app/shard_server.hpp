// shard_server: the process of one shard on this node. It drives the shard (tools/kv/shard): what comes in is told to
// it, and what it wants done is done: storage through the node's store, messages to the same shard of other nodes,
// the record through the coordinator.
//
// It knows nothing until the keeper has told it the cluster; then it loads what is on disk. When it dies the
// supervisor starts it anew, from the disk. A store that fails takes all shards of the node with it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/mover.hpp"
#include "tools/kv/app/protocol.hpp"
#include "tools/kv/app/shard_disk.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

class shard_server : public beam::gen_server<shard_server> {
    struct wake {};
    struct sweep {};

public:
    using arguments = std::tuple<std::uint32_t>;
    using casts = beam::messages<from_store, ask_write, ask_read, ask_changes>;
    using infos = beam::messages<cluster_facts, store_died, record_told, beam::store::written,
                                 move_given, piece_allowed, wake, sweep>;

    explicit shard_server(std::uint32_t shard);

    void handle_cast(from_store m);
    void handle_cast(ask_write m);
    void handle_cast(ask_read m);
    void handle_cast(ask_changes m);
    beam::awaitable<void> handle_info(cluster_facts m);
    void handle_info(store_died m);
    void handle_info(record_told m);
    void handle_info(beam::store::written m);
    void handle_info(move_given m);
    void handle_info(piece_allowed m);
    void handle_info(wake m);
    void handle_info(sweep m);

private:
    struct router_request {
        beam::pid router;
        std::uint64_t token = 0;
    };

    /// Somebody who watches, and has been told all that there is.
    struct watcher {
        router_request from;
        changes_request what;
        std::chrono::nanoseconds until{};
    };

    // Watching: shard_changes.cpp.
    [[nodiscard]] std::optional<changes_page> changes_after(const changes_request& r) const;
    void tell_changes(const router_request& to, changes_page page);
    void tell_watchers();
    void drop_watchers();

    beam::awaitable<void> begin();
    void learn_cluster();
    template <class Step>
    void step(Step s);
    /// Whether it is time to write what is held.
    [[nodiscard]] bool gather(std::uint64_t ticket, shard_disk::written_batch w);
    void write_held();
    void write_held_lazily();
    void write_kept_back();
    void write_what_waits();
    void take_leftovers_away();
    void carry_out(outputs out);
    void tell(const router_request& to, answer a);
    /// Of a life of the store's process that is known to be over.
    [[nodiscard]] bool is_dead(const from_store& m) const;
    void receive(from_store m);
    void take_in_next_piece();
    void send(outgoing o);
    void arm();
    void sweep_later();
    [[nodiscard]] static instant now();
    [[nodiscard]] std::uint64_t origin_of(router_request r);

    std::uint32_t number_;
    cluster_facts facts_;
    shard_disk disk_;
    std::optional<shard> shard_;
    std::deque<outputs> to_do_;
    bool is_busy_ = false;
    // What the last steps gave the store to write and can wait, and the ticket of the last of them.
    beam::store::batch held_;
    std::uint64_t held_ticket_ = 0;
    std::uint64_t next_write_ = 1;
    std::deque<std::pair<std::uint64_t, std::uint64_t>>
        writing_;  // a write's number, and its ticket or 0
    unsigned sweeps_ = 0;
    bool is_sweeping_ = false;  // what the index had too much is being written
    bool is_clearing_ = false;  // a step of what older generations left is
    std::chrono::nanoseconds armed_ = std::chrono::nanoseconds::max();
    std::uint64_t next_origin_ = 1;
    std::unordered_map<std::uint64_t, router_request> waiting_;
    std::deque<piece_wanted> pieces_;  // of snapshots, to be read when the mover allows it
    std::deque<from_store> arrived_;   // with pieces, to be taken in when the mover allows it
    std::deque<watcher> watchers_;
    std::uint64_t watched_seq_ = 0;  // they have been told of this
    std::map<store_id, beam::atom> nodes_;
    std::map<store_id, std::uint64_t> heard_, dead_;  // incarnations
};

}  // namespace kv
