// The process of a store: collects requests and has them committed together.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/store/internal/committer.hpp"
#include "libbeamcore/store/internal/environment.hpp"

namespace beam::store::detail {

struct write_request {
    using reply = write_answer;
    std::vector<operation> operations;
    bool is_cas = false;
    bool is_lazy = false;
    bool is_durable = false;
};
/// Not a request: its answer is a message, to whom it says.
struct notify_request {
    std::vector<operation> operations;
    notice to;
    bool is_lazy = false;
    bool is_durable = false;
};
struct close_request {
    using reply = write_answer;
};
struct reopen_request {
    using reply = write_answer;
};
/// A timer's: the first batch that waits may be lazy and have waited long enough.
struct look_at_lazy {};
/// From the engine: see engine::on_failure.
struct engine_failed {
    error why;
};

/// Which stores a runtime has, for reads.
class open_stores {
public:
    static open_stores& of(runtime& node);
    void add(pid store, std::shared_ptr<environment> env);
    void remove(pid store);
    [[nodiscard]] std::shared_ptr<environment> find(pid store);

private:
    std::shared_mutex mutex_;
    std::unordered_map<pid, std::shared_ptr<environment>> stores_;
};

class store_process final : public process_body {
public:
    store_process(std::shared_ptr<environment> env, const open_options& options, runtime& node,
                  pid me, pid parent);
    ~store_process() override;

    void run(self self) override;

private:
    void handle(self self, message m);
    void take_request(self self, message m);
    void take_write(const from& to, write_request request);
    void take_notify(notify_request request);
    [[nodiscard]] std::optional<write_answer> refusal_of(pending_write& w) const;
    void enqueue(pending_write w);
    void answer(committed& done);
    void fail_store(self self);
    void go_on(self self);
    [[nodiscard]] bool is_time_to_commit();

    const std::shared_ptr<environment> env_;
    const open_options options_;
    runtime& node_;
    const pid me_;
    const pid parent_;
    committer committer_;
    bool started_ = false;
    std::size_t committing_ = 0;      // requests that the committer has
    std::optional<error> failure_{};  // after which nothing is written any more
    bool is_open_ = true;
    std::deque<pending_write> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t committing_bytes_ = 0;
    std::size_t urgent_ = 0;  // of those that wait: the ones that are not lazy
    bool has_timer_ = false;
    std::vector<from> closers_;
    std::optional<term> stop_reason_;
};

}  // namespace beam::store::detail
