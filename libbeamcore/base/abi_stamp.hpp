// What a module and the node that loads it must have in common.
//
// A module is compiled against the templates and layouts of libbeamcore's headers; one built against
// others would corrupt the node's memory, so it carries this stamp and is refused before it is run.
#pragma once

#include <cstdint>

#include "libbeamcore/base/detail/abi_headers.hpp"  // generated: BEAM_ABI_HEADERS
#include "libbeamcore/base/hash.hpp"

namespace beam {

namespace detail {

constexpr std::uint64_t sanitizers() {
    std::uint64_t bits = 0;
#ifdef __SANITIZE_ADDRESS__
    bits |= 1;
#endif
#ifdef __SANITIZE_THREAD__
    bits |= 2;
#endif
    return bits;
}

constexpr std::uint64_t make_abi_stamp() {
    std::uint64_t stamp = BEAM_ABI_HEADERS;
    stamp = hash_combine(stamp, __GNUC__);
    stamp = hash_combine(stamp, __cplusplus);
    stamp = hash_combine(stamp, _GLIBCXX_USE_CXX11_ABI);
    return hash_combine(stamp, sanitizers());
}

}  // namespace detail

/// A hash of all public headers, the compiler's major version, the language and ABI options and the
/// sanitizers, as they are where this header is included.
inline constexpr std::uint64_t abi_stamp = detail::make_abi_stamp();

}  // namespace beam
