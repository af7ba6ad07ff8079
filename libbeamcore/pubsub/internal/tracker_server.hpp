// tracker_server: the process of one shard. It gives the state what happens and the time, and does what comes out.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::tracker {

struct ask_track {
    using reply = result<dot>;
    pid process;
    term topic, key, session, meta;
};
struct ask_update {
    using reply = result<dot>;
    pid process;
    term topic, key, meta;
    callback<term(const term&)> change{};  // in place of meta
};
struct ask_untrack {
    using reply = void;
    pid process;
    term topic, key;
};
struct ask_untrack_all {
    using reply = void;
    pid process;
};
struct ask_list {
    using reply = std::vector<presence>;
    term topic;
    std::optional<term> key{};
};
struct ask_subscribe {
    using reply = void;
    ref subscription;
    std::optional<term> topic{};
};
struct do_unsubscribe {
    ref subscription;
};
struct ask_kick {
    using reply = std::uint64_t;
    term topic, key;
};
struct ask_seen {
    using reply = bool;
    std::chrono::milliseconds limit;
};
struct ask_nodes {
    using reply = std::vector<node_info>;
};
struct ask_counters {
    using reply = state_counters;
};
struct wake {};

class tracker_server : public gen_server<tracker_server> {
public:
    using calls = messages<ask_track, ask_update, ask_untrack, ask_untrack_all, ask_list,
                           ask_subscribe, ask_kick, ask_seen, ask_nodes, ask_counters>;
    using casts = messages<do_unsubscribe>;
    using infos = messages<wake, nodeup_message, nodedown_message>;

    tracker_server(const options& o, atom shard);

    result<dot> handle_call(ask_track m);
    result<dot> handle_call(ask_update m);
    void handle_call(ask_untrack m);
    void handle_call(ask_untrack_all m);
    std::vector<presence> handle_call(ask_list m) const;
    void handle_call(ask_subscribe m, const from& f);
    std::uint64_t handle_call(ask_kick m);
    call_result<bool> handle_call(ask_seen m, const from& f);
    std::vector<node_info> handle_call(ask_nodes) const;
    state_counters handle_call(ask_counters) const { return state_.counters(); }
    void handle_cast(do_unsubscribe m);
    void handle_info(wake);
    void handle_info(const nodeup_message& m);
    void handle_info(const nodedown_message& m);
    void handle_info(const down_message& m);
    void handle_info(const exit_message&) {}  // links are others' business
    void handle_info(const term& from_another_node);
    void terminate(const term& reason);
    term format_status(atom) const;

private:
    struct subscriber {
        pid process;
        ref subscription, monitor;
    };

    struct waiter {
        from caller;
        std::uint64_t version;
        std::chrono::nanoseconds until;
    };

    [[nodiscard]] static instant now();
    void watch(pid process);
    void unwatch_if_idle(pid process);
    void forget_subscriber(std::uint64_t id);
    void act(outputs& out);
    void deliver(event& e);
    void tell(const report& r) const;
    void answer_waiters();
    void set_timer();

    std::shared_ptr<peers> others_;
    atom shard_;
    state state_;
    std::unordered_map<pid, ref> watched_;  // tracked processes
    std::unordered_map<ref, pid> watched_by_monitor_;
    std::unordered_map<std::uint64_t, subscriber> subscribers_;
    std::unordered_map<ref, std::uint64_t> by_subscription_, by_monitor_;
    std::uint64_t next_subscriber_ = 1;
    std::vector<waiter> waiters_;  // for the others to have what is here
    std::optional<ref> timer_;
    std::chrono::nanoseconds timer_at_{};
};

}  // namespace beam::tracker
