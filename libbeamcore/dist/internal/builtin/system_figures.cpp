#include "libbeamcore/dist/internal/builtin/system_figures.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::dist::detail {

namespace {

struct page_counts {
    std::uint64_t resident = 0, code = 0;
};

page_counts read_pages() {
    page_counts p;
    if (std::FILE* f = std::fopen("/proc/self/statm", "re")) {
        unsigned long long size = 0, resident = 0, shared = 0, text = 0;
        if (std::fscanf(f, "%llu %llu %llu %llu", &size, &resident, &shared, &text) == 4)
            p = {resident, text};
        std::fclose(f);
    }
    return p;
}

term bytes(const char* name, std::uint64_t n) {
    return tuple(atom(name), n);
}

}  // namespace

awaitable<memory_figures> measure_memory(self me) {
    constexpr int places_at_once = 128;
    memory_figures m;
    process_walk walk;
    std::vector<process_counters> found;
    while (walk.next(found, places_at_once)) {
        for (const auto& c : found) m.processes += c.memory;
        found.clear();
        if (me.bump_reductions(places_at_once)) co_await me.yield();
    }
    for (const ets::table& t : ets::all()) {
        if (const auto info = ets::info_of(t)) m.ets += info->bytes;
        if (me.bump_reductions(1)) co_await me.yield();
    }
    const page_counts pages = read_pages();
    const auto page = std::uint64_t(::sysconf(_SC_PAGESIZE));
    m.code = pages.code * page;
    m.total = std::max(pages.resident * page, m.processes + m.ets);
    co_return m;
}

term memory_list(const memory_figures& m) {
    return list({bytes("total", m.total), bytes("processes", m.processes),
                 bytes("processes_used", m.processes), bytes("system", m.total - m.processes),
                 bytes("atom", 0), bytes("atom_used", 0), bytes("binary", 0), bytes("code", m.code),
                 bytes("ets", m.ets)});
}

term short_memory_list(const memory_figures& m) {
    return list({bytes("total", m.total), bytes("processes", m.processes), bytes("ets", m.ets),
                 bytes("atom", 0), bytes("code", m.code), bytes("binary", 0)});
}

io_figures read_io() {
    io_figures io;
    if (std::FILE* f = std::fopen("/proc/self/io", "re")) {
        unsigned long long input = 0, output = 0;
        if (std::fscanf(f, "rchar: %llu wchar: %llu", &input, &output) == 2) io = {input, output};
        std::fclose(f);
    }
    return io;
}

term io_term() {
    const io_figures io = read_io();
    return tuple(bytes("input", io.input), bytes("output", io.output));
}

term scheduler_wall_time(self me) {
    const runtime_statistics s = me.node().statistics();
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto ns = [](const timeval& t) {
        return std::uint64_t(t.tv_sec) * 1'000'000'000 + std::uint64_t(t.tv_usec) * 1000;
    };
    const std::uint64_t share =
        (ns(used.ru_utime) + ns(used.ru_stime)) / std::max(1u, s.schedulers);
    std::vector<term> all;
    for (unsigned i = 1; i <= s.schedulers; ++i)
        all.push_back(tuple(i, std::min(share, s.uptime_ns), s.uptime_ns));
    return list_of(std::move(all));
}

std::uint64_t run_queue_length(self me) {
    const auto queues = me.node().statistics().run_queues;
    return std::accumulate(queues.begin(), queues.end(), std::uint64_t(0));
}

}  // namespace beam::dist::detail
