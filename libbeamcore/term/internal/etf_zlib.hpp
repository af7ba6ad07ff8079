// zlib, for the compressed form of the External Term Format.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace beam::etf {

// The bytes as a zlib stream, if that is shorter than `size_max`.
std::optional<std::string> deflated(std::string_view bytes, int level, std::size_t size_max);

struct inflated_bytes {
    std::string bytes;
    std::size_t consumed = 0;  // of the stream's bytes
};
// What the stream that `bytes` begins with holds, if that is `size` bytes. Allocates no more than
// what so many bytes can hold.
std::optional<inflated_bytes> inflated(std::string_view bytes, std::size_t size);

}  // namespace beam::etf
