// What is said to and by EPMD, Erlang's daemon that knows the ports of the nodes of a host. Bytes only; epmd.hpp does it.
//
// Requests begin with a length of two bytes, answers have none (erlang/otp:erts/epmd/src/epmd_srv.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::dist {

inline constexpr std::uint16_t epmd_default_port = 4369;

/// ERL_EPMD_PORT if that is a port, else the default.
[[nodiscard]] BEAM_EXPORT std::uint16_t epmd_port_from_environment();

/// What a node says of itself. Only information: whether it is hidden is said by its flags.
enum class epmd_node_type : std::uint8_t { normal = 77, hidden = 72 };

/// A node as EPMD knows it.
struct epmd_node {
    std::string name;  ///< what is before the `@`
    std::uint16_t port = 0;
    epmd_node_type type = epmd_node_type::normal;
    std::uint8_t protocol = 0;  ///< TCP over IPv4 (and TLS, and IPv6: it says nothing)
    std::uint16_t highest = 6;  ///< versions of the handshake
    std::uint16_t lowest = 5;   ///< as OTP 25 has it
    std::string extra;
    friend bool operator==(const epmd_node&, const epmd_node&) = default;
};

/// A line of the answer to epmd_names_request.
struct epmd_name {
    std::string name;
    std::uint16_t port = 0;
    friend bool operator==(const epmd_name&, const epmd_name&) = default;
};

/// Registers the node for as long as the connection lives.
struct epmd_alive_request {
    epmd_node node;
};
struct epmd_port_request {
    std::string name;
};
struct epmd_names_request {};
struct epmd_kill_request {};
using epmd_request =
    std::variant<epmd_alive_request, epmd_port_request, epmd_names_request, epmd_kill_request>;

inline constexpr std::size_t epmd_request_max = 1024;  ///< bytes of a request without its length

/// With its length.
[[nodiscard]] BEAM_EXPORT std::string encode_epmd_request(const epmd_request& request);

struct epmd_received {
    epmd_request request;
    std::size_t size = 0;  ///< bytes that it took
};
/// The request that `bytes` begins with; none: it is not whole yet. Errors: `too_long`, `bad_request` (unknown, cut, or with
/// a name that cannot be).
[[nodiscard]] BEAM_EXPORT result<std::optional<epmd_received>> decode_epmd_request(
    std::string_view bytes);

/// Answers; `extended`: the caller speaks version 6.
[[nodiscard]] BEAM_EXPORT std::string encode_epmd_alive(bool taken, std::uint32_t creation,
                                                        bool extended);
[[nodiscard]] BEAM_EXPORT std::string encode_epmd_port(const epmd_node* found);
[[nodiscard]] BEAM_EXPORT std::string encode_epmd_names(std::uint16_t epmd_port,
                                                        std::span<const epmd_name> names);

/// The creation; none: it is not whole yet. Errors: `name_taken`, `bad_answer`.
[[nodiscard]] BEAM_EXPORT result<std::optional<std::uint32_t>> decode_epmd_alive(
    std::string_view bytes);
/// Of all that came until the end. Errors: `unknown_node`, `bad_answer`.
[[nodiscard]] BEAM_EXPORT result<epmd_node> decode_epmd_port(std::string_view bytes);
/// Of all that came until the end. Errors: `bad_answer`.
[[nodiscard]] BEAM_EXPORT result<std::vector<epmd_name>> decode_epmd_names(std::string_view bytes);

}  // namespace beam::dist
