// How people write which nodes there are: `name@host`, or with its address, `name@host=ADDR:PORT`. Text only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::dist {

/// Where a node listens: a numeric address, or the name of a host.
struct node_address {
    std::string host;
    std::uint16_t port = 0;
    friend bool operator==(const node_address&, const node_address&) = default;
};

struct listed_node {
    std::string name;                ///< `name@host`
    std::optional<node_address> at;  ///< none: EPMD is asked
    friend bool operator==(const listed_node&, const listed_node&) = default;
};

/// A name of the DNS whose addresses are nodes: `PREFIX@ADDRESS` for each.
struct listed_dns_name {
    std::string prefix;
    std::string host;
    std::uint16_t port = 0;  ///< where they listen; 0: each host's EPMD is asked
    friend bool operator==(const listed_dns_name&, const listed_dns_name&) = default;
};

/// Reads `name@host` or `name@host=ADDR:PORT`; an IPv6 address stands in brackets. Errors: `bad_node`.
[[nodiscard]] BEAM_EXPORT result<listed_node> parse_listed_node(std::string_view text);
/// Some of them with commas between; none twice. Errors: `bad_node`.
[[nodiscard]] BEAM_EXPORT result<std::vector<listed_node>> parse_node_list(std::string_view text);
/// Reads `[PREFIX@]HOST[:PORT]`; the prefix is `own_prefix` if it is not said. Errors: `bad_dns_name`.
[[nodiscard]] BEAM_EXPORT result<listed_dns_name> parse_dns_name(std::string_view text,
                                                                 std::string_view own_prefix);
/// Some of them with commas between. Errors: `bad_dns_name`.
[[nodiscard]] BEAM_EXPORT result<std::vector<listed_dns_name>> parse_dns_names(
    std::string_view text, std::string_view own_prefix);

/// As parse_listed_node() reads it.
[[nodiscard]] BEAM_EXPORT std::string print_listed_node(const listed_node& node);

}  // namespace beam::dist
