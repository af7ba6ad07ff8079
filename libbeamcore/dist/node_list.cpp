#include "libbeamcore/dist/node_list.hpp"

#include <algorithm>
#include <charconv>

#include "libbeamcore/dist/node_name.hpp"

namespace beam::dist {

namespace {

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, port);
    if (failed != std::errc() || rest != end || port == 0) return {};
    return port;
}

// `HOST:PORT` or `[V6]:PORT`.
std::optional<node_address> address_of(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    const auto port = port_of(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (in_brackets) host = host.substr(1, host.size() - 2);
    // Without brackets it could be read in two ways.
    if (!port || (!in_brackets && host.find_first_of(":[]") != std::string_view::npos)) return {};
    return node_address{std::string(host), *port};
}

std::vector<std::string_view> parts_between_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    for (auto end = text.find(','); end != std::string_view::npos; end = text.find(',')) {
        parts.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    parts.push_back(text);
    return parts;
}

}  // namespace

result<listed_node> parse_listed_node(std::string_view text) {
    const auto equals = text.find('=');
    listed_node node;
    node.name = text.substr(0, equals);
    if (!split_node_name(node.name))
        return fail("bad_node", "\"" + node.name + "\" is no node's name: name@host");
    if (equals == std::string_view::npos) return node;
    node.at = address_of(text.substr(equals + 1));
    if (!node.at)
        return fail("bad_node", "\"" + std::string(text) + "\" has no address as 10.0.0.1:9100");
    return node;
}

result<std::vector<listed_node>> parse_node_list(std::string_view text) {
    std::vector<listed_node> list;
    for (const auto part : parts_between_commas(text)) {
        auto node = parse_listed_node(part);
        if (!node) return pass(node);
        const bool twice = std::any_of(list.begin(), list.end(),
                                       [&](const listed_node& n) { return n.name == node->name; });
        if (twice) return fail("bad_node", "\"" + node->name + "\" is in the list twice");
        list.push_back(*std::move(node));
    }
    return list;
}

result<listed_dns_name> parse_dns_name(std::string_view text, std::string_view own_prefix) {
    const std::string whole(text);
    listed_dns_name name;
    const auto at = text.find('@');
    name.prefix = at == std::string_view::npos ? own_prefix : text.substr(0, at);
    if (at != std::string_view::npos) text.remove_prefix(at + 1);
    if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        const auto port = port_of(text.substr(colon + 1));
        if (!port) return fail("bad_dns_name", "\"" + whole + "\" has no port behind the colon");
        name.port = *port;
        text = text.substr(0, colon);
    }
    name.host = text;
    if (!is_node_name_part(name.prefix) || !is_node_name_part(name.host) ||
        name.host.find_first_of("=,") != std::string::npos)
        return fail("bad_dns_name", "\"" + whole + "\" is not [PREFIX@]HOST[:PORT]");
    return name;
}

result<std::vector<listed_dns_name>> parse_dns_names(std::string_view text,
                                                     std::string_view own_prefix) {
    std::vector<listed_dns_name> list;
    for (const auto part : parts_between_commas(text)) {
        auto name = parse_dns_name(part, own_prefix);
        if (!name) return pass(name);
        list.push_back(*std::move(name));
    }
    return list;
}

std::string print_listed_node(const listed_node& node) {
    if (!node.at) return node.name;
    const bool is_v6 = node.at->host.find(':') != std::string::npos;
    return node.name + "=" + (is_v6 ? "[" + node.at->host + "]" : node.at->host) + ":" +
           std::to_string(node.at->port);
}

}  // namespace beam::dist
