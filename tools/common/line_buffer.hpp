// Cuts a stream of bytes into lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace beam::tool {

/// Bytes in, lines out, however the bytes were cut. A line is bounded.
class line_buffer {
public:
    explicit line_buffer(std::size_t line_max) : line_max_(line_max) {}

    void append(std::string_view bytes);

    /// The next whole line without its newline (and without a carriage return before it).
    [[nodiscard]] std::optional<std::string> next();

    /// Whether the line being collected, or one already complete, is longer than allowed. Nothing
    /// comes out any more then.
    [[nodiscard]] bool is_too_long() const { return too_long_; }

    /// What came after the last newline.
    [[nodiscard]] std::string rest() const { return buffer_.substr(start_); }

private:
    std::size_t line_max_;
    std::string buffer_;
    std::size_t start_ = 0;    // of the line being collected
    std::size_t scanned_ = 0;  // no newline before this
    bool too_long_ = false;
};

}  // namespace beam::tool
