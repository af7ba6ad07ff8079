#include "libbeamcore/ets/internal/chunk.hpp"

#include <time.h>

#include <new>

namespace beam::detail::ets {

void spin_pause::sleep() {
    const timespec moment{0, 50'000};
    ::nanosleep(&moment, nullptr);
}

chunk* chunk::make(unsigned lines, unsigned depth, unsigned base, std::uint64_t prefix) {
    const std::size_t size = bytes(lines);
    auto* memory = static_cast<char*>(::operator new(size, std::align_val_t(64)));
    auto* c = new (memory) chunk;
    c->lines = lines;
    c->depth = std::uint8_t(depth);
    c->base = std::uint8_t(base);
    c->prefix = prefix;
    for (unsigned i = 0; i < lines * slots_a_line; ++i)
        new (c->line(0) + i) std::atomic<std::uint64_t>(0);
    for (unsigned i = 0; i < lines; ++i) new (&c->passed(i)) std::atomic<std::uint16_t>(0);
    return c;
}

void chunk::free_shell(void* c) noexcept {
    ::operator delete(c, std::align_val_t(64));
}

void chunk::free_all(void* memory) noexcept {
    auto* c = static_cast<chunk*>(memory);
    for (unsigned i = 0; i < c->capacity(); ++i) {
        const std::uint64_t w = c->line(0)[i].load(std::memory_order_relaxed);
        if (w == 0) continue;
        switch (row_word::kind(w)) {
            case row_kind::shared:
                release(row_word::node(w));
                break;
            case row_kind::counter:
                free_counter(row_word::node(w));
                break;
            case row_kind::group:
                for (term_node* n : group_of(w)->all()) release(n);
                row_group::free(group_of(w));
                break;
        }
    }
    free_shell(c);
}

// So many that the number is lost: then the line counts as passed for as long as the chunk lasts.
void chunk::count_passing(unsigned i, int by) {
    constexpr std::uint16_t lost = 0xffff;
    const std::uint16_t before = passed(i).load(std::memory_order_relaxed);
    if (before != lost) passed(i).store(std::uint16_t(before + by), std::memory_order_release);
}

std::atomic<std::uint64_t>* chunk::put(std::uint64_t word) {
    unsigned i = home(row_word::tag(word));
    for (;;) {
        for (unsigned j = 0; j < slots_a_line; ++j) {
            auto* slot = line(i) + j;
            if (slot->load(std::memory_order_relaxed) != 0) continue;
            slot->store(word, std::memory_order_release);
            ++used;
            return slot;
        }
        count_passing(i, +1);
        i = i + 1 == lines ? 0 : i + 1;
    }
}

void chunk::remove(std::atomic<std::uint64_t>* slot) {
    const std::uint64_t word = slot->load(std::memory_order_relaxed);
    const auto at = unsigned(slot - line(0)) / slots_a_line;
    slot->store(0, std::memory_order_release);
    --used;
    for (unsigned i = home(row_word::tag(word)); i != at; i = i + 1 == lines ? 0 : i + 1) {
        count_passing(i, -1);
    }
}

}  // namespace beam::detail::ets
