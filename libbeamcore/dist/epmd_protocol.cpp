#include "libbeamcore/dist/epmd_protocol.hpp"

#include <charconv>
#include <cstdlib>

#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/dist/node_name.hpp"

namespace beam::dist {

using detail::byte_reader;
using detail::put_u16;
using detail::put_u32;
using detail::put_u8;

namespace {

enum epmd_tag : std::uint8_t {
    kill_request = 107,
    names_request = 110,
    alive_answer_extended = 118,
    port_answer = 119,
    alive_request = 120,
    alive_answer = 121,
    port_request = 122,
};

constexpr std::size_t port_answer_max = 2 * epmd_request_max;

void put_node(std::string& to, const epmd_node& n) {
    put_u16(to, n.port);
    put_u8(to, std::uint8_t(n.type));
    put_u8(to, n.protocol);
    put_u16(to, n.highest);
    put_u16(to, n.lowest);
    put_u16(to, n.name.size());
    to += n.name;
    put_u16(to, n.extra.size());
    to += n.extra;
}

std::optional<epmd_node> take_node(byte_reader& r) {
    epmd_node n;
    n.port = r.u16();
    n.type = epmd_node_type(r.u8());
    n.protocol = r.u8();
    n.highest = r.u16();
    n.lowest = r.u16();
    n.name = r.bytes(r.u16());
    n.extra = r.bytes(r.u16());
    if (!r.at_end() || n.port == 0 || !is_node_name_part(n.name)) return {};
    return n;
}

std::string body_of(const epmd_alive_request& q) {
    std::string body(1, char(alive_request));
    put_node(body, q.node);
    return body;
}
std::string body_of(const epmd_port_request& q) {
    return char(port_request) + q.name;
}
std::string body_of(const epmd_names_request&) {
    return std::string(1, char(names_request));
}
std::string body_of(const epmd_kill_request&) {
    return std::string(1, char(kill_request));
}

std::optional<epmd_request> request_of(std::string_view body) {
    byte_reader r(body);
    switch (r.u8()) {
        case alive_request:
            if (auto n = take_node(r)) return epmd_alive_request{*std::move(n)};
            return {};
        case port_request:
            if (!is_node_name_part(r.rest())) return {};
            return epmd_port_request{std::string(r.rest())};
        case names_request:
            if (r.at_end()) return epmd_names_request{};
            return {};
        case kill_request:
            if (r.at_end()) return epmd_kill_request{};
            return {};
        default:
            return {};
    }
}

// `name NAME at port PORT`
std::optional<epmd_name> name_of(std::string_view line) {
    constexpr std::string_view before = "name ", between = " at port ";
    const auto middle = line.rfind(between);
    if (line.substr(0, before.size()) != before || middle == std::string_view::npos ||
        middle < before.size())
        return {};
    epmd_name n;
    n.name = line.substr(before.size(), middle - before.size());
    const auto digits = line.substr(middle + between.size());
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n.port);
    if (ec != std::errc() || end != digits.data() + digits.size() || n.name.empty()) return {};
    return n;
}

}  // namespace

std::uint16_t epmd_port_from_environment() {
    const char* text =
        std::getenv("ERL_EPMD_PORT");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (!text) return epmd_default_port;
    const std::string_view digits(text);
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool all = ec == std::errc() && end == digits.data() + digits.size();
    return all && port != 0 ? port : epmd_default_port;
}

std::string encode_epmd_request(const epmd_request& request) {
    const std::string body = std::visit([](const auto& q) { return body_of(q); }, request);
    std::string bytes;
    put_u16(bytes, body.size());
    return bytes + body;
}

result<std::optional<epmd_received>> decode_epmd_request(std::string_view bytes) {
    if (bytes.size() < 2) return std::nullopt;
    const std::size_t length = detail::number_at<2>(bytes.data());
    if (length > epmd_request_max)
        return fail("too_long", "a request of " + std::to_string(length) + " bytes");
    if (length == 0) return fail("bad_request", "an empty one");
    // Not every byte of a bad one need come.
    if (bytes.size() - 2 < length) return std::nullopt;
    auto request = request_of(bytes.substr(2, length));
    if (!request) return fail("bad_request", "of type " + std::to_string(std::uint8_t(bytes[2])));
    return epmd_received{*std::move(request), 2 + length};
}

std::string encode_epmd_alive(bool taken, std::uint32_t creation, bool extended) {
    std::string bytes(1, char(extended ? alive_answer_extended : alive_answer));
    put_u8(bytes, taken ? 1 : 0);
    if (extended)
        put_u32(bytes, creation);
    else
        put_u16(bytes, 1 + creation % 3);  // all that old nodes have room for
    return bytes;
}

std::string encode_epmd_port(const epmd_node* found) {
    std::string bytes(1, char(port_answer));
    put_u8(bytes, found ? 0 : 1);
    if (found) put_node(bytes, *found);
    return bytes;
}

std::string encode_epmd_names(std::uint16_t epmd_port, std::span<const epmd_name> names) {
    std::string bytes;
    put_u32(bytes, epmd_port);
    for (const auto& n : names)
        bytes += "name " + n.name + " at port " + std::to_string(n.port) + "\n";
    return bytes;
}

result<std::optional<std::uint32_t>> decode_epmd_alive(std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    byte_reader r(bytes);
    const auto tag = r.u8();
    if (tag != alive_answer_extended && tag != alive_answer)
        return fail("bad_answer", "to a registration: it begins with " + std::to_string(tag));
    const bool taken = r.u8() != 0;
    if (taken && r.ok()) return fail("name_taken", "another node of that name is registered");
    const std::uint32_t creation = tag == alive_answer ? r.u16() : r.u32();
    if (!r.ok()) return std::nullopt;
    if (creation == 0) return fail("bad_answer", "a creation of 0");
    return creation;
}

result<epmd_node> decode_epmd_port(std::string_view bytes) {
    byte_reader r(bytes);
    if (bytes.size() > port_answer_max || r.u8() != port_answer)
        return fail("bad_answer", "to the question for a port");
    if (r.u8() != 0) return fail("unknown_node", "no node of that name is registered");
    auto n = take_node(r);
    if (!n) return fail("bad_answer", "to the question for a port: cut or with a bad name");
    return *std::move(n);
}

result<std::vector<epmd_name>> decode_epmd_names(std::string_view bytes) {
    if (bytes.size() < 4) return fail("bad_answer", "to the question for names: it is cut");
    bytes.remove_prefix(4);
    std::vector<epmd_name> names;
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        auto n = name_of(bytes.substr(0, end));
        if (end == std::string_view::npos || !n)
            return fail("bad_answer", "to the question for names: not a line of it");
        names.push_back(*std::move(n));
        bytes.remove_prefix(end + 1);
    }
    return names;
}

}  // namespace beam::dist
