// The directory: which rooms live on which nodes. One on each node that others reach; it keeps the table that
// find_room reads, and sees to it that each room lives once.
//
// What it knows comes from the tracker (libbeamcore/pubsub): each room is a session in the topic `rooms`, each chat
// application one in `nodes`. So a node's death is known everywhere within a second or so, without anybody asked.
//
// - A room whose home is gone is started by the first of those who have a seat in it (seats.hpp). If that one
//   does not, the next does after some seconds.
// - Of two homes of one room, which meet when a network is whole again, the one that is outranked is told to
//   hand over what it has, and ends.
// - A node that has just begun waits some seconds for others before it goes on with a room that it shared.
// All but the second is of rooms on disks; who opens one that is in kv says caretaker.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "tools/chatctl/app/seats.hpp"

namespace chat {

class directory : public beam::gen_server<directory> {
    struct reserve_name {
        using reply = bool;
        std::string room;
        beam::atom node;
        BEAM_FIELDS(reserve_name, room, node)
    };
    struct wait_for_nodes {
        using reply = bool;
        std::vector<beam::atom> nodes;
    };
    struct forget_name {
        std::string room;
    };
    struct look_again {};

public:
    /// Asks the node that decides about this name whether `node` may make such a room; the answer holds for some
    /// seconds. So of two nodes that make one room at the same moment one is refused.
    static beam::future<bool> reserve(const std::string& room, beam::atom node);
    /// Answers when the applications of these nodes are known here, after a second in any case.
    static beam::future<bool> wait_for(std::vector<beam::atom> nodes);
    /// The room was deleted.
    static void forget(const std::string& room);
    /// For rooms: makes the calling process known as the room's home. On a node alone nothing happens.
    static beam::awaitable<void> announce(std::string room, std::uint64_t number,
                                          std::uint64_t epoch);

    using arguments = std::tuple<>;
    using calls = beam::messages<reserve_name, wait_for_nodes>;
    using casts = beam::messages<forget_name, look_again>;
    using infos = beam::messages<beam::tracker::news>;

    static beam::awaitable<beam::init_result<directory>> init();
    bool handle_call(reserve_name m);
    beam::call_result<bool> handle_call(wait_for_nodes m, beam::from caller);
    void handle_cast(forget_name m);
    beam::awaitable<void> handle_cast(look_again);
    beam::awaitable<void> handle_info(beam::tracker::news m);
    void handle_info(beam::down_message m);

private:
    using clock = std::chrono::nanoseconds;  // as monotonic_time() gives it
    struct home {
        beam::pid pid;
        std::uint64_t number = 0, epoch = 0;
    };

    void take_in(const beam::tracker::topic_diff& d, std::set<std::string>& rooms);
    void node_set_changed();
    void room_changed(const std::string& room);
    void show(const std::string& room, const std::optional<home>& there);
    [[nodiscard]] std::optional<home> home_elsewhere(const std::string& room) const;
    void find_orphans();
    [[nodiscard]] bool is_turn(const std::string& room, clock since) const;
    [[nodiscard]] beam::awaitable<void> start_orphans();
    void answer_waiting();

    beam::atom me_;
    clock began_{};
    beam::ref subscription_, shard_;
    std::map<std::string, std::map<beam::atom, home>> homes_;
    std::vector<beam::atom> others_;
    std::map<std::string, clock> orphans_;  // since when
    std::map<std::string, std::pair<beam::atom, clock>> reserved_;
    std::vector<std::pair<beam::from, std::vector<beam::atom>>> waiting_;
    std::map<std::string, beam::pid> shown_;
};

}  // namespace chat
