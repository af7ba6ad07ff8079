// kv.serve: where RESP is spoken.
#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/resp_server.hpp"
#include "tools/resp/serve_method.hpp"

namespace kv {

namespace {

beam::awaitable<beam::answer> serve(beam::request&, resp::serve_params p) {
    auto server = beam::child<resp_server>(p.resp, p.any_address);
    auto serving =
        resp::serve(resp::service("kv", servers_supervisor(), std::move(server)), std::move(p));
    co_return co_await serving;
}

/// Its clients are not known to ask: they do not use the control socket.
beam::awaitable<std::optional<std::string>> served_addresses() {
    const std::string prefix(resp::name_of_server("kv", "").name());
    for (beam::atom name : beam::registered_names())
        if (name.name().rfind(prefix, 0) == 0)
            co_return "RESP is served at " + std::string(name.name().substr(prefix.size()));
    co_return std::nullopt;
}

}  // namespace

void add_serve_method(beam::application_definition& app) {
    app.method("serve", serve);
    app.objection = &served_addresses;
}

}  // namespace kv
