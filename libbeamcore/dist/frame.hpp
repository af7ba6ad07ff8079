// Frames: what the bytes of a connection are cut into once the handshake is over.
//
// A length of four bytes, and so many bytes; a length of zero is a tick. The bytes are a control message and, with some,
// another term. What stands before them depends on what was negotiated, and mixing is fatal: without atom cache and
// fragments it is 112, and each term begins with 131; with either of them it is a distribution header, with the atoms
// that the terms refer to, and the terms have no 131. With fragments a large message comes in pieces, and other frames
// between them. (erts/doc/src/erl_ext_dist.xml)
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "libbeamcore/dist/flags.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist {

/// A frame, or all fragments of one, without what is of the transport.
struct frame {
    std::string_view terms;            ///< the control message, and what belongs to it
    bool with_version = true;          ///< each of the terms begins with 131
    std::span<const atom> references;  ///< what tag 82 means in them
    /// A binary that has `terms`, whose parts may be kept; null: there is none.
    const term* within = nullptr;
};

/// Whether frames begin with a distribution header.
[[nodiscard]] constexpr bool has_header(flags negotiated) noexcept {
    return negotiated.has(flag::dist_hdr_atom_cache) || negotiated.has(flag::fragments);
}

/// What a peer may send.
struct frame_limits {
    std::size_t frame_max = std::size_t(512)
                            << 20;     ///< bytes of a frame, or of the fragments of one message
    std::size_t sequences_max = 4096;  ///< messages of which some fragments have come
    std::size_t fragmented_max = std::size_t(1) << 30;  ///< bytes of these together
};

/// A message of more bytes is cut into fragments of so many (OTP: 64 KiB; with twice that a megabyte takes a tenth less).
inline constexpr std::size_t fragment_size = std::size_t(128) << 10;

}  // namespace beam::dist
