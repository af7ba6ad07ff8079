// Methods about other nodes: `node.peers`, `node.connect`, `node.ping_node`, `node.rpc`.
#include <chrono>
#include <string>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "libbeamcore/node/internal/observe.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

// Atoms made from what people ask for are few, and each names a node that somebody means.
result<atom> node_atom(const std::string& name) {
    if (!dist::split_node_name(name))
        return fail("bad_params", "\"" + name + "\" is no node's name: name@host");
    return try_atom(name);
}

std::optional<tl::unexpected<request_error>> not_distributed() {
    if (node() != atoms::nonode_at_nohost) return {};
    return refuse("not_distributed", "this node does not talk to other nodes",
                  "beamd --dist --daemon --node NAME@127.0.0.1", 69);
}

awaitable<answer> peers_method(request&) {
    if (auto no = not_distributed()) co_return *no;
    std::vector<term> list;
    for (const auto& p : dist::peers())
        list.push_back(
            map({entry("name", p.name), entry("state", p.state), entry("hidden", p.hidden),
                 entry("links", std::int64_t(p.links)), entry("monitors", std::int64_t(p.monitors)),
                 entry("bytes_waiting", std::int64_t(p.bytes_waiting)),
                 entry("found_by", p.found_by), entry("why", p.why)}));
    const term made = map({entry("node", node()), entry("peers", list_of(std::move(list)))});
    co_return made;
}

struct node_params {
    std::string node;
    BEAM_FIELDS(node_params, node)
};

awaitable<answer> connect_method(request&, node_params p) {
    if (auto no = not_distributed()) co_return *no;
    const auto name = node_atom(p.node);
    if (!name) co_return refuse(name.error().code, name.error().detail, {}, 2);
    auto connecting = dist::connect(*name);
    if (!co_await connecting)
        co_return refuse("no_connection", "\"" + p.node + "\" cannot be reached",
                         "beamd logs, which says why", 69);
    co_return map({entry("node", p.node), entry("connected", true)});
}

awaitable<answer> ping_node_method(request&, node_params p) {
    if (auto no = not_distributed()) co_return *no;
    const auto name = node_atom(p.node);
    if (!name) co_return refuse(name.error().code, name.error().detail, {}, 2);
    const auto before = std::chrono::steady_clock::now();
    auto pinging = dist::ping(*name);
    const bool there = co_await pinging;
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - before;
    co_return map(
        {entry("node", p.node), entry("pong", there), entry("round_trip_ms", took.count())});
}

struct rpc_params {
    std::string node, module, function;
    std::string arguments = "[]";  // Erlang's syntax
    std::int64_t timeout_ms = 8000;
    BEAM_FIELDS(rpc_params, node, module, function, arguments, timeout_ms)
};

awaitable<answer> rpc_method(request&, rpc_params p) {
    if (auto no = not_distributed()) co_return *no;
    const auto name = node_atom(p.node);
    if (!name) co_return refuse(name.error().code, name.error().detail, {}, 2);
    const auto read = parse_term(p.arguments);
    if (!read)
        co_return refuse("bad_params", "the arguments are no Erlang term: " + read.error().detail,
                         "beamd rpc NODE lists seq '[1, 3]'", 2);
    auto arguments = read->as_list();
    if (!arguments)
        co_return refuse("bad_params", "the arguments are a list, as in '[1, two]'", {}, 2);
    const auto module = try_atom(p.module), function = try_atom(p.function);
    if (!module || !function)
        co_return refuse("bad_params", "no module or function has such a name", {}, 2);
    auto calling = dist::rpc_call(*name, *module, *function, std::move(*arguments),
                                  std::chrono::milliseconds(p.timeout_ms));
    const outcome<term> value = co_await calling;
    if (value) co_return map({entry("value", to_string(*value))});
    const term& why = value.error();
    if (why.is_tagged(atoms::nodedown, 2))
        co_return refuse("no_connection", "\"" + p.node + "\" cannot be reached",
                         "beamd logs, which says why", 69);
    if (why == atoms::timeout)
        co_return refuse("timeout", "the call goes on, but has not answered in time", {}, 75);
    co_return refuse("exception", to_string(why, {.max_bytes = 2000}), {}, 1);
}

}  // namespace

void add_dist_methods(method_table& table) {
    add_method(table, "node.peers", &peers_method);
    add_method(table, "node.connect", &connect_method);
    add_method(table, "node.ping_node", &ping_node_method);
    add_method(table, "node.rpc", &rpc_method);
}

}  // namespace beam::control
