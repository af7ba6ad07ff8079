#include "libbeamcore/term/internal/etf_zlib.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace beam::etf {
namespace {

constexpr std::size_t ratio_max = 1032;  // of a deflate stream, by its format

Bytef* zlib_bytes(std::string_view bytes) {
    return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write there
}

// zlib counts in 32 bits what it is given at once.
uInt portion(std::size_t left) {
    return uInt(std::min<std::size_t>(left, std::numeric_limits<uInt>::max()));
}

}  // namespace

std::optional<std::string> deflated(std::string_view bytes, int level, std::size_t size_max) {
    std::string made(compressBound(bytes.size()), '\0');
    auto size = uLongf(made.size());
    auto done = compress2(reinterpret_cast<Bytef*>(made.data()), &size, zlib_bytes(bytes),
                          bytes.size(), level);
    if (done != Z_OK || size >= size_max) return {};
    made.resize(size);
    return made;
}

std::optional<inflated_bytes> inflated(std::string_view bytes, std::size_t size) {
    if (size / ratio_max > bytes.size()) return {};
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) return {};
    inflated_bytes made;
    made.bytes.resize(size);
    int done = Z_OK;
    // One byte more than announced has no room: then zlib stops short of the stream's end.
    while (done == Z_OK) {
        stream.next_in = zlib_bytes(bytes.substr(stream.total_in));
        stream.avail_in = portion(bytes.size() - stream.total_in);
        stream.next_out = reinterpret_cast<Bytef*>(made.bytes.data()) + stream.total_out;
        stream.avail_out = portion(size - stream.total_out);
        done = inflate(&stream, Z_NO_FLUSH);
    }
    made.consumed = stream.total_in;
    bool whole = done == Z_STREAM_END && stream.total_out == size;
    inflateEnd(&stream);
    if (!whole) return {};
    return made;
}

}  // namespace beam::etf
