#include "libbeamcore/base/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace beam {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::uint32_t no_digit = 64;

constexpr auto digits = [] {
    std::array<std::uint8_t, 256> table{};
    table.fill(no_digit);
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return table;
}();

std::uint32_t digit_of(char c) {
    return digits[static_cast<unsigned char>(c)];
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    auto byte = [&](std::size_t i) -> std::uint32_t {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
    };
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
        out += alphabet[group >> 18U];
        out += alphabet[(group >> 12U) & 63U];
        out += i + 1 < bytes.size() ? alphabet[(group >> 6U) & 63U] : '=';
        out += i + 2 < bytes.size() ? alphabet[group & 63U] : '=';
    }
    return out;
}

result<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return fail("bad_base64", "its length is not a multiple of 4");
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        auto four = text.substr(i, 4);
        std::size_t padding = 0;
        if (i + 4 == text.size()) padding = four[3] != '=' ? 0 : four[2] != '=' ? 1 : 2;
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            auto digit = j < 4 - padding ? digit_of(four[j]) : 0;
            if (digit == no_digit)
                return fail("bad_base64", "no digit of it at byte " + std::to_string(i + j));
            group = group << 6U | digit;
        }
        if (padding != 0 && (group & ((1U << (8 * padding)) - 1)) != 0)
            return fail("bad_base64", "bits are set behind its end");
        for (std::size_t j = 0; j < 3 - padding; ++j)
            out += static_cast<char>(static_cast<unsigned char>(group >> (16 - 8 * j)));
    }
    return out;
}

}  // namespace beam
