#include "libbeamcore/node/internal/node_methods.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_map>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/install.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/node/internal/router.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/release/module_file.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

template <class T>
map_entry entry(const char* key, T value) {
    return {term(key), term(std::move(value))};
}

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
        entry("line_max_bytes", std::int64_t(s.line_max)),
        entry("output_max_bytes", std::int64_t(s.output_max)),
        entry("requests_max", std::int64_t(s.requests_max)),
        entry("drain_ms", std::int64_t(s.drain.count())),
        entry("idle_exit_ms", std::int64_t(node.options.spawned ? s.idle.count() : 0)),
        entry("idle_exit_max_ms", std::int64_t(node.options.spawned ? s.idle_max.count() : 0)),
    });
}

answer stop(node_context&, const term& params) {
    const term* why = params.map_find(term("reason"));
    stop_node m;
    m.reason = why && why->as_text() ? std::string(why->as_text()->substr(0, 200))
                                     : "told to over the control socket";
    const auto lifecycle = whereis(node_names::lifecycle());
    if (!lifecycle) return refuse("unavailable", "the node cannot be stopped now", {}, 75);
    send(*lifecycle, std::move(m));
    return map({entry("state", "stopping")});
}

// -- processes ------------------------------------------------------------------------------------

const char* status_text(process_status s) {
    switch (s) {
        case process_status::waiting:
            return "waiting";
        case process_status::runnable:
            return "runnable";
        case process_status::running:
            return "running";
        case process_status::suspended:
            return "suspended";
        case process_status::exiting:
            return "exiting";
    }
    return "waiting";
}

const char* priority_text(priority p) {
    switch (p) {
        case priority::low:
            return "low";
        case priority::normal:
            return "normal";
        case priority::high:
            return "high";
        case priority::max:
            return "max";
    }
    return "normal";
}

std::vector<map_entry> summary_entries(const process_summary& s) {
    return {
        entry("pid", s.pid),
        entry("name", s.registered_name ? term(*s.registered_name) : term(atoms::null)),
        entry("initial_call", s.initial_call),
        entry("doing", s.doing),
        entry("status", status_text(s.status)),
        entry("message_queue_len", std::int64_t(s.message_queue_len)),
        entry("message_bytes", std::int64_t(s.message_bytes)),
        entry("memory_bytes", std::int64_t(s.memory)),
        entry("reductions", std::int64_t(s.reductions)),
        entry("priority", priority_text(s.priority)),
        entry("parent", s.parent ? term(s.parent) : term(atoms::null)),
    };
}

struct processes_params {
    std::string sort = "memory";
    std::int64_t limit = 100;
    bool ascending = false;
    std::optional<std::string> parent;  // only its children
    std::optional<std::string> match;   // part of the name or the initial call
    BEAM_FIELDS(processes_params, sort, limit, ascending, parent, match)
};

using sort_key = std::uint64_t (*)(const process_summary&);

sort_key find_sort_key(std::string_view name) {
    if (name == "memory") return [](const process_summary& s) { return s.memory; };
    if (name == "reductions") return [](const process_summary& s) { return s.reductions; };
    if (name == "queue" || name == "message_queue_len")
        return [](const process_summary& s) { return std::uint64_t(s.message_queue_len); };
    if (name == "pid")
        return
            [](const process_summary& s) { return std::uint64_t(s.pid.serial) << 32 | s.pid.id; };
    return nullptr;
}

std::optional<pid> pid_of(std::string_view text) {
    // `<0.215.0>`, or a registered name.
    if (auto t = parse_term(text, {.create_atoms = false}); t && t->as_pid()) return t->as_pid();
    if (auto name = existing_atom(text)) return whereis(*name);
    return {};
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

awaitable<answer> processes_method(request&, processes_params p) {
    constexpr std::int64_t limit_max = 10'000;
    constexpr int looked_at_once = 64;
    const sort_key key = find_sort_key(p.sort);
    if (!key)
        co_return refuse("bad_params",
                         "cannot sort by \"" + p.sort + "\": memory, reductions, queue or pid", {},
                         2);
    std::optional<pid> parent;
    if (p.parent) {
        parent = pid_of(*p.parent);
        if (!parent) co_return refuse("not_found", "no such process: " + *p.parent);
    }
    const std::size_t limit = std::size_t(std::clamp<std::int64_t>(p.limit, 0, limit_max));
    self me = this_process();
    const std::vector<pid> all = processes();
    co_await me.yield();

    // The best so far, the worst of them first: one look at each process, whatever their number.
    const bool ascending = p.ascending;
    struct ranked {
        std::uint64_t key;
        process_summary summary;
    };
    const auto before = [ascending](const ranked& a, const ranked& b) {
        if (a.key != b.key) return ascending ? a.key < b.key : a.key > b.key;
        return a.summary.pid < b.summary.pid;
    };
    std::vector<ranked> best;
    std::uint64_t alive = 0, matching = 0;
    int looked = 0;
    for (const pid& one : all) {
        if (++looked % looked_at_once == 0 && me.bump_reductions(looked_at_once * 4))
            co_await me.yield();
        auto info = process_info(one);
        if (!info) continue;
        ++alive;
        if (parent && info->parent != *parent) continue;
        if (p.match && !contains(info->initial_call, *p.match) &&
            !(info->registered_name && contains(info->registered_name->name(), *p.match)))
            continue;
        ++matching;
        ranked r{key(*info), *std::move(info)};
        if (best.size() >= limit) {
            if (limit == 0 || !before(r, best.front())) continue;
            std::pop_heap(best.begin(), best.end(), before);
            best.pop_back();
        }
        best.push_back(std::move(r));
        std::push_heap(best.begin(), best.end(), before);
    }
    std::sort_heap(best.begin(), best.end(), before);
    std::vector<term> list;
    list.reserve(best.size());
    for (auto& r : best) {
        list.push_back(map_of(summary_entries(r.summary)));
        if (list.size() % looked_at_once == 0 && me.bump_reductions(looked_at_once * 8))
            co_await me.yield();
    }
    const auto shown = std::int64_t(list.size());
    const term made =
        map({entry("total", std::int64_t(alive)), entry("matching", std::int64_t(matching)),
             entry("shown", shown), entry("processes", list_of(std::move(list)))});
    co_return made;
}

struct process_params {
    std::string pid;
    bool state = false;
    BEAM_FIELDS(process_params, pid, state)
};

term pids(const std::vector<pid>& list) {
    std::vector<term> made(list.begin(), list.end());
    return list_of(std::move(made));
}

term texts(const std::vector<term>& list) {
    std::vector<term> made;
    for (const term& t : list) made.emplace_back(to_string(t, {.max_bytes = 1000}));
    return list_of(std::move(made));
}

awaitable<answer> process_info_method(request&, process_params p) {
    const auto target = pid_of(p.pid);
    if (!target) co_return refuse("not_found", "no such process: " + p.pid, "observer processes");
    auto asking = process_info_details(*target);
    auto d = co_await asking;
    if (!d) co_return refuse("not_found", "no such process: " + p.pid, "observer processes");
    std::vector<map_entry> e = summary_entries(d->summary);
    e.push_back(entry("trap_exit", d->trap_exit));
    e.push_back(entry("links", pids(d->links)));
    e.push_back(entry("monitors", texts(d->monitors)));
    e.push_back(entry("monitored_by", pids(d->monitored_by)));
    e.push_back(entry("group_leader", d->group_leader ? term(d->group_leader) : term(atoms::null)));
    e.push_back(entry("messages", texts(d->messages)));
    std::vector<term> dictionary;
    for (const auto& [key, value] : d->dictionary)
        dictionary.push_back(map({entry("key", to_string(key, {.max_bytes = 200})),
                                  entry("value", to_string(value, {.max_bytes = 1000}))}));
    e.push_back(entry("dictionary", list_of(std::move(dictionary))));
    auto asking_application = application::get_application(*target);
    const auto application = co_await asking_application;
    e.push_back(entry("application", application ? term(*application) : term(atoms::null)));
    if (p.state && *target != this_process().id()) {
        // Only a behaviour's process answers this; another keeps it in its mailbox.
        term state = atoms::null;
        try {
            auto asking_state = sys::get_state(*target, 1s);
            const term s = co_await asking_state;
            state = to_string(s, {.max_bytes = 16'000});
        } catch (const exit_exception&) {
        }
        e.push_back(entry("state", std::move(state)));
    }
    co_return map_of(std::move(e));
}

// -- trees ----------------------------------------------------------------------------------------

struct tree_params {
    std::optional<std::string> application;
    std::optional<std::string> pid;
    std::int64_t children_max = 1000;  // of one supervisor; more of them are only counted
    BEAM_FIELDS(tree_params, application, pid, children_max)
};

constexpr int tree_depth_max = 40;

bool is_supervisor(const process_summary& s) {
    return s.initial_call == "supervisor";
}

awaitable<term> tree_of(term id, pid root, bool supervises, std::int64_t children_max, int depth) {
    const auto info = process_info(root);
    if (!info) co_return term(atoms::null);
    const bool is_sup = supervises && is_supervisor(*info);
    std::vector<map_entry> e{
        entry("id", id.is_binary() || id.is_atom() ? id : term(to_string(id, {.max_bytes = 200}))),
        entry("pid", root),
        entry("name", info->registered_name ? term(*info->registered_name) : term(atoms::null)),
        entry("type", is_sup ? "supervisor" : "worker"),
        entry("initial_call", info->initial_call),
        entry("message_queue_len", std::int64_t(info->message_queue_len)),
        entry("memory_bytes", std::int64_t(info->memory)),
        entry("reductions", std::int64_t(info->reductions)),
    };
    if (!is_sup) co_return map_of(std::move(e));

    std::vector<term> children;
    try {
        auto counting = supervisor::count_children(root);
        const children_count count = co_await counting;
        const auto total = std::int64_t(std::max(count.active, count.specs));
        e.push_back(entry("children_count", total));
        if (total <= children_max && depth < tree_depth_max) {
            auto listing = supervisor::which_children(root);
            const std::vector<child_info> infos = co_await listing;
            // The oldest first, as they were started.
            for (auto at = infos.rbegin(); at != infos.rend(); ++at) {
                if (this_process().bump_reductions(10)) co_await this_process().yield();
                if (at->pid) {
                    auto below = tree_of(at->id, *at->pid, at->type == child_type::supervisor,
                                         children_max, depth + 1);
                    term child = co_await below;
                    if (child != term(atoms::null)) children.push_back(std::move(child));
                    continue;
                }
                children.push_back(map(
                    {entry("id", to_string(at->id, {.max_bytes = 200})), entry("pid", atoms::null),
                     entry("type", at->type == child_type::supervisor ? "supervisor" : "worker"),
                     entry("state", at->restarting ? "restarting" : "stopped")}));
            }
        }
    } catch (const exit_exception&) {
        // It has died meanwhile.
    }
    e.push_back(entry("children", list_of(std::move(children))));
    co_return map_of(std::move(e));
}

awaitable<answer> tree_method(request&, tree_params p) {
    std::vector<term> trees;
    struct root {
        term id;
        pid top;
    };
    std::vector<root> roots;
    if (p.pid) {
        const auto target = pid_of(*p.pid);
        if (!target) co_return refuse("not_found", "no such process: " + *p.pid, "observer tree");
        roots.push_back({term(*p.pid), *target});
    } else if (p.application) {
        const auto name = existing_atom(*p.application);
        const auto top = name ? application::top_process(*name) : std::nullopt;
        if (!top)
            co_return refuse("not_found", "no application \"" + *p.application + "\" runs here",
                             "observer applications");
        roots.push_back({term(*name), *top});
    } else {
        if (const auto own = whereis(node_names::supervisor()))
            roots.push_back({term("node"), *own});
        auto running = application::which_applications();
        std::reverse(running.begin(), running.end());
        for (const auto& a : running)
            if (const auto top = application::top_process(a.name))
                roots.push_back({term(a.name), *top});
    }
    for (auto& r : roots) {
        auto building = tree_of(r.id, r.top, true, p.children_max, 0);
        term tree = co_await building;
        if (tree != term(atoms::null)) trees.push_back(std::move(tree));
    }
    const term made = map({entry("trees", list_of(std::move(trees)))});
    co_return made;
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
    auto starting = ensure_application(p.application);
    const auto failure = co_await starting;
    if (failure) co_return tl::unexpected<request_error>(failure->error);
    co_return map({entry("application", p.application), entry("state", "running")});
}

// Answers when the node is ready, for those who connected while it boots.
awaitable<answer> await_method(request&) {
    co_return map({entry("state", "ready")});
}

const std::unordered_map<std::string_view, quick_method>& quick_methods() {
    static const std::unordered_map<std::string_view, quick_method> table{
        {"node.ping", ping},
        {"node.status", status},
        {"node.config", config},
        {"node.stop", stop},
    };
    return table;
}

std::unordered_map<std::string_view, method_handler>& node_methods() {
    static auto* table = [] {
        auto* t = new std::unordered_map<std::string_view, method_handler>;
        const auto add = [t](const char* name, auto f) {
            (*t)[name] = detail::handler_function<decltype(f)>::make(f);
        };
        add("node.await", &await_method);
        add("node.processes", &processes_method);
        add("node.process_info", &process_info_method);
        add("node.supervision_tree", &tree_method);
        add("node.system", &system_method);
        add("node.applications", &applications_method);
        add("node.start_application", &start_method);
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
    return "no client for " + print_duration(node.settings.idle);
}

}  // namespace beam::control
