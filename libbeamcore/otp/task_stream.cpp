#include "libbeamcore/otp/task_stream.hpp"

#include <algorithm>

#include "libbeamcore/otp/task_supervisor.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

task_stream_core::task_stream_core(source items, task_stream_options options,
                                   std::optional<server_ref> supervisor, bool linked)
    : items_(std::move(items)),
      options_(options),
      supervisor_(std::move(supervisor)),
      linked_(linked) {
    if (!options_.max_concurrency)
        options_.max_concurrency = this_process().node().statistics().schedulers;
    if (*options_.max_concurrency == 0)
        raise(tuple(atoms::badarg, "max_concurrency must be at least 1"));
}

awaitable<std::optional<outcome<message>>> task_stream_core::next() {
    for (;;) {
        co_await fill();
        if (slots_.empty()) co_return std::nullopt;
        co_await look();
        if (auto ready = take()) co_return ready;
        co_await wait();
    }
}

// Starts as many tasks as there is room for.
awaitable<void> task_stream_core::fill() {
    while (!at_end_ && slots_.size() < *options_.max_concurrency) {
        auto item = items_();
        if (!item) {
            at_end_ = true;
            break;
        }
        auto deadline = std::chrono::nanoseconds::max();
        if (!options_.limit.is_infinite()) deadline = monotonic_time() + options_.limit.duration();
        if (supervisor_) {
            task_core t = co_await supervised_task(*supervisor_, std::move(item->request), linked_);
            slots_.push_back({std::move(t), std::move(item->input), deadline, {}});
        } else {
            slots_.push_back(
                {task_core::start(std::move(item->request)), std::move(item->input), deadline, {}});
        }
    }
}

// Takes what has come of each task.
awaitable<void> task_stream_core::look() {
    for (slot& s : slots_) {
        if (s.result) continue;
        if (auto a = s.task.poll()) {
            s.result = std::move(*a);
            co_await ended(s);
        } else if (monotonic_time() >= s.deadline) {
            expire(s);
        }
    }
}

void task_stream_core::expire(slot& s) {
    if (options_.on_timeout == on_timeout::exit) {
        const pid late = s.task.pid();
        slots_.clear();
        exit(task_reason(atoms::timeout, "stream", {late}, options_.limit));
    }
    s.task.kill();
    s.result = fail_term(atoms::timeout);
    if (options_.zip_input_on_exit) s.result = fail_term(tuple(std::move(s.input), atoms::timeout));
}

// A linked task's end is the caller's too, unless the caller traps exits; then the message of it is not
// seen.
awaitable<void> task_stream_core::ended(slot& s) {
    self me = this_process();
    if (linked_) {
        const bool traps = me.trap_exit(true);
        me.trap_exit(traps);
        if (!traps && !*s.result) {
            term why = s.result->error();
            slots_.clear();
            exit(std::move(why));
        }
        s.task.forget_link();
        const pid gone = s.task.pid();
        if (traps)
            (void)co_await me.receive_if<exit_message>(
                [gone](const exit_message& m) { return m.from == gone; }, std::chrono::seconds(0));
    }
    if (!*s.result && options_.zip_input_on_exit)
        s.result = fail_term(tuple(std::move(s.input), s.result->error()));
}

std::optional<outcome<message>> task_stream_core::take() {
    auto ready = slots_.begin();
    if (!options_.ordered)
        ready = std::find_if(slots_.begin(), slots_.end(),
                             [](const slot& s) { return bool(s.result); });
    if (ready == slots_.end() || !ready->result) return std::nullopt;
    std::optional<outcome<message>> r = std::move(ready->result);
    slots_.erase(ready);
    return r;
}

awaitable<void> task_stream_core::wait() {
    std::vector<task_core*> open;
    auto first = std::chrono::nanoseconds::max();
    for (slot& s : slots_) {
        if (s.result) continue;
        open.push_back(&s.task);
        first = std::min(first, s.deadline);
    }
    timeout limit = infinity{};
    if (first != std::chrono::nanoseconds::max())
        limit = std::max(first - monotonic_time(), std::chrono::nanoseconds(0));
    co_await wait_for_any(open, limit);
}

}  // namespace beam::detail
