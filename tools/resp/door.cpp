#include "tools/resp/door.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"

namespace resp {

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
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return door::clients_max;
    const std::size_t all = files.rlim_cur;
    const std::size_t others = std::max<std::size_t>(64, all / 8);
    return std::clamp<std::size_t>(all - std::min(all, others), 1, door::clients_max);
}

}  // namespace

beam::outcome<door> door::open(std::string_view application, std::string address,
                               bool allow_remote) {
    auto listener = listen_at(address, allow_remote);
    if (!listener) {
        const beam::error& e = listener.error();
        return beam::fail_term(beam::tuple(beam::atom(e.code), beam::binary(e.detail)));
    }
    door d;
    d.application_ = application;
    d.most_ = clients_that_fit();
    d.listener_ = *std::move(listener);
    // With port 0 it is known only now.
    if (!is_path(address)) address = d.listener_.local_name();
    const beam::self me = beam::this_process();
    if (!beam::try_register_name(name_of_server(application, address), me.id()))
        return beam::fail_term(
            beam::tuple(beam::atom("eaddrinuse"), beam::binary("it listens there already")));
    me.trap_exit(true);
    beam::set_label(beam::binary(std::string(application) + " RESP " + address));
    d.listener_.activate(accepted_at_once);
    return d;
}

std::optional<io::connection> door::admit(io::accepted m) {
    listener_.activate();
    if (clients_ >= most_) {
        (void)m.peer.try_write("-ERR max number of clients reached\r\n");
        return {};
    }
    ++clients_;
    return std::move(m.peer);
}

void door::cannot_accept(const io::accept_failed& m) const {
    beam::log(beam::log_level::warning, application_, "RESP clients cannot be accepted",
              {{"reason", std::string(m.reason.name())}});
}

bool socket_answers(const std::string& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path) return false;
    std::memcpy(a.sun_path, path.c_str(), path.size());
    beam::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0 ||
           errno == EAGAIN;
}

beam::atom name_of_server(std::string_view application, std::string_view address) {
    return beam::atom(std::string(application) + "_resp " + std::string(address));
}

}  // namespace resp
