// coordinator_process: a coordinator for processes. It owns the backend and the threads that block in it.
//
// Whoever subscribes is told the newest view now and after each change. Reads and changes of records are answered by
// messages, the others by futures. A coordinator that does not answer ends and blocks nothing here: each request has a deadline
// (2 s), the newest view stays, and subscribers are told since when it is silent.
//
// The process ends when its parent does, and by bugs only. A life that joined has not ended with it: see
// coordinator::join.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/start.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/kv/coordinator/cluster_memory.hpp"
#include "tools/kv/coordinator/cluster_view.hpp"
#include "tools/kv/coordinator/coordinator.hpp"
#include "tools/kv/coordinator/coordinator_job.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace kv {

// What subscribers get.

/// Comes at once with what is known (nothing before the first look: then with it), and after each change: the newest
/// only, never two of the same revision, never an older one.
struct cluster_changed {
    std::shared_ptr<const cluster_view> view;
};

/// Whether the coordinator answers; comes with the subscription and when it changes.
struct coordinator_reachable {
    bool is_reachable = false;
    std::chrono::nanoseconds since{};  ///< on the node's monotonic clock (self.node().now())
    beam::error why{};                 ///< when it is not
    /// It is `outdated`, and what this node has seen is no later: it may have acted by what is not so any more.
    bool was_believed = false;
};

/// The answer to read_record (which is linearizable) and to change_record: the record as it is now. Whether a change was made is
/// seen in it. Nothing comes when there is no answer, or the outcome is unknown.
struct record_told {
    std::uint32_t shard = 0;
    known_record known;
    bool is_read = false;
};

class coordinator_core;

class coordinator_process : public beam::gen_server<coordinator_process> {
    struct subscribe_message {
        beam::pid subscriber;
    };
    struct read_message {
        std::uint32_t shard;
        beam::pid to;
    };
    struct change_message {
        record_swap what;
        beam::pid to;
    };
    struct tick {};
    struct time_to_tend {};
    friend class coordinator_core;

public:
    using server_ref = beam::server_ref;
    template <class T>
    using answer = beam::future<beam::result<T>>;
    struct done {};

    /// Until the subscriber dies. Twice is once.
    static void subscribe(const server_ref& server, beam::pid subscriber);
    static void read_record(const server_ref& server, std::uint32_t shard, beam::pid to);
    /// Those that wait are made together.
    static void change_record(const server_ref& server, std::uint32_t shard, shard_record target,
                              std::uint64_t expected_rev, beam::pid to);

    // As the functions of coordinator.hpp, and with their errors. An answer comes within 5 s: what waits for 2 s is
    // `unreachable`, what was begun and takes 2 s is `unknown` if it writes.

    static answer<done> create(const server_ref& server, first_cluster first);
    static answer<std::uint64_t> write_plan(const server_ref& server, plan next,
                                            std::uint64_t expected_rev);
    static answer<done> join(const server_ref& server, join_request request);
    static answer<done> leave(const server_ref& server);
    static answer<std::uint64_t> set_store_state(const server_ref& server, store_id store,
                                                 store_state state, std::uint64_t expected_rev);
    static answer<known_record> recover(const server_ref& server, std::uint32_t shard,
                                        store_id primary, std::vector<store_id> isr,
                                        std::uint64_t expected_rev);
    /// Looked up now, linearizable. The newest one known without asking is what subscribers have.
    static answer<std::shared_ptr<const cluster_view>> view(const server_ref& server);

    // The process. `beam::start_link<coordinator_process>(options)`, or with what this node has seen before as well: a
    // coordinator that has gone back behind that is `outdated`, and is marked so for all.

private:
    struct create_request {
        using reply = beam::result<done>;
        first_cluster first;
    };
    struct plan_request {
        using reply = beam::result<std::uint64_t>;
        plan next;
        std::uint64_t expected_rev;
    };
    struct join_as {
        using reply = beam::result<done>;
        join_request what;
    };
    struct leave_request {
        using reply = beam::result<done>;
    };
    struct state_request {
        using reply = beam::result<std::uint64_t>;
        store_id store;
        store_state state;
        std::uint64_t expected_rev;
    };
    struct recover_request {
        using reply = beam::result<known_record>;
        std::uint32_t shard;
        store_id primary;
        std::vector<store_id> isr;
        std::uint64_t expected_rev;
    };
    struct view_request {
        using reply = beam::result<std::shared_ptr<const cluster_view>>;
    };

public:
    using calls = beam::messages<create_request, plan_request, join_as, leave_request,
                                 state_request, recover_request, view_request>;
    using casts = beam::messages<subscribe_message, read_message, change_message>;
    using infos = beam::messages<job_done, may_have_changed, tick, time_to_tend>;

    /// Opens the backend: its error is the start's, as `{Code, Detail}`. Can be started again from the same options.
    static beam::init_result<coordinator_process> init(coordinator_options options,
                                                       cluster_memory memory = {});
    /// With one that is open.
    explicit coordinator_process(std::unique_ptr<coordinator> backend, cluster_memory memory = {});
    coordinator_process(coordinator_process&&) noexcept;
    ~coordinator_process();

    beam::call_result<beam::result<done>> handle_call(create_request r, const beam::from& to);
    beam::call_result<beam::result<std::uint64_t>> handle_call(plan_request r,
                                                               const beam::from& to);
    beam::call_result<beam::result<done>> handle_call(join_as r, const beam::from& to);
    beam::call_result<beam::result<done>> handle_call(leave_request r, const beam::from& to);
    beam::call_result<beam::result<std::uint64_t>> handle_call(state_request r,
                                                               const beam::from& to);
    beam::call_result<beam::result<known_record>> handle_call(recover_request r,
                                                              const beam::from& to);
    beam::call_result<beam::result<std::shared_ptr<const cluster_view>>> handle_call(
        view_request r, const beam::from& to);
    void handle_cast(subscribe_message m);
    void handle_cast(read_message m);
    void handle_cast(change_message m);
    void handle_info(job_done m);
    void handle_info(may_have_changed m);
    void handle_info(tick m);
    void handle_info(time_to_tend m);
    void handle_info(beam::down_message m);

private:
    std::unique_ptr<coordinator_core> core_;
};

}  // namespace kv
