// Functions of global, pg and net_kernel, for rpc from other nodes; resolve_it is what their `global` itself calls.
#include "libbeamcore/dist/global.hpp"
#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/global/resolving.hpp"
#include "libbeamcore/runtime/groups.hpp"

namespace beam::dist::detail {

namespace {

using arguments = std::span<const term>;
using group_arguments = std::vector<pid>;

term yes_or_no(bool yes) {
    return yes ? atoms::yes : atoms::no;
}

awaitable<term> resolve_it(self me, std::vector<term> args) {
    auto resolving = resolve_clash(me, args[0], args[1], args[2], args[3]);
    term kept = co_await resolving;
    co_return kept;
}

awaitable<term> register_globally(self, std::vector<term> args) {
    auto registering = global::register_name(args[0], pid_argument(args[1]));
    const bool yes = co_await registering;
    co_return yes_or_no(yes);
}

awaitable<term> re_register_globally(self, std::vector<term> args) {
    auto registering = global::re_register_name(args[0], pid_argument(args[1]));
    co_await registering;
    co_return atoms::yes;
}

awaitable<term> unregister_globally(self, std::vector<term> args) {
    auto unregistering = global::unregister_name(args[0]);
    co_await unregistering;
    co_return atoms::ok;
}

awaitable<term> sync_globally(self, std::vector<term>) {
    auto syncing = global::sync();
    co_await syncing;
    co_return atoms::ok;
}

awaitable<term> connect_node(self, std::vector<term> args) {
    auto connecting = connect(atom_argument(args[0]));
    const bool there = co_await connecting;
    co_return term(there);
}

term whereis_globally(arguments args) {
    const auto found = global::whereis_name(args[0]);
    return found ? term(*found) : term(atoms::undefined);
}

// pg's functions come without the scope, too.
atom scope_argument(arguments args, std::size_t count) {
    return args.size() > count ? atom_argument(args[0]) : pg::default_scope();
}

group_arguments members_argument(const term& t) {
    if (const auto one = t.as_pid()) return {*one};
    group_arguments pids;
    for (const term& each : list_argument(t)) pids.push_back(pid_argument(each));
    return pids;
}

term join_group(arguments args) {
    pg::join(scope_argument(args, 2), args[args.size() - 2], members_argument(args.back()));
    return atoms::ok;
}

term leave_group(arguments args) {
    const bool left =
        pg::leave(scope_argument(args, 2), args[args.size() - 2], members_argument(args.back()));
    return left ? atoms::ok : atom("not_joined");
}

term members_of_group(arguments args) {
    return pid_list(pg::get_members(scope_argument(args, 1), args.back()));
}

term local_members_of_group(arguments args) {
    return pid_list(pg::get_local_members(scope_argument(args, 1), args.back()));
}

term groups_of_scope(arguments args) {
    return list_of(pg::which_groups(scope_argument(args, 0)));
}

}  // namespace

void add_global_functions(builtin_functions& to) {
    to.add("net_kernel", "connect_node", 1, connect_node);
    to.add("global", "resolve_it", 4, resolve_it);
    to.add("global", "register_name", 2, register_globally);
    to.add("global", "re_register_name", 2, re_register_globally);
    to.add("global", "unregister_name", 1, unregister_globally);
    to.add("global", "sync", 0, sync_globally);
    to.add("global", "whereis_name", 1, whereis_globally);
    to.add("global", "registered_names", 0,
           [](arguments) -> term { return list_of(global::registered_names()); });
}

void add_group_functions(builtin_functions& to) {
    for (const unsigned more : {0u, 1u}) {
        to.add("pg", "join", 2 + more, join_group);
        to.add("pg", "leave", 2 + more, leave_group);
        to.add("pg", "get_members", 1 + more, members_of_group);
        to.add("pg", "get_local_members", 1 + more, local_members_of_group);
        to.add("pg", "which_groups", 0 + more, groups_of_scope);
    }
}

}  // namespace beam::dist::detail
