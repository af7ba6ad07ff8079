// resp_server: listens at an address and speaks RESP there, the protocol of Redis, with as many clients as come.
//
// Each connection is a process of its own, linked to the server's: the end of the server ends them, the end of one of
// them nobody else.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/exit.hpp"

namespace cache {

class resp_server : public beam::gen_server<resp_server> {
public:
    using arguments = std::tuple<std::string, bool>;
    using infos = beam::messages<beam::io::accepted, beam::io::accept_failed>;

    /// `address`: the path of a Unix socket (it has a slash), or HOST:PORT.
    static beam::init_result<resp_server> init(std::string address, bool allow_remote);

    void handle_info(beam::io::accepted m);
    void handle_info(beam::io::accept_failed m);
    void handle_info(const beam::exit_message& m);

    /// At one address; fewer where the node may not have so many descriptors open, some of which are for others.
    static constexpr std::size_t clients_max = 20'000;

private:
    beam::io::listener listener_;
    std::size_t clients_ = 0;
    std::size_t most_ = clients_max;
};

/// Listens at an address, until it is stopped or the node ends. Gives the address; for port 0 with the port that was
/// found. Errors: `{Code, Text}`, of them `bad_address` and `not_loopback`, and what the listener says.
beam::awaitable<beam::outcome<std::string>> start_server(std::string address, bool allow_remote);
/// False: nobody listens there.
beam::awaitable<bool> stop_server(std::string address);

}  // namespace cache
