// Numbers as the distribution protocol has them: big endian, unaligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace beam::dist::detail {

/// Writes the low `Size` bytes of `value`.
template <std::size_t Size>
void put_number(std::string& to, std::uint64_t value) {
    char bytes[Size];
    for (std::size_t i = 0; i < Size; ++i) bytes[i] = char(value >> (8 * (Size - 1 - i)));
    to.append(bytes, Size);
}
inline void put_u8(std::string& to, std::uint64_t v) {
    to.push_back(char(v));
}
inline void put_u16(std::string& to, std::uint64_t v) {
    put_number<2>(to, v);
}
inline void put_u32(std::string& to, std::uint64_t v) {
    put_number<4>(to, v);
}
inline void put_u64(std::string& to, std::uint64_t v) {
    put_number<8>(to, v);
}

template <std::size_t Size>
[[nodiscard]] std::uint64_t number_at(const char* from) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < Size; ++i) value = value << 8 | std::uint8_t(from[i]);
    return value;
}

/// Takes numbers and bytes from the front. What is not there is 0 or empty, and ok() is false from then on.
class byte_reader {
public:
    explicit byte_reader(std::string_view bytes) : left_(bytes) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::string_view rest() const { return left_; }
    [[nodiscard]] bool at_end() const { return ok_ && left_.empty(); }

    std::uint8_t u8() { return std::uint8_t(number<1>()); }
    std::uint16_t u16() { return std::uint16_t(number<2>()); }
    std::uint32_t u32() { return std::uint32_t(number<4>()); }
    std::uint64_t u64() { return number<8>(); }

    std::string_view bytes(std::size_t n) {
        if (!has(n)) return {};
        const auto taken = left_.substr(0, n);
        left_.remove_prefix(n);
        return taken;
    }

private:
    bool has(std::size_t n) {
        if (ok_ && left_.size() >= n) return true;
        ok_ = false;
        return false;
    }
    template <std::size_t Size>
    std::uint64_t number() {
        if (!has(Size)) return 0;
        const std::uint64_t value = number_at<Size>(left_.data());
        left_.remove_prefix(Size);
        return value;
    }

    std::string_view left_;
    bool ok_ = true;
};

}  // namespace beam::dist::detail
