// message: one value in a mailbox.
//
// A message is a descriptor and bytes. Its type is known by the descriptor's address, never by RTTI:
// two versions of a module may both have a `struct join`, with different fields, and must not be taken
// for each other. A message of the same name from another module is converted through a term.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/runtime/detail/signal.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// True for what may be sent: an object that owns all it holds. Pointers, references and arrays are
/// refused here; views and shared mutable state are the sender's duty to keep out.
template <class T>
concept sendable =
    std::is_object_v<T> && !std::is_pointer_v<T> && !std::is_array_v<T> &&
    std::is_nothrow_move_constructible_v<T> && std::is_same_v<T, std::remove_cv_t<T>>;

/// An owned, typed value on its way to or in a mailbox. Move-only; moving is a pointer's cost.
class message {
public:
    message() = default;

    /// Wraps `value`. One allocation from the calling thread's cache.
    template <sendable T>
    static message make(T value) {
        constexpr auto layout = detail::layout_of(sizeof(detail::signal), sizeof(T), alignof(T));
        auto* s = detail::allocate_message(descriptor_of<T>(), layout);
        ::new (s->payload()) T(std::move(value));
        return message(s);
    }

    message(message&& other) noexcept : signal_(std::exchange(other.signal_, nullptr)) {}
    message& operator=(message&& other) noexcept {
        std::swap(signal_, other.signal_);
        return *this;
    }
    ~message() {
        if (signal_) detail::destroy_message(signal_);
    }

    explicit operator bool() const { return signal_ != nullptr; }

    /// What the message is: its type's descriptor. Not for an empty message.
    [[nodiscard]] const type_descriptor* type() const { return signal_->type; }

    /// True if `take<T>()` can give a T: the same type, or one of the same name from another module
    /// whose fields convert.
    template <class T>
    [[nodiscard]] bool is() {
        return signal_ && (signal_->type == descriptor_of<T>() ||
                           detail::adopt_message(signal_, descriptor_of<T>()));
    }

    /// The value, if it is a T.
    template <class T>
    [[nodiscard]] T* get_if() {
        return is<T>() ? static_cast<T*>(signal_->payload()) : nullptr;
    }

    /// The value moved out; the message is empty afterwards. Only after is<T>() said yes.
    template <class T>
    [[nodiscard]] T take() {
        detail::signal* s = std::exchange(signal_, nullptr);
        T* held = static_cast<T*>(s->payload());
        T value(std::move(*held));
        held->~T();
        detail::slab::give(s->size_class, s);
        return value;
    }

    /// The message as a term, as it would cross a seam. A type without declared fields gives
    /// `{opaque, <<"its name">>}`.
    [[nodiscard]] BEAM_EXPORT term to_term() const;

    // For the runtime.
    explicit message(detail::signal* s) : signal_(s) {}
    [[nodiscard]] detail::signal* release() { return std::exchange(signal_, nullptr); }
    [[nodiscard]] detail::signal* peek() const { return signal_; }

private:
    detail::signal* signal_ = nullptr;
};

}  // namespace beam
