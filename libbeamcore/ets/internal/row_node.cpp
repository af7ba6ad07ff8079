#include "libbeamcore/ets/internal/row_node.hpp"

#include <immintrin.h>

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

bool can_count(const term_node* n) {
    if (n->size > counter_arity_max) return false;
    const auto* words = reinterpret_cast<const std::uint64_t*>(n + 1);
    return std::all_of(words, words + n->size, is_immediate);
}

namespace {
term_node* make_tuple(std::span<const std::uint64_t> words) {
    auto* n = new_node(term_kind::tuple, words.size(), words.size_bytes());
    std::copy(words.begin(), words.end(), words_of(n));
    return n;
}
}  // namespace

term copy_counter(term_node* n, std::uint32_t* version) {
    std::uint64_t words[counter_arity_max];
    const std::size_t size = n->size;
    for (;;) {
        const std::uint32_t before = n->refs.load(std::memory_order_acquire);
        if (before % 2 != 0) {  // a few instructions, unless its thread was descheduled there
            _mm_pause();
            continue;
        }
        for (std::size_t i = 0; i < size; ++i)
            words[i] = std::atomic_ref(words_of(n)[i]).load(std::memory_order_acquire);
        if (n->refs.load(std::memory_order_relaxed) != before) continue;
        if (version) *version = before;
        break;
    }
    return term_access::from_node(make_tuple({words, size}));
}

term_node* make_counter(std::span<const std::uint64_t> words) {
    term_node* n = make_tuple(words);
    n->refs.store(0, std::memory_order_relaxed);  // its version
    return n;
}

void free_counter(void* node) noexcept {
    auto* n = static_cast<term_node*>(node);
    n->refs.store(1, std::memory_order_relaxed);
    release(n);
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

std::size_t bytes_of(const term& row) noexcept {
    const auto elements = row.elements();
    std::size_t all = allocated(sizeof(term_node) + elements.size_bytes());
    auto is_flat = [](const term& t) { return term_access::node(t) == nullptr; };
    if (std::all_of(elements.begin(), elements.end(), is_flat)) return all;
    std::vector<const term*> left;
    auto add = [&](const term& t) {
        if (!is_flat(t)) left.push_back(&t);
    };
    for (const term& e : elements) add(e);
    while (!left.empty()) {
        const term& t = *left.back();
        left.pop_back();
        if (t.kind() == term_kind::list) {
            // However the list is cut into nodes: equal lists take equally much.
            auto view = t.list_elements();
            std::size_t n = 0;
            for (const term& e : view) {
                add(e);
                ++n;
            }
            add(view.last_tail());
            all += allocated(sizeof(term_node) + (n + 1) * sizeof(term));
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

}  // namespace beam::detail::ets
