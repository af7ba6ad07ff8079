// raw_bytes: memory that grows without being zeroed, and when it is large without being copied (mremap).
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace beam::dist::detail {

class raw_bytes {
public:
    raw_bytes() = default;
    raw_bytes(raw_bytes&& other) noexcept
        : bytes_(std::move(other.bytes_)), capacity_(std::exchange(other.capacity_, 0)) {}
    raw_bytes& operator=(raw_bytes&& other) noexcept {
        bytes_ = std::move(other.bytes_);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }

    [[nodiscard]] char* data() { return bytes_.get(); }
    [[nodiscard]] const char* data() const { return bytes_.get(); }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }

    /// What is in it stays, up to that size. Throws std::bad_alloc.
    void resize(std::size_t capacity) {
        void* grown = std::realloc(bytes_.get(), capacity);  // NOLINT: that is what it is for
        if (!grown) throw std::bad_alloc();
        (void)bytes_.release();
        bytes_.reset(static_cast<char*>(grown));
        capacity_ = capacity;
    }
    void release() {
        bytes_.reset();
        capacity_ = 0;
    }

private:
    struct freer {
        void operator()(char* p) const { std::free(p); }  // NOLINT: from realloc
    };
    std::unique_ptr<char, freer> bytes_;
    std::size_t capacity_ = 0;
};

}  // namespace beam::dist::detail
