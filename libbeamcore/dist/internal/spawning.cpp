#include "libbeamcore/dist/internal/spawning.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/internal/function_table.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam::dist::detail {

namespace arrival = beam::detail::arrival;

namespace {

/// The links and monitors are there: begin.
struct begin_work {};

struct spawn_wishes {
    bool link = false, monitor = false;
};

// As erlang:spawn_opt; what only concerns another machine's memory is accepted and means nothing here. None: an option
// that is unknown.
std::optional<spawn_wishes> read_wishes(const term& given) {
    spawn_wishes o;
    const auto all = given.as_list();
    if (!all) return {};
    for (const term& t : *all) {
        const auto e = t.elements();
        const term name = e.size() == 2 ? e[0] : t;
        if (!name.is_atom()) return {};
        const std::string_view text = name.as_atom()->name();
        if (text == "link")
            o.link = true;
        else if (text == "monitor")
            o.monitor = true;
        else if (text != "priority" && text != "fullsweep_after" && text != "min_heap_size" &&
                 text != "min_bin_vheap_size" && text != "max_heap_size" &&
                 text != "message_queue_data" && text != "async_dist" && text != "scheduler")
            return {};
    }
    return o;
}

bool is_erpc(const control::spawn_request& r, std::string_view function, std::uint8_t arity) {
    return r.module == atom("erpc") && r.function.name() == function && r.arity == arity;
}

// erpc:execute_call/4: how the call went is the exit reason.
awaitable<void> execute_call(self me, std::vector<term> args) {
    const term& id = args[0];
    const auto module = args[1].as_atom(), function = args[2].as_atom();
    auto arguments = args[3].as_list();
    if (!module || !function || !arguments)
        exit(tuple(id, atoms::error, tuple(atom("erpc"), atoms::badarg)));
    term outcome;
    try {
        auto work = apply(me, *module, *function, std::move(*arguments));
        term value = co_await work;
        outcome = tuple(id, atom("return"), std::move(value));
    } catch (const exit_exception& e) {
        const auto r = e.reason.elements();
        if (r.size() == 2 && r[0] == atoms::undef)
            outcome = tuple(id, atoms::error, r[0], r[1]);
        else
            outcome = tuple(id, atoms::exit, e.reason);
    } catch (const error_exception& e) {
        outcome =
            tuple(id, atoms::error, e.reason, list({tuple(*module, *function, args[3], nil)}));
    } catch (const term& thrown) {
        outcome = tuple(id, atoms::throw_, thrown);
    } catch (...) {
        outcome = tuple(id, atoms::error, beam::detail::reason_of_current_exception(), nil);
    }
    exit(std::move(outcome));
}

process run_for_peer(self me, control::spawn_request r) {
    co_await me.receive<begin_work>();
    set_group_leader(r.leader);
    auto args = r.arguments.as_list().value_or(std::vector<term>{});
    if (is_erpc(r, "execute_call", 4)) {
        auto work = execute_call(me, std::move(args));
        co_await work;
        co_return;
    }
    if (is_erpc(r, "execute_cast", 3)) {
        const auto module = args[0].as_atom(), function = args[1].as_atom();
        auto arguments = args[2].as_list();
        if (!module || !function || !arguments) raise(tuple(atom("erpc"), atoms::badarg));
        auto work = apply(me, *module, *function, std::move(*arguments));
        (void)co_await work;
        co_return;
    }
    auto work = apply(me, r.module, r.function, std::move(args));
    (void)co_await work;
}

}  // namespace

void spawn_for(peers& all, peer& from, const control::spawn_request& request) {
    const auto opts = read_wishes(request.options);
    if (!opts) {
        from.tell({}, control::spawn_reply{request.id, request.from, 0, atom("badopt")}, false);
        return;
    }
    runtime& node = all.node();
    const pid made = node.spawn(run_for_peer, request);
    if (!made) {
        from.tell({}, control::spawn_reply{request.id, request.from, 0, atoms::system_limit},
                  false);
        return;
    }
    std::uint32_t flags = 0;
    if (opts->monitor) {
        flags |= control::spawned_monitor;
        from.monitored(made, request.id);
        (void)arrival::monitor(node, request.from, made, {}, request.id);
    }
    if (opts->link) {
        flags |= control::spawned_link;
        from.linked(request.from, made);
        (void)arrival::link(node, request.from, made);
    }
    // Before anything that the new process sends.
    from.tell(made, control::spawn_reply{request.id, request.from, flags, made}, false);
    node.send(made, begin_work{});
}

void spawn_answered(peers& all, peer& from, const control::spawn_reply& reply) {
    const pid* made = std::get_if<pid>(&reply.result);
    // A call's answer comes with the end of its process (rpc.cpp).
    if (made && (reply.flags & control::spawned_monitor) != 0) return;
    from.monitor_ended(reply.id);
    if (made) {
        if ((reply.flags & control::spawned_link) != 0) {
            from.linked(*made, reply.to);
            if (!arrival::link(all.node(), *made, reply.to)) {
                from.link_ended(*made, reply.to);
                from.tell(reply.to, control::link_exit{reply.to, *made, atoms::noproc}, false);
            }
        }
        (void)arrival::alias_message(all.node(), reply.id, tuple(reply.id, *made));
        return;
    }
    (void)arrival::down(all.node(), reply.to, reply.id, std::get<atom>(reply.result), from.name());
}

}  // namespace beam::dist::detail
