// Links, monitors and aliases. Kept by the two ends, changed only by signals.
#pragma once

#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Links the calling process with `other` (link/1): the death of one is an exit signal to the other.
/// Already linked or `other` is the caller: nothing. A dead process: an exit signal with `noproc`.
BEAM_EXPORT void link(pid other);

/// Takes the link back (unlink/1). When it returns no exit signal of that link can arrive any more; an
/// exit_message already in the mailbox stays.
BEAM_EXPORT void unlink(pid other);

/// What a monitor tells: `{'DOWN', Ref, process, Object, Reason}`. With a tag, `tag` stands for 'DOWN'.
struct down_message {
    ref monitor;
    term object;  ///< the pid, or `{Name, Node}` when monitored by name
    term reason;
    term tag;  ///< `'DOWN'` unless monitor_options::tag was given

    /// The pid, when monitored by pid.
    [[nodiscard]] BEAM_EXPORT std::optional<beam::pid> pid() const;
};

struct monitor_options {
    std::optional<term> tag{};  ///< stands for 'DOWN' in the message (MON-11)
    bool alias = false;         ///< the reference is also an alias, until demonitored or down
};

/// Watches `target` (monitor/2): one down_message when it dies, at once with `noproc` if it is dead or
/// unknown. One-way; several monitors of one target are independent. Self: a reference that never fires.
BEAM_EXPORT ref monitor(const server_ref& target, const monitor_options& options = {});

struct demonitor_options {
    bool flush = false;  ///< also remove the down_message if it is already in the mailbox
    bool info = false;
};

/// Ends a monitor. True, unless `info` was asked and no active monitor was found. A monitor of
/// another process counts as unknown.
BEAM_EXPORT bool demonitor(const ref& monitor, const demonitor_options& options = {});

/// A reference through which messages reach the caller until unalias (erlang:alias/0). With
/// `once`, until the first message.
BEAM_EXPORT ref alias(bool once = false);
/// False if it was not active.
BEAM_EXPORT bool unalias(const ref& alias);

/// A new reference, unique for the node's life (make_ref/0).
[[nodiscard]] BEAM_EXPORT ref make_ref();

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::down_message);
