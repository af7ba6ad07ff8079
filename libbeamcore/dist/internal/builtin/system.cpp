// erlang:system_info/1, memory/0,1 and statistics/1.

#include <sys/resource.h>
#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "libbeamcore/base/install.hpp"
#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/builtin/system_facts.hpp"
#include "libbeamcore/dist/internal/builtin/system_figures.hpp"
#include "libbeamcore/dist/internal/net_kernel.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::dist::detail {

namespace {

// What each pair `{Total, SinceLastCall}` was at the last call.
struct last_asked {
    std::atomic<std::uint64_t> reductions{0}, runtime_ms{0}, wall_clock_ms{0};

    static last_asked& of(runtime& node) {
        static const char key = 0;
        return *static_cast<last_asked*>(beam::detail::runtime_local(
            node, &key, [](runtime&) -> void* { return new last_asked; },
            [](void* p) noexcept { delete static_cast<last_asked*>(p); }));
    }
};

term with_difference(std::uint64_t now, std::atomic<std::uint64_t>& last) {
    const std::uint64_t before = last.exchange(now);
    return tuple(now, now > before ? now - before : 0);
}

std::uint64_t cpu_ms() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto ms = [](const timeval& t) {
        return std::uint64_t(t.tv_sec) * 1000 + std::uint64_t(t.tv_usec) / 1000;
    };
    return ms(used.ru_utime) + ms(used.ru_stime);
}

term machine_name() {
    utsname names{};
    if (::uname(&names) != 0) return charlist("unknown");
    return charlist(std::string(names.machine) + "-unknown-linux-gnu");
}

term statistics_of(std::span<const term> args) {
    self me = this_process();
    const runtime_statistics s = me.node().statistics();
    last_asked& last = last_asked::of(me.node());
    const std::string_view item = atom_argument(args[0]).name();
    if (item == "reductions" || item == "exact_reductions")
        return with_difference(s.reductions, last.reductions);
    if (item == "runtime") return with_difference(cpu_ms(), last.runtime_ms);
    if (item == "wall_clock") return with_difference(s.uptime_ns / 1'000'000, last.wall_clock_ms);
    if (item == "run_queue" || item == "total_run_queue_lengths" ||
        item == "total_run_queue_lengths_all")
        return run_queue_length(me);
    if (item == "run_queue_lengths" || item == "run_queue_lengths_all")
        return list_of(std::vector<term>(s.run_queues.begin(), s.run_queues.end()));
    if (item == "io") return io_term();
    if (item == "scheduler_wall_time" || item == "scheduler_wall_time_all")
        return scheduler_wall_time(me);
    if (item == "garbage_collection") return tuple(0, 0, 0);
    raise(atoms::badarg);
}

// `Item`, or `{wordsize, internal | external}`.
term system_info(std::span<const term> args) {
    const auto pair = args[0].elements();
    if (pair.size() == 2 && pair[0] == atom("wordsize")) return std::uint64_t(sizeof(void*));
    if (auto fact = system_fact(this_process(), atom_argument(args[0]).name()))
        return *std::move(fact);
    raise(atoms::badarg);
}

awaitable<term> memory(self me, std::vector<term>) {
    auto measuring = measure_memory(me);
    const memory_figures m = co_await measuring;
    co_return memory_list(m);
}

awaitable<term> memory_of(self me, std::vector<term> args) {
    auto measuring = measure_memory(me);
    const memory_figures m = co_await measuring;
    const term all = memory_list(m);
    for (const term& t : all.list_elements())
        if (t.elements()[0] == args[0]) co_return t.elements()[1];
    raise(atoms::badarg);
}

}  // namespace

std::optional<term> system_fact(self me, std::string_view item) {
    const runtime_statistics s = me.node().statistics();
    const runtime_options& o = me.node().options();
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    if (item == "process_count") return term(s.processes);
    if (item == "process_limit") return term(o.processes_max);
    if (item == "schedulers" || item == "schedulers_online" || item == "schedulers_available")
        return term(s.schedulers);
    if (item == "logical_processors" || item == "logical_processors_online" ||
        item == "logical_processors_available")
        return term(cores);
    if (item == "atom_count") return term(std::uint64_t(atom_count()));
    if (item == "atom_limit") return term(std::uint64_t(atom_limit()));
    if (item == "ets_count") return term(std::uint64_t(ets::all().size()));
    // There are no ports: nothing of Erlang's kind can be opened. And tables have no limit but memory. OTP's numbers stand
    // for both, since observer divides by them.
    if (item == "port_count") return term(0);
    if (item == "port_limit") return term(65536);
    if (item == "ets_limit") return term(std::max<std::uint64_t>(8192, ets::all().size()));
    // Blocking work has threads of its own; no process of a scheduler's kind runs on them.
    if (item == "dirty_cpu_schedulers" || item == "dirty_cpu_schedulers_online") return term(0);
    if (item == "dirty_io_schedulers" || item == "thread_pool_size") return term(o.dirty_threads);
    if (item == "threads" || item == "smp_support" || item == "kernel_poll") return term(true);
    if (item == "wordsize") return term(std::uint64_t(sizeof(void*)));
    // Whose protocol is spoken; `version` and `machine` say who speaks it.
    if (item == "otp_release") return charlist("25");
    if (item == "version") return charlist(version());
    if (item == "machine") return charlist("beamcore");
    if (item == "system_version") return charlist("beamcore " + std::string(version()) + "\n");
    if (item == "system_architecture") return machine_name();
    if (item == "dist_buf_busy_limit") {
        const peers* all = peers_of(me.node());
        return term(std::uint64_t(all ? all->settings().busy_limit : 0));
    }
    return {};
}

void add_system_functions(builtin_functions& to) {
    to.add("erlang", "system_info", 1, system_info);
    to.add("erlang", "statistics", 1, statistics_of);
    to.add("erlang", "memory", 0, memory);
    to.add("erlang", "memory", 1, memory_of);
}

}  // namespace beam::dist::detail
