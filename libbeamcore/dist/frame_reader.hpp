// frame_reader: takes frames out of the bytes of one connection.
//
// Each byte that was read straight into room() stays where it is until the frame is taken, however large that is. The
// fragments of a message are read to where they belong, and its long binaries stay there: they are never copied.
//
//     while (auto n = connection.try_read(reader.room())) {
//         if (*n == 0) break;
//         reader.filled(*n);
//         while (auto f = reader.next()) { if (!*f) break; deliver(**f); }   // an error: close the connection
//     }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/flags.hpp"
#include "libbeamcore/dist/frame.hpp"
#include "libbeamcore/term/etf.hpp"

namespace beam::dist {

class BEAM_EXPORT frame_reader {
public:
    /// `budget`: for the atoms in headers; that of the connection, which outlives this.
    frame_reader(flags negotiated, etf::atom_budget& budget, const frame_limits& limits = {});
    frame_reader(frame_reader&&) noexcept;
    frame_reader& operator=(frame_reader&&) noexcept;
    ~frame_reader();

    /// Where to read the next bytes to: at least one. As large as is useful for what is coming; memory is taken in
    /// proportion to what has come, not for a length that was only announced. Frames given before are no longer valid.
    [[nodiscard]] std::span<char> room();
    /// So many were read there.
    void filled(std::size_t n);
    /// The same with bytes that are somewhere else: copies.
    void feed(std::string_view bytes);

    /// The next frame; none: more bytes are needed. Valid until the next call of next(), room() or feed().
    ///
    /// Errors, after which there is nothing but to close: `too_long`, `bad_frame`, `too_many_fragments`, `bad_atom`,
    /// `too_many_atoms`, `system_limit` (the atom table is full).
    [[nodiscard]] result<std::optional<frame>> next();

    /// How many ticks have come.
    [[nodiscard]] std::uint64_t ticks() const;
    /// Gives back what memory an idle connection needs not.
    void idle();
    /// Bytes of memory that are held.
    [[nodiscard]] std::size_t memory() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace beam::dist
