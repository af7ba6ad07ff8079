// Functions of erlang that ask or tell one thing.
#include <algorithm>

#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"

namespace beam::dist::detail {

namespace {

using arguments = std::span<const term>;

term nodes_of_kind(arguments args) {
    const atom kind = atom_argument(args[0]);
    if (kind == atoms::visible) return atom_list(nodes());
    if (kind == atoms::hidden) return atom_list(nodes(node_kind::hidden));
    if (kind == atom("connected")) return atom_list(nodes(node_kind::connected));
    if (kind == atom("this")) return list({node()});
    raise(atoms::badarg);
}

term whereis_name(arguments args) {
    const auto found = whereis(atom_argument(args[0]));
    return found ? term(*found) : term(atoms::undefined);
}

term all_names(arguments) {
    auto names = registered_names();
    std::sort(names.begin(), names.end(),
              [](atom a, atom b) { return compare(term(a), term(b)) < 0; });
    return atom_list(names);
}

term exit_process(arguments args) {
    exit(pid_argument(args[0]), args[1]);
    return true;
}

term is_exported(arguments args) {
    const auto arity = args[2].as_int<unsigned>();
    if (!arity) raise(atoms::badarg);
    return is_function_exported(atom_argument(args[0]), atom_argument(args[1]), *arity);
}

// Memory is given back as it is left: there is nothing to collect, but a process may be asked for.
term collect_garbage(arguments args) {
    return process_info(local_pid_argument(args[0])).has_value();
}

awaitable<term> is_alive_asked(self, std::vector<term> args) {
    auto asking = is_alive(local_pid_argument(args[0]));
    const bool alive = co_await asking;
    co_return term(alive);
}

awaitable<term> apply_named(self me, std::vector<term> args) {
    auto work = apply(me, atom_argument(args[0]), atom_argument(args[1]), list_argument(args[2]));
    term value = co_await work;
    co_return value;
}

// Of funs only `fun M:F/A` can be called: a closure's code is on the node that made it.
awaitable<term> apply_fun(self me, std::vector<term> args) {
    const fun* f = args[0].as_fun();
    auto given = list_argument(args[1]);
    if (!f) exit(tuple(tuple(atom("badfun"), args[0]), nil));
    if (!f->external) exit(undefined_function(f->module, f->name, given));
    if (f->arity != given.size()) exit(tuple(tuple(atoms::badarity, tuple(args[0], args[1])), nil));
    auto work = apply(me, f->module, f->name, std::move(given));
    term value = co_await work;
    co_return value;
}

}  // namespace

void add_erlang_functions(builtin_functions& to) {
    to.add("erlang", "node", 0, [](arguments) -> term { return node(); });
    to.add("erlang", "nodes", 0, [](arguments) -> term { return atom_list(nodes()); });
    to.add("erlang", "nodes", 1, nodes_of_kind);
    to.add("erlang", "self", 0, [](arguments) -> term { return this_process().id(); });
    to.add("erlang", "make_ref", 0, [](arguments) -> term { return make_ref(); });
    to.add("erlang", "whereis", 1, whereis_name);
    to.add("erlang", "registered", 0, all_names);
    to.add("erlang", "exit", 2, exit_process);
    to.add("erlang", "is_process_alive", 1, is_alive_asked);
    to.add("erlang", "function_exported", 3, is_exported);
    to.add("erlang", "garbage_collect", 0, [](arguments) -> term { return true; });
    to.add("erlang", "garbage_collect", 1, collect_garbage);
    to.add("erlang", "apply", 2, apply_fun);
    to.add("erlang", "apply", 3, apply_named);
}

}  // namespace beam::dist::detail
