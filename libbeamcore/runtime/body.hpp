// process_body: a process whose code runs to completion on the scheduler's own stack.
//
// What gen_server, supervisor and the other behaviours are made of: an idle one owns no stack and no
// coroutine frame. The runtime knows nothing of its state but these calls. Pid, queue, links, names and
// timers lie outside, so a body can be replaced under a living pid (live upgrade).
#pragma once

#include <memory>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam {

class BEAM_EXPORT process_body {
public:
    process_body() = default;
    process_body(const process_body&) = delete;
    process_body& operator=(const process_body&) = delete;
    /// Runs when the process has ended, before links and monitors are told, so that whoever restarts it finds
    /// what it held (files, sockets) released.
    virtual ~process_body();

    /// Called with the process current when it is first scheduled and then whenever it was given
    /// messages. Takes messages with `self.try_receive()` until that gives none or `more_time(self)` is
    /// false, and returns; the runtime then waits or comes back. Ends the process by throwing (exit) or
    /// by `finish(self, reason)`.
    virtual void run(self self) = 0;

    /// Whether run() answers system requests (sys.hpp), so that observers may send it some.
    [[nodiscard]] virtual bool answers_system_requests() const { return false; }

protected:
    /// Charges one message and says whether this turn may go on.
    static bool more_time(self self) { return !self.bump_reductions(1); }
    /// Ends the process with `reason` when run() returns. Cheaper than throwing.
    static void finish(self self, term reason);
    /// Goes on with `work` (a handler that waits); when it is through, run() is called again. The work
    /// has taken messages only if it received them itself. An exception that leaves it ends the process.
    /// At most one at a time.
    static void run_waiting(self self, awaitable<void> work);
};

}  // namespace beam
