#include "libbeamcore/ets/internal/ordered_node.hpp"

#include <new>

namespace beam::detail::ets::ordered {

node::node(unsigned level, unsigned capacity, std::uint64_t born) noexcept
    : born_(born), capacity_(std::uint16_t(capacity)), level_(std::uint8_t(level)) {
    for (unsigned i = 0; i < capacity; ++i) new (slots() + i) slot;
}

node::owner node::make(unsigned level, unsigned capacity, std::uint64_t born) {
    void* memory = ::operator new(bytes_of(capacity));
    return owner(new (memory) node(level, capacity, born));
}

void node::free_bare(void* n) noexcept {
    ::operator delete(n, static_cast<node*>(n)->bytes());
}

void node::free_whole(void* memory) noexcept {
    const auto& n = *static_cast<node*>(memory);
    for (unsigned i = 0; i < n.count(); ++i) release(n.is_leaf() ? n.value(i) : n.key(i));
    free_bare(memory);
}

void node::prefetch() const noexcept {
    // The processor fetches the lines side by side, while a search would ask for one after the other.
    const auto* at = reinterpret_cast<const char*>(this);
    for (std::size_t i = 0; i < bytes_of(entries_max); i += 64) __builtin_prefetch(at + i);
}

void node::set_key(unsigned at, word key) noexcept {
    if (!is_small(key)) all_small_.store(false, std::memory_order_release);
    slots()[at].key.store(key, std::memory_order_release);
}

void node::insert(unsigned at, word key, word value) noexcept {
    auto n = count();
    for (auto i = n; i > at; --i) move(i - 1, i);
    put(at, key, value);
    set_count(n + 1);
}

void node::remove(unsigned at) noexcept {
    auto n = count();
    for (auto i = at + 1; i < n; ++i) move(i, i - 1);
    truncate(n - 1);
}

void node::append(const node& other, unsigned from, unsigned to) noexcept {
    auto n = count();
    for (; from < to; ++from, ++n) put(n, other.key(from), other.value(from));
    set_count(n);
}

void node::prepend(const node& other, unsigned from, unsigned to) noexcept {
    auto more = to - from, n = count();
    for (auto i = n; i > 0; --i) move(i - 1, i - 1 + more);
    for (unsigned i = 0; i < more; ++i) put(i, other.key(from + i), other.value(from + i));
    set_count(n + more);
}

void node::truncate(unsigned count) noexcept {
    for (auto i = count, n = this->count(); i < n; ++i) {
        slots()[i].key.store(no_key, std::memory_order_release);
        slots()[i].value.store(no_value, std::memory_order_release);
    }
    set_count(count);
}

void node::remove_front(unsigned gone) noexcept {
    auto n = count();
    for (auto i = gone; i < n; ++i) move(i, i - gone);
    truncate(n - gone);
}

void node::retain_all() noexcept {
    for (unsigned i = 0, n = count(); i < n; ++i) retain(is_leaf() ? value(i) : key(i));
}

}  // namespace beam::detail::ets::ordered
