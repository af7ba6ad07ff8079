// Reclamation: memory that is read without a lock is freed when nobody can be reading it any more.
//
// A reader stays in a read_section while it uses what it found: two plain stores. A writer makes the object
// unreachable, then retires it; it is freed after every thread that was in a section at that moment has left it.
// Sections are per thread and independent of processes' turns, so a process that never gives way holds nothing
// up, and plain threads and those of the dirty pool read as schedulers do.
//
// The rules, and what breaks without each (internal/reclaim.cpp has the collector's half):
//   reader: epoch := the global one; compiler fence; reads; epoch := 0 (release)
//     Without the fence a read may be done before the reader is seen to be inside. The processor's own
//     reordering of that store is undone by the collector's membarrier (internal/biased_lock.hpp).
//   writer: unlinks, then retires. Retired first, it could be freed while it is still found.
//   A section holds no suspension: no co_await in one. Sections nest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail {

/// What a thread shows of its reading; the rest of it is in internal/reclaim.cpp.
struct reader_record {
    std::atomic<std::uint64_t> epoch{0};  ///< when it entered its section; 0: it is in none
    std::uint32_t depth = 0;
    std::uint32_t needs_fence = 0;  ///< readers_need_fence, for a look at both at once
    std::uint32_t number = 0;       ///< of the records; no two threads have one at a time
    bool must_collect = false;
};

// Initial-exec: libbeamcore is loaded at program start, and these are read at every access to a table.
extern BEAM_EXPORT constinit thread_local reader_record* this_reader
    __attribute__((tls_model("initial-exec")));
extern BEAM_EXPORT std::atomic<std::uint64_t> reclaim_epoch;

BEAM_EXPORT reader_record* make_reader();
BEAM_EXPORT void enter_with_fence(reader_record* r) noexcept;
BEAM_EXPORT void collect_retired() noexcept;
extern BEAM_EXPORT const bool readers_need_fence;

/// While it lives, what this thread finds in shared structures is not freed. On one thread; not to be kept across
/// a co_await.
class read_section {
public:
    [[gnu::always_inline]] read_section() : reader_(this_reader) {
        if (!reader_) [[unlikely]]
            reader_ = make_reader();
        if (reader_->depth++ > 0) return;
        if (readers_need_fence) [[unlikely]] {
            enter_with_fence(reader_);
            return;
        }
        // Release, and acquire in the collector: what was read in earlier sections was read before it frees.
        reader_->epoch.store(reclaim_epoch.load(std::memory_order_acquire),
                             std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    read_section(const read_section&) = delete;
    read_section& operator=(const read_section&) = delete;
    [[gnu::always_inline]] ~read_section() {
        if (--reader_->depth > 0) return;
        reader_->epoch.store(0, std::memory_order_release);
        if (reader_->must_collect) [[unlikely]]
            collect_retired();
    }

private:
    reader_record* reader_;
};

/// Calls `free(object)` when no section that exists now is left; on any thread, soon after (at the latest when
/// some thread has retired a few hundred things more, or a scheduler goes idle). `bytes` is what that frees, about.
/// Never waits. To be called after the object was made unreachable.
BEAM_EXPORT void retire(void* object, void (*free)(void*) noexcept, std::size_t bytes);

/// Drops a reference that readers may be about to copy.
BEAM_EXPORT void retire_term(term t, std::size_t bytes);

/// Frees what this thread has retired, as far as nobody reads. True if nothing is left. Not in a section.
BEAM_EXPORT bool reclaim_now() noexcept;

/// How much has been retired and not yet freed, by all threads.
[[nodiscard]] BEAM_EXPORT std::size_t retired_bytes() noexcept;

}  // namespace beam::detail
