#include "libbeamcore/ets/internal/row_word.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "libbeamcore/ets/internal/table_store.hpp"

namespace beam::detail::ets {

row_group* row_group::make(std::uint32_t capacity) {
    auto* g = new (::operator new(bytes(capacity))) row_group;
    g->capacity = capacity;
    return g;
}

void row_group::free(void* group) noexcept {
    ::operator delete(group);
}

namespace {
// What the allocator takes for that many bytes: 8 of its own, in steps of 16, at least 32.
std::size_t allocated(std::size_t bytes) {
    return std::max<std::size_t>(32, (bytes + 8 + 15) & ~std::size_t(15));
}

std::size_t node_bytes(const term& t) {
    constexpr std::size_t header = sizeof(term_node);
    switch (t.kind()) {
        case term_kind::tuple:
            return header + t.elements().size() * sizeof(term);
        case term_kind::map:
            return header + t.map_size() * sizeof(map_entry);
        case term_kind::bitstring:
            return header + t.bytes().size();
        case term_kind::integer:
            return header + term_access::node(t)->size * sizeof(std::uint64_t);
        case term_kind::fun:
            return header + sizeof(fun);
        case term_kind::floating:
            return header + sizeof(double);
        default:
            return header + sizeof(ref);
    }
}
}  // namespace

std::size_t bytes_of_boxed(const std::uint64_t* words, std::size_t n) noexcept {
    std::size_t all = 0;
    std::vector<const term*> left;
    auto add = [&left](const term& t) {
        if (term_access::node(t)) left.push_back(&t);
    };
    // Words of terms are terms.
    for (std::size_t i = 0; i < n; ++i) add(reinterpret_cast<const term&>(words[i]));
    while (!left.empty()) {
        const term& t = *left.back();
        left.pop_back();
        if (t.kind() == term_kind::list) {
            // However the list is cut into nodes: equal lists take equally much.
            auto view = t.list_elements();
            std::size_t length = 0;
            for (const term& e : view) {
                add(e);
                ++length;
            }
            add(view.last_tail());
            all += allocated(sizeof(term_node) + (length + 1) * sizeof(term));
            continue;
        }
        all += allocated(node_bytes(t));
        for (const term& e : t.elements()) add(e);
        for (const auto& e : t.entries()) {
            add(e.key);
            add(e.value);
        }
    }
    return all;
}

std::size_t bytes_of(const term& row) noexcept {
    const auto elements = row.elements();
    return allocated(sizeof(term_node) + elements.size_bytes()) +
           bytes_of_elements(reinterpret_cast<const std::uint64_t*>(elements.data()),
                             elements.size());
}

}  // namespace beam::detail::ets
