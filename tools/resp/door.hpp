// door: an address where clients that speak RESP come in, and how many may be there at once.
//
// A server is a gen_server that has one, under a dynamic_supervisor; each client is a process linked to it. serve_method.hpp
// starts and stops it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace resp {

class door {
public:
    /// At one address; fewer where the node may not have so many descriptors open, some of which are for others.
    static constexpr std::size_t clients_max = 20'000;

    door() = default;

    /// Listens, for the calling process, which traps exits from now on and is registered by the address. `application`: its
    /// name. `address`: the path of a Unix socket (it has a slash; the socket of a node that was killed is in the way of
    /// nobody), or HOST:PORT. Without `allow_remote` the host is a loopback address.
    ///
    /// Errors, `{Code, Text}`: `bad_address`, `not_loopback`, `eaddrinuse`, and what the listener says.
    [[nodiscard]] static beam::outcome<door> open(std::string_view application, std::string address,
                                                  bool allow_remote);

    /// The client that came; nothing: there are too many, and it was told so.
    [[nodiscard]] std::optional<beam::io::connection> admit(beam::io::accepted m);
    /// One of those admitted has gone.
    void leave() { --clients_; }
    /// Tells the log.
    void cannot_accept(const beam::io::accept_failed& m) const;

private:
    std::string application_;
    beam::io::listener listener_;
    std::size_t clients_ = 0;
    std::size_t most_ = clients_max;
};

/// Whether somebody listens at that path.
[[nodiscard]] bool socket_answers(const std::string& path);

/// What the server at that address is registered as.
[[nodiscard]] beam::atom name_of_server(std::string_view application, std::string_view address);

}  // namespace resp
