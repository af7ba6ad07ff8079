// growing_binary: a binary that is put together piece by piece, in the place where it stays.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

class growing_binary {
public:
    growing_binary() = default;
    growing_binary(growing_binary&& other) noexcept
        : memory_(std::move(other.memory_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    growing_binary& operator=(growing_binary&&) = delete;
    ~growing_binary() = default;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

    /// What is in it is copied when it grows.
    void reserve(std::size_t capacity) {
        if (capacity <= capacity_) return;
        auto* to = beam::detail::new_node(term_kind::bitstring, capacity, capacity);
        if (size_ > 0) std::memcpy(reinterpret_cast<char*>(to + 1), data(), size_);
        memory_ = beam::detail::term_access::from_node(to);
        capacity_ = capacity;
    }
    /// Where the next bytes go, and that so many were put there.
    [[nodiscard]] std::span<char> room() { return {data() + size_, capacity_ - size_}; }
    void filled(std::size_t n) { size_ += n; }

    void append(std::string_view more) {
        if (more.empty()) return;
        if (capacity_ - size_ < more.size()) reserve(std::max(2 * capacity_, size_ + more.size()));
        std::memcpy(data() + size_, more.data(), more.size());
        size_ += more.size();
    }

    /// The binary, and empties this. One that has far more room than it needs is copied.
    [[nodiscard]] term take() {
        term whole = std::exchange(memory_, term());
        const std::size_t size = std::exchange(size_, 0), capacity = std::exchange(capacity_, 0);
        if (size == 0 || size < capacity / 2) return binary(whole.bytes().substr(0, size));
        beam::detail::term_access::node(whole)->size = size;
        return whole;
    }

private:
    [[nodiscard]] char* data() {
        return reinterpret_cast<char*>(beam::detail::term_access::node(memory_) + 1);
    }

    term memory_;  // a binary of capacity_ bytes, of which size_ are written; none: no binary
    std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace beam::dist::detail
