#include "libbeamcore/dist/internal/epmd_server.hpp"

#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::dist::detail {

namespace {

// A name that is taken is asked for again so often: a node that starts anew comes before its old connection is seen to
// have ended.
constexpr int taken_tries = 4;
constexpr std::chrono::milliseconds taken_pause{25};
constexpr std::uint32_t accepted_at_once = 32;
constexpr std::chrono::milliseconds sweep_period{500};
constexpr std::string_view refuses_to_die = "NO";

io::listen_options listen_options_for_askers() {
    io::listen_options o;
    o.connections.chunk_max = 2 + epmd_request_max;
    o.connections.linger = std::chrono::milliseconds(1000);
    return o;
}

// `127.0.0.1:33012`, `[::1]:33012`, `[::ffff:127.0.0.1]:33012`
bool is_from_this_host(const std::string& peer) {
    return peer.rfind("127.", 0) == 0 || peer.rfind("[::1]", 0) == 0 ||
           peer.rfind("[::ffff:127.", 0) == 0;
}

}  // namespace

epmd_server::epmd_server(epmd_server_options options)
    : options_(std::move(options)), registry_(std::uint32_t(secure_random_64())) {}

init_result<epmd_server> epmd_server::init(epmd_server_options options) {
    auto listener = io::listen_tcp(options.address, options.port, listen_options_for_askers());
    if (!listener) {
        const error& e = listener.error();
        return stop_with{tuple(atom(e.code), binary(e.detail))};
    }
    epmd_server made(std::move(options));
    made.listener_ = *std::move(listener);
    made.options_.port = made.listener_.port();
    made.listener_.activate(accepted_at_once);
    return made;
}

void epmd_server::handle_info(io::accepted m) {
    listener_.activate();
    while (waiting_.size() >= options_.waiting_max) waiting_.erase(waiting_.begin());
    m.peer.activate();
    const io::token who = m.peer.id();
    asker& a = waiting_[who];
    a.peer = std::move(m.peer);
    a.until = monotonic_time() + options_.request_limit;
    sweep_later();
}

void epmd_server::handle_info(io::accept_failed m) {
    log(log_level::warning, "dist", "the embedded epmd cannot accept connections",
        {{"reason", m.reason.name()}});
}

void epmd_server::handle_info(io::data m) {
    const auto found = waiting_.find(m.from);
    if (found == waiting_.end()) {
        // A registered node has nothing more to say.
        forget(m.from);
        return;
    }
    asker& a = found->second;
    a.bytes += m.bytes;
    const auto received = decode_epmd_request(a.bytes);
    if (received && !*received) {
        a.peer.activate();
        return;
    }
    asker taken = std::move(a);
    waiting_.erase(found);
    if (received && (*received)->size == taken.bytes.size()) answer(m.from, std::move(taken));
}

void epmd_server::answer(io::token who, asker a) {
    auto request = std::move((*decode_epmd_request(a.bytes))->request);
    if (auto* alive = std::get_if<epmd_alive_request>(&request)) {
        answer_alive(who, std::move(a), std::move(alive->node), taken_tries);
        return;
    }
    std::string bytes(refuses_to_die);
    if (const auto* port = std::get_if<epmd_port_request>(&request))
        bytes = encode_epmd_port(registry_.find(port->name));
    else if (std::holds_alternative<epmd_names_request>(request))
        bytes = encode_epmd_names(options_.port, registry_.names());
    (void)a.peer.try_write(bytes);
}

void epmd_server::handle_info(alive_again m) {
    answer_alive(m.who, std::move(m.asker), std::move(m.node), m.tries_left);
}

void epmd_server::answer_alive(io::token who, asker a, epmd_node node, int tries_left) {
    const std::string name = node.name;
    const bool extended = node.highest >= 6;
    std::optional<std::uint32_t> creation;
    if (!is_from_this_host(a.peer.peer_name())) return;
    if (tries_left > 0 && registry_.find(name)) {
        (void)send_after(taken_pause, id(),
                         alive_again{who, std::move(a), std::move(node), tries_left - 1});
        return;
    }
    if (registry_.size() < options_.registered_max) creation = registry_.add(who, std::move(node));
    if (!creation) {
        (void)a.peer.try_write(encode_epmd_alive(true, 1, extended));
        return;
    }
    if (!a.peer.try_write(encode_epmd_alive(false, *creation, extended))) {
        registry_.remove(who);
        return;
    }
    a.peer.activate();
    registered_[who] = std::move(a.peer);
    log(log_level::debug, "dist", "the embedded epmd registers a node", {{"name", name}});
}

void epmd_server::handle_info(io::end_of_input m) {
    forget(m.from);
}
void epmd_server::handle_info(io::end_of_output m) {
    forget(m.from);
}

void epmd_server::forget(io::token who) {
    waiting_.erase(who);
    registry_.remove(who);
    registered_.erase(who);
}

void epmd_server::sweep_later() {
    if (std::exchange(sweeps_, true)) return;
    send_after(sweep_period, id(), sweep_due());
}

void epmd_server::handle_info(sweep_due) {
    sweeps_ = false;
    const auto now = monotonic_time();
    while (!waiting_.empty() && waiting_.begin()->second.until <= now)
        waiting_.erase(waiting_.begin());
    if (!waiting_.empty()) sweep_later();
}

}  // namespace beam::dist::detail
