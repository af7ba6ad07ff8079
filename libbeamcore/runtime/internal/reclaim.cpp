// The collector's half of reclamation. Rules beyond those of reclaim.hpp:
//   A thread keeps what it retires in a bag. To collect it seals the bag with the global epoch's number and raises that
//   by one (a locked instruction: what was unlinked before is seen unlinked by whoever reads the new number), then
//   makes all readers' stores visible (heavy_fence), then looks at them. A bag is freed when each thread in a section has
//   entered it under a higher number. Without the fence a reader whose store still waits in its processor would be
//   missed; without the number a reader that comes and goes all the time would hold everything.
//   What a thread cannot free when it ends, or when its scheduler goes idle, is left to all: the next collector takes it.
// Nothing here depends on a runtime: threads of several share the epoch, as they share the heap.
#include "libbeamcore/runtime/internal/reclaim.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "libbeamcore/runtime/internal/biased_lock.hpp"

namespace beam::detail {

namespace {

// A collection costs a few microseconds (membarrier interrupts the other processors).
constexpr std::size_t things_before_collecting = 1024;
constexpr std::size_t bytes_before_collecting = std::size_t(4) << 20;

struct retired {
    void* object;                  // or a term's word
    void (*free)(void*) noexcept;  // null: a term
};

struct bag {
    std::uint64_t sealed_at = 0;
    std::vector<retired> things;
    std::size_t bytes = 0;
};

struct alignas(64) thread_record : reader_record {
    bag open;
    std::vector<bag> sealed;  // oldest first
    std::size_t collect_at = things_before_collecting;
    bool collecting = false;
    std::atomic<bool> in_use{true};
    thread_record* next = nullptr;
};

std::atomic<thread_record*> all_records{nullptr};  // never removed, used again
std::atomic<std::size_t> bytes_waiting{0};

struct orphan_list {
    std::mutex mutex;
    std::vector<bag> bags;
    std::atomic<bool> any{false};
};
orphan_list& orphans() {
    static auto* list = new orphan_list;  // never destroyed: threads end at any time
    return *list;
}

void free_bag(bag& b) noexcept {
    bytes_waiting.fetch_sub(b.bytes, std::memory_order_relaxed);
    for (const retired& r : b.things) {
        if (r.free)
            r.free(r.object);
        else
            (void)term_access::from_word(reinterpret_cast<std::uint64_t>(r.object));
    }
    b.things.clear();
    b.bytes = 0;
}

std::uint64_t oldest_reader() noexcept {
    std::uint64_t oldest = ~std::uint64_t{0};
    for (auto* r = all_records.load(std::memory_order_acquire); r; r = r->next) {
        const std::uint64_t e = r->epoch.load(std::memory_order_seq_cst);
        if (e != 0 && e < oldest) oldest = e;
    }
    return oldest;
}

void seal(thread_record& r) {
    if (r.open.things.empty()) return;
    bag full = std::move(r.open);
    r.open = {};
    full.sealed_at = reclaim_epoch.fetch_add(1, std::memory_order_seq_cst);
    r.sealed.push_back(std::move(full));
}

void free_sealed(std::vector<bag>& bags, std::uint64_t oldest) noexcept {
    std::size_t n = 0;
    while (n < bags.size() && bags[n].sealed_at < oldest) ++n;
    if (n == 0) return;
    // What is freed may retire more, so the list is whole again before.
    std::vector<bag> freed(std::make_move_iterator(bags.begin()),
                           std::make_move_iterator(bags.begin() + std::ptrdiff_t(n)));
    bags.erase(bags.begin(), bags.begin() + std::ptrdiff_t(n));
    for (bag& b : freed) free_bag(b);
}

void adopt_orphans(thread_record& r) {
    orphan_list& o = orphans();
    if (!o.any.load(std::memory_order_acquire)) return;
    std::lock_guard lock(o.mutex);
    for (bag& b : o.bags) r.sealed.push_back(std::move(b));
    o.bags.clear();
    o.any.store(false, std::memory_order_relaxed);
    // Oldest first again.
    std::sort(r.sealed.begin(), r.sealed.end(),
              [](const bag& a, const bag& b) { return a.sealed_at < b.sealed_at; });
}

void leave_to_others(thread_record& r) {
    seal(r);
    if (r.sealed.empty()) return;
    orphan_list& o = orphans();
    std::lock_guard lock(o.mutex);
    for (bag& b : r.sealed) o.bags.push_back(std::move(b));
    r.sealed.clear();
    o.any.store(true, std::memory_order_release);
}

void collect(thread_record& r) {
    if (r.collecting || r.depth > 0) return;
    r.collecting = true;
    adopt_orphans(r);
    seal(r);
    if (!r.sealed.empty()) {
        heavy_fence();
        free_sealed(r.sealed, oldest_reader());
    }
    // Somebody reads for long: do not ask again at once.
    std::size_t left = 0;
    for (const bag& b : r.sealed) left += b.things.size();
    r.collect_at = std::max(things_before_collecting, left / 2);
    r.must_collect = false;
    r.collecting = false;
}

struct at_thread_end {
    thread_record* mine = nullptr;
    ~at_thread_end() {
        if (!mine) return;
        collect(*mine);
        leave_to_others(*mine);
        this_reader = nullptr;
        mine->in_use.store(false, std::memory_order_release);
    }
};

thread_record& own_record() {
    if (!this_reader) make_reader();
    return *static_cast<thread_record*>(this_reader);
}

void add(retired what, std::size_t bytes) {
    thread_record& r = own_record();
    r.open.things.push_back(what);
    r.open.bytes += bytes;
    bytes_waiting.fetch_add(bytes, std::memory_order_relaxed);
    if (r.open.things.size() < r.collect_at && r.open.bytes < bytes_before_collecting) return;
    r.must_collect = true;
    if (r.depth == 0) collect(r);
}

}  // namespace

constinit thread_local reader_record* this_reader __attribute__((tls_model("initial-exec"))) =
    nullptr;
std::atomic<std::uint64_t> reclaim_epoch{1};
const bool readers_need_fence = !membarrier_available();

reader_record* make_reader() {
    thread_local at_thread_end guard;
    for (auto* r = all_records.load(std::memory_order_acquire); r; r = r->next) {
        bool free = false;
        if (!r->in_use.load(std::memory_order_relaxed) &&
            r->in_use.compare_exchange_strong(free, true, std::memory_order_acquire)) {
            guard.mine = r;
            return this_reader = r;
        }
    }
    static std::atomic<std::uint32_t> records_made{0};
    auto* made = new thread_record;
    made->needs_fence = readers_need_fence;
    made->number = records_made.fetch_add(1, std::memory_order_relaxed);
    thread_record* head = all_records.load(std::memory_order_relaxed);
    do {
        made->next = head;
    } while (!all_records.compare_exchange_weak(head, made, std::memory_order_acq_rel));
    guard.mine = made;
    return this_reader = made;
}

void enter_with_fence(reader_record* r) noexcept {
    r->epoch.store(reclaim_epoch.load(std::memory_order_acquire), std::memory_order_seq_cst);
}

void collect_retired() noexcept {
    collect(own_record());
}

void retire(void* object, void (*free)(void*) noexcept, std::size_t bytes) {
    add({object, free}, bytes);
}

void retire_term(term t, std::size_t bytes) {
    const std::uint64_t word = term_access::word(t);
    if (!term_access::node(t)) return;
    new (&t) term;  // the bag has the reference now
    add({reinterpret_cast<void*>(word), nullptr}, bytes);
}

bool reclaim_now() noexcept {
    thread_record& r = own_record();
    collect(r);
    return r.sealed.empty() && r.open.things.empty();
}

void reclaim_when_idle() noexcept {
    auto* r = static_cast<thread_record*>(this_reader);
    if (!r || (r->open.things.empty() && r->sealed.empty())) return;
    collect(*r);
    leave_to_others(*r);
}

std::size_t retired_bytes() noexcept {
    return bytes_waiting.load(std::memory_order_relaxed);
}

}  // namespace beam::detail
