#include "libbeamcore/dist/internal/global/resolving.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

bool goes_before(atom a, atom b) {
    return compare(term(a), term(b)) < 0;
}

// Which of the two is to be kept: the same on all nodes.
std::pair<pid, pid> kept_and_other(const pid& a, const pid& b) {
    return goes_before(node(a), node(b)) ? std::pair(a, b) : std::pair(b, a);
}

struct resolution {
    std::vector<term> here, there;
};

class resolver {
public:
    resolver(self me, atom node) : me_(me), node_(node) {}

    awaitable<resolution> resolve(term his_names);

private:
    awaitable<void> resolve_one(term name, pid his, term his_method);
    awaitable<term> ask_for_resolution(term method, term name, pid his, pid ours);
    void replace_here(const term& name, const pid& his, const term& method) {
        result_.here.push_back(tuple(atom("insert"), tuple(name, his, method)));
    }
    void remove_on_both(const term& name) {
        const term op = tuple(atom("delete"), name);
        result_.here.push_back(op);
        result_.there.push_back(op);
    }

    self me_;
    atom node_;
    resolution result_;
};

awaitable<resolution> resolver::resolve(term his_names) {
    const auto list = his_names.as_list();
    if (list) {
        for (const term& item : *list) {
            const auto e = item.elements();
            const auto his = e.size() == 3 ? e[1].as_pid() : std::nullopt;
            if (!his) continue;
            auto resolving = resolve_one(e[0], *his, e[2]);
            co_await resolving;
        }
    }
    co_return std::move(result_);
}

awaitable<void> resolver::resolve_one(term name, pid his, term his_method) {
    const auto ours = global_table::of(me_.node()).find(name);
    if (!ours) {
        replace_here(name, his, his_method);
        co_return;
    }
    // One of the two sides sees to it: that with the smaller name.
    if (ours->who == his || !goes_before(node(), node_)) co_return;
    auto asking = ask_for_resolution(ours->method, name, his, ours->who);
    const term kept = co_await asking;
    if (kept == term(his)) {
        replace_here(name, his, his_method);
    } else if (kept == term(ours->who)) {
        result_.there.push_back(tuple(atom("insert"), tuple(name, ours->who, ours->method)));
    } else {
        if (kept != atom("none"))
            log(log_level::info, "global",
                "a name's method gave neither process: nobody has it now",
                {{"name", to_string(name, {.max_bytes = 200})},
                 {"gave", to_string(kept, {.max_bytes = 200})}});
        remove_on_both(name);
    }
}

// The method runs on the node of our process, as OTP has it; when that cannot be asked, theirs is kept.
awaitable<term> resolver::ask_for_resolution(term method, term name, pid his, pid ours) {
    if (ours.is_local()) {
        term kept;
        try {
            auto resolving = resolve_clash(me_, std::move(method), name, his, ours);
            kept = co_await resolving;
        } catch (...) {
            kept = tuple(atoms::EXIT, beam::detail::reason_of_current_exception());
        }
        co_return kept;
    }
    std::vector<term> arguments{std::move(method), name, his, ours};
    auto calling =
        rpc_call(beam::node(ours), atoms::global, atom("resolve_it"), std::move(arguments));
    outcome<term> kept = co_await calling;
    if (kept) co_return *std::move(kept);
    log(log_level::info, "global", "a clash of names could not be resolved there",
        {{"name", to_string(name, {.max_bytes = 200})},
         {"why", to_string(kept.error(), {.max_bytes = 200})}});
    co_return term(his);
}

}  // namespace

process resolve_names(self me, pid name_server, atom node, sync_tag my_tag, term his_names) {
    resolver r(me, node);
    auto resolving = r.resolve(std::move(his_names));
    resolution found = co_await resolving;
    send(name_server, names_resolved{node, my_tag, std::move(found.here), std::move(found.there)});
}

term random_exit_name(const term& name, const pid& a, const pid& b) {
    const auto [kept, other] = kept_and_other(a, b);
    log(log_level::info, "global", "a name clashes, one of its processes is killed",
        {{"name", to_string(name, {.max_bytes = 200})}, {"killed", to_string(term(other))}});
    exit(other, atoms::kill);
    return kept;
}

term random_notify_name(const term& name, const pid& a, const pid& b) {
    const auto [kept, other] = kept_and_other(a, b);
    send(other, tuple(atom("global_name_conflict"), name));
    return kept;
}

term notify_all_name(const term& name, const pid& a, const pid& b) {
    send(a, tuple(atom("global_name_conflict"), name, b));
    send(b, tuple(atom("global_name_conflict"), name, a));
    return atom("none");
}

// A closure of Erlang's cannot run here. Those of global itself are known by their names, and are what nearly all names
// have; for others the rule is the default's.
awaitable<term> resolve_clash(self me, term method, term name, term first, term second) {
    const auto a = first.as_pid(), b = second.as_pid();
    if (!a || !b) raise(atoms::badarg);
    const fun* f = method.as_fun();
    const bool of_global = !f || f->module == atoms::global || !f->external;
    if (!of_global) {
        std::vector<term> arguments{name, first, second};
        auto calling = apply(me, f->module, f->name, std::move(arguments));
        term kept = co_await calling;
        co_return kept;
    }
    const std::string_view called = f ? f->name.name() : std::string_view();
    if (called.find("random_notify_name") != std::string_view::npos)
        co_return random_notify_name(name, *a, *b);
    if (called.find("notify_all_name") != std::string_view::npos)
        co_return notify_all_name(name, *a, *b);
    co_return random_exit_name(name, *a, *b);
}

}  // namespace beam::dist::detail
