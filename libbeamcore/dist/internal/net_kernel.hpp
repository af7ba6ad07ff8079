// net_kernel: the process that has the listening socket, makes connections, and answers pings.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/dist/internal/tls_identity.hpp"
#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::dist::detail {

/// net_adm:ping/1.
struct is_auth {
    using reply = atom;
    atom node;
    BEAM_FIELDS(is_auth, node)
};

/// All peers of a runtime; null: it is not distributed.
[[nodiscard]] peers* peers_of(runtime& node);

class net_kernel : public gen_server<net_kernel> {
public:
    static awaitable<init_result<net_kernel>> init(options o);

    using calls = messages<is_auth>;
    using infos = messages<connect_order, io::accepted, io::accept_failed, exit_message>;

    atom handle_call(is_auth) { return atom("yes"); }
    void handle_info(connect_order order);
    void handle_info(io::accepted m);
    void handle_info(io::accept_failed m);
    cast_result handle_info(exit_message m);
    void handle_info(term) {}
    void terminate(const term& reason);

    net_kernel(options o, tls_identity tls, io::listener listener, pid epmd);
    net_kernel(net_kernel&& other) noexcept
        : options_(std::move(other.options_)),
          tls_(std::move(other.tls_)),
          listener_(std::move(other.listener_)),
          port_(other.port_),
          epmd_(other.epmd_),
          servers_(other.servers_),
          joiner_(other.joiner_),
          peers_(std::exchange(other.peers_, nullptr)) {}
    ~net_kernel();

private:
    void start(node_identity self);
    [[nodiscard]] node_address address() const;

    options options_;
    tls_identity tls_;
    io::listener listener_;
    std::uint16_t port_;
    pid epmd_;
    pid servers_;  // the supervisor of those that others expect (builtin/)
    pid joiner_;   // where others were told of
    peers* peers_ = nullptr;
};

}  // namespace beam::dist::detail
