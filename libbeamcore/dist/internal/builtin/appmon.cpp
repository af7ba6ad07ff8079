// appmon_info: observer's page of applications. A server for each who looks, which tells it what there is at once and
// again whenever that has changed.
#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam::dist::detail {

namespace {

using namespace std::chrono_literals;

// How often it looks for changes.
constexpr auto look_every = 1s;
// A supervisor may be starting a child and answer nobody meanwhile.
constexpr auto patience = 1s;
constexpr std::size_t shown_max = 2000;  // of one application
constexpr int depth_max = 25;

term applications_here() {
    std::vector<term> list;
    for (const auto& a : application::which_applications()) {
        const auto master = application::master(a.name);
        if (!master) continue;
        list.push_back(
            tuple(*master, a.name, tuple(a.name, charlist(a.description), charlist(a.vsn))));
    }
    return list_of(std::move(list));
}

// An application as observer draws it: its processes with their names, and who started whom.
struct drawing {
    std::vector<term> processes, edges;

    // The name it is drawn with.
    std::string add(pid p) {
        const auto info = process_info(p);
        std::string name = info && info->registered_name
                               ? std::string(info->registered_name->name())
                               : to_string(p);
        processes.push_back(tuple(p, charlist(name)));
        return name;
    }
    void connect(const std::string& from, const std::string& to) {
        edges.push_back(tuple(charlist(from), charlist(to)));
    }
    [[nodiscard]] bool is_full() const { return processes.size() >= shown_max; }
};

awaitable<std::vector<child_info>> children_of(pid supervisor) {
    std::vector<child_info> found;
    try {
        auto listing = supervisor::which_children(supervisor);
        const bool answered = co_await listing.wait_for(patience);
        if (answered) found = co_await listing;
    } catch (const exit_exception&) {
        // It has just ended: drawn without children.
    }
    co_return found;
}

awaitable<void> draw_below(drawing* d, pid supervisor, std::string name, int depth) {
    const auto info = process_info(supervisor);
    if (!info || info->initial_call != "supervisor" || depth >= depth_max) co_return;
    auto asking = children_of(supervisor);
    const std::vector<child_info> found = co_await asking;
    for (auto at = found.rbegin(); at != found.rend() && !d->is_full(); ++at) {
        if (!at->pid) continue;
        const std::string child = d->add(*at->pid);
        d->connect(name, child);
        if (at->type != child_type::supervisor) continue;
        auto below = draw_below(d, *at->pid, child, depth + 1);
        co_await below;
    }
}

awaitable<term> draw(atom application) {
    const auto master = application::master(application);
    if (!master) co_return tuple(nil, nil, nil, nil);
    drawing d;
    const std::string root = d.add(*master);
    if (const auto top = application::top_process(application)) {
        const std::string name = d.add(*top);
        d.connect(root, name);
        auto below = draw_below(&d, *top, name, 0);
        co_await below;
    }
    co_return tuple(charlist(root), list_of(std::move(d.processes)), list_of(std::move(d.edges)),
                    nil);
}

// What one client wants to know, and what it was told last.
struct subscription {
    pid client;
    term kind, what;
    std::optional<term> told;
};

awaitable<term> look_at(term kind, term what) {
    if (kind != atom("app")) co_return applications_here();
    auto drawing = draw(what.as_atom().value_or(atom()));
    term drawn = co_await drawing;
    co_return drawn;
}

// `{Client, Kind, What, true | false, Options}`
void subscribe(std::vector<subscription>& all, const term& wish) {
    const auto e = wish.elements();
    const auto client = e.size() == 5 ? e[0].as_pid() : std::nullopt;
    if (!client || (e[1] != atom("app") && e[1] != atom("app_ctrl"))) return;
    std::erase_if(all, [&](const subscription& s) {
        return s.client == *client && s.kind == e[1] && s.what == e[2];
    });
    if (e[3] == atoms::true_) all.push_back({*client, e[1], e[2], {}});
}

// Goes with whom it is linked to.
process serve(self me, pid starter, pid client) {
    link(starter);
    if (client != starter) link(client);
    std::vector<subscription> all;
    for (;;) {
        message m = co_await me.receive_for(look_every);
        if (const term* t = m ? m.get_if<term>() : nullptr; t && t->is_tagged(atoms::gen_cast, 2))
            subscribe(all, t->elements()[1]);
        for (subscription& s : all) {
            auto looking = look_at(s.kind, s.what);
            term now = co_await looking;
            if (s.told == now) continue;
            send(s.client, tuple(atom("delivery"), me.id(), s.kind, s.what, now));
            s.told = std::move(now);
        }
    }
}

term start(std::span<const term> args) {
    return tuple(atoms::ok, spawn(serve, pid_argument(args[0]), pid_argument(args[1])));
}

}  // namespace

void add_appmon_functions(builtin_functions& to) {
    to.add("appmon_info", "start_link2", 3, start);
}

}  // namespace beam::dist::detail
