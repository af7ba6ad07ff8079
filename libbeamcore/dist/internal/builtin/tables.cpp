// observer_backend's table viewer.
#include "libbeamcore/dist/internal/builtin/arguments.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam::dist::detail {

namespace {

constexpr std::size_t rows_at_once = 1000;

term type_name(ets::table_type t) {
    switch (t) {
        case ets::table_type::set:
            return atoms::set;
        case ets::table_type::ordered_set:
            return atoms::ordered_set;
        case ets::table_type::bag:
            return atoms::bag;
        case ets::table_type::duplicate_bag:
            return atoms::duplicate_bag;
    }
    return atoms::set;
}

term access_name(ets::table_access a) {
    switch (a) {
        case ets::table_access::public_:
            return atoms::public_;
        case ets::table_access::protected_:
            return atoms::protected_;
        case ets::table_access::private_:
            return atoms::private_;
    }
    return atoms::private_;
}

term table_row(const ets::info& t) {
    const auto owner = process_info(t.owner);
    const term owner_name =
        owner && owner->registered_name ? term(*owner->registered_name) : term(atoms::ignore);
    return list({tuple(atoms::name, t.name),
                 tuple(atoms::id, t.named ? term(atoms::ignore) : t.id.to_term()),
                 tuple(atom("protection"), access_name(t.access)), tuple(atoms::owner, t.owner),
                 tuple(atoms::size, std::uint64_t(t.size)), tuple(atom("reg_name"), owner_name),
                 tuple(atoms::type, type_name(t.type)),
                 tuple(atoms::keypos, std::uint64_t(t.keypos)),
                 tuple(atoms::heir, t.heir ? term(*t.heir) : term(atoms::none)),
                 tuple(atoms::memory, std::uint64_t(t.bytes)), tuple(atom("compressed"), false),
                 tuple(atom("fixed"), !t.fixed.empty())});
}

bool is_wanted(const term& options, const char* name) {
    for (const term& o : list_argument(options))
        if (o == tuple(atom(name), true)) return true;
    return false;
}

// Of mnesia's there are none.
term table_list(std::span<const term> args) {
    if (atom_argument(args[0]) != atom("ets")) return nil;
    const bool no_private = is_wanted(args[1], "unread_hidden");
    std::vector<term> rows;
    for (const ets::table& t : ets::all()) {
        const auto info = ets::info_of(t);
        if (!info || (no_private && info->access == ets::table_access::private_)) continue;
        rows.push_back(table_row(*info));
    }
    return list_of(std::move(rows));
}

// `{Self, [[Row], ...]}` for some rows at a time, then `{Self, '$end_of_table'}`.
process send_table(self me, pid viewer, term which) {
    link(viewer);
    const auto every =
        match_spec::compile(list({tuple(term(atom("$1")), nil, list({list({atom("$1")})}))}));
    const ets::select_limit limit{.results = rows_at_once, .cost_max = rows_at_once};
    ets::selection part = ets::select(ets::table(which), *every, limit);
    for (;;) {
        if (!part.found.empty()) send(viewer, tuple(me.id(), list_of(std::move(part.found))));
        if (!part.next) break;
        co_await me.yield();
        part = ets::select(ets::continuation(part.next));
    }
    send(viewer, tuple(me.id(), atoms::end_of_table));
}

term get_table(std::span<const term> args) {
    const pid viewer = pid_argument(args[0]);
    if (atom_argument(args[2]) != atom("ets")) raise(atoms::badarg);
    return spawn(send_table, viewer, args[1]);
}

}  // namespace

void add_table_functions(builtin_functions& to) {
    to.add("observer_backend", "get_table_list", 2, table_list);
    to.add("observer_backend", "get_table", 3, get_table);
}

}  // namespace beam::dist::detail
