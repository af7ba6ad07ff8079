// Which node a pid's or ref's `node` index means.
//
// One table of the OS process. Index 0 is not in it: it is the node that holds the term. Another
// node is a name and a creation (its incarnation: a restarted node is another node, so pids of its
// earlier life never equal new ones). Entries are never freed; there are as many as nodes were met.
#pragma once

#include <cstdint>
#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam {

/// One incarnation of another node.
struct node_identity {
    atom name;                   ///< `name@host`
    std::uint32_t creation = 0;  ///< 0 where it is not known
    friend bool operator==(const node_identity&, const node_identity&) = default;
};

/// The index of that node, entered if it is new. Takes a lock. Throws std::length_error when there
/// are 1,048,576 of them.
[[nodiscard]] BEAM_EXPORT std::uint32_t node_index(const node_identity& node);

/// The index of that node if it is known.
[[nodiscard]] BEAM_EXPORT std::optional<std::uint32_t> existing_node_index(
    const node_identity& node) noexcept;

/// Who has that index; `nonode@nohost` with creation 0 for index 0 and for one nobody has.
/// Takes no lock.
[[nodiscard]] BEAM_EXPORT node_identity node_at(std::uint32_t index) noexcept;

}  // namespace beam
