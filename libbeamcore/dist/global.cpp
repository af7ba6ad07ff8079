#include "libbeamcore/dist/global.hpp"

#include <exception>

#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist::global {

namespace {

using dist::detail::global_table;
using dist::detail::name_order;

const global_table& names_here() {
    return global_table::of(this_process().node());
}

future<bool> ask_for(name_order order) {
    return send_request(server_ref(dist::detail::name_server_name()), std::move(order), infinity{});
}

term term_of(const lock_id& id) {
    return tuple(id.resource, id.requester);
}

}  // namespace

// -- names ----------------------------------------------------------------------------------------

clash_method::clash_method(atom module, atom function)
    : method_(fun{.module = module, .name = function, .arity = 3, .external = true}) {}

clash_method clash_method::random_exit_name() {
    static const clash_method one(atoms::global, atom("random_exit_name"));
    return one;
}
clash_method clash_method::random_notify_name() {
    return {atoms::global, atom("random_notify_name")};
}
clash_method clash_method::notify_all_name() {
    return {atoms::global, atom("notify_all_name")};
}

awaitable<bool> register_name(term name, pid who, clash_method method) {
    name_order order{name_order::kind::add, std::move(name), who, method.as_term()};
    auto asking = ask_for(std::move(order));
    const bool yes = co_await asking;
    co_return yes;
}

awaitable<void> re_register_name(term name, pid who, clash_method method) {
    name_order order{name_order::kind::replace, std::move(name), who, method.as_term()};
    auto asking = ask_for(std::move(order));
    (void)co_await asking;
}

awaitable<void> unregister_name(term name) {
    if (!whereis_name(name)) co_return;
    name_order order{name_order::kind::remove, std::move(name), {}, {}};
    auto asking = ask_for(std::move(order));
    (void)co_await asking;
}

std::optional<pid> whereis_name(const term& name) {
    return names_here().where(name);
}

std::vector<term> registered_names() {
    return names_here().names();
}

awaitable<void> sync() {
    dist::detail::sync_order order{nodes()};
    auto asking =
        send_request(server_ref(dist::detail::name_server_name()), std::move(order), infinity{});
    (void)co_await asking;
}

// -- locks ----------------------------------------------------------------------------------------

std::vector<atom> all_nodes() {
    std::vector<atom> all = nodes();
    all.push_back(node());
    return all;
}

awaitable<bool> set_lock(lock_id id, std::vector<atom> nodes, retries more) {
    const term wanted = term_of(id);
    for (unsigned times = 1;; ++times) {
        auto setting = dist::detail::set_lock_once(wanted, nodes);
        const bool set = co_await setting;
        if (set) co_return true;
        if (!more.take()) co_return false;
        auto waiting = dist::detail::wait_before_trying_again(times);
        co_await waiting;
    }
}

awaitable<void> del_lock(lock_id id, std::vector<atom> nodes) {
    return dist::detail::delete_lock(term_of(id), std::move(nodes));
}

awaitable<std::optional<term>> trans(lock_id id, callback<awaitable<term>()> work,
                                     std::vector<atom> nodes, retries more) {
    auto setting = set_lock(id, nodes, more);
    const bool set = co_await setting;
    if (!set) co_return std::nullopt;
    std::optional<term> gave;
    std::exception_ptr thrown;
    try {
        auto working = work();
        gave = co_await working;
    } catch (...) {
        thrown = std::current_exception();
    }
    auto deleting = del_lock(std::move(id), std::move(nodes));
    co_await deleting;
    if (thrown) std::rethrow_exception(thrown);
    co_return gave;
}

// -- servers --------------------------------------------------------------------------------------

namespace detail {

awaitable<bool> take_name(gen_core& core, term key) {
    bool yes = false;
    try {
        auto registering = register_name(key, this_process().id());
        yes = co_await registering;
    } catch (...) {
        core.init_caught();
        co_return false;
    }
    if (yes) co_return true;
    const auto holder = whereis_name(key);
    core.init_stopped(tuple(atoms::already_started, holder ? term(*holder) : term()));
    co_return false;
}

}  // namespace detail

}  // namespace beam::dist::global
