// What the post office starts and does not wait for: processes that look after mailboxes, and move notices to kv.
#pragma once

#include <string>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/pid.hpp"

namespace presence {

/// Starts a user's mailbox, if this node owns the user, somebody listens, and something waits.
beam::process look_after(beam::self me, std::string user);

/// Other nodes lead shards of kv's now: ends the mailboxes that this node has no more, and looks after all who listen.
beam::process settle_in(beam::self me);

/// Moves what is on this node's disk to kv: what waits, in its order, then what was closed in the last day. Each notice is
/// taken off the disk when kv has it; one that is met again, after a crash, is known there by its sender and id. Goes on
/// until all is done. There is one at a time.
beam::process move_to_kv(beam::self me);

}  // namespace presence
