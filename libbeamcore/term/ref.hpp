// References: values that are made once and never again. The runtime makes fresh ones.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// A unique token. The default is none, and false.
struct ref {
    std::uint32_t node = 0;       ///< 0: this node; else an index into term/node_table.hpp
    std::uint32_t words[5] = {};  ///< least significant first; Erlang uses 3 to 5 of them

    [[nodiscard]] constexpr bool is_local() const noexcept { return node == 0; }
    constexpr explicit operator bool() const noexcept {
        return (node | words[0] | words[1] | words[2] | words[3] | words[4]) != 0;
    }
    friend constexpr bool operator==(const ref&, const ref&) noexcept = default;

    /// By node index (compare() of terms: by the node's name), then by the most significant word.
    friend constexpr std::strong_ordering operator<=>(const ref& a, const ref& b) noexcept {
        if (auto c = a.node <=> b.node; c != 0) return c;
        for (int i = 4; i > 0; --i)
            if (auto c = a.words[i] <=> b.words[i]; c != 0) return c;
        return a.words[0] <=> b.words[0];
    }
};
static_assert(sizeof(ref) == 24 && std::is_trivially_copyable_v<ref>);

/// `#Ref<0.W2.W1.W0>`; with W3 or W4 and W3 in front where they are not zero.
[[nodiscard]] BEAM_EXPORT std::string to_string(const ref& r);

}  // namespace beam

template <>
struct std::hash<beam::ref> {
    std::size_t operator()(const beam::ref& r) const noexcept {
        std::uint64_t h = r.node;
        for (auto w : r.words) h = (h ^ w) * 0x9E3779B97F4A7C15u, h ^= h >> 29;
        return h;
    }
};
