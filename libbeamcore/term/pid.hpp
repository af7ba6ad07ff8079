// Process identifiers and port identifiers, as values.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// Names a process. Says nothing about whether it lives. The default names none and is false.
struct pid {
    std::uint32_t id = 0;  ///< the slot; on a node of ours below 2^28
    std::uint32_t serial =
        0;  ///< how often the slot has been used: a stale pid never equals a new one
    std::uint32_t node = 0;  ///< 0: this node; else an index into term/node_table.hpp

    [[nodiscard]] constexpr bool is_local() const noexcept { return node == 0; }
    constexpr explicit operator bool() const noexcept { return (id | serial | node) != 0; }
    friend constexpr bool operator==(const pid&, const pid&) noexcept = default;

    /// Oldest first on one node, as Erlang's. Between nodes the order is that of the table's
    /// indices; compare() of terms goes by the nodes' names.
    friend constexpr std::strong_ordering operator<=>(const pid& a, const pid& b) noexcept {
        if (auto c = a.serial <=> b.serial; c != 0) return c;
        if (auto c = a.id <=> b.id; c != 0) return c;
        return a.node <=> b.node;
    }
};
static_assert(sizeof(pid) == 12 && std::is_trivially_copyable_v<pid>);

/// Names a port of an Erlang node. Here nothing has one; they are carried, compared and printed.
struct port {
    std::uint64_t id = 0;
    std::uint32_t node = 0;

    constexpr explicit operator bool() const noexcept { return id != 0 || node != 0; }
    friend constexpr bool operator==(const port&, const port&) noexcept = default;
    friend constexpr auto operator<=>(const port&, const port&) noexcept = default;
};

/// `<0.215.3>`: node index, id, serial.
[[nodiscard]] BEAM_EXPORT std::string to_string(const pid& p);
/// `#Port<0.5>`.
[[nodiscard]] BEAM_EXPORT std::string to_string(const port& p);

}  // namespace beam

template <>
struct std::hash<beam::pid> {
    std::size_t operator()(const beam::pid& p) const noexcept {
        std::uint64_t h = (std::uint64_t(p.serial) << 32 | p.id) ^ (std::uint64_t(p.node) << 20);
        h *= 0x9E3779B97F4A7C15u;
        return h ^ (h >> 32);
    }
};
