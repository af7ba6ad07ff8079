#include "libbeamcore/dist/internal/epmd_connect.hpp"

#include <utility>

namespace beam::dist::detail {

namespace {

// TCP lets who connects to a port of its own host, where nobody listens, meet itself.
bool is_with_itself(const io::connection& c) {
    return c.peer_name() == c.local_name();
}

}  // namespace

awaitable<result<io::connection>> connect_to_epmd(std::string address, std::uint16_t port,
                                                  time_left left) {
    auto connecting = io::connect_tcp(address, port, {}, left());
    result<io::connection> c = co_await connecting;
    if (c && is_with_itself(*c)) {
        c->abort();
        co_return fail("econnrefused", address + ": nobody listens");
    }
    co_return std::move(c);
}

}  // namespace beam::dist::detail
