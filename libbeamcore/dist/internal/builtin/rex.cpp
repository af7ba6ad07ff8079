#include <utility>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/builtin/servers.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"

namespace beam::dist::detail {

namespace {

using rex_message::block_call;
using rex_message::call;

term bad_rpc(term reason) {
    return tuple(atoms::badrpc, tuple(atoms::EXIT, std::move(reason)));
}

// The value, or `{badrpc, {'EXIT', Reason}}`; what was thrown is the value (rpc:call/4).
awaitable<term> value_of_call(self me, call m) {
    term value;
    try {
        auto work = apply(me, m.module, m.function, std::move(m.arguments));
        value = co_await work;
    } catch (const term& thrown) {
        value = thrown;
    } catch (...) {
        value = bad_rpc(beam::detail::reason_of_current_exception());
    }
    co_return value;
}

void take_leader(const term& leader) {
    if (const auto p = leader.as_pid()) set_group_leader(*p);
}

// Its exit reason is `{value, Value}`: so the caller is told of a process that was killed, too.
process run_call(self me, call m) {
    take_leader(m.leader);
    auto working = value_of_call(me, std::move(m));
    term value = co_await working;
    exit(tuple(atoms::value, std::move(value)));
}

process run_cast(self me, call m) {
    take_leader(m.leader);
    auto working = value_of_call(me, std::move(m));
    (void)co_await working;
}

// `{Pid, {call, M, F, Args, Leader}}`, the form of C nodes.
process run_plain_call(self me, pid asker, call m) {
    take_leader(m.leader);
    auto working = value_of_call(me, std::move(m));
    term value = co_await working;
    send(asker, tuple(atoms::rex, std::move(value)));
}

// `{sbcast, Name, Message}`: sends to a name here and says whether it is one.
term broadcast(const term& name, const term& what) {
    const auto registered = name.as_atom();
    const auto target = registered ? whereis(*registered) : std::nullopt;
    if (!target) return tuple(atoms::rex, node(), tuple(atom("nonexisting_name"), name));
    send(*target, what);
    return tuple(atoms::rex, node(), node());
}

}  // namespace

call_result<term> rex::handle_call(call m, const from& who) {
    const spawned worker = spawn_monitor(run_call, std::move(m));
    running_.emplace(worker.monitor, who);
    return noreply{};
}

awaitable<term> rex::handle_call(block_call m) {
    const pid own_leader = group_leader();
    call work{m.module, m.function, std::move(m.arguments), m.leader};
    take_leader(m.leader);
    auto working = value_of_call(process(), std::move(work));
    term value = co_await working;
    if (own_leader) set_group_leader(own_leader);
    co_return value;
}

void rex::handle_cast(rex_message::cast m) {
    spawn(run_cast, call{m.module, m.function, std::move(m.arguments), std::move(m.leader)});
}

void rex::handle_info(const down_message& m) {
    const auto at = running_.find(m.monitor);
    if (at == running_.end()) return;
    const from who = std::move(at->second);
    running_.erase(at);
    reply(who, m.reason.is_tagged(atoms::value, 2) ? m.reason.elements()[1] : bad_rpc(m.reason));
}

void rex::handle_info(const term& t) {
    const auto e = t.elements();
    const auto asker = e.size() == 2 ? e[0].as_pid() : std::nullopt;
    if (!asker) return;
    if (e[1] == atom("features_request")) {
        send(*asker, tuple(atom("features_reply"), node(), list({atom("erpc")})));
    } else if (e[1].is_tagged(atom("sbcast"), 3)) {
        send(*asker, broadcast(e[1].elements()[1], e[1].elements()[2]));
    } else if (auto read = from_term<call>(e[1])) {
        spawn(run_plain_call, *asker, *std::move(read));
    }
}

}  // namespace beam::dist::detail
