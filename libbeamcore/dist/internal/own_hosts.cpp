#include "libbeamcore/dist/internal/own_hosts.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "libbeamcore/io/certificate.hpp"

namespace beam::dist::detail {

namespace {

// Empty: none that others can use.
std::string address_of(const sockaddr* a) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (a && a->sa_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(a)->sin_addr, text.data(),
                    text.size());
    if (a && a->sa_family == AF_INET6) {
        const auto& six = reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr;
        if (!IN6_IS_ADDR_LINKLOCAL(&six)) ::inet_ntop(AF_INET6, &six, text.data(), text.size());
    }
    return text.data();
}

void add(std::vector<std::string>& to, const std::string& host) {
    if (io::is_certificate_host(host) && std::find(to.begin(), to.end(), host) == to.end())
        to.push_back(host);
}

}  // namespace

std::vector<std::string> own_hosts() {
    std::vector<std::string> hosts;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) add(hosts, name.data());
    for (const char* always : {"localhost", "127.0.0.1", "::1"}) add(hosts, always);
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return hosts;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, &::freeifaddrs);
    for (const ifaddrs* i = first; i; i = i->ifa_next) add(hosts, address_of(i->ifa_addr));
    return hosts;
}

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1";
}

}  // namespace beam::dist::detail
