#include "tools/resp/serve_method.hpp"

#include <string_view>
#include <utility>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/resp/door.hpp"

namespace resp {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;

/// Under which address that server is registered.
std::string address_of(const service& by, beam::pid server, const std::string& asked) {
    const std::string prefix(name_of_server(by.application, "").name());
    for (atom name : beam::registered_names())
        if (name.name().rfind(prefix, 0) == 0 && beam::whereis(name) == server)
            return std::string(name.name().substr(prefix.size()));
    return asked;
}

answer cannot_listen(const service& by, const serve_params& p, const beam::term& why) {
    const auto all = why.elements();
    if (all.size() != 2) return beam::refuse("cannot_listen", beam::to_string(why), {}, 73);
    const std::string text(all[1].bytes());
    if (all[0] == atom("bad_address"))
        return beam::refuse("bad_params", p.resp + " is no address: " + text,
                            by.application + " serve --resp localhost:6380", 2);
    if (all[0] == atom("not_loopback"))
        return beam::refuse("not_loopback", text,
                            by.application + " serve --resp " + p.resp + " --allow-remote", 73);
    return beam::refuse("cannot_listen", text, {}, 73);
}

awaitable<answer> stop(service by, std::string address) {
    const auto pid = beam::whereis(name_of_server(by.application, address));
    if (!pid)
        co_return beam::refuse("not_found", "nobody listens at " + address,
                               by.application + " serve --resp " + address, 1);
    auto ending = beam::dynamic_supervisor::terminate_child(by.supervisor, *pid);
    (void)co_await ending;
    co_return beam::map({{atom("resp"), address}});
}

}  // namespace

awaitable<answer> serve(service by, serve_params p) {
    if (p.stop) {
        auto stopping = stop(std::move(by), std::move(p.resp));
        co_return co_await stopping;
    }
    beam::child_spec spec(p.resp, by.server);
    auto starting = beam::dynamic_supervisor::start_child(by.supervisor, std::move(spec));
    beam::start_result started = co_await starting;
    beam::outcome<beam::pid> pid = beam::started_pid(std::move(started));
    if (!pid) co_return cannot_listen(by, p, pid.error());
    co_return beam::map({{atom("resp"), address_of(by, *pid, p.resp)}});
}

}  // namespace resp
