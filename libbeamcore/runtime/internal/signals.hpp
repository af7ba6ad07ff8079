// Making and freeing the runtime's own signals.
#pragma once

#include <new>
#include <utility>

#include "libbeamcore/runtime/internal/process_block.hpp"
#include "libbeamcore/runtime/internal/slab.hpp"

namespace beam::detail {

template <class S>
S* make_signal(signal_kind kind) {
    constexpr std::uint8_t c = slab::class_of(sizeof(S));
    S* s = ::new (slab::take(c, sizeof(S))) S();
    s->kind = kind;
    s->size_class = c;
    s->header = sizeof(S);
    s->bytes = sizeof(S);
    return s;
}

template <class S>
void free_signal(S* s) noexcept {
    const std::uint8_t c = s->size_class;
    s->~S();
    slab::give(c, s);
}

/// True for what lies in the mailbox and is seen by receive.
constexpr bool is_message(signal_kind k) {
    return k == signal_kind::message || k == signal_kind::alias_message ||
           k == signal_kind::request;
}

/// A signal that becomes the watcher's message where it lies: the watcher adds what it watches, and the tag.
[[nodiscard]] signal* make_down(const ref& monitor, term reason);

/// Takes a monitor of `pb` back, which it has forgotten already.
void stop_watch(process_block* pb, std::uint64_t id, const watch& w) noexcept;

/// What a message-like signal holds, as it crosses to another node: moved out if it is a term.
[[nodiscard]] term value_of(signal* s);

/// Frees a signal of any kind, with what it holds, telling nobody.
void discard(signal* s) noexcept;

}  // namespace beam::detail
