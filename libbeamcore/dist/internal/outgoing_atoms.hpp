// The atoms that our frames refer to: which of them the peer has been sent, and where it keeps them.
//
// The peer's table has a place for each slot, and each slot here has the atom that the peer has there. An atom always
// goes to the slot of its number, so that another one may take it. Within one frame a slot has one atom only: the
// references of a frame are read before its terms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/dist/internal/incoming_atoms.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/etf.hpp"

namespace beam::dist::detail {

class outgoing_atoms final : public etf::atom_references {
public:
    outgoing_atoms() : slots_(cache_slots) {}

    void begin_frame();
    [[nodiscard]] std::optional<std::uint8_t> place_of(atom a) override;
    /// Appends how many there are, their flags and them.
    void write(std::string& to) const;
    /// The frame is not sent: what is new in it the peer does not get.
    void forget_frame();

private:
    struct slot {
        atom kept;
        bool is_used = false;
        std::uint8_t place = 0;   // in the frame
        std::uint64_t frame = 0;  // that it was last used in
    };
    struct reference {
        std::uint16_t slot = 0;
        bool is_new = false;
    };

    std::vector<slot> slots_;
    std::vector<reference> references_;  // of the frame
    std::uint64_t frame_ = 0;
    bool has_long_ = false;
};

}  // namespace beam::dist::detail
