#include "libbeamcore/io/internal/byte_queue.hpp"

#include <algorithm>

namespace beam::io::detail {

namespace {

// An idle connection keeps no more of its buffers than this.
constexpr std::size_t kept_capacity = 4 << 10;
// Fewer used bytes than this are not worth moving the others for.
constexpr std::size_t used_min = 64 << 10;

}  // namespace

void byte_queue::append(std::string_view more) {
    compact();
    bytes_.append(more);
}

// Takes what was used off the front, now and then.
void byte_queue::compact() {
    if (at_ == bytes_.size()) {
        clear();
    } else if (at_ > used_min && at_ > bytes_.size() / 2) {
        bytes_.erase(0, at_);
        at_ = 0;
    }
}

void byte_queue::drop(std::size_t n) {
    at_ += n;
    scanned_ -= std::min(scanned_, n);
    compact();
}

std::string byte_queue::take(std::size_t n) {
    if (at_ == 0 && n == bytes_.size()) {
        std::string all;
        all.swap(bytes_);
        clear();
        return all;
    }
    std::string taken = bytes_.substr(at_, n);
    drop(n);
    return taken;
}

std::optional<std::string> byte_queue::take_line(std::size_t length_max) {
    const std::size_t end = bytes_.find('\n', at_ + scanned_);
    scanned_ = (end == std::string::npos ? bytes_.size() : end) - at_;
    if (end == std::string::npos || scanned_ > length_max) return {};
    std::string text = bytes_.substr(at_, scanned_);
    drop(text.size() + 1);
    return text;
}

bool byte_queue::line_is_longer_than(std::size_t length_max) const {
    return scanned_ > length_max;
}

void byte_queue::clear() {
    bytes_.clear();
    if (bytes_.capacity() > kept_capacity) std::string().swap(bytes_);
    at_ = scanned_ = 0;
}

void byte_queue::release() {
    std::string().swap(bytes_);
    at_ = scanned_ = 0;
}

}  // namespace beam::io::detail
