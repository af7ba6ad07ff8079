// output: bytes to be sent, some of which stay where they are: in the binaries of messages.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/term/term.hpp"

namespace beam::dist {

/// A text with pieces of binaries between its bytes. Whoever encodes appends to `text`.
class output {
public:
    std::string text;

    /// What is appended next is those bytes of that binary, which is kept until they are sent.
    void splice(const term& binary, std::string_view bytes) {
        splices_.push_back({text.size(), binary, bytes});
        spliced_ += bytes.size();
    }
    void append(output&& more) {
        for (spliced_bytes& s : more.splices_) {
            s.at += text.size();
            splices_.push_back(std::move(s));
        }
        spliced_ += more.spliced_;
        text += more.text;
        more.clear();
    }

    /// Bytes that are not sent.
    [[nodiscard]] std::size_t size() const { return text.size() - text_sent_ + spliced_; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    /// The memory of the text is kept, unless it is more than that.
    void clear(std::size_t kept_max = std::string::npos) {
        text.clear();
        if (text.capacity() > kept_max) text = {};
        splices_.clear();
        text_sent_ = next_ = spliced_ = 0;
    }

    /// The pieces that come first, as many as `to` has room for; gives how many.
    [[nodiscard]] std::size_t pieces(std::span<std::string_view> to) const {
        std::size_t n = 0, at = text_sent_;
        auto put_text = [&](std::size_t end) {
            if (end > at && n < to.size()) to[n++] = std::string_view(text).substr(at, end - at);
            at = std::max(at, end);
        };
        for (std::size_t i = next_; i < splices_.size() && n < to.size(); ++i) {
            put_text(splices_[i].at);
            if (n < to.size()) to[n++] = splices_[i].bytes;
        }
        if (n < to.size()) put_text(text.size());
        return n;
    }
    /// All of it in one piece, copied.
    [[nodiscard]] std::string copy() const {
        std::string all;
        for (output rest = *this; !rest.empty();) {
            std::string_view piece;
            (void)rest.pieces({&piece, 1});
            all += piece;
            rest.sent(piece.size());
        }
        return all;
    }
    /// So many bytes have been sent.
    void sent(std::size_t n) {
        while (n > 0 || next_ < splices_.size()) {
            const std::size_t end = next_ < splices_.size() ? splices_[next_].at : text.size();
            const std::size_t of_text = std::min(n, end - text_sent_);
            text_sent_ += of_text;
            n -= of_text;
            if (n == 0 || next_ == splices_.size()) return;
            spliced_bytes& s = splices_[next_];
            const std::size_t of_splice = std::min(n, s.bytes.size());
            s.bytes.remove_prefix(of_splice);
            spliced_ -= of_splice;
            n -= of_splice;
            if (s.bytes.empty()) splices_[next_++].binary = {};
        }
    }

private:
    struct spliced_bytes {
        std::size_t at;
        term binary;
        std::string_view bytes;
    };
    std::vector<spliced_bytes> splices_;
    std::size_t text_sent_ = 0, next_ = 0;  // what is sent of both
    std::size_t spliced_ = 0;               // bytes of binaries that are not
};

}  // namespace beam::dist
