// What a timer sends. A small plain value lies in the timer itself, and becomes a message when it fires.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "libbeamcore/runtime/detail/signal.hpp"

namespace beam::detail {

inline constexpr std::size_t timer_value_max = 16;

template <class T>
inline constexpr bool fits_in_timer = sizeof(T) <= timer_value_max &&
                                      alignof(T) <= 8 && std::is_trivially_copyable_v<T>;

/// A message, or a value that is copied; neither: the target's receive is woken.
struct timer_content {
    signal* message = nullptr;
    const type_descriptor* type = nullptr;  // of `value`
    std::byte value[timer_value_max] = {};
    bool wrapped = false;
};

}  // namespace beam::detail
