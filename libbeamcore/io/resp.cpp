#include "libbeamcore/io/resp.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "libbeamcore/io/internal/inline_words.hpp"

namespace beam::io::resp {

namespace {

// More digits than a length in bounds can have.
constexpr std::ptrdiff_t digits_max = 18;
// What an idle connection keeps of its buffers, at most.
constexpr std::size_t kept_bytes = 4 << 10;
constexpr std::size_t kept_arguments = 256;
// What is added at a time to a command whose end is not known.
constexpr std::size_t piece_min = 512;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string shown(char c) {
    if (c >= ' ' && c <= '~') return {c};
    char text[5];
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(c));
    return text;
}

}  // namespace

void request_decoder::feed(std::string_view bytes) {
    if (!failure_.empty()) return;
    if (at_ != end_ || !rest_.empty()) {  // next() was not asked for all of it
        if (left_ == 0) {
            arguments_.clear();
            start_ = at_;
        }
        hold();
        append(rest_);
    }
    pulled_ = 0;
    if (in_held_) {
        rest_ = bytes;
        return;
    }
    rest_ = {};
    start_ = at_ = bytes.data();
    end_ = at_ + bytes.size();
}

std::optional<request> request_decoder::next() {
    while (failure_.empty()) {
        if (left_ == 0) begin();
        if (read()) {
            if (!arguments_.empty()) return arguments_;
            continue;  // an empty line, `*0`: nothing to answer
        }
        if (!failure_.empty()) break;
        hold();
        if (rest_.empty()) {
            pulled_ = 0;  // what was fed may go now
            break;
        }
        pull();
    }
    return {};
}

std::size_t request_decoder::memory() const {
    return held_.capacity() + text_.capacity() + failure_.capacity() +
           arguments_.capacity() * sizeof(std::string_view);
}

// Nothing of what was given before is in use any more. From held_ back to what was fed, if all that
// is left is there.
void request_decoder::begin() {
    arguments_.clear();
    if (arguments_.capacity() > kept_arguments) std::vector<std::string_view>().swap(arguments_);
    if (text_.capacity() > kept_bytes) std::string().swap(text_);
    const auto left = std::size_t(end_ - at_);
    if (in_held_ && left <= pulled_) {
        at_ = rest_.data() - left;
        end_ = rest_.data() + rest_.size();
        rest_ = {};
        in_held_ = false;
        held_.clear();
        if (held_.capacity() > kept_bytes) std::vector<char>().swap(held_);
    }
    start_ = at_;
}

// A whole command is in arguments_ now, which stays empty when there is none in it.
bool request_decoder::read() {
    if (left_ == 0) {
        if (at_ == end_) return false;
        if (*at_ != '*') return read_inline();
        std::int64_t count;
        constexpr auto complaint = "invalid multibulk length";
        if (!read_length(count, complaint)) return false;
        if (count <= 0) return true;
        if (std::uint64_t(count) > limits_.elements_max) return fail(complaint);
        left_ = std::size_t(count);
    }
    for (; left_ > 0; --left_) {
        if (bulk_ < 0) {
            if (at_ == end_) return false;
            if (*at_ != '$') return fail("expected '$', got '" + shown(*at_) + "'");
            std::int64_t length;
            constexpr auto complaint = "invalid bulk length";
            if (!read_length(length, complaint)) return false;
            if (length < 0 || std::uint64_t(length) > limits_.bulk_max) return fail(complaint);
            if (std::uint64_t(at_ - start_ + length) > limits_.request_max)
                return fail("too big request");
            bulk_ = length;
        }
        if (end_ - at_ < bulk_ + 2) return false;
        if (at_[bulk_] != '\r' || at_[bulk_ + 1] != '\n')
            return fail("expected CRLF after a bulk string");
        arguments_.emplace_back(at_, std::size_t(bulk_));
        at_ += bulk_ + 2;
        bulk_ = -1;
    }
    return true;
}

// The number after the type at at_, written as Redis wants it: no plus, no zeros in front.
bool request_decoder::read_length(std::int64_t& length, const char* complaint) {
    const char* p = at_ + 1;
    const bool negative = p != end_ && *p == '-';
    if (negative) ++p;
    const char* const digits = p;
    std::int64_t number = 0;
    for (; p != end_ && is_digit(*p); ++p) {
        if (p - digits == digits_max || (p != digits && number == 0)) return fail(complaint);
        number = number * 10 + (*p - '0');
    }
    if (p == end_) return false;
    if (p == digits || *p != '\r' || (negative && number == 0)) return fail(complaint);
    if (++p == end_) return false;
    if (*p != '\n') return fail(complaint);
    at_ = p + 1;
    length = negative ? -number : number;
    return true;
}

bool request_decoder::read_inline() {
    const auto size = std::min(std::size_t(end_ - at_), limits_.inline_max + 1);
    const void* found = std::memchr(at_ + scanned_, '\n', size - scanned_);
    if (!found) {
        scanned_ = size;
        return size > limits_.inline_max ? fail("too big inline request") : false;
    }
    scanned_ = 0;
    const auto* newline = static_cast<const char*>(found);
    std::string_view line(at_, std::size_t(newline - at_));
    at_ = newline + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!detail::split_words(line, text_, arguments_)) return fail("unbalanced quotes in request");
    return true;
}

bool request_decoder::fail(std::string_view why) {
    failure_ = "ERR Protocol error: ";
    failure_ += why;
    arguments_.clear();
    std::vector<char>().swap(held_);
    return false;
}

// What there is of a command goes to the front of held_, or nothing is left at all.
void request_decoder::hold() {
    const auto size = std::size_t(end_ - start_);
    if (in_held_) {
        const char* const front = held_.data();
        if (start_ == front) return;
        std::memmove(held_.data(), start_, size);
        held_.resize(size);
        rebase(start_, front);
    } else if (size > 0) {
        held_.assign(start_, end_);
        in_held_ = true;
        rebase(start_, held_.data());
    } else {
        start_ = at_ = nullptr;
    }
    end_ = start_ + size;
}

// More of rest_ into held_: what the bulk string needs, or a little at a time, so that commands after
// this one are read where they are.
void request_decoder::pull() {
    std::size_t size = piece_min;
    if (bulk_ >= 0) size = std::max(size, std::size_t(bulk_ + 2 - (end_ - at_)));
    size = std::min(size, rest_.size());
    append(rest_.substr(0, size));
    rest_.remove_prefix(size);
    pulled_ += size;
}

void request_decoder::append(std::string_view more) {
    const auto size = held_.size() + more.size();
    if (size > held_.capacity()) {
        auto room = 2 * size;
        if (bulk_ >= 0) room = std::clamp(std::size_t(at_ - start_ + bulk_ + 2), size, room);
        std::vector<char> larger;
        larger.reserve(room);
        larger.assign(held_.begin(), held_.end());
        rebase(held_.data(), larger.data());
        held_.swap(larger);
    }
    held_.insert(held_.end(), more.begin(), more.end());
    end_ = held_.data() + held_.size();
}

// The bytes at `from` are at `to` now.
void request_decoder::rebase(const char* from, const char* to) {
    for (auto& a : arguments_) a = {to + (a.data() - from), a.size()};
    start_ = to + (start_ - from);
    at_ = to + (at_ - from);
}

}  // namespace beam::io::resp
