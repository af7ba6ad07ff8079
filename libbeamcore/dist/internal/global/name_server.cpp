// The name server: its start, and which message goes where.
#include "libbeamcore/dist/internal/global/name_server.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/internal/global/locker.hpp"
#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/registrar.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::dist::detail {

namespace {

void report_unknown(const term& what) {
    log(log_level::warning, "global", "message not understood",
        {{"message", to_string(what, {.max_bytes = 200})}});
}

}  // namespace

name_server::name_server(bool keeps_whole)
    : keeps_whole_(keeps_whole), table_(global_table::of(process().node())) {
    process().trap_exit(true);
    monitor_nodes();
    locker_ = spawn_link(run_locker, id());
    registrar_ = spawn_link(run_registrar, id());
    // An earlier one that crashed has left nothing that could be gone on with: the node is as one that has just started.
    table_.clear();
    for (const atom node : nodes()) disconnect_node(node);
}

call_result<term> name_server::handle_call(global_request r, const from& who) {
    const term& what = r.what;
    const auto e = what.elements();
    if (what == atom("get_known")) {
        std::vector<term> names;
        for (const auto& [name, version] : known_) names.push_back(name);
        return list_of(std::move(names));
    }
    if (what == atom("get_synced"))
        return list_of(std::vector<term>(synced_.begin(), synced_.end()));
    if (what == atom("get_protocol_version")) return term(global_version);
    if (what == atom("get_names_ext")) return term(nil);
    if (what.is_tagged(atom("set_lock"), 2)) return term(set_lock(e[1], who.to));
    if (what.is_tagged(atom("del_lock"), 2)) {
        remove_lock(e[1], who.to);
        return term(true);
    }
    term answer = change_names(what, who.to);
    if (answer != atoms::undefined) return answer;
    report_unknown(what);
    return noreply{};
}

call_result<bool> name_server::handle_call(name_order o, const from& who) {
    send(registrar_, registrar_order{std::move(o), who});
    return noreply{};
}

call_result<bool> name_server::handle_call(sync_order o, const from& who) {
    std::vector<atom> missing = std::move(o.nodes);
    std::erase_if(missing,
                  [&](atom n) { return n == node() || synced_.contains(n) || !is_connected(n); });
    if (missing.empty()) return true;
    waiting_.push_back({who, std::move(missing)});
    return noreply{};
}

void name_server::handle_info(const term& t) {
    using handler = void (name_server::*)(const term&);
    struct entry {
        atom tag;
        std::size_t size;
        handler handle;
    };
    static const entry entries[] = {
        {atom("init_connect"), 4, &name_server::on_init_connect},
        {atom("init_connect_ack"), 4, &name_server::on_init_connect_ack},
        {atom("cancel_connect"), 3, &name_server::on_cancel_connect},
        {atom("lock_set"), 5, &name_server::on_lock_set},
        {atom("exchange"), 5, &name_server::on_exchange},
        {atom("resolved"), 7, &name_server::on_resolved},
        {atom("new_nodes"), 6, &name_server::on_new_nodes},
        {atom("in_sync"), 3, &name_server::on_in_sync},
        {atom("lost_connection"), 5, &name_server::on_lost_connection},
        {atom("remove_connection"), 2, &name_server::on_remove_connection},
        {atom("whereis"), 3, &name_server::on_whereis},
    };
    for (const entry& e : entries)
        if (t.is_tagged(e.tag, e.size)) return (this->*e.handle)(t);
    report_unknown(t);
}

void name_server::handle_info(const nodeup_message& m) {
    begin(m.node);
}

void name_server::handle_info(const nodedown_message& m) {
    lose(m.node, loss::lost);
}

void name_server::handle_info(const node_unreachable& m) {
    // It may have connected by itself since.
    if (!is_connected(m.node)) lose(m.node, loss::lost);
}

cast_result name_server::handle_info(exit_message m) {
    if (m.from == locker_) return stop_with{tuple(atom("locker_died"), std::move(m.reason))};
    if (m.from == registrar_) return stop_with{tuple(atom("registrar_died"), std::move(m.reason))};
    return {};
}

// While names may change the answer waits.
void name_server::on_whereis(const term& m) {
    const auto e = m.elements();
    const auto asker = e[2].elements();
    const auto who = asker.size() == 2 ? asker[0].as_pid() : std::nullopt;
    if (!who) return report_unknown(m);
    if (table_.is_locked(atoms::global)) {
        (void)send_after(std::chrono::milliseconds(500), id(), m);
        return;
    }
    const auto found = table_.where(e[1]);
    send(*who, tuple(asker[1], found ? term(*found) : term(atoms::undefined)));
}

}  // namespace beam::dist::detail
