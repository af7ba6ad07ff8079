#include "libbeamcore/dist/distribution.hpp"

#include <utility>

#include "libbeamcore/dist/internal/net_kernel.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist {

using detail::net_kernel;

namespace {

server_options kernel_options() {
    return server_options(server_name(atom("net_kernel")));
}

}  // namespace

awaitable<outcome<pid>> start_link(options o) {
    auto starting = beam::start_link<net_kernel>(kernel_options(), std::move(o));
    co_return co_await starting;
}

child_start child(options o) {
    return child_start([o = std::move(o)]() -> awaitable<start_result> {
        return beam::detail::behaviour<net_kernel>::start_link(kernel_options(), o);
    });
}

awaitable<bool> ping(atom node, std::chrono::milliseconds limit) {
    auto asked =
        send_request(server_ref(atom("net_kernel"), node), detail::is_auth{beam::node()}, limit);
    outcome<atom> answer = co_await asked.outcome();
    co_return answer&&* answer == atom("yes");
}

awaitable<bool> connect(atom node) {
    if (node == beam::node()) co_return true;
    detail::peers* all = detail::peers_of(this_process().node());
    if (!all) co_return false;
    if (all->of(node).current_state() == detail::peer::state::up) co_return true;
    // Any signal connects; this one is answered when it has, or could not.
    auto pinging = ping(node);
    (void)co_await pinging;
    co_return all->of(node).current_state() == detail::peer::state::up;
}

std::vector<peer_info> peers() {
    std::vector<peer_info> list;
    detail::peers* all = detail::peers_of(this_process().node());
    if (!all) return list;
    for (const detail::peer* p : all->all()) {
        const auto f = p->look();
        peer_info info;
        info.name = p->name();
        info.state = f.now == detail::peer::state::up           ? "up"
                     : f.now == detail::peer::state::connecting ? "connecting"
                                                                : "down";
        info.hidden = f.hidden;
        info.bytes_waiting = f.bytes_waiting;
        info.links = f.links;
        info.monitors = f.monitors;
        auto known = all->known().of(p->name());
        info.found_by = std::move(known.found_by);
        info.why = std::move(known.why);
        list.push_back(std::move(info));
    }
    return list;
}

}  // namespace beam::dist
