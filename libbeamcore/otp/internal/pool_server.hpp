// pool_server: the process of a pool. It knows who has which worker and who waits; the workers are children of a
// dynamic supervisor, which it starts and which ends with it.
#pragma once

#include <chrono>
#include <list>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/pool.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

struct pool_check_out {
    using reply = outcome<pid>;
    ref tag;  // the caller's own, by which he can give up
    bool waits = true;
};
struct pool_give_up {
    ref tag;
};
struct pool_ask_status {
    using reply = pool_status;
};
enum class worker_state : std::uint8_t { done, unfinished, spent };
struct pool_check_in {
    pid worker, owner;
    worker_state state = worker_state::done;
};
// From the process that had a worker started.
struct pool_worker_started {
    start_result result;
};
struct pool_start_again {};

class pool_server : public gen_server<pool_server> {
public:
    using calls = messages<pool_check_out, pool_ask_status>;
    using casts = messages<pool_check_in, pool_give_up>;
    using infos = messages<pool_worker_started, pool_start_again>;

    static awaitable<init_result<pool_server>> init(pool_options options);

    call_result<outcome<pid>> handle_call(pool_check_out m, const from& f);
    pool_status handle_call(pool_ask_status) const { return status(); }
    void handle_cast(pool_check_in m);
    void handle_cast(pool_give_up m);
    void handle_info(pool_worker_started m);
    void handle_info(pool_start_again) { start_worker(); }
    void handle_info(const down_message& m);
    cast_result handle_info(const exit_message& m);
    awaitable<void> terminate(const term& reason);
    term format_status(atom) const { return to_term(status()); }

private:
    // One who waits for a worker, or has one.
    struct user {
        from caller;
        ref tag, monitor;
        pid worker;  // false while he waits
    };
    using users = std::list<user>;

    struct worker {
        ref monitor;
        std::chrono::nanoseconds born{};
        bool leaves = false;                  // it has been told to end
        std::optional<users::iterator> user;  // who has it
    };

    pool_server(pool_options options, pid supervisor)
        : options_(std::move(options)), supervisor_(supervisor) {}

    [[nodiscard]] pool_status status() const;
    void adopt(pid p);
    void start_worker();
    void start_later();
    void hand_over(pid p, users::iterator u);
    void release(users::iterator u, worker_state state);
    void serve_next(pid p);
    void end_worker(pid p);
    void lost(pid p);
    void forget(users::iterator u);

    pool_options options_;
    pid supervisor_;
    std::unordered_map<pid, worker> workers_;
    std::vector<pid> free_;  // the last one first: it is warm
    users waiting_, served_;
    std::unordered_map<ref, users::iterator> by_tag_, by_monitor_;
    std::size_t leaving_ = 0, missing_ = 0;
    std::chrono::milliseconds pause_{0};
};

}  // namespace beam::detail
