// epmd_server: an EPMD inside a node, for hosts where none runs. Erlang's own nodes and `epmd -names` see no difference.
//
// One process holds all connections. A stranger can neither fill it (who asks nothing in time is closed, and where too
// many wait the one that has waited longest goes) nor register from another host. It ends with its node, and nodes
// then register with the next one: see epmd.hpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/dist/internal/epmd_registry.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::dist::detail {

struct epmd_server_options {
    std::string address = "127.0.0.1";  ///< where it listens
    std::uint16_t port = epmd_default_port;
    /// How long a connection may take to ask.
    std::chrono::milliseconds request_limit{5000};
    std::size_t waiting_max = 512;      ///< connections that have not asked yet
    std::size_t registered_max = 4096;  ///< nodes
};

struct sweep_due {};

/// A connection that has not been answered yet.
struct epmd_asker {
    io::connection peer;
    std::string bytes;
    std::chrono::nanoseconds until{};
};
/// A node whose name was taken: tried once more, since who had it may have gone and not been heard of.
struct alive_again {
    io::token who;
    epmd_asker asker;
    epmd_node node;
    int tries_left = 0;
};

class epmd_server : public gen_server<epmd_server> {
public:
    /// Start's errors: `{Code, Text}` as io::listen_tcp has them; `eaddrinuse`: an EPMD listens there already.
    static init_result<epmd_server> init(epmd_server_options options);

    using infos = messages<io::accepted, io::accept_failed, io::data, io::end_of_input,
                           io::end_of_output, sweep_due, alive_again>;

    void handle_info(io::accepted m);
    void handle_info(io::accept_failed m);
    void handle_info(io::data m);
    void handle_info(io::end_of_input m);
    void handle_info(io::end_of_output m);
    void handle_info(sweep_due);
    void handle_info(alive_again m);

private:
    using asker = epmd_asker;

    explicit epmd_server(epmd_server_options options);
    void answer(io::token who, asker a);
    void answer_alive(io::token who, asker a, epmd_node node, int tries_left);
    void forget(io::token who);
    void sweep_later();

    epmd_server_options options_;
    io::listener listener_;
    epmd_registry registry_;
    // Tokens grow, so the one that has waited longest is the first.
    std::map<io::token, asker> waiting_;
    std::map<io::token, io::connection> registered_;
    bool sweeps_ = false;
};

}  // namespace beam::dist::detail
