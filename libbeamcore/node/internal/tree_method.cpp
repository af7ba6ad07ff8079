#include <algorithm>
#include <unordered_map>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/observe.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

struct tree_params {
    std::optional<std::string> application;
    std::optional<std::string> pid;
    std::optional<std::string> root;   // an application, else a pid or a registered name
    std::int64_t children_max = 1000;  // of one supervisor; more of them are only counted
    BEAM_FIELDS(tree_params, application, pid, root, children_max)
};

// A level is two levels of JSON, and clients take 64.
constexpr int depth_max = 25;
constexpr int nodes_max = 10'000;
// A supervisor may be starting a child and answer nobody meanwhile.
constexpr auto patience = 1s;

// How a tree is being gathered. Supervisors are asked for their children, and nobody else is asked
// anything; one with very many is not asked either, since it would be kept from its work.
struct gathering {
    std::int64_t children_max = 0;
    int nodes_left = nodes_max;
    std::unordered_map<pid, std::uint32_t> born_by;  // living children, by parent
};

awaitable<void> count_children(gathering& g) {
    constexpr int places_at_once = 128;
    self me = this_process();
    process_walk walk;
    std::vector<process_counters> found;
    while (walk.next(found, places_at_once)) {
        for (const auto& c : found)
            if (c.parent) ++g.born_by[c.parent];
        found.clear();
        if (me.bump_reductions(places_at_once * 2)) co_await me.yield();
    }
}

term childless(const child_info& c) {
    return map({entry("id", readable(c.id)), entry("pid", atoms::null),
                entry("type", c.type == child_type::supervisor ? "supervisor" : "worker"),
                entry("state", c.restarting ? "restarting" : "stopped")});
}

std::vector<map_entry> node_entries(const term& id, const process_summary& s, bool supervises) {
    return {
        entry("id", readable(id)),
        entry("pid", s.pid),
        entry("name", s.registered_name ? term(*s.registered_name) : term(atoms::null)),
        entry("label", label_of(s)),
        entry("type", supervises ? "supervisor" : "worker"),
        entry("initial_call", s.initial_call),
        entry("message_queue_len", std::int64_t(s.message_queue_len)),
        entry("memory_bytes", std::int64_t(s.memory)),
        entry("reductions", std::int64_t(s.reductions)),
    };
}

awaitable<term> tree_of(gathering& g, term id, pid root, bool supervises, int depth);

// Adds the children of the supervisor `root`, or only their number.
awaitable<void> add_children(gathering& g, std::vector<map_entry>& e, pid root, int depth) {
    std::int64_t count = 0;
    if (const auto born = g.born_by.find(root); born != g.born_by.end()) count = born->second;
    std::vector<term> children;
    if (count <= g.children_max && depth < depth_max && g.nodes_left > 0) {
        std::vector<child_info> infos;
        try {
            auto listing = supervisor::which_children(root);
            const bool answered = co_await listing.wait_for(patience);
            if (answered)
                infos = co_await listing;
            else
                e.push_back(entry("state", "busy"));
        } catch (const exit_exception&) {
            e.push_back(entry("state", "ended"));
        }
        count = std::max(count, std::int64_t(infos.size()));
        if (count > g.children_max) infos.clear();
        // The oldest first, as they were started.
        for (auto at = infos.rbegin(); at != infos.rend(); ++at) {
            if (this_process().bump_reductions(20)) co_await this_process().yield();
            if (!at->pid) {
                children.push_back(childless(*at));
                continue;
            }
            auto below =
                tree_of(g, at->id, *at->pid, at->type == child_type::supervisor, depth + 1);
            term child = co_await below;
            if (child != term(atoms::null)) children.push_back(std::move(child));
        }
    }
    e.push_back(entry("children_count", count));
    e.push_back(entry("children", list_of(std::move(children))));
}

awaitable<term> tree_of(gathering& g, term id, pid root, bool supervises, int depth) {
    const auto info = process_info(root);
    if (!info) co_return term(atoms::null);
    --g.nodes_left;
    const bool is_supervisor = supervises && info->initial_call == "supervisor";
    std::vector<map_entry> e = node_entries(id, *info, is_supervisor);
    if (is_supervisor) {
        auto adding = add_children(g, e, root, depth);
        co_await adding;
    }
    co_return map_of(std::move(e));
}

struct tree_root {
    term id;
    pid top;
};

std::vector<tree_root> all_roots() {
    std::vector<tree_root> roots;
    if (const auto own = whereis(node_names::supervisor())) roots.push_back({term("node"), *own});
    auto running = application::which_applications();
    std::reverse(running.begin(), running.end());
    for (const auto& a : running)
        if (const auto top = application::top_process(a.name)) roots.push_back({a.name, *top});
    return roots;
}

std::optional<tree_root> application_root(std::string_view name) {
    if (name == "node")
        if (const auto own = whereis(node_names::supervisor())) return tree_root{term(name), *own};
    const auto known = existing_atom(name);
    const auto top = known ? application::top_process(*known) : std::nullopt;
    if (!top) return {};
    return tree_root{term(*known), *top};
}

std::optional<tree_root> process_root(const std::string& typed) {
    const auto target = pid_of(typed);
    if (!target || !process_info(*target)) return {};
    return tree_root{term(typed), *target};
}

awaitable<answer> tree_method(request&, tree_params p) {
    std::vector<tree_root> roots;
    if (p.pid || p.application || p.root) {
        const std::string typed = p.pid ? *p.pid : p.application ? *p.application : *p.root;
        auto root = p.pid ? std::nullopt : application_root(typed);
        if (!root && !p.application) root = process_root(typed);
        if (!root)
            co_return refuse("not_found",
                             p.pid ? "no such process: " + typed
                                   : "no application" + std::string(p.root ? " or process" : "") +
                                         " \"" + typed + "\" runs here",
                             "observer applications");
        roots.push_back(*std::move(root));
    } else {
        roots = all_roots();
    }
    gathering g;
    g.children_max = std::clamp<std::int64_t>(p.children_max, 0, nodes_max);
    auto counting = count_children(g);
    co_await counting;
    std::vector<term> trees;
    for (auto& r : roots) {
        auto building = tree_of(g, r.id, r.top, true, 0);
        term tree = co_await building;
        if (tree != term(atoms::null)) trees.push_back(std::move(tree));
    }
    const term made = map({entry("trees", list_of(std::move(trees)))});
    co_return made;
}

}  // namespace

void add_tree_method(method_table& table) {
    add_method(table, "node.supervision_tree", &tree_method);
}

}  // namespace beam::control
