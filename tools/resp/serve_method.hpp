// The method `serve` of an application that speaks RESP: starts and stops a server at an address.
#pragma once

#include <string>
#include <utility>

#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"

namespace resp {

struct serve_params {
    std::string resp;  ///< the address
    bool any_address = false;
    bool stop = false;
    BEAM_FIELDS(serve_params, resp, any_address, stop)
};

/// Who serves.
struct service {
    service(std::string its_application, beam::atom its_supervisor, beam::child_start one)
        : application(std::move(its_application)),
          supervisor(its_supervisor),
          server(std::move(one)) {}

    std::string application;   ///< as doors are opened for it
    beam::atom supervisor;     ///< a dynamic_supervisor's name
    beam::child_start server;  ///< of one at the address that was asked for
};

/// Listens at an address, until it is stopped or the node ends. Gives `{"resp": ADDRESS}`; for port 0 with the port that was
/// found. Refused: `bad_params`, `not_loopback`, `cannot_listen`; for `stop`: `not_found`.
[[nodiscard]] beam::awaitable<beam::answer> serve(service by, serve_params p);

}  // namespace resp
