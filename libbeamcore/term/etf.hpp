// Erlang's External Term Format: terms as the bytes that other nodes and files have of them.
//
// What is written is what OTP 25 writes between nodes (and OTP 26 and later everywhere): atoms in
// UTF-8, pids 88, references 90, ports 89 or 120, lists of at most 65,535 bytes as strings. What is
// read is every form that OTP reads, also the old ones (atoms in Latin-1, identifiers with a
// creation of one byte, floats as text) and any that is longer than it need be; an equal term comes
// out of each. A reference is written with as many words as the term was read with; one that was
// made of a `ref` with three, or with five where those beyond three are not zero, as Erlang's are.
//
// Pids, references and ports of this node (index 0) are written as those of `self`. Of those read,
// the ones that name `self`, name and creation, are this node's; all others go into
// term/node_table.hpp, also those of an earlier life of `self`, and are written back as they were.
//
// A closure is kept as a `fun` whose `data` is `{Unique, Index, Module, OldIndex, OldUnique, Pid,
// Free...}` (`Unique` is the 16 bytes of the code's digest), and is written back from it. Its name,
// which no node sends, is `undefined`.
//
// Nothing recurses, and no length is believed: what a decoder allocates for containers is at most
// a small multiple of the bytes it was given. Both may be called from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "libbeamcore/term/node_table.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::etf {

/// Who a term without a node's name belongs to: what Erlang says of a node that is not distributed.
inline constexpr node_identity no_node{atoms::nonode_at_nohost, 0};

/// How much a stranger may add to the tables that are never emptied: atoms that did not exist, and
/// nodes that were not known. A connection has one for its life. For one thread at a time.
class atom_budget {
public:
    /// `shared`: what several have left together, if it is not null; it outlives them.
    constexpr explicit atom_budget(std::size_t limit,
                                   std::atomic<std::size_t>* shared = nullptr) noexcept
        : left_(limit), shared_(shared) {}

    [[nodiscard]] constexpr std::size_t left() const noexcept { return left_; }
    /// One less; false when there is none.
    bool take() noexcept {
        if (left_ == 0 || (shared_ && !take_shared())) return false;
        --left_;
        return true;
    }

private:
    bool take_shared() noexcept {
        std::size_t left = shared_->load(std::memory_order_relaxed);
        while (left > 0)
            if (shared_->compare_exchange_weak(left, left - 1, std::memory_order_relaxed))
                return true;
        return false;
    }

    std::size_t left_;
    std::atomic<std::size_t>* shared_;
};

/// Which atoms a frame carries in its header: those are written as a reference to it (tag 82).
class BEAM_EXPORT atom_references {
public:
    virtual ~atom_references();
    /// The atom's place in the header of the frame being written; none: it is written out.
    [[nodiscard]] virtual std::optional<std::uint8_t> place_of(atom a) = 0;
};

/// A binary that was left out of what was written.
struct splice {
    std::size_t at = 0;  ///< where its bytes belong, in the string as it is without any
    term bytes;
};
/// Shorter ones are always written.
inline constexpr std::size_t splice_min = std::size_t(128) << 10;

struct encode_options {
    node_identity self = no_node;  ///< who this node's pids, references and ports belong to
    atom_references* references = nullptr;  ///< null: all atoms are written out
    bool with_version = true;               ///< begin with 131
    std::size_t depth_max = 1'000'000;      ///< nesting of tuples, lists, maps and closures
    /// 1 to 9: compressed as zlib's level says (tag 80) where that makes it shorter. Not for other
    /// nodes, and not together with `references`. 0: never.
    int compression = 0;
    /// Long binaries are not copied but noted here, ascending by place; for who can write bytes from several places.
    /// Not with `compression`. Null: all bytes are in the string.
    std::vector<splice>* splices = nullptr;
};

/// Appends the term to `out`, which stays as it was if there is an error, as do the splices.
///
/// Errors: `too_deep`, `too_large` (more than 2^32-1 elements or bytes in one container),
/// `not_encodable` (a closure that no Erlang node made).
[[nodiscard]] BEAM_EXPORT result<void> encode(const term& t, std::string& out,
                                              const encode_options& options = {});

struct decode_options {
    node_identity self = no_node;           ///< whose pids, references and ports are this node's
    std::span<const atom> references = {};  ///< the atoms of the frame's header, by place (tag 82)
    atom_budget* budget = nullptr;          ///< null: only the tables' own limits
    bool with_version = true;               ///< 131 must come first
    std::size_t depth_max = 1'000'000;      ///< nesting of tuples, lists, maps and closures
    /// The most bytes that a compressed term (tag 80) may have when it is not. 0: compressed terms
    /// are refused, as they are never sent between nodes.
    std::size_t inflated_max = 0;
    /// A binary that has the bytes to be read: one inside that is at least half of it becomes a part of it
    /// (binary_part), and is not copied. Null: all are copied.
    const term* within = nullptr;
};

/// Reads one term, all of `bytes`.
///
/// Errors, with the place in the detail (`byte 17: a float that is not finite`):
/// - `truncated`: the bytes end before the term does, or a length is more than is left;
/// - `bad_version`: the first byte is not 131;
/// - `bad_tag`: no such tag, or not at that place;
/// - `bad_value`: a field has a value that cannot be;
/// - `bad_atom`: not UTF-8, or longer than atom::length_max;
/// - `duplicate_key`: a map has exactly equal keys;
/// - `unknown_reference`: tag 82 with a place that the header does not have;
/// - `too_deep`, `too_large` (`inflated_max`), `compressed` (and `inflated_max` is 0);
/// - `too_many_atoms`: the budget is used up; `system_limit`: the table of atoms or nodes is full;
/// - `trailing_bytes`: more than the term.
[[nodiscard]] BEAM_EXPORT result<term> decode(std::string_view bytes,
                                              const decode_options& options = {});

/// A term and how many bytes it took, the 131 counted.
struct decoded {
    term value;
    std::size_t size = 0;
};

/// Reads the term that `bytes` begins with. Errors as decode(), but for `trailing_bytes`.
[[nodiscard]] BEAM_EXPORT result<decoded> decode_prefix(std::string_view bytes,
                                                        const decode_options& options = {});

}  // namespace beam::etf
