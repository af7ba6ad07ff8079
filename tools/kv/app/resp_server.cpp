#include "tools/kv/app/resp_server.hpp"

#include <utility>

#include "tools/kv/app/resp_connection.hpp"

namespace kv {

beam::init_result<resp_server> resp_server::init(std::string address, bool allow_remote) {
    auto opened = resp::door::open("kv", std::move(address), allow_remote);
    if (!opened) return beam::stop_with{std::move(opened.error())};
    resp_server server;
    server.door_ = *std::move(opened);
    return server;
}

void resp_server::handle_info(beam::io::accepted m) {
    if (auto peer = door_.admit(std::move(m)))
        beam::spawn_link(serve_client, *std::move(peer), client_options{});
}

}  // namespace kv
