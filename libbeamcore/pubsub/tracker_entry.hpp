// What a tracker holds of one session, and what others are shown of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::tracker {

/// One session at its origin: all that others need but the origin's own name. `counter` is the origin's
/// version that added it, so it names the entry among those of one incarnation; an update makes a new one.
struct entry {
    std::uint64_t counter = 0;
    std::uint64_t previous = 0;  ///< the counter that an update replaced; 0: none
    std::uint64_t hlc = 0;       ///< when, by the origin's hybrid clock
    term topic, key, session;    ///< binaries
    term meta;
    pid process;  ///< what is tracked
};

/// Which entry, of all nodes and times.
struct dot {
    atom node;
    std::uint64_t incarnation = 0;
    std::uint64_t counter = 0;
    friend bool operator==(const dot&, const dot&) = default;
    friend auto operator<=>(const dot&, const dot&) = default;
    BEAM_FIELDS(dot, node, incarnation, counter)
};

/// `nodeA@host/1d2e3f/7`: short, and unique as long as the node's name is.
[[nodiscard]] BEAM_EXPORT std::string to_string(const dot& d);

/// An entry as users see it. A copy costs a few counts of references.
struct presence {
    dot ref;  ///< changes with each update (phx_ref)
    std::uint64_t previous =
        0;  ///< the counter of the ref that it replaced; 0: none (phx_ref_prev)
    std::uint64_t hlc = 0;
    term topic, key, session;
    term meta;
    pid process;
    BEAM_FIELDS(presence, ref, previous, hlc, topic, key, session, meta, process)
};

/// What changed in a topic. The same key and session in both is an update.
struct topic_diff {
    term topic;
    std::vector<presence> joins, leaves;
    BEAM_FIELDS(topic_diff, topic, joins, leaves)
};

/// Of one merge: a part for each topic. Shared by all who get it.
using diff = std::vector<std::shared_ptr<const topic_diff>>;

/// Whose status text stands for a user with several sessions: the greatest `(hlc, ref)`. A stamp later than
/// `hlc_max` counts as that, so that a clock gone wrong is not believed. Null if there is none.
[[nodiscard]] BEAM_EXPORT const presence* headline(std::span<const presence> sessions,
                                                   std::uint64_t hlc_max);

/// About how many bytes the term takes when it is sent.
[[nodiscard]] BEAM_EXPORT std::size_t encoded_bytes(const term& t);
[[nodiscard]] BEAM_EXPORT std::size_t encoded_bytes(const entry& e);

/// A hash that all nodes agree on: pids and references in `meta`, which differ in how nodes hold them, are
/// left out. The digest of a node's entries is the xor of theirs.
[[nodiscard]] BEAM_EXPORT std::uint64_t entry_hash(const entry& e);

}  // namespace beam::tracker

namespace beam {

/// `{Counter, Previous, Hlc, Topic, Key, Session, Meta, Process}`; a later version may append. A tuple, and not
/// a map as declared structs are: nodes send each other hundreds of thousands.
template <>
struct BEAM_EXPORT field_codec<tracker::entry> {
    static term to(const tracker::entry& e);
    static result<void> from(const term& t, tracker::entry& e);
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv("tracker::entry 1");
    }
};

}  // namespace beam
