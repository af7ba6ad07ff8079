// Bytes written one after the other, and read back: how entries, records and messages lie on the disk and travel.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace kv {

/// What is read was not written by a byte_writer, or not whole.
struct malformed_bytes : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class byte_writer {
public:
    void u8(std::uint8_t n) { bytes_.push_back(char(n)); }
    /// Small numbers take few bytes.
    void number(std::uint64_t n) {
        while (n >= 0x80) {
            u8(std::uint8_t(n | 0x80));
            n >>= 7U;
        }
        u8(std::uint8_t(n));
    }
    void signed_number(std::int64_t n) {
        number((std::uint64_t(n) << 1U) ^ std::uint64_t(n >> 63U));
    }
    /// Eight bytes, the highest first: ordered as the numbers are.
    void fixed64(std::uint64_t n) { fixed(n, 8); }
    void fixed32(std::uint32_t n) { fixed(n, 4); }
    void fixed16(std::uint16_t n) { fixed(n, 2); }
    void text(std::string_view s) {
        number(s.size());
        bytes_.append(s);
    }
    void raw(std::string_view s) { bytes_.append(s); }
    /// What is written will be about so long.
    void expect(std::size_t size) { bytes_.reserve(size); }

    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    [[nodiscard]] std::string take() { return std::move(bytes_); }

private:
    void fixed(std::uint64_t n, unsigned size) {
        for (unsigned i = size; i > 0; --i) u8(std::uint8_t(n >> (8 * (i - 1))));
    }

    std::string bytes_;
};

/// Reads what lies in `bytes`, which must outlive it. Throws malformed_bytes.
class byte_reader {
public:
    explicit byte_reader(std::string_view bytes) : left_(bytes) {}

    std::uint8_t u8() { return std::uint8_t(take(1)[0]); }
    std::uint64_t number() {
        std::uint64_t n = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t b = u8();
            n |= std::uint64_t(b & 0x7FU) << shift;
            if (b < 0x80) return n;
        }
        throw malformed_bytes("a number without an end");
    }
    std::int64_t signed_number() {
        const std::uint64_t n = number();
        return std::int64_t(n >> 1U) ^ -std::int64_t(n & 1U);
    }
    std::uint64_t fixed64() { return fixed(8); }
    std::uint32_t fixed32() { return std::uint32_t(fixed(4)); }
    std::uint16_t fixed16() { return std::uint16_t(fixed(2)); }
    std::string_view text_in_place() { return take(number()); }
    std::string text() { return std::string(text_in_place()); }
    /// A count of things that take at least a byte each.
    std::size_t count() {
        const std::uint64_t n = number();
        if (n > left_.size()) throw malformed_bytes("more things than bytes");
        return n;
    }
    std::string_view rest() { return take(left_.size()); }

    [[nodiscard]] bool is_at_end() const { return left_.empty(); }
    void expect_end() const {
        if (!left_.empty()) throw malformed_bytes("bytes behind the end");
    }

private:
    std::string_view take(std::uint64_t n) {
        if (n > left_.size()) throw malformed_bytes("bytes that end too early");
        const std::string_view taken = left_.substr(0, n);
        left_.remove_prefix(n);
        return taken;
    }
    std::uint64_t fixed(unsigned size) {
        std::uint64_t n = 0;
        for (const char c : take(size)) n = (n << 8U) | std::uint8_t(c);
        return n;
    }

    std::string_view left_;
};

}  // namespace kv
