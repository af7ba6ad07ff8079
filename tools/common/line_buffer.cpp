#include "tools/common/line_buffer.hpp"

namespace beam::tool {

void line_buffer::append(std::string_view bytes) {
    if (too_long_) return;
    // Moves only when what was taken outweighs what is left: linear over the whole stream.
    if (start_ > 4096 && start_ > buffer_.size() / 2) {
        buffer_.erase(0, start_);
        scanned_ -= start_;
        start_ = 0;
    }
    buffer_ += bytes;
}

std::optional<std::string> line_buffer::next() {
    if (too_long_) return std::nullopt;
    const auto end = buffer_.find('\n', scanned_);
    const auto size = (end == std::string::npos ? buffer_.size() : end) - start_;
    if (size > line_max_) {
        too_long_ = true;
        buffer_.clear();
        start_ = scanned_ = 0;
        return std::nullopt;
    }
    if (end == std::string::npos) {
        scanned_ = buffer_.size();
        return std::nullopt;
    }
    auto line = buffer_.substr(start_, size);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    start_ = scanned_ = end + 1;
    return line;
}

}  // namespace beam::tool
