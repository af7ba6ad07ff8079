// byte_queue: bytes that were read and not yet taken, or written and not yet sent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace beam::io::detail {

/// Each byte is moved about once, and an empty queue keeps little memory.
class byte_queue {
public:
    [[nodiscard]] std::size_t size() const { return bytes_.size() - at_; }
    [[nodiscard]] std::string_view bytes() const { return std::string_view(bytes_).substr(at_); }

    void append(std::string_view more);
    /// Takes the first `n`, at most size().
    [[nodiscard]] std::string take(std::size_t n);
    void drop(std::size_t n);

    /// Takes a line of at most `length_max` bytes without its newline; nothing if there is none such.
    /// Looks at each byte once, however often it is asked.
    [[nodiscard]] std::optional<std::string> take_line(std::size_t length_max);
    /// What the first line has already, whole or not, is more than that. After take_line() gave nothing.
    [[nodiscard]] bool line_is_longer_than(std::size_t length_max) const;

    void clear();
    /// clear(), and all memory is given back.
    void release();

private:
    void compact();

    std::string bytes_;
    std::size_t at_ = 0;
    std::size_t scanned_ = 0;  // no newline before here, counted from at_
};

}  // namespace beam::io::detail
