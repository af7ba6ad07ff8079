// The node of every signal queue. Users never name it; message<T> construction needs its layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/detail/slab_cache.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

enum class signal_kind : std::uint8_t {
    message,        // an ordinary message
    alias_message,  // a message to an alias: dropped unless the alias is active
    request,        // a call: a message that is also a monitor until it is answered
    reply,          // the answer to a request
    request_down,   // the request will never be answered: why
    answered,       // a request was answered by somebody else
    exit,           // exit/2, or the death of a linked process
    link,
    unlink,
    unlink_ack,
    monitor,
    demonitor,
    down,    // a monitored process died
    wake,    // a receive's time is up
    system,  // a function to be run by the process between two handlers
};

/// Header of a signal; for the message kinds the value follows it. 24 bytes, so that a small message
/// fits in one 32-byte slab cell. `size_class` says where the memory goes back to.
struct signal {
    signal* next = nullptr;
    signal_kind kind = signal_kind::message;
    std::uint8_t size_class = 0;
    std::uint16_t header = 0;  // bytes from here to the payload
    std::uint32_t bytes = 0;   // what it holds of memory
    const type_descriptor* type = nullptr;

    [[nodiscard]] void* payload() { return reinterpret_cast<char*>(this) + header; }
};
static_assert(sizeof(signal) == 24);

/// A call: who asks, and the number under which the answer finds the request.
struct request_signal : signal {
    std::uint64_t id = 0;
    beam::pid caller;
    std::uint32_t unused = 0;
};
struct reply_signal : signal {
    std::uint64_t id = 0;
};

/// Where a value of some size lies behind a header, and what memory that takes.
struct signal_layout {
    std::uint16_t header;  // 0: its alignment is more than memory has, so it depends on the address
    std::uint8_t size_class;
    std::uint32_t bytes;
};
constexpr signal_layout layout_of(std::size_t header, std::size_t size, std::size_t align) {
    if (align < 8) align = 8;
    if (align > 16)
        return {0, slab::class_of(header + size + align), std::uint32_t(header + size + align)};
    header = (header + align - 1) / align * align;
    return {std::uint16_t(header), slab::class_of(header + size), std::uint32_t(header + size)};
}

/// The first place behind a header of `size` bytes at `s` with that alignment.
inline std::uint16_t header_of(const void* s, std::size_t size, std::size_t align) {
    const auto at = reinterpret_cast<std::uintptr_t>(s);
    return std::uint16_t((at + size + align - 1) / align * align - at);
}

/// A message-like signal with a header of type S and room for a value, which is not constructed.
template <class S>
[[nodiscard]] inline S* make_carrier(signal_kind kind, const type_descriptor* type,
                                     signal_layout layout) {
    S* s = ::new (slab::take(layout.size_class, layout.bytes)) S;
    s->kind = kind;
    s->size_class = layout.size_class;
    s->header = layout.header != 0 ? layout.header : header_of(s, sizeof(S), type->align);
    s->bytes = layout.bytes;
    s->type = type;
    return s;
}
template <class S>
[[nodiscard]] inline S* make_carrier(signal_kind kind, const type_descriptor* type) {
    return make_carrier<S>(kind, type, layout_of(sizeof(S), type->size, type->align));
}

/// A message signal with room for a value of that type behind it. The value is not constructed.
[[nodiscard]] inline signal* allocate_message(const type_descriptor* type, signal_layout layout) {
    return make_carrier<signal>(signal_kind::message, type, layout);
}
[[nodiscard]] inline signal* allocate_message(const type_descriptor* type) {
    return allocate_message(type, layout_of(sizeof(signal), type->size, type->align));
}
BEAM_EXPORT void destroy_message(signal* s) noexcept;

/// Converts, in place of `s`, a message of the same name from another module to `wanted`. False, and
/// nothing changed, if the names differ or the fields do not convert.
[[nodiscard]] BEAM_EXPORT bool adopt_message(signal*& s, const type_descriptor* wanted);

/// Memory from the calling thread's cache, for coroutine frames and bodies.
[[nodiscard]] BEAM_EXPORT void* allocate(std::size_t bytes);
BEAM_EXPORT void deallocate(void* p, std::size_t bytes) noexcept;

}  // namespace beam::detail
