// The part of a stream of tasks that is not a template: which tasks run, and whose turn it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/detail/task_core.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// What happens when a task of a stream takes longer than it may.
enum class on_timeout : std::uint8_t {
    exit,       ///< the caller exits with `{timeout, {task, stream, [Pid, Limit]}}`
    kill_task,  ///< the task is killed, and its element is the failure `timeout`
};

/// How a stream of tasks goes on.
struct task_stream_options {
    std::optional<std::size_t> max_concurrency{};  ///< tasks at once; default: one a scheduler
    bool ordered = true;  ///< elements in the order of the input; else as they are ready
    timeout limit = std::chrono::seconds(5);  ///< for each task, from its own start
    beam::on_timeout on_timeout = beam::on_timeout::exit;
    bool zip_input_on_exit = false;  ///< a failure is `{Input, Reason}`
};

namespace detail {

struct stream_item {
    task_request request;
    term input;
};

class BEAM_EXPORT task_stream_core {
public:
    using source = callback<std::optional<stream_item>()>;

    /// `supervisor`: where the tasks are started; none: under nobody. `linked`: to the caller.
    task_stream_core(source items, task_stream_options options,
                     std::optional<server_ref> supervisor, bool linked);
    task_stream_core(task_stream_core&&) noexcept = default;

    [[nodiscard]] awaitable<std::optional<outcome<message>>> next();

private:
    struct slot {
        task_core task;
        term input;
        std::chrono::nanoseconds deadline;
        std::optional<outcome<message>> result;
    };

    [[nodiscard]] awaitable<void> fill();
    [[nodiscard]] awaitable<void> look();
    void expire(slot& s);
    [[nodiscard]] awaitable<void> ended(slot& s);
    [[nodiscard]] std::optional<outcome<message>> take();
    [[nodiscard]] awaitable<void> wait();

    source items_;
    task_stream_options options_;
    std::optional<server_ref> supervisor_;
    bool linked_;
    bool at_end_ = false;
    std::list<slot> slots_;
};

}  // namespace detail

}  // namespace beam
