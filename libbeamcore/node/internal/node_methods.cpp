#include "libbeamcore/node/internal/node_methods.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/install.hpp"
#include "libbeamcore/node/internal/cluster.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/node/internal/observe.hpp"
#include "libbeamcore/node/internal/router.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/release/module_file.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

std::int64_t unix_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

const char* state_text(node_state s) {
    switch (s) {
        case node_state::starting:
            return "starting";
        case node_state::ready:
            return "ready";
        case node_state::stopping:
            return "stopping";
        case node_state::restarting:
            return "restarting";
    }
    return "ready";
}

std::int64_t runtime_uptime_ms(const node_context& node) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 node.started)
        .count();
}

term running_applications() {
    std::vector<term> list;
    for (const auto& a : application::which_applications())
        list.push_back(map(
            {entry("name", a.name), entry("version", a.vsn), entry("description", a.description)}));
    return list_of(std::move(list));
}

// -- quick ----------------------------------------------------------------------------------------

answer ping(node_context& node, const term&) {
    return map({entry("pong", true), entry("node", node.options.name)});
}

// How others reach this node; `no` as a whole: they do not.
term dist_status(const node_options& o) {
    if (o.dist.empty()) return atoms::false_;
    const bool tls = !o.dist_tls.empty();
    return map({entry("address", o.dist), entry("tls", tls),
                entry("certificates", tls ? term(o.dist_tls) : term(atoms::null)),
                entry("insecure", o.dist_insecure && !tls)});
}

answer status(node_context& node, const term&) {
    const std::int64_t started = node.link && node.link->node_started_ms > 0
                                     ? unix_ms() - node.link->node_started_ms
                                     : runtime_uptime_ms(node);
    return map({
        entry("node", node.options.name),
        entry("state", state_text(node.state.load())),
        entry("os_pid", std::int64_t(::getpid())),
        entry("parent_pid", std::int64_t(::getppid())),
        entry("version", std::string(version())),
        entry("uptime_ms", std::max(started, runtime_uptime_ms(node))),
        entry("runtime_uptime_ms", runtime_uptime_ms(node)),
        entry("applications", running_applications()),
        entry("dist", dist_status(node.options)),
        entry("started_by", node.options.started_by),
        entry("start_reason", node.link ? node.link->start_reason : std::string("started")),
        entry("restarts", std::int64_t(node.link ? node.link->restarts : 0)),
        entry("stops_when", stops_when(node)),
        entry("clients", std::int64_t(node.clients.load())),
        entry("requests", std::int64_t(node.requests.load())),
        entry("socket", node.options.socket_path()),
        entry("log", node.options.log_path()),
        entry("store", node.options.store_folder()),
    });
}

answer config(node_context& node, const term&) {
    const auto& s = node.settings;
    return map({
        entry("line_max_bytes", std::int64_t(node.live.line_max.load())),
        entry("output_max_bytes", std::int64_t(s.output_max)),
        entry("requests_max", std::int64_t(s.requests_max)),
        entry("drain_ms", std::int64_t(s.drain.count())),
        entry("idle_exit_ms",
              std::int64_t(node.options.spawned ? node.live.idle.load().count() : 0)),
        entry("idle_exit_max_ms",
              std::int64_t(node.options.spawned ? node.live.idle_max.load().count() : 0)),
    });
}

// -- the system -----------------------------------------------------------------------------------

struct os_memory {
    std::int64_t resident = 0, size = 0, threads = 0;
};

os_memory read_memory() {
    os_memory m;
    if (std::FILE* f = std::fopen("/proc/self/statm", "re")) {
        long long size = 0, resident = 0;
        if (std::fscanf(f, "%lld %lld", &size, &resident) == 2) {
            const long page = ::sysconf(_SC_PAGESIZE);
            m.size = size * page;
            m.resident = resident * page;
        }
        std::fclose(f);
    }
    return m;
}

awaitable<answer> system_method(request&) {
    runtime& node = this_process().node();
    const runtime_statistics s = node.statistics();
    auto reading = blocking([] { return read_memory(); });
    const os_memory memory = co_await reading;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval& t) {
        return std::int64_t(t.tv_sec) * 1000 + t.tv_usec / 1000;
    };
    std::vector<term> queues(s.run_queues.begin(), s.run_queues.end());
    const term made = map({
        entry("version", std::string(version())),
        entry("os_pid", std::int64_t(::getpid())),
        entry("applications", running_applications()),
        entry("uptime_ms", std::int64_t(s.uptime_ns / 1'000'000)),
        entry("processes", std::int64_t(s.processes)),
        entry("processes_max", std::int64_t(node.options().processes_max)),
        entry("spawned", std::int64_t(s.spawned)),
        entry("exited", std::int64_t(s.exited)),
        entry("reductions", std::int64_t(s.reductions)),
        entry("messages_dropped", std::int64_t(s.messages_dropped)),
        entry("timers", std::int64_t(s.timers_pending)),
        entry("schedulers", std::int64_t(s.schedulers)),
        entry("schedulers_busy", std::int64_t(s.schedulers_busy)),
        entry("schedulers_active", std::int64_t(s.schedulers_active)),
        entry("run_queues", list_of(std::move(queues))),
        entry("hand_overs", std::int64_t(s.hand_overs)),
        entry("hog_threads", std::int64_t(s.hog_threads)),
        entry("dirty_jobs", std::int64_t(s.dirty_jobs)),
        entry("atoms", std::int64_t(atom_count())),
        entry("atoms_max", std::int64_t(atom_limit())),
        entry("memory_resident_bytes", memory.resident),
        entry("memory_mapped_bytes", memory.size),
        entry("cpu_user_ms", ms(usage.ru_utime)),
        entry("cpu_system_ms", ms(usage.ru_stime)),
    });
    co_return made;
}

struct applications_params {
    bool installed = false;
    BEAM_FIELDS(applications_params, installed)
};

awaitable<answer> applications_method(request&, applications_params p) {
    std::vector<term> running, installed;
    for (const auto& a : application::which_applications()) {
        const auto spec = application::get_spec(a.name);
        const auto top = application::top_process(a.name);
        std::vector<term> needs;
        if (spec) needs.assign(spec->applications.begin(), spec->applications.end());
        running.push_back(map({entry("name", a.name), entry("version", a.vsn),
                               entry("description", a.description), entry("state", "running"),
                               entry("top", top ? term(*top) : term(atoms::null)),
                               entry("applications", list_of(std::move(needs)))}));
    }
    if (p.installed) {
        auto looking = blocking([] { return find_modules({}); });
        const std::vector<module_file> files = co_await looking;
        for (const auto& f : files)
            installed.push_back(map({entry("name", f.name), entry("version", f.version),
                                     entry("file", f.path.string())}));
    }
    const term made = map({entry("applications", list_of(std::move(running))),
                           entry("installed", list_of(std::move(installed)))});
    co_return made;
}

struct start_params {
    std::string application;
    BEAM_FIELDS(start_params, application)
};

awaitable<answer> start_method(request&, start_params p) {
    if (!is_application_name(p.application))
        co_return refuse("bad_params", "no application has the name \"" + p.application + "\"", {},
                         2);
    auto starting = ensure_everywhere(p.application);
    const auto failure = co_await starting;
    if (failure) co_return tl::unexpected<request_error>(failure->error);
    co_return map({entry("application", p.application), entry("state", "running")});
}

struct stop_params {
    std::string reason = "told to over the control socket";
    BEAM_FIELDS(stop_params, reason)
};

// Answers once nothing new is begun.
awaitable<answer> stop_method(request&, stop_params p) {
    stop_node m;
    m.reason = p.reason.substr(0, 200);
    auto stopping = send_request(server_ref(node_names::lifecycle()), std::move(m));
    const auto stopped = co_await std::move(stopping).outcome();
    if (!stopped) co_return refuse("unavailable", "the node cannot be stopped now", {}, 75);
    co_return map({entry("state", "stopping")});
}

struct method_params {
    std::string name;
    BEAM_FIELDS(method_params, name)
};

// What a client asks that lost its connection before the answer: whether it may ask the same again.
awaitable<answer> method_method(request&, method_params p) {
    if (find_quick_method(p.name) || find_node_method(p.name))
        co_return map({entry("name", p.name), entry("application", "node"),
                       entry("version", std::string(version())),
                       entry("restartable", p.name != "node.stop")});
    auto routing = route(p.name);
    const routed to = co_await routing;
    if (to.failure) co_return tl::unexpected<request_error>(to.failure->error);
    co_return map({entry("name", p.name), entry("application", to.module->name()),
                   entry("version", to.module->version()),
                   entry("restartable", to.method->restartable)});
}

const std::unordered_map<std::string_view, quick_method>& quick_methods() {
    static const std::unordered_map<std::string_view, quick_method> table{
        {"node.ping", ping},
        {"node.status", status},
        {"node.config", config},
    };
    return table;
}

method_table& node_methods() {
    static auto* table = [] {
        auto* t = new method_table;
        add_method(*t, "node.method", &method_method);
        add_method(*t, "node.stop", &stop_method);
        add_method(*t, "node.system", &system_method);
        add_method(*t, "node.applications", &applications_method);
        add_method(*t, "node.start_application", &start_method);
        add_dist_methods(*t);
        add_process_methods(*t);
        add_tree_method(*t);
        return t;
    }();
    return *table;
}

}  // namespace

quick_method find_quick_method(std::string_view name) {
    auto at = quick_methods().find(name);
    return at == quick_methods().end() ? nullptr : at->second;
}

method_handler* find_node_method(std::string_view name) {
    auto at = node_methods().find(name);
    return at == node_methods().end() ? nullptr : &at->second;
}

term hello_answer(const node_context& node) {
    return map({entry("protocol", std::int64_t(1)), entry("node", node.options.name),
                entry("version", std::string(version())),
                entry("os_pid", std::int64_t(::getpid()))});
}

std::string stops_when(const node_context& node) {
    if (!node.options.spawned) return "told to";
    return "no client for " + print_duration(node.live.idle.load());
}

}  // namespace beam::control
