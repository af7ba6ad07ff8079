// The atoms that a peer's frames refer to: a table of 2048 for the life of the connection, and of each frame its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/etf.hpp"

namespace beam::dist::detail {

inline constexpr std::size_t cache_slots = 2048;
inline constexpr std::size_t references_max = 255;  // of one frame

class incoming_atoms {
public:
    explicit incoming_atoms(etf::atom_budget& budget) : budget_(budget) {}

    /// Reads the number of references, their flags and them. Valid until the next call.
    /// Errors: `bad_frame`, `bad_atom`, `too_many_atoms`, `system_limit`.
    [[nodiscard]] result<std::span<const atom>> read(byte_reader& from);

private:
    [[nodiscard]] result<atom> read_new(byte_reader& from, bool is_long);

    etf::atom_budget& budget_;
    std::vector<std::optional<atom>> slots_;  // empty until one is used
    std::array<atom, references_max> references_;
};

}  // namespace beam::dist::detail
