// The calling side of erpc.
#include <utility>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/net_kernel.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"

namespace beam::dist {

namespace {

// What erpc:execute_call/4 exits with, as the outcome of the call.
outcome<term> read_result(const ref& id, term reason) {
    const auto e = reason.elements();
    if (e.size() < 3 || e[0] != term(id)) {
        if (reason == atoms::notsup || reason.is_tagged(atoms::nodedown, 2))
            return fail_term(std::move(reason));
        return fail_term(tuple(atom("signal"), std::move(reason)));
    }
    if (e[1] == atom("return")) return e[2];
    if (e[1] == atoms::error && e.size() == 4) return fail_term(tuple(atoms::error, e[2], e[3]));
    return fail_term(tuple(e[1], e[2]));
}

outcome<term> local_result() {
    try {
        throw;
    } catch (const exit_exception& e) {
        return fail_term(tuple(atoms::exit, e.reason));
    } catch (const error_exception& e) {
        return fail_term(tuple(atoms::error, e.reason, nil));
    } catch (const term& thrown) {
        return fail_term(tuple(atoms::throw_, thrown));
    } catch (...) {
        return fail_term(tuple(atoms::error, beam::detail::reason_of_current_exception(), nil));
    }
}

}  // namespace

awaitable<outcome<term>> rpc_call(atom where, atom module, atom function,
                                  std::vector<term> arguments, timeout limit) {
    self me = this_process();
    if (where == node()) {
        outcome<term> value;
        try {
            auto work = apply(me, module, function, std::move(arguments));
            value = co_await work;
        } catch (...) {
            value = local_result();
        }
        co_return value;
    }
    detail::peers* all = detail::peers_of(me.node());
    if (!all) co_return fail_term(tuple(atoms::nodedown, where));
    detail::peer& to = all->of(where);
    beam::detail::pending answer(server_ref(me.id()), infinity{}, nullptr);
    const from who = beam::detail::start_dirty(answer);
    const ref id = beam::detail::remote_request_ref(
        std::uint64_t(who.tag.words[1]) << 32 | who.tag.words[0], me.id());
    control::spawn_request r;
    r.id = id;
    r.from = me.id();
    r.leader = group_leader() ? group_leader() : me.id();
    r.module = atom("erpc");
    r.function = atom("execute_call");
    r.arity = 4;
    r.options = list({atoms::monitor});
    r.arguments = list({id, module, function, list_of(std::move(arguments))});
    to.spawn(r);
    beam::detail::pending_wait wait(&answer, limit);
    if (!co_await wait) {
        to.monitor_ended(id);
        co_return fail_term(atoms::timeout);
    }
    outcome<message> came = answer.finish();
    if (came) co_return fail_term(came->to_term());
    co_return read_result(id, std::move(came.error()));
}

}  // namespace beam::dist
