// One node of a list: some elements, and what follows them.
#pragma once

#include <cstddef>

#include "libbeamcore/term/term.hpp"

namespace beam::detail {

struct list_part {
    const term* first = nullptr;
    std::size_t count = 0;  // 0: `t` was no list of elements
    const term* tail = nullptr;
};

struct list_slice {
    term base;  // a list node that is no slice
    std::uint64_t offset;
};

inline list_part part_of(const term_node* n) noexcept {
    if (n->flags != 0) {
        const auto* slice = reinterpret_cast<const list_slice*>(n + 1);
        const auto* base = term_access::node(slice->base);
        const auto* body = reinterpret_cast<const term*>(base + 1);
        return {body + 1 + slice->offset, n->size, body};
    }
    const auto* body = reinterpret_cast<const term*>(n + 1);
    return {body + 1, n->size, body};
}

inline list_part part_of(const term& t) noexcept {
    const auto* n = term_access::node(t);
    if (!n || n->kind != std::uint8_t(term_kind::list)) return {};
    return part_of(n);
}

}  // namespace beam::detail
