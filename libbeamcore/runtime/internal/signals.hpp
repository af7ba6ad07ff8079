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

/// The first place behind a header of `size` bytes at `s` with that alignment.
inline std::uint16_t header_of(const void* s, std::size_t size, std::size_t align) {
    const auto at = reinterpret_cast<std::uintptr_t>(s);
    return std::uint16_t((at + size + align - 1) / align * align - at);
}

/// A message-like signal with a header of type S and room for a value.
template <class S>
S* make_carrier(signal_kind kind, const type_descriptor* type, signal_layout layout) {
    S* s = ::new (slab::take(layout.size_class, layout.bytes)) S;
    s->kind = kind;
    s->size_class = layout.size_class;
    s->header = layout.header != 0 ? layout.header : header_of(s, sizeof(S), type->align);
    s->bytes = layout.bytes;
    s->type = type;
    return s;
}
template <class S>
S* make_carrier(signal_kind kind, const type_descriptor* type) {
    return make_carrier<S>(kind, type, layout_of(sizeof(S), type->size, type->align));
}

/// True for what lies in the mailbox and is seen by receive.
constexpr bool is_message(signal_kind k) {
    return k == signal_kind::message || k == signal_kind::alias_message ||
           k == signal_kind::request;
}

/// Frees a signal of any kind, with what it holds, telling nobody.
void discard(signal* s) noexcept;

}  // namespace beam::detail
