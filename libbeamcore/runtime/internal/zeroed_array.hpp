// A large array of zeros of which little will be used: calloc gives pages that take no memory before they are
// written to, where `new T[n]()` writes to all.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace beam::detail {

struct free_memory {
    void operator()(void* p) const noexcept { std::free(p); }
};

/// Its elements are never destroyed; all bits zero must be a value of T.
template <class T>
using zeroed_array = std::unique_ptr<T[], free_memory>;

template <class T>
zeroed_array<T> make_zeroed(std::size_t n) {
    static_assert(std::is_trivially_destructible_v<T>);
    auto* p = static_cast<T*>(std::calloc(n, sizeof(T)));
    if (!p) throw std::bad_alloc();
    return zeroed_array<T>(p);
}

}  // namespace beam::detail
