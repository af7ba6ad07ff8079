// What connections, listeners and OS processes tell the process that owns them.
//
// Input and output of a connection end independently of each other: `end_of_input` when nothing more can
// be read (orderly, by an error or by a line that was too long), `end_of_output` when nothing more can be
// written. Neither closes the connection; its owner does.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::io {

/// Names a connection, listener, port or signal watch; never used again in this OS process. A value to
/// compare messages with: it gives no access.
struct token {
    std::uint64_t value = 0;

    explicit operator bool() const { return value != 0; }
    friend bool operator==(const token&, const token&) = default;
    friend auto operator<=>(const token&, const token&) = default;
    BEAM_FIELDS(token, value)
};

// In all messages: `from` is the token of what sent it; `stream` is 0 for a connection, 1 and 2 for the
// output and the error output of a port.

/// Bytes as they came (framing::raw). Costs 1 of what activate() allowed.
struct data {
    token from;
    int stream = 0;
    std::string bytes;
    BEAM_FIELDS(data, from, stream, bytes)
};

/// A line without its newline (framing::line). Costs 1 of what activate() allowed.
struct line {
    token from;
    int stream = 0;
    std::string text;
    bool complete = true;  ///< false: what stood before the end of input, without a newline
    BEAM_FIELDS(line, from, stream, text, complete)
};

/// What activate(n) with n > 1 allowed is used up.
struct passive {
    token from;
    int stream = 0;
    BEAM_FIELDS(passive, from, stream)
};

/// Nothing more will be read: `eof` (the peer finished its side; it may still read), `line_too_long`, or
/// why reading failed (`econnreset`, ...). Output still works. The last message about input.
struct end_of_input {
    token from;
    int stream = 0;
    atom reason;
    BEAM_FIELDS(end_of_input, from, stream, reason)
};

/// Nothing more can be written, and what was not yet taken by the peer is lost: `epipe`, `econnreset`,
/// `closed` (the peer's socket is gone), ... Input that came before may still be read.
struct end_of_output {
    token from;
    atom reason;
    BEAM_FIELDS(end_of_output, from, reason)
};

/// There is room again after try_write() said that there was none.
struct writable {
    token from;
    BEAM_FIELDS(writable, from)
};

/// There is something to read again after try_read() said that there was nothing; or the input has ended.
struct readable {
    token from;
    BEAM_FIELDS(readable, from)
};

}  // namespace beam::io

template <>
struct std::hash<beam::io::token> {
    std::size_t operator()(const beam::io::token& t) const noexcept {
        return std::hash<std::uint64_t>()(t.value * 0x9E3779B97F4A7C15u);
    }
};

BEAM_EXPORTED_DESCRIPTOR(beam::io::data);
BEAM_EXPORTED_DESCRIPTOR(beam::io::line);
BEAM_EXPORTED_DESCRIPTOR(beam::io::passive);
BEAM_EXPORTED_DESCRIPTOR(beam::io::end_of_input);
BEAM_EXPORTED_DESCRIPTOR(beam::io::end_of_output);
BEAM_EXPORTED_DESCRIPTOR(beam::io::writable);
BEAM_EXPORTED_DESCRIPTOR(beam::io::readable);
