// What trackers of different nodes say to each other.
//
// On the way a message is `{beam_tracker, Version, {Name, Fields}}`. A reader ignores fields that it does not
// know and drops messages of a later version or another name, so that nodes can be upgraded one by one.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/pubsub/tracker_entry.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::tracker {

/// One step of an origin's history: what made `version` out of the one before. An update has both.
struct change {
    std::uint64_t version = 0;
    std::uint64_t removed = 0;  ///< the counter of what is gone; 0: nothing
    std::optional<entry> added;
    BEAM_FIELDS(change, version, removed, added)
};

/// The changes after `from` up to `to`, all of them.
struct delta {
    atom node;  ///< the origin
    std::uint64_t incarnation = 0;
    std::uint64_t from = 0, to = 0;
    std::vector<change> changes;
    BEAM_FIELDS(delta, node, incarnation, from, to, changes)
};

/// A part of all entries that an origin had at version `at`.
struct full {
    atom node;
    std::uint64_t incarnation = 0;
    std::uint64_t at = 0;
    std::uint32_t index = 0, count = 1;
    std::vector<entry> entries;
    BEAM_FIELDS(full, node, incarnation, at, index, count, entries)
};

struct heartbeat {
    atom node;
    std::uint64_t incarnation = 0;
    std::uint64_t version = 0;
    std::uint64_t digest = 0;
    bool answer = false;  ///< who has that version is to say so (seen)
    BEAM_FIELDS(heartbeat, node, incarnation, version, digest, answer)
};

/// Asks an origin for what is missing here.
struct sync {
    atom node;                      ///< who asks
    std::uint64_t incarnation = 0;  ///< of the origin, as the asker knows it
    std::uint64_t version = 0;      ///< what the asker has
    bool whole = false;             ///< all entries, though the versions are the same
    BEAM_FIELDS(sync, node, incarnation, version, whole)
};

/// The origin stops in good order.
struct bye {
    atom node;
    std::uint64_t incarnation = 0;
    BEAM_FIELDS(bye, node, incarnation)
};

/// Asks an origin to remove these of its entries, which the asker has seen.
struct removal {
    atom node;                      ///< who asks
    std::uint64_t incarnation = 0;  ///< of the origin
    std::vector<std::uint64_t> counters;
    BEAM_FIELDS(removal, node, incarnation, counters)
};

/// Tells an origin what is here of its entries.
struct seen {
    atom node;                      ///< where
    std::uint64_t incarnation = 0;  ///< of the origin
    std::uint64_t version = 0;
    BEAM_FIELDS(seen, node, incarnation, version)
};

/// Confirms a part of all entries, so that the next ones are sent.
struct got {
    atom node;                      ///< where
    std::uint64_t incarnation = 0;  ///< of the origin
    std::uint64_t at = 0;
    std::uint32_t index = 0;
    BEAM_FIELDS(got, node, incarnation, at, index)
};

using message = std::variant<delta, full, heartbeat, sync, bye, removal, seen, got>;

/// Who sent it.
[[nodiscard]] BEAM_EXPORT atom sender_of(const message& m);

[[nodiscard]] BEAM_EXPORT term to_term(const message& m);
/// Errors: `later_version`, `unknown_message`, `bad_field`.
[[nodiscard]] BEAM_EXPORT result<message> message_from_term(const term& t);

}  // namespace beam::tracker
