// The control block of a process, and its signal queue.
//
// Blocks lie in a table that is never unmapped while its runtime lives (process_table.hpp), so a sender may
// look at a block whose process is long dead. What keeps it from writing into a successor is the tag:
//
//   inbox = tag (16 bits) | pointer to the newest signal, or one of three states (48 bits)
//
// The tag is the low half of the serial. A sender compares the whole serial, then swaps the word only if it
// still has that tag. It would be fooled only if, between those two instructions, the slot were used
// exactly 65536 times over (slots are reused first in, first out, over at least a thousand) and the rest of
// the word were equal as well.
//
// States in place of a pointer:
//   empty    running or runnable, and nothing new
//   waiting  not scheduled; who replaces this by compare-and-swap owns the process and must schedule it. The
//            sender that does so puts its signal on `staged` instead of the queue: one atomic
//            instruction less for the receiver, and still in order, since the queue was empty
//   closed   dead, or not yet used
// Signals are pushed onto a stack and reversed when drained; the order of each sender is kept.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/detail/flat_table.hpp"
#include "libbeamcore/runtime/detail/signal.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam::detail {

class runtime_impl;

inline constexpr int reductions_a_turn = 4000;

enum class action : std::uint8_t { none, wait, yield, resume, enter, finished };

/// What a link knows: `unlinking` holds the id of an unlink that was not acknowledged yet.
struct link_state {
    std::uint64_t unlinking = 0;
};

/// A monitor as the watcher keeps it, by its number (refs.hpp).
struct watch {
    /// What few monitors have: in their message the watched is not simply its pid, or the tag not 'DOWN'.
    struct words {
        term object, tag;
    };

    beam::pid target;
    bool alias = false;
    std::unique_ptr<words> other;

    [[nodiscard]] term object() const { return other ? other->object : term(target); }
};

/// A monitor as the watched keeps it.
struct watcher {
    beam::pid pid;
    bool alias = false;
};

/// The same for a monitor from another node, whose reference is its own.
struct remote_watcher {
    beam::pid pid;
    atom by_name;  // what it monitors, if not the pid: the default
};

/// A request that was taken and not answered: whom to tell on death.
struct request_key {
    beam::pid caller;
    std::uint64_t id = 0;
    friend bool operator==(const request_key&, const request_key&) = default;
};

inline std::size_t place_of(const request_key& k) {
    return scatter_eights(k.id, std::uint64_t(k.caller.serial) << 32 | k.caller.id);
}

/// The request a behaviour is handling now and has not answered; id 0: none.
struct current_request {
    beam::pid caller;
    std::uint64_t id = 0;
};

/// What few processes have; made when first needed.
struct process_extra {
    static void* operator new(std::size_t n) { return allocate(n); }
    static void operator delete(void* p, std::size_t n) noexcept { deallocate(p, n); }

    flat_table<std::uint64_t, watch> watching;
    flat_table<request_key, char> held;
    flat_table<ref, remote_watcher> watched_from_afar;
    // Calls that came as terms, while they wait: how their caller wants the answer marked (request_from).
    flat_table<std::uint64_t, term> caller_tags;
    std::unordered_map<std::uint64_t, bool> aliases;  // id -> once
    std::vector<std::pair<term, term>> dictionary;
    std::vector<callback<void(const term&)>> exit_hooks;
    // Whose code it runs beside its body's: one entry an object (add_guest).
    std::vector<module_record*> guests;
    std::optional<atom> name;
    beam::pid group_leader;
    signal** mark = nullptr;  // where receive_marked_if begins
    bool in_group = false;
    bool watches_nodes = false;
    bool labelled = false;
    bool mailbox_cut = false;  // a message before a receive's cursor was dropped
    std::uint32_t suspended = 0;
    std::uint32_t mailbox_max = 0;
    beam::overflow policy = beam::overflow::reject;
    bool long_queue_reported = false;
    std::uint64_t message_bytes_max = 0;
    // While it exits: how many tables of links and monitors are done, and how far it is in the next.
    std::uint32_t told_tables = 0;
    std::size_t told = 0;
};

struct alignas(16) process_block {
    static constexpr std::uint64_t pointer_mask = (std::uint64_t{1} << 48) - 1;
    static constexpr std::uint64_t empty = 0, waiting = 1, closed = 2;

    // Touched by senders.
    std::atomic<std::uint64_t> inbox{closed};
    std::atomic<std::uint32_t> serial{0};
    std::uint32_t id = 0;
    std::atomic<std::uint32_t> queue_len{0};
    std::atomic<std::uint32_t> reject_at{0};  // queue length at which senders are refused; 0: never
    signal* staged = nullptr;
    process_block* run_next = nullptr;
    runtime_impl* node = nullptr;
    std::atomic<process_status> status{process_status::exiting};
    std::atomic<std::uint8_t> prio{1};
    std::atomic<bool> bounded{false};  // a mailbox bound is set (in extra)
    bool trap_exit = false;
    action next_action = action::none;
    bool exit_pending = false;
    bool exiting = false;
    bool in_waiting_work = false;  // a body's handler coroutine is at work
    std::atomic<std::uint32_t> message_bytes{0};

    // The owner's: whoever runs the process, or has just made it or woken it.
    std::coroutine_handle<> root;
    std::coroutine_handle<> resume;
    process_body* body = nullptr;
    waiter* wait = nullptr;
    signal* mailbox = nullptr;
    signal** mailbox_end = &mailbox;
    std::int32_t reductions_left = 0;
    std::atomic<std::uint32_t> initial_call{0};  // an atom's index
    std::atomic<std::uint64_t> reductions{0};
    std::uint64_t awaited_timer = 0;  // of the present wait; 0 once it fired
    pending* requests = nullptr;
    current_request request;
    std::atomic<const type_descriptor*> handling{nullptr};  // the message taken last
    flat_table<beam::pid, link_state> links;
    flat_table<std::uint64_t, watcher> watched_by;
    process_extra* extra = nullptr;
    module_record* module = nullptr;
    term exit_reason;
    std::atomic<std::uint64_t> parent{0};  // id | end_watched | serial << 32

    /// In `parent`: a layer above wants to know of its end (detail::watch_end). Set by anybody. Ids are below it.
    static constexpr std::uint64_t end_watched = std::uint64_t{1} << 31;

    [[nodiscard]] beam::pid pid() const { return {id, serial.load(std::memory_order_relaxed), 0}; }
    [[nodiscard]] std::uint64_t tag() const {
        return std::uint64_t(serial.load(std::memory_order_relaxed)) << 48;
    }
    process_extra& more() {
        if (!extra) extra = new process_extra;
        return *extra;
    }
};
static_assert(sizeof(process_block) <= 224);

enum class push_result { dead, queued, woken };

/// Queues `s` for the process `serial` of block `pb`; `woken` means the caller must schedule it. On `dead`
/// the signal is still the caller's.
inline push_result push_signal(process_block* pb, std::uint32_t serial, signal* s) {
    if (pb->serial.load(std::memory_order_relaxed) != serial) return push_result::dead;
    const std::uint64_t tag = std::uint64_t(serial) << 48;
    std::uint64_t word = pb->inbox.load(std::memory_order_relaxed);
    for (;;) {
        if (word == (tag | process_block::waiting)) {
            if (pb->inbox.compare_exchange_weak(word, tag | process_block::empty,
                                                std::memory_order_acquire,
                                                std::memory_order_relaxed)) {
                s->next = nullptr;
                pb->staged = s;
                return push_result::woken;
            }
            continue;
        }
        const std::uint64_t p = word ^ tag;  // a pointer or a state, if the tag is the same
        if (p > process_block::pointer_mask || p == process_block::closed) return push_result::dead;
        s->next = reinterpret_cast<signal*>(p);
        if (pb->inbox.compare_exchange_weak(word, tag | reinterpret_cast<std::uint64_t>(s),
                                            std::memory_order_release, std::memory_order_relaxed))
            return push_result::queued;
    }
}

/// What was taken at once. Each signal's memory was written by another thread, as a rule, so that looking at
/// it is dear: what the look that reverses the queue can find out is kept.
struct taken_signals {
    signal* first = nullptr;
    signal* last = nullptr;
    std::uint32_t count = 0;
    std::uint32_t bytes = 0;
    bool only_messages = false;  // and last, count and bytes are known
};

/// Everything that has come, oldest first; leaves the queue empty (or `closed`).
inline taken_signals take_counted(process_block* pb, std::uint64_t leave = process_block::empty) {
    signal* staged = std::exchange(pb->staged, nullptr);
    if (leave == process_block::empty && (pb->inbox.load(std::memory_order_relaxed) &
                                          process_block::pointer_mask) == process_block::empty)
        return {staged};
    // Sequentially consistent for a process that ends (tell_end_hooks in exit.cpp); the same instruction.
    const std::uint64_t word = pb->inbox.exchange(pb->tag() | leave, std::memory_order_seq_cst);
    auto* s = reinterpret_cast<signal*>(word & process_block::pointer_mask);
    if (std::uint64_t(reinterpret_cast<std::uintptr_t>(s)) <= process_block::closed)
        return {staged};
    taken_signals t;
    t.last = s;
    bool others = staged != nullptr;
    while (s) {
        signal* next = s->next;
        s->next = t.first;
        t.first = s;
        ++t.count;
        t.bytes += s->bytes;
        others |= s->kind != signal_kind::message;
        s = next;
    }
    t.only_messages = !others;
    if (!staged) return t;
    // What is staged is older than the queue: one signal, or what an exit left unhandled.
    signal* last = staged;
    while (last->next) last = last->next;
    last->next = t.first;
    t.first = staged;
    return t;
}
inline signal* take_signals(process_block* pb, std::uint64_t leave) {
    return take_counted(pb, leave).first;
}

struct alias_signal : signal {
    std::uint64_t id = 0;
};
/// The request was answered by another process: forget it.
struct answered_signal : signal {
    request_key key;
};
struct request_down_signal : signal {
    std::uint64_t id = 0;
    term reason;
};
struct exit_signal : signal {
    beam::pid from;
    bool by_link = false;
    term reason;
};
struct link_signal : signal {
    beam::pid from;
    std::uint64_t id = 0;  // of an unlink or its acknowledgement
};
struct monitor_signal : signal {  // monitor, demonitor
    ref monitor;
    beam::pid from;
    atom by_name;  // from another node, and not by pid
};
struct wake_signal : signal {
    std::uint64_t timer = 0;
};
/// `code` runs in the process; with null when it died first.
struct system_signal : signal {
    callback<void(process_block*)> code;
};

}  // namespace beam::detail
