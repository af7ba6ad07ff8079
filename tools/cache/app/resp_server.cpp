#include "tools/cache/app/resp_server.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/resp_connection.hpp"

namespace cache {

namespace io = beam::io;

namespace {

constexpr std::uint32_t accepted_at_once = 64;
constexpr std::size_t output_max = 1 << 20;

struct tcp_address {
    std::string host;
    std::uint16_t port = 0;
};

bool is_path(const std::string& address) {
    return address.find('/') != std::string::npos;
}

std::optional<tcp_address> parse_tcp(const std::string& address) {
    const auto colon = address.rfind(':');
    if (colon == std::string::npos) return {};
    tcp_address a;
    a.host = address.substr(0, colon);
    if (a.host.size() > 2 && a.host.front() == '[' && a.host.back() == ']')
        a.host = a.host.substr(1, a.host.size() - 2);
    if (a.host == "localhost" || a.host.empty()) a.host = "127.0.0.1";
    const char* end = address.data() + address.size();
    const auto [at, ec] = std::from_chars(address.data() + colon + 1, end, a.port);
    if (ec != std::errc() || at != end) return {};
    return a;
}

bool is_loopback(const std::string& host) {
    return host == "::1" || host.rfind("127.", 0) == 0;
}

io::listen_options options() {
    io::listen_options o;
    o.connections.output_max = output_max;
    return o;
}

// The socket of a node that was killed is in the way, and nobody listens there.
bool is_stale(const std::string& path) {
    struct stat s {};
    if (::lstat(path.c_str(), &s) != 0 || !S_ISSOCK(s.st_mode)) return false;
    return !socket_answers(path);
}

beam::result<io::listener> listen_at(const std::string& address, bool allow_remote) {
    if (is_path(address)) {
        auto made = io::listen_unix(address, options());
        if (made || !made.error().is("eaddrinuse") || !is_stale(address)) return made;
        ::unlink(address.c_str());
        return io::listen_unix(address, options());
    }
    const auto tcp = parse_tcp(address);
    if (!tcp) return beam::fail("bad_address", "it is neither a path with a slash nor HOST:PORT");
    if (!allow_remote && !is_loopback(tcp->host))
        return beam::fail("not_loopback",
                          "anybody who reaches " + tcp->host + " could read and change everything");
    return io::listen_tcp(tcp->host, tcp->port, options());
}

// Clients must not take the last descriptor: nobody could ask the node what is wrong.
std::size_t clients_that_fit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return resp_server::clients_max;
    const std::size_t all = files.rlim_cur;
    const std::size_t others = std::max<std::size_t>(64, all / 8);
    return std::clamp<std::size_t>(all - std::min(all, others), 1, resp_server::clients_max);
}

beam::atom name_of_server(const std::string& address) {
    return beam::atom("cache_resp " + address);
}

}  // namespace

beam::init_result<resp_server> resp_server::init(std::string address, bool allow_remote) {
    auto listener = listen_at(address, allow_remote);
    if (!listener) {
        const beam::error& e = listener.error();
        return beam::stop_with{beam::tuple(beam::atom(e.code), beam::binary(e.detail))};
    }
    resp_server server;
    server.most_ = clients_that_fit();
    server.listener_ = *std::move(listener);
    // With port 0 it is known only now.
    if (!is_path(address)) address = server.listener_.local_name();
    if (!beam::try_register_name(name_of_server(address), id()))
        return beam::stop_with{
            beam::tuple(beam::atom("eaddrinuse"), beam::binary("it listens there already"))};
    process().trap_exit(true);
    beam::set_label(beam::binary("cache RESP " + address));
    server.listener_.activate(accepted_at_once);
    return server;
}

void resp_server::handle_info(io::accepted m) {
    listener_.activate();
    if (clients_ >= most_) {
        (void)m.peer.try_write("-ERR max number of clients reached\r\n");
        return;
    }
    ++clients_;
    beam::spawn_link(serve_client, std::move(m.peer), client_options{});
}

void resp_server::handle_info(io::accept_failed m) {
    beam::log(beam::log_level::warning, "cache", "RESP clients cannot be accepted",
              {{"reason", std::string(m.reason.name())}});
}

void resp_server::handle_info(const beam::exit_message&) {
    --clients_;
}

beam::awaitable<beam::outcome<std::string>> start_server(std::string address, bool allow_remote) {
    beam::child_spec spec(address, beam::child<resp_server>(address, allow_remote));
    auto starting = beam::dynamic_supervisor::start_child(servers_name(), std::move(spec));
    beam::start_result started = co_await starting;
    beam::outcome<beam::pid> pid = beam::started_pid(std::move(started));
    if (!pid) co_return beam::pass_term(pid);
    for (beam::atom name : beam::registered_names()) {
        constexpr std::string_view prefix = "cache_resp ";
        if (name.name().rfind(prefix, 0) == 0 && beam::whereis(name) == *pid)
            co_return std::string(name.name().substr(prefix.size()));
    }
    co_return address;
}

beam::awaitable<bool> stop_server(std::string address) {
    const auto pid = beam::whereis(name_of_server(address));
    if (!pid) co_return false;
    auto ending = beam::dynamic_supervisor::terminate_child(servers_name(), *pid);
    (void)co_await ending;
    co_return true;
}

}  // namespace cache
