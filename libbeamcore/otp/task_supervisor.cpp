#include "libbeamcore/otp/task_supervisor.hpp"

#include "libbeamcore/runtime/link.hpp"

namespace beam {

namespace detail {

awaitable<task_core> supervised_task(server_ref supervisor, task_request request, bool linked) {
    const pid owner = this_process().id();
    auto start = [owner]() -> start_result { return started{start_waiting_task(owner), {}}; };
    child_spec spec(atoms::undefined,
                    child_start(std::move(start)).described(atom("task"), atoms::undefined),
                    restart_type::temporary);
    auto starting = dynamic_supervisor::start_child(supervisor, std::move(spec));
    start_result made = co_await starting;
    outcome<pid> process = started_pid(std::move(made));
    if (!process) raise(tuple(atoms::badarg, std::move(process.error())));
    if (linked) link(*process);
    co_return task_core::start_in(*process, linked, std::move(request));
}

}  // namespace detail

namespace task_supervisor {

awaitable<std::vector<pid>> children(server_ref supervisor) {
    auto asked = dynamic_supervisor::which_children(supervisor);
    std::vector<child_info> all = co_await asked;
    std::vector<pid> pids;
    for (const child_info& c : all)
        if (c.pid) pids.push_back(*c.pid);
    co_return pids;
}

}  // namespace task_supervisor

}  // namespace beam
