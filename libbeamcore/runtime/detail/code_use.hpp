// For the loader: who still uses a module's code, and making them let go of it.
//
// Messages are not counted while they travel (that would cost every send); instead each process is
// asked to look through its own mailbox, and each scheduler's timers are looked through. A message of
// the module is made independent of it where it lies: its value becomes a term under the same type
// name, and whoever receives it converts it back (message::is, adopt_message).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

/// Where a module is mapped.
struct code_range {
    const void* begin = nullptr;
    const void* end = nullptr;

    [[nodiscard]] bool contains(const void* p) const { return p >= begin && p < end; }
};

/// What the processes and timers of one node still have of a module.
struct code_use {
    std::vector<pid> processes;  ///< whose body, coroutine or guest (add_guest) is its code
    std::vector<pid> mailboxes;  ///< where messages lie that cannot become terms
    std::vector<pid> timers;     ///< targets of timers with such messages; the false pid for a name
    std::uint64_t converted = 0;  ///< messages that became terms just now
    std::uint64_t dropped = 0;    ///< messages whose value was lost (see below)
    std::vector<std::string> dropped_types;

    [[nodiscard]] bool empty() const {
        return processes.empty() && mailboxes.empty() && timers.empty();
    }
};

/// Looks through all processes and timers of the caller's node. A process that never gives way delays
/// the answer until it does. With `force`, a message that cannot become a term loses its value: what is
/// received then is `{opaque, <<"type">>}`.
[[nodiscard]] BEAM_EXPORT awaitable<code_use> find_code_use(const module_record* module,
                                                            code_range range, bool force);

/// Waits until every scheduler thread has left the process that it was running: no destructor of a module
/// whose last reference is gone is still at work.
[[nodiscard]] BEAM_EXPORT awaitable<void> pass_all_schedulers();

/// Says whose code a behaviour's process runs, where spawn was not told. Counted.
BEAM_EXPORT void set_module(process_block* pb, module_record* module) noexcept;

/// The calling process keeps an object of that module beside its body, as an event manager does a handler: it
/// counts as one that runs this code. Once for each object; a null module is nobody's.
BEAM_EXPORT void add_guest(module_record* module);
BEAM_EXPORT void remove_guest(module_record* module) noexcept;

}  // namespace beam::detail
