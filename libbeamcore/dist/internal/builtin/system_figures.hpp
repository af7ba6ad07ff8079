// What a node has used so far: the numbers behind erlang:memory, statistics and observer's pages.
#pragma once

#include <cstdint>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// Bytes.
struct memory_figures {
    std::uint64_t total = 0;      ///< of the OS process, as far as it is in memory
    std::uint64_t processes = 0;  ///< control blocks and messages that wait
    std::uint64_t ets = 0;
    std::uint64_t code = 0;
};
/// Looks at every process and table, giving way in between.
[[nodiscard]] awaitable<memory_figures> measure_memory(self me);
/// erlang:memory/0's list. Atoms and binaries are not counted apart: 0.
[[nodiscard]] term memory_list(const memory_figures& m);
/// Those that etop shows.
[[nodiscard]] term short_memory_list(const memory_figures& m);

/// Bytes that the OS process has read and written, as its kernel counts them (sockets that are not read as
/// files are not in it).
struct io_figures {
    std::uint64_t input = 0, output = 0;
};
[[nodiscard]] io_figures read_io();
/// `{{input, B}, {output, B}}`
[[nodiscard]] term io_term();

/// `[{SchedulerId, Active, Total}]`, nanoseconds. Schedulers pass from thread to thread, so each is shown its share
/// of what the OS process has run.
[[nodiscard]] term scheduler_wall_time(self me);

/// Processes that could run and do not.
[[nodiscard]] std::uint64_t run_queue_length(self me);

}  // namespace beam::dist::detail
