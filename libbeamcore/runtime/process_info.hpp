// What can be asked about processes, and changed in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam {

enum class process_status : std::uint8_t { waiting, runnable, running, suspended, exiting };

/// What anybody may see of a process at any time, without disturbing it: read from counters it keeps.
struct process_summary {
    beam::pid pid;
    process_status status = process_status::waiting;
    std::optional<atom> registered_name;
    term label = atoms::undefined;  ///< see set_label
    std::string initial_call;
    /// The type of the message it took last. One that waits is done with it, unless it waits in a handler.
    /// Empty before the first; and from a plain thread, which nothing keeps from reading unloaded code.
    std::string doing;
    std::uint32_t message_queue_len = 0;
    std::uint64_t message_bytes = 0;
    std::uint64_t reductions = 0;
    /// Bytes of its control block and of the messages that wait. Not its coroutine frame or body, nor what
    /// these hold: what a process allocates is not counted.
    std::uint64_t memory = 0;
    beam::priority priority = beam::priority::normal;
    beam::pid parent;
};

/// What a process tells about itself when asked (process_info/1). Takes a signal to it and back.
struct process_details {
    process_summary summary;
    bool trap_exit = false;
    /// Whether it answers system requests (sys.hpp). To another process they would be messages that
    /// it does not know.
    bool is_behaviour = false;
    std::vector<pid> links;
    std::vector<term> monitors;  ///< what it watches: pids or `{Name, Node}`
    std::vector<pid> monitored_by;
    beam::pid group_leader;
    std::vector<std::pair<term, term>> dictionary;
    std::vector<term> messages;  ///< the first ones waiting, at most 32
    /// Where it waits: addresses in the coroutine that waits and, if that is another, in the process's own;
    /// symbol_of() names them. Empty for a behaviour between two messages, and for the caller itself.
    std::vector<const void*> stack;
};

/// What a process has used and what waits for it: cheap to read, of many processes too.
struct process_counters {
    beam::pid pid;
    beam::pid parent;
    std::uint64_t reductions = 0;
    std::uint64_t memory = 0;  ///< as process_summary's
    std::uint32_t message_queue_len = 0;
};

/// Goes through all living processes in the order of their numbers, some at a time, so that who looks
/// at many can give way in between. What is born meanwhile may be seen or not; what lives all the while
/// is seen once.
class process_walk {
public:
    /// From the place number `from` on: where another walk has got to.
    explicit process_walk(std::uint32_t from = 1) : at_(from > 0 ? from : 1) {}

    /// Looks at the next `places` of the process table and adds to `found` who lives there. False when it
    /// was at the end already.
    [[nodiscard]] BEAM_EXPORT bool next(std::vector<process_counters>& found,
                                        std::uint32_t places = 256);
    [[nodiscard]] std::uint32_t position() const { return at_; }

private:
    std::uint32_t at_;
};

/// All living processes' pids, in the order of their numbers (processes/0).
[[nodiscard]] BEAM_EXPORT std::vector<pid> processes();
/// Nothing for a dead pid (PROC-18).
[[nodiscard]] BEAM_EXPORT std::optional<process_summary> process_info(pid target);
/// True if it has not begun to exit. Ordered after what the caller sent before to a local pid (PROC-13):
/// `co_await is_alive(pid)`.
[[nodiscard]] BEAM_EXPORT awaitable<bool> is_alive(pid target);
[[nodiscard]] BEAM_EXPORT awaitable<std::optional<process_details>> process_info_details(
    pid target);

/// What the calling process calls itself, for people who look at many of its kind: text such as "room
/// general", or any other term. It is shown beside the process and in its crash report, need not be unique
/// and nothing finds a process by it; it goes with the process. `undefined` takes it away.
/// (proc_lib:set_label/1.)
BEAM_EXPORT void set_label(term label);

/// Stops and goes on with running a process; counted. Signals are handled meanwhile, messages wait.
/// It stays suspended when its suspender dies, as OTP's would not: who looks into a node from outside is gone
/// between the two.
/// False: no such process.
[[nodiscard]] BEAM_EXPORT awaitable<bool> suspend_process(pid target);
[[nodiscard]] BEAM_EXPORT awaitable<bool> resume_process(pid target);

/// The calling process's own dictionary (put/2, get/1, erase/1).
namespace process_dictionary {
/// The previous value, `undefined` if none.
BEAM_EXPORT term put(term key, term value);
[[nodiscard]] BEAM_EXPORT term get(const term& key);
BEAM_EXPORT term erase(const term& key);
/// All entries, in the order they were first put.
[[nodiscard]] BEAM_EXPORT std::vector<std::pair<term, term>> all();
}  // namespace process_dictionary

BEAM_EXPORT beam::priority set_priority(beam::priority p);
[[nodiscard]] BEAM_EXPORT pid group_leader();
BEAM_EXPORT void set_group_leader(pid leader);

}  // namespace beam
