#include "libbeamcore/node/internal/acceptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/node/internal/connection_process.hpp"
#include "libbeamcore/node/internal/json_rpc.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

child_spec connection_child(node_context* node) {
    return child_spec(term(atom("connection")), child<connection_process>(node),
                      restart_type::temporary, shutdown_type(std::chrono::milliseconds(2000)));
}

void turn_away(io::connection& peer, const rpc::failure& why) {
    (void)peer.try_write(rpc::error_line("null", why));
    peer.close();
}

}  // namespace

init_result<acceptor> acceptor::init(node_context* node) {
    acceptor made(node);
    if (auto r = made.add(node->listen.get()); !r) {
        std::string text = r.error().code + " " + r.error().detail;
        return stop_with{tuple(atom("cannot_listen"), text)};
    }
    return init_result<acceptor>(std::move(made));
}

result<void> acceptor::add(int fd) {
    unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy) return fail("cannot_listen", "no descriptor");
    io::listen_options options;
    options.connections.framing = io::framing::line;
    options.connections.line_max = node_->live.line_max;
    options.connections.output_max = node_->settings.output_max;
    auto listener = io::adopt_listener(std::move(copy), options);
    if (!listener) return pass(listener);
    listener->activate();
    listeners_.push_back(*std::move(listener));
    return {};
}

awaitable<cast_result> acceptor::handle_info(io::accepted m) {
    const io::token listener = m.listener;
    io::connection peer = std::move(m.peer);
    for (auto& l : listeners_)
        if (l.id() == listener) l.activate();
    const auto who = peer.peer_credentials();
    if (!who ||
        (who->user != ::geteuid() && who->user != 0 && !node_->settings.peers_of_other_users)) {
        turn_away(peer, rpc::make_failure(rpc::not_permitted, "not_permitted",
                                          "this node belongs to another user", "", 77));
        co_return cast_result();
    }
    if (node_->clients.load() >= node_->settings.connections_max) {
        turn_away(peer, rpc::make_failure(rpc::overloaded, "overloaded",
                                          "too many clients are connected", "", 75));
        co_return cast_result();
    }
    auto starting =
        dynamic_supervisor::start_child(node_names::connections(), connection_child(node_));
    outcome<start_result> started = co_await std::move(starting).outcome();
    outcome<pid> process = fail_term(atoms::noproc);
    if (started)
        process = started_pid(std::move(*started));
    else
        process = fail_term(std::move(started.error()));
    if (!process) {
        log(log_level::error, "node", "no process for a client",
            {{"reason", to_string(process.error(), {.max_bytes = 300})}});
        co_return cast_result();
    }
    take_over hand;
    hand.peer = std::move(peer);
    send(*process, std::move(hand));
    co_return cast_result();
}

void acceptor::handle_info(io::accept_failed m) {
    log(log_level::warning, "node", "clients cannot be accepted", {{"reason", m.reason.name()}});
}

void acceptor::handle_info(stop_accepting) {
    listeners_.clear();
}

void acceptor::handle_info(accept_on m) {
    if (auto r = add(m.fd.get()); !r)
        log(log_level::error, "node", "cannot listen on another socket",
            {{"reason", r.error().code}, {"detail", r.error().detail}});
    // The old one stays: clients may wait in its queue. A restarted acceptor begins with the new one.
    node_->listen = std::move(m.fd);
}

}  // namespace beam::control
