#include "libbeamcore/ets/internal/ordered_node.hpp"

#include <new>

namespace beam::detail::ets::ordered {

node::node(unsigned level, unsigned capacity, std::uint64_t born, layout how) noexcept
    : born_(born),
      base_(how.base),
      capacity_(std::uint16_t(capacity)),
      level_(std::uint8_t(level)),
      is_packed_(how.is_packed) {
    for (unsigned i = 0; i < capacity; ++i) {
        if (is_packed_)
            new (packed() + i) packed_slot(0);
        else
            new (slots() + i) slot;
    }
}

node::owner node::make(unsigned level, unsigned capacity, std::uint64_t born, layout how) {
    auto size_of_slot = how.is_packed ? sizeof(packed_slot) : sizeof(slot);
    void* memory = ::operator new(sizeof(node) + std::size_t(capacity) * size_of_slot);
    return owner(new (memory) node(level, capacity, born, how));
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
    // The processor fetches the lines side by side, while a search would ask for one after the other. As many as a
    // packed leaf has: it is that, or the half with the middle in it.
    constexpr auto bytes = sizeof(node) + entries_max * sizeof(packed_slot);
    const auto* at = reinterpret_cast<const char*>(this);
    for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(at + i);
}

void node::put(unsigned at, word key, word value) noexcept {
    if (is_packed_) {
        packed()[at].store(distance(key) << distance_shift | value >> 4, std::memory_order_release);
        return;
    }
    set_key(at, key);
    slots()[at].value.store(value, std::memory_order_release);
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
        if (is_packed_) {
            packed()[i].store(0, std::memory_order_release);
            continue;
        }
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
