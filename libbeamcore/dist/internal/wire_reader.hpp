// wire_reader: the commonest forms of pids, references, atoms and numbers, straight from the bytes.
//
// What is in another form, or new here (an atom, a node), it does not take: the decoder of terms does then, which also
// knows what it may cost and what is wrong. So this one needs no errors.
#pragma once

#include <cstdint>
#include <string_view>

#include "libbeamcore/dist/control.hpp"
#include "libbeamcore/dist/frame.hpp"
#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/term/node_table.hpp"

namespace beam::dist::detail {

/// The nodes that a connection is about: looking one up by its text takes longer than all else.
class node_cache {
public:
    explicit node_cache(node_identity self) : self_(self), self_name_(self.name.name()) {}

    [[nodiscard]] const node_identity& self() const { return self_; }
    /// False: not known here.
    [[nodiscard]] bool find_name(std::string_view text, atom& to);
    [[nodiscard]] bool find_index(atom name, std::uint32_t creation, std::uint32_t& to);

private:
    node_identity self_;
    std::string_view self_name_;
    atom last_name_;
    std::string_view last_text_;
    node_identity last_node_;
    std::uint32_t last_index_ = 0;
};

class wire_reader {
public:
    wire_reader(std::string_view bytes, const frame& of, node_cache& nodes)
        : bytes_(bytes), references_(of.references), nodes_(nodes) {}

    /// False from the first thing on that is not as it is asked for.
    [[nodiscard]] bool ok() const { return bytes_.ok(); }
    [[nodiscard]] std::string_view rest() const { return bytes_.rest(); }

    bool tag(std::uint8_t expected);
    /// A small tuple that begins with a small integer.
    bool head(std::uint8_t& arity, std::uint8_t& code);
    bool take(pid& to);
    bool take(ref& to);
    bool take(atom& to);
    bool take(control::target& to);
    bool take(std::uint64_t& to);
    /// An atom whose text does not matter.
    bool skip_atom();

private:
    [[nodiscard]] bool atom_text(std::uint8_t tag, std::string_view& text);
    [[nodiscard]] bool node_name(atom& to);
    [[nodiscard]] bool named(std::uint8_t tag, atom& to);

    byte_reader bytes_;
    std::span<const atom> references_;
    node_cache& nodes_;
};

}  // namespace beam::dist::detail
