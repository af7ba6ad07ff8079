// A stack whose first elements are in place: for walks that are shallow nearly always.
#pragma once

#include <cstddef>
#include <type_traits>
#include <vector>

namespace beam::detail {

template <class T, std::size_t N>
class small_stack {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    T& push(const T& value) {
        auto i = size_++;
        if (i < N) return *new (at(i)) T(value);
        if (i - N < more_.size()) return more_[i - N] = value;
        return more_.emplace_back(value);
    }
    [[nodiscard]] T& top() noexcept { return size_ <= N ? *at(size_ - 1) : more_[size_ - 1 - N]; }
    void pop() noexcept { --size_; }

private:
    T* at(std::size_t i) noexcept { return reinterpret_cast<T*>(raw_) + i; }

    std::size_t size_ = 0;
    alignas(T) unsigned char raw_[N * sizeof(T)];
    std::vector<T> more_;  // never shrinks; size_ says what counts
};

}  // namespace beam::detail
