// What this node sees: the sessions of all nodes that it hears, read from the tracker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace presence {

/// A session as all nodes see it.
struct seen_session {
    std::string user, id, topic, status;
    beam::term meta;
    bool listens = false;
    std::int64_t since_ms = 0;
    beam::atom node;
    beam::pid process;  ///< on that node
    std::string ref;    ///< which entry; another after each change
};

template <class T>
using asked = tl::expected<T, beam::request_error>;

[[nodiscard]] seen_session read(const beam::tracker::presence& entry);

/// The sessions of a user on all nodes that are up here, oldest first. Error: the tracker is not there (75).
[[nodiscard]] beam::awaitable<asked<std::vector<beam::tracker::presence>>> entries_of(
    std::string user);
/// Those of them that listen: a client gets what is sent to `process` (session.hpp).
[[nodiscard]] beam::awaitable<asked<std::vector<seen_session>>> listening_sessions(
    std::string user);

/// The one whose status stands for the user: the newest, by a clock that is believed. Null if there is none.
[[nodiscard]] const beam::tracker::presence* headline(
    const std::vector<beam::tracker::presence>& entries);

/// A node as people call it: `nodeA` for `nodeA@127.0.0.1`; this one by its own name where it is alone. Whole where
/// two known nodes have the same short name.
[[nodiscard]] std::string short_name(beam::atom node);

/// For answers: user, session, node, via, topic, status, meta, listens, since_ms, ref.
[[nodiscard]] beam::term shown(const seen_session& s);

}  // namespace presence
