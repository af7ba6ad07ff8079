#include "libbeamcore/dist/internal/global/registrar.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

awaitable<std::vector<atom>> nodes_known_to(pid name_server) {
    auto asking = send_request(name_server, global_request{atom("get_known")}, infinity{});
    const term known = co_await asking;
    std::vector<atom> nodes;
    for (const term& n : known.list_elements())
        if (const auto name = n.as_atom()) nodes.push_back(*name);
    co_return nodes;
}

// The lock is good if the partition has not grown meanwhile.
awaitable<bool> lock_all(pid name_server, term id, std::vector<atom> known,
                         std::vector<atom> nodes) {
    auto locking = set_lock_once(std::move(id), std::move(nodes));
    const bool locked = co_await locking;
    if (!locked) co_return false;
    auto asking = nodes_known_to(name_server);
    const std::vector<atom> now = co_await asking;
    co_return without(now, known).empty();
}

// Set on all nodes of the partition, which it gives. Tries until it has it.
awaitable<std::vector<atom>> lock_partition(pid name_server, term id) {
    for (unsigned times = 0;; ++times) {
        auto asking = nodes_known_to(name_server);
        const std::vector<atom> known = co_await asking;
        std::vector<atom> nodes = known;
        nodes.push_back(node());
        const std::vector<atom> boss(1, boss_of(nodes));
        auto first = set_lock_once(id, boss);
        bool locked = co_await first;
        if (locked) {
            auto rest = lock_all(name_server, id, known, nodes);
            locked = co_await rest;
            if (locked) co_return nodes;
            auto deleting = delete_lock(id, boss);
            co_await deleting;
        }
        auto waiting = wait_before_trying_again(times);
        co_await waiting;
    }
}

// Under the lock. False: the name is taken, or the process has one already.
bool may_add(self me, const name_order& o) {
    const global_table& table = global_table::of(me.node());
    if (table.where(o.name)) return false;
    const auto other = table.name_of(o.who);
    if (!other) return true;
    log(log_level::error, "global", "a process may have one name only",
        {{"name", to_string(o.name, {.max_bytes = 200})},
         {"has", to_string(*other, {.max_bytes = 200})}});
    return false;
}

awaitable<bool> carry_out(self me, pid name_server, name_order o) {
    const term id = tuple(atoms::global, me.id());
    auto locking = lock_partition(name_server, id);
    const std::vector<atom> nodes = co_await locking;
    const bool may = o.what != name_order::kind::add || may_add(me, o);
    if (may) {
        term request = o.what == name_order::kind::remove
                           ? tuple(atom("unregister"), o.name)
                           : tuple(atom("register"), o.name, o.who, o.method);
        auto asking = ask_name_servers(nodes, std::move(request));
        (void)co_await asking;
    }
    auto deleting = delete_global_lock(id, nodes);
    co_await deleting;
    co_return may;
}

}  // namespace

process run_registrar(self me, pid name_server) {
    for (;;) {
        registrar_order order = co_await me.receive<registrar_order>();
        auto doing = carry_out(me, name_server, std::move(order.order));
        const bool done = co_await doing;
        reply(order.asked, done);
    }
}

}  // namespace beam::dist::detail
