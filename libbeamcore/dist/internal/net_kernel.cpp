#include "libbeamcore/dist/internal/net_kernel.hpp"

#include <atomic>
#include <optional>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/cookie.hpp"
#include "libbeamcore/dist/epmd.hpp"
#include "libbeamcore/dist/internal/builtin/builtin.hpp"
#include "libbeamcore/dist/internal/connecting.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/dist/internal/joiner.hpp"
#include "libbeamcore/dist/internal/own_hosts.hpp"
#include "libbeamcore/dist/node_folder.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/detail/local.hpp"

namespace beam::dist::detail {

namespace {

const char peers_key = 0;

/// All that a runtime ever had: signals may be on their way to one while another is made.
struct all_peers {
    std::atomic<peers*> now{nullptr};
    std::vector<std::unique_ptr<peers>> made;
};

all_peers& kept(runtime& node) {
    return *static_cast<all_peers*>(beam::detail::runtime_local(
        node, &peers_key, [](runtime&) -> void* { return new all_peers; },
        [](void* p) noexcept { delete static_cast<all_peers*>(p); }));
}

struct registered {
    pid process;
    std::uint32_t creation = 0;
};

awaitable<outcome<registered>> register_node(options o, std::uint16_t port) {
    registered r;
    if (!o.find.registers) {
        // As EPMD's: never 0, and another one in each life.
        while (r.creation == 0) r.creation = std::uint32_t(secure_random_64());
        co_return r;
    }
    epmd_registration what;
    what.node.name = std::string(split_node_name(o.name)->name);
    what.node.port = port;
    what.node.type = o.visible ? epmd_node_type::normal : epmd_node_type::hidden;
    what.epmd_port = o.epmd_port;
    what.address = o.epmd_address;
    what.may_serve = o.serve_epmd;
    // Who connects to this node from elsewhere asks there first.
    if (!is_loopback(o.listen_address))
        what.serve_address = o.listen_address.find(':') == std::string::npos ? "0.0.0.0" : "::";
    auto registering = epmd_client::start_link(std::move(what));
    outcome<pid> epmd = co_await registering;
    if (!epmd) co_return fail_term(std::move(epmd.error()));
    auto asking = epmd_client::status(*epmd);
    const epmd_status status = co_await asking;
    r.process = *epmd;
    r.creation = status.creation;
    co_return r;
}

}  // namespace

peers* peers_of(runtime& node) {
    return kept(node).now.load(std::memory_order_acquire);
}

net_kernel::net_kernel(options o, tls_identity tls, io::listener listener, pid epmd)
    : options_(std::move(o)),
      tls_(std::move(tls)),
      listener_(std::move(listener)),
      port_(listener_.port()),
      epmd_(epmd) {}

net_kernel::~net_kernel() {
    if (!peers_) return;
    if (!options_.find.folder.empty())
        remove_node_file(options_.find.folder, options_.name, address());
    runtime& node = peers_->node();
    global_table::of(node).leaving.store(true);
    kept(node).now.store(nullptr, std::memory_order_release);
    beam::detail::set_carrier(node, {}, nullptr);
    for (peer* p : peers_->all()) p->give_up(atom("net_kernel_terminated"));
}

awaitable<init_result<net_kernel>> net_kernel::init(options o) {
    self me = process();
    me.trap_exit(true);
    if (peers_of(me.node())) co_return stop_with{atom("already_distributed")};
    if (!is_own_node_name(o.name))
        co_return stop_with{tuple(atom("bad_name"), o.name + ": a node is called name@host")};
    if (!is_cookie(o.cookie))
        co_return stop_with{tuple(atom("bad_cookie"), "1 to 255 printable ASCII characters")};
    const bool is_verified = o.tls && o.tls->verify_peer;
    if (!is_loopback(o.listen_address) && !is_verified && !o.insecure)
        co_return stop_with{
            tuple(atom("insecure"),
                  o.listen_address + " is not loopback, and there is no TLS that verifies peers")};
    tls_identity tls;
    if (o.tls) {
        auto loaded = tls_identity::load(*o.tls);
        if (!loaded) co_return stop_with{tuple(atom("bad_tls"), loaded.error().detail)};
        tls = *std::move(loaded);
    }
    auto listener = io::listen_tcp(o.listen_address, o.listen_port);
    if (!listener) co_return stop_with{tuple(atom(listener.error().code), o.listen_address)};

    o.find.epmd_port = o.epmd_port;
    auto registering = register_node(o, listener->port());
    outcome<registered> epmd = co_await registering;
    if (!epmd) co_return stop_with{std::move(epmd.error())};

    net_kernel made(std::move(o), std::move(tls), std::move(*listener), epmd->process);
    auto serving = start_builtin_servers(made.options_);
    outcome<pid> servers = started_pid(co_await serving);
    if (!servers) co_return stop_with{std::move(servers.error())};
    made.servers_ = *servers;
    add_builtin_functions();
    auto writing = blocking([folder = made.options_.find.folder, name = made.options_.name,
                             at = made.address()]() -> std::optional<error> {
        if (folder.empty()) return {};
        auto written = write_node_file(folder, name, at);
        return written ? std::optional<error>() : written.error();
    });
    if (auto trouble = co_await writing)
        co_return stop_with{tuple(atom(trouble->code), trouble->detail)};
    made.start({atom(made.options_.name), epmd->creation});
    co_return std::move(made);
}

node_address net_kernel::address() const {
    return {options_.listen_address, port_};
}

void net_kernel::start(node_identity self) {
    runtime& node = process().node();
    global_table::of(node).leaving.store(false);
    all_peers& all = kept(node);
    all.made.push_back(std::make_unique<peers>(
        node, self,
        peer_settings{.busy_limit = options_.busy_limit, .atoms_max = options_.peers_atoms_max}));
    peers_ = all.made.back().get();
    peers_->set_connector(id());
    peers_->known().set_members(options_.find, self.name);
    all.now.store(peers_, std::memory_order_release);
    beam::detail::set_carrier(node, self, peers_);
    listener_.activate(16);
    if (!options_.find.joins()) return;
    outcome<pid> joining = beam::start_link<joiner>(peers_, options_.find);
    if (joining) joiner_ = *joining;
}

void net_kernel::handle_info(connect_order order) {
    if (!spawn(connect_to, peers_, order, options_, tls_.now()))
        order.to->attempt_failed(order.attempt);
}

cast_result net_kernel::handle_info(exit_message m) {
    if (m.from == servers_ || (joiner_ && m.from == joiner_)) return stop_with{std::move(m.reason)};
    return {};
}

void net_kernel::handle_info(io::accepted m) {
    listener_.activate(1);
    spawn(accept_from, peers_, std::move(m.peer), options_, tls_.now());
}

void net_kernel::handle_info(io::accept_failed m) {
    log(log_level::warning, "dist", "connections of other nodes cannot be accepted",
        {{"reason", m.reason.name()}});
}

void net_kernel::terminate(const term&) {}

}  // namespace beam::dist::detail
