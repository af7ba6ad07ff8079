// observer_backend: what etop and observer ask of a node that they look at (runtime_tools).
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "libbeamcore/base/heap.hpp"
#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/builtin/process_items.hpp"
#include "libbeamcore/dist/internal/builtin/system_facts.hpp"
#include "libbeamcore/dist/internal/builtin/system_figures.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::dist::detail {

namespace {

constexpr int places_at_once = 128;
// What a process's texts cost in reductions, beside a look at its counters.
constexpr int text_cost = 8;
constexpr std::size_t chunk_max = 10'000;

// The record etop_proc_info.
term process_row(const process_summary& s) {
    return tuple(atom("etop_proc_info"), s.pid, s.memory, s.reductions, shown_name_of(s), 0,
                 current_call_of(s), s.message_queue_len);
}

// Adds the next processes' rows; false at the end.
bool add_rows(process_walk& walk, std::vector<term>& rows) {
    std::vector<process_counters> found;
    if (!walk.next(found, places_at_once)) return false;
    for (const auto& c : found)
        if (const auto s = process_info(c.pid)) rows.push_back(process_row(*s));
    return true;
}

term time_stamp() {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
    return tuple(us / 1'000'000'000'000, us / 1'000'000 % 1'000'000, us % 1'000'000);
}

awaitable<term> etop_collect(self me, std::vector<term> args) {
    const pid collector = pid_argument(args[0]);
    process_walk walk;
    std::vector<term> rows;
    while (add_rows(walk, rows))
        if (me.bump_reductions(places_at_once * text_cost)) co_await me.yield();
    auto measuring = measure_memory(me);
    const memory_figures memory = co_await measuring;
    const auto count = std::uint64_t(rows.size());
    // The record etop_info. No wall clock, no runtime: etop computes with the schedulers' times.
    term info =
        tuple(atom("etop_info"), time_stamp(), count, atoms::undefined, scheduler_wall_time(me),
              run_queue_length(me), nil, short_memory_list(memory), list_of(std::move(rows)));
    send(collector, tuple(me.id(), std::move(info)));
    co_return term(atoms::ok);
}

awaitable<term> send_processes(self me, std::vector<term> args) {
    const pid collector = pid_argument(args[0]);
    process_walk walk;
    std::vector<term> rows;
    for (bool more = true; more;) {
        more = add_rows(walk, rows);
        if (rows.size() + places_at_once > chunk_max || !more) {
            if (!rows.empty())
                send(collector, tuple(atom("procs_info"), me.id(), list_of(std::move(rows))));
            rows = {};
        }
        if (me.bump_reductions(places_at_once * text_cost)) co_await me.yield();
    }
    co_return term(atoms::ok);
}

// Until any message comes, or the link to who looks ends it.
awaitable<term> send_statistics(self me, std::vector<term> args) {
    const pid collector = pid_argument(args[0]);
    const auto period = period_argument(args[1]);
    for (;;) {
        const message any = co_await me.receive_for(period);
        if (any) co_return term(atoms::ok);
        auto measuring = measure_memory(me);
        const memory_figures memory = co_await measuring;
        send(collector,
             tuple(atom("stats"), 1, scheduler_wall_time(me), io_term(), memory_list(memory)));
    }
}

// One allocator, in the form in which Erlang's describe themselves.
term allocators(const memory_figures& memory) {
    const heap_figures heap = count_heap();
    const std::uint64_t carriers = std::max(heap.taken, memory.total);
    const std::uint64_t blocks = std::min(carriers, std::max(heap.used, memory.total));
    const atom name("std_alloc"), size("size");
    const term used =
        tuple(atom("blocks"), list({tuple(name, list({tuple(size, blocks, blocks, blocks)}))}));
    const term taken = tuple(atom("carriers_size"), carriers, carriers, carriers);
    const term instance =
        tuple(atom("instance"), 0, list({tuple(atom("mbcs"), list({used, taken}))}));
    return list({tuple(name, list({instance}))});
}

awaitable<term> sys_info(self me, std::vector<term>) {
    auto measuring = measure_memory(me);
    const memory_figures memory = co_await measuring;
    const io_figures io = read_io();
    const auto uptime_ms = me.node().statistics().uptime_ns / 1'000'000;
    std::vector<term> all{tuple(atom("uptime"), uptime_ms),
                          tuple(atom("run_queue"), run_queue_length(me)),
                          tuple(atom("io_input"), io.input),
                          tuple(atom("io_output"), io.output),
                          tuple(atom("alloc_info"), allocators(memory)),
                          tuple(atom("wordsize_internal"), std::uint64_t(sizeof(void*))),
                          tuple(atom("wordsize_external"), std::uint64_t(sizeof(void*)))};
    for (const char* item : {"logical_processors",
                             "logical_processors_online",
                             "logical_processors_available",
                             "schedulers",
                             "schedulers_online",
                             "schedulers_available",
                             "otp_release",
                             "version",
                             "system_architecture",
                             "kernel_poll",
                             "smp_support",
                             "threads",
                             "thread_pool_size",
                             "process_count",
                             "atom_limit",
                             "atom_count",
                             "process_limit",
                             "port_limit",
                             "port_count",
                             "ets_limit",
                             "ets_count",
                             "dist_buf_busy_limit"})
        all.push_back(tuple(atom(item), *system_fact(me, item)));
    const term used = memory_list(memory);
    for (const term& t : used.list_elements()) all.push_back(t);
    co_return list_of(std::move(all));
}

// Those of Erlang's module socket, of which a node of ours has none, as it has no ports.
term socket_figures(std::span<const term>) {
    std::vector<term> all{tuple(atom("iov_max"), ::sysconf(_SC_IOV_MAX)),
                          tuple(atom("num_cnt_bits"), 64)};
    for (const char* kind : {"monitors", "dinet", "dinet6", "dlocal", "pip", "psctp", "ptcp",
                             "pudp", "sockets", "tdgrams", "tseqpkgs", "tstreams"})
        all.push_back(tuple(atom(std::string("num_") + kind), 0));
    return list_of(std::move(all));
}

}  // namespace

void add_observer_functions(builtin_functions& to) {
    using arguments = std::span<const term>;
    // Whose protocol this is: that of OTP 25's runtime_tools.
    to.add("observer_backend", "vsn", 0,
           [](arguments) -> term { return tuple(atoms::ok, charlist("1.19")); });
    to.add("observer_backend", "sys_info", 0, sys_info);
    to.add("observer_backend", "etop_collect", 1, etop_collect);
    to.add("observer_backend", "fetch_stats", 2, send_statistics);
    to.add("observer_backend", "procs_info", 1, send_processes);
    to.add("observer_backend", "get_port_list", 0, [](arguments) -> term { return nil; });
    to.add("observer_backend", "get_socket_list", 0, [](arguments) -> term { return nil; });
    to.add("observer_backend", "socket_info", 0, socket_figures);
}

}  // namespace beam::dist::detail
