#include "libbeamcore/ets/internal/chunk.hpp"

#include <time.h>

#include <new>

#include "libbeamcore/ets/internal/chunk_memory.hpp"

namespace beam::detail::ets {

void spin_pause::sleep() {
    const timespec moment{0, 50'000};
    ::nanosleep(&moment, nullptr);
}

void lock_slowly(chunk* c) {
    spin_pause pause;
    while (!try_lock(c)) pause();
}

chunk* chunk::make(unsigned lines, unsigned arity, unsigned depth, unsigned base,
                   std::uint64_t prefix) {
    const std::size_t size = bytes(lines, arity);
    const bool is_greatest = lines == lines_max(arity) && arity < chunk_kinds;
    auto* c = new (is_greatest ? take_chunk_memory(arity, size)
                               : ::operator new(size, std::align_val_t(64))) chunk;
    c->lines = lines;
    c->arity = std::uint8_t(arity);
    c->depth = std::uint8_t(depth);
    c->base = std::uint8_t(base);
    c->prefix = prefix;
    // Elements are written before the slot that says they are there, and read after it.
    for (unsigned i = 0; i < lines; ++i)
        for (unsigned j = 0; j < slots_a_line; ++j) new (c->line(i) + j) atomic_word(0);
    for (unsigned i = 0; i < lines; ++i) new (&c->passed(i)) std::atomic<std::uint16_t>(0);
    return c;
}

void chunk::free_shell(void* memory) noexcept {
    const auto* c = static_cast<const chunk*>(memory);
    if (c->lines == c->lines_max() && c->arity < chunk_kinds)
        give_chunk_memory(c->arity, memory);
    else
        ::operator delete(memory, std::align_val_t(64));
}

void chunk::free_all(void* memory) noexcept {
    auto* c = static_cast<chunk*>(memory);
    c->for_each([c](std::uint64_t w, const atomic_word* elements) {
        if (row_word::kind(w) == row_kind::shared) {
            release(row_word::node(w));
        } else if (row_word::kind(w) == row_kind::group) {
            for (term_node* n : group_of(w)->all()) release(n);
            row_group::free(group_of(w));
        } else {
            for (unsigned i = 0; i < c->arity; ++i)
                (void)term_access::from_word(elements[i].load(std::memory_order_relaxed));
        }
    });
    free_shell(c);
}

// So many that the number is lost: then the line counts as passed for as long as the chunk lasts.
void chunk::count_passing(unsigned i, int by) {
    constexpr std::uint16_t lost = 0xffff;
    const std::uint16_t before = passed(i).load(std::memory_order_relaxed);
    if (before == lost) return;
    const auto now = std::uint16_t(before + by);
    passed(i).store(now, std::memory_order_release);
    const std::uint64_t all = passed_lines.load(std::memory_order_relaxed);
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    if (now != 0)
        passed_lines.store(all | bit, std::memory_order_release);
    else if (lines <= 64)
        passed_lines.store(all & ~bit, std::memory_order_release);
}

void chunk::fill_beyond(std::uint8_t* filled, unsigned i, std::uint64_t word,
                        const atomic_word* elements) {
    while (filled[i] == slots_a_line) {
        count_passing(i, +1);
        i = i + 1 == lines ? 0 : i + 1;
    }
    set(i, filled[i]++, word, elements);
}

void chunk::put_at(unsigned i, std::uint64_t word, const std::uint64_t* elements) {
    for (;;) {
        atomic_word* slots = line(i);
        if (unsigned free = free_slots(slots)) {
            put_in_slot(slots, take_slot(free), word, elements);
            return;
        }
        count_passing(i, +1);
        i = i + 1 == lines ? 0 : i + 1;
    }
}

void chunk::remove(atomic_word* slot) {
    const std::uint64_t word = slot->load(std::memory_order_relaxed);
    const auto at = unsigned((slot - line(0)) / (line(1) - line(0)));
    slot->store(0, std::memory_order_release);
    --used;
    for (unsigned i = home(row_word::tag(word)); i != at; i = i + 1 == lines ? 0 : i + 1)
        count_passing(i, -1);
}

}  // namespace beam::detail::ets
