// The calling side of erpc, and of spawn.
#include <utility>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/net_kernel.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/dist/internal/spawn_asking.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"

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
    detail::spawn_asking asking(all->of(where));
    control::spawn_request& r = asking.request;
    r.module = atom("erpc");
    r.function = atom("execute_call");
    r.arity = 4;
    r.options = list({atoms::monitor});
    r.arguments = list({r.id, module, function, list_of(std::move(arguments))});
    auto waiting = asking.ask(limit);
    auto came = co_await waiting;
    if (!came) co_return fail_term(atoms::timeout);
    if (*came) co_return fail_term((*came)->to_term());
    co_return read_result(r.id, std::move(came->error()));
}

namespace {

process run_function(self me, atom module, atom function, std::vector<term> arguments) {
    auto work = apply(me, module, function, std::move(arguments));
    (void)co_await work;
}

awaitable<outcome<pid>> spawn_there(atom where, control::spawn_request wanted, timeout limit) {
    detail::peers* all = detail::peers_of(this_process().node());
    if (!all) co_return fail_term(tuple(atoms::nodedown, where));
    detail::spawn_asking asking(all->of(where));
    control::spawn_request& r = asking.request;
    r.module = wanted.module;
    r.function = wanted.function;
    r.arity = wanted.arity;
    r.options = std::move(wanted.options);
    r.arguments = std::move(wanted.arguments);
    auto waiting = asking.ask(limit);
    auto came = co_await waiting;
    if (!came) co_return fail_term(atoms::timeout);
    if (!*came) co_return fail_term(std::move(came->error()));
    co_return *(*came)->to_term().as_pid();
}

awaitable<outcome<pid>> spawn_on_node(atom where, atom module, atom function,
                                      std::vector<term> arguments, bool linked, timeout limit) {
    if (where == node()) {
        const pid made = linked ? beam::spawn_link(run_function, module, function, arguments)
                                : beam::spawn(run_function, module, function, arguments);
        if (!made) co_return fail_term(atoms::system_limit);
        co_return made;
    }
    if (arguments.size() > 255) raise(atoms::badarg);
    control::spawn_request r;
    r.module = module;
    r.function = function;
    r.arity = std::uint8_t(arguments.size());
    r.options = linked ? list({atoms::link}) : nil;
    r.arguments = list_of(std::move(arguments));
    auto asked = spawn_there(where, std::move(r), limit);
    co_return co_await asked;
}

}  // namespace

awaitable<outcome<pid>> spawn_on(atom where, atom module, atom function,
                                 std::vector<term> arguments, timeout limit) {
    return spawn_on_node(where, module, function, std::move(arguments), false, limit);
}
awaitable<outcome<pid>> spawn_link_on(atom where, atom module, atom function,
                                      std::vector<term> arguments, timeout limit) {
    return spawn_on_node(where, module, function, std::move(arguments), true, limit);
}

}  // namespace beam::dist
