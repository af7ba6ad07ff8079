// stdout, so that a failed write is noticed.
#pragma once

#include <string>
#include <string_view>

namespace beam::tool {

/// Buffered bytes for one descriptor. SIGPIPE keeps its default, so `TOOL | head -1` dies silently;
/// any other failure is thrown as exit 74.
class output {
public:
    explicit output(int fd) : fd_(fd) {}

    void write(std::string_view bytes);
    void line(std::string_view text);
    void flush();

    /// Lines are handed to `stream` commands one by one: each must be flushed.
    void flushed_line(std::string_view text) {
        line(text);
        flush();
    }

    /// Takes what was written and not yet flushed.
    [[nodiscard]] std::string take();

private:
    int fd_;
    std::string buffer_;
};

/// Makes descriptors 0 to 2 exist, so that no socket gets the number of a closed stdout. What was
/// closed stays unwritable.
void reserve_standard_descriptors();

}  // namespace beam::tool
