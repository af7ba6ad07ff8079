#include "libbeamcore/dist/discovery.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "libbeamcore/dist/epmd.hpp"
#include "libbeamcore/dist/node_folder.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "libbeamcore/runtime/blocking.hpp"

namespace beam::dist {

namespace {

bool is_numeric_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What is known without asking anybody.
std::optional<node_address> known_address(const discovery& how, const std::string& name,
                                          const node_name_parts& parts) {
    for (const auto& n : how.nodes)
        if (n.name == name && n.at) return n.at;
    for (const auto& n : how.dns_names)
        if (n.port != 0 && n.prefix == parts.name && is_numeric_address(std::string(parts.host)))
            return node_address{std::string(parts.host), n.port};
    return {};
}

result<std::vector<std::string>> addresses_of(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int e = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); e != 0)
        return fail("unknown_host", host + ": " + ::gai_strerror(e));
    std::vector<std::string> list;
    for (const addrinfo* a = found; a; a = a->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        const int e = ::getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0,
                                    NI_NUMERICHOST);
        if (e == 0 && !contains(list, text.data())) list.emplace_back(text.data());
    }
    ::freeaddrinfo(found);
    std::sort(list.begin(), list.end());
    return list;
}

}  // namespace

awaitable<result<node_address>> find_node(discovery how, std::string name) {
    const auto parts = split_node_name(name);
    if (!parts) co_return fail("bad_node", "\"" + name + "\" is no node's name: name@host");
    if (contains(how.members, name)) {
        auto job = blocking([folder = how.folder, name] { return read_node_file(folder, name); });
        auto read = co_await job;
        co_return read;
    }
    if (auto known = known_address(how, name, *parts)) co_return *std::move(known);
    std::string host(parts->host);
    auto asking = epmd_look_up(host, std::string(parts->name), how.epmd_port);
    auto found = co_await asking;
    if (!found) co_return pass(found);
    co_return node_address{std::move(host), found->port};
}

awaitable<result<std::vector<std::string>>> resolve_dns_name(listed_dns_name name) {
    auto job = blocking([host = name.host] { return addresses_of(host); });
    auto addresses = co_await job;
    if (!addresses) co_return addresses;
    for (auto& address : *addresses) address.insert(0, name.prefix + "@");
    co_return addresses;
}

}  // namespace beam::dist
