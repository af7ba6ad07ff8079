// any_value: one value of any type that can be a message; a state machine's state.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/term/descriptor.hpp"

namespace beam::detail {

/// Move-only. Small values lie in it.
class any_value {
public:
    any_value() noexcept = default;
    template <sendable T>
    static any_value make(T value) {
        any_value a;
        ::new (a.place(descriptor_of<T>())) T(std::move(value));
        return a;
    }
    any_value(any_value&& other) noexcept { take(other); }
    any_value& operator=(any_value&& other) noexcept {
        if (this == &other) return *this;
        reset();
        take(other);
        return *this;
    }
    ~any_value() { reset(); }

    explicit operator bool() const noexcept { return type_ != nullptr; }
    [[nodiscard]] const type_descriptor* type() const noexcept { return type_; }
    template <class T>
    [[nodiscard]] bool is() const noexcept {
        return type_ == descriptor_of<T>();
    }
    /// The object; of what type(), or is<T>(), says.
    [[nodiscard]] void* get() noexcept { return is_small(type_) ? room_ : apart_; }
    [[nodiscard]] const void* get() const noexcept { return is_small(type_) ? room_ : apart_; }
    template <class T>
    [[nodiscard]] const T& as() const noexcept {
        return *static_cast<const T*>(get());
    }

private:
    static constexpr std::size_t room = 24;

    static bool is_small(const type_descriptor* t) noexcept {
        return t->size <= room && t->align <= alignof(void*);
    }
    // Raw room for a value of that type.
    void* place(const type_descriptor* t) {
        if (!is_small(t)) apart_ = ::operator new(t->size, std::align_val_t(t->align));
        type_ = t;
        return get();
    }
    void take(any_value& other) noexcept {
        type_ = std::exchange(other.type_, nullptr);
        if (!type_) return;
        if (is_small(type_))
            type_->relocate(other.room_, room_);
        else
            apart_ = other.apart_;
    }
    void reset() noexcept {
        if (!type_) return;
        type_->destroy(get());
        if (!is_small(type_)) ::operator delete(apart_, std::align_val_t(type_->align));
        type_ = nullptr;
    }

    const type_descriptor* type_ = nullptr;
    union {
        alignas(void*) std::byte room_[room];
        void* apart_;
    };
};

}  // namespace beam::detail
