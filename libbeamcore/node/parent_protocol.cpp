#include "libbeamcore/node/parent_protocol.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace beam::parent_protocol {

std::string encode(std::string_view verb, const std::vector<std::string>& arguments) {
    std::string bytes(verb);
    for (const auto& argument : arguments) {
        bytes += '\0';
        bytes += argument;
    }
    if (bytes.size() > packet_size_max) bytes.resize(packet_size_max);
    return bytes;
}

packet decode(std::string_view bytes) {
    packet p;
    auto end = bytes.find('\0');
    p.verb = bytes.substr(0, end);
    while (end != std::string_view::npos) {
        bytes.remove_prefix(end + 1);
        end = bytes.find('\0');
        p.arguments.emplace_back(bytes.substr(0, end));
    }
    return p;
}

io send_packet(int socket, std::string_view bytes, int fd) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    for (;;) {
        if (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return io::done;
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS) return io::would_block;
        return io::closed;
    }
}

io receive_packet(int socket, packet& into) {
    std::string bytes(packet_size_max, '\0');
    iovec part{bytes.data(), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t n;
    do {
        n = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EAGAIN ? io::would_block : io::closed;
    if (n == 0) return io::closed;  // every packet has a verb, so an empty one is the end
    into = decode(std::string_view(bytes.data(), static_cast<std::size_t>(n)));
    if (cmsghdr* header = CMSG_FIRSTHDR(&message);
        header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
        into.fd.reset(fd);
    }
    return io::done;
}

}  // namespace beam::parent_protocol
