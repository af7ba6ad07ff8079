#include "libbeamcore/runtime/internal/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace beam::detail {

timer_wheel::timer_wheel() : chunks_(make_zeroed<std::atomic<timer_slot*>>(chunks_max)) {}

timer_slot* timer_wheel::find(std::uint32_t index) const {
    if (index / chunk_size >= chunks_max) return nullptr;
    timer_slot* chunk = chunks_[index / chunk_size].load(std::memory_order_acquire);
    return chunk ? chunk + index % chunk_size : nullptr;
}

timer_slot* timer_wheel::take_slot() {
    if (free_) return std::exchange(free_, free_->next);
    if (made_ / chunk_size >= chunks_max) throw std::bad_alloc();
    auto& chunk = chunks_[made_ / chunk_size];
    if (made_ % chunk_size == 0)
        chunk.store(new (pages_.take(sizeof(timer_slot) * chunk_size)) timer_slot[chunk_size],
                    std::memory_order_release);
    timer_slot* t = chunk.load(std::memory_order_relaxed) + made_ % chunk_size;
    t->index = made_++;
    return t;
}

timer_slot* timer_wheel::arm(std::uint64_t unique, std::int64_t now, std::int64_t deadline,
                             const server_ref& target, signal* payload, bool wrapped) {
    const std::int64_t now_tick = now >> tick_bits;
    if (size() == 0 && (!started_ || current_ < now_tick)) current_ = now_tick;
    started_ = true;
    timer_slot* t = take_slot();
    t->deadline.store(deadline, std::memory_order_relaxed);
    // A process of another node is a target that never lives: it has id 0 here.
    const pid p = target.is_name() ? pid{} : *target.resolve();
    t->target.store(p.is_local() ? std::uint64_t(p.serial) << 32 | p.id : 0,
                    std::memory_order_relaxed);
    t->name = target.is_name() ? target.name() : atom();
    t->payload = payload;
    t->wrapped = wrapped;
    // Rounded up: a timer never fires early.
    link(t, (deadline + (std::int64_t{1} << tick_bits) - 1) >> tick_bits);
    count_.store(size() + 1, std::memory_order_relaxed);
    t->state.store(unique << 2 | timer_slot::armed, std::memory_order_release);
    return t;
}

void timer_wheel::link(timer_slot* t, std::int64_t tick) {
    if (tick < current_) tick = current_;
    std::int64_t delta = tick - current_;
    constexpr std::int64_t furthest = (std::int64_t{1} << (6 * levels)) - 1;
    if (delta > furthest) {  // looked at again when that place comes up
        tick = current_ + furthest;
        delta = furthest;
    }
    int level = 0;
    while (delta >> (6 * (level + 1)) != 0) ++level;
    const auto place = int(tick >> (6 * level)) & (places - 1);
    t->level = std::uint8_t(level);
    t->place = std::uint8_t(place);
    t->prev = nullptr;
    t->next = heads_[level][place];
    if (t->next) t->next->prev = t;
    heads_[level][place] = t;
    occupied_[level] |= std::uint64_t{1} << place;
    t->linked = true;
}

void timer_wheel::unlink(timer_slot* t) {
    if (t->prev)
        t->prev->next = t->next;
    else
        heads_[t->level][t->place] = t->next;
    if (t->next) t->next->prev = t->prev;
    if (!heads_[t->level][t->place]) occupied_[t->level] &= ~(std::uint64_t{1} << t->place);
    t->linked = false;
}

void timer_wheel::release(timer_slot* t) {
    if (t->linked) unlink(t);
    t->payload = nullptr;
    t->state.store(timer_slot::free, std::memory_order_release);
    t->next = free_;
    free_ = t;
    count_.store(size() - 1, std::memory_order_relaxed);
}

void timer_wheel::push_cancelled(timer_slot* t) {
    timer_slot* head = cancelled_.load(std::memory_order_relaxed);
    do {
        t->cancel_next = head;
    } while (!cancelled_.compare_exchange_weak(head, t, std::memory_order_release,
                                               std::memory_order_relaxed));
}

void timer_wheel::release_cancelled() {
    timer_slot* t = cancelled_.exchange(nullptr, std::memory_order_acquire);
    while (t) release(std::exchange(t, t->cancel_next));
}

void timer_wheel::cascade(int level) {
    const auto place = int(current_ >> (6 * level)) & (places - 1);
    if (place == 0 && level + 1 < levels) cascade(level + 1);
    timer_slot* t = std::exchange(heads_[level][place], nullptr);
    occupied_[level] &= ~(std::uint64_t{1} << place);
    while (t) {
        timer_slot* next = t->next;
        link(t,
             (t->deadline.load(std::memory_order_relaxed) + (std::int64_t{1} << tick_bits) - 1) >>
                 tick_bits);
        t = next;
    }
}

// Jumps over stretches in which no place of the lower levels is occupied.
void timer_wheel::skip_empty(std::int64_t limit) {
    int level = 0;
    while (level < levels && occupied_[level] == 0) ++level;
    if (level == levels) {
        current_ = limit;
        return;
    }
    if (level == 0) return;
    const std::int64_t span = std::int64_t{1} << (6 * level);
    const std::int64_t next = (current_ + span - 1) & ~(span - 1);
    current_ = next < limit ? next : limit;
}

namespace {
/// By time, then in the order they were set.
bool earlier(const timer_slot* a, const timer_slot* b) {
    const auto at = a->deadline.load(std::memory_order_relaxed);
    const auto other = b->deadline.load(std::memory_order_relaxed);
    return at != other ? at < other : a->id() < b->id();
}
}  // namespace

timer_slot* timer_wheel::expire(std::int64_t now) {
    const std::int64_t limit = (now >> tick_bits) + 1;
    timer_slot* first = nullptr;
    timer_slot** last = &first;
    while (current_ < limit) {
        skip_empty(limit);
        if (current_ >= limit) break;
        const auto place = int(current_) & (places - 1);
        if (place == 0) cascade(1);
        due_.clear();
        while (timer_slot* t = heads_[0][place]) {
            unlink(t);
            if (t->claim(t->id(), timer_slot::fired)) due_.push_back(t);
            // else cancelled elsewhere: freed there
        }
        if (due_.size() > 1) std::sort(due_.begin(), due_.end(), earlier);
        for (timer_slot* t : due_) {
            t->next = nullptr;
            *last = t;
            last = &t->next;
        }
        ++current_;
    }
    return first;
}

timer_slot* timer_wheel::take_all() {
    timer_slot* all = nullptr;
    for (auto& level : heads_)
        for (timer_slot*& head : level)
            while (timer_slot* t = head) {
                unlink(t);
                if (!t->claim(t->id(), timer_slot::cancelled)) continue;
                t->next = all;
                all = t;
            }
    return all;
}

std::optional<std::int64_t> timer_wheel::next_deadline() const {
    std::optional<std::int64_t> best;
    for (int level = 0; level < levels; ++level) {
        if (occupied_[level] == 0) continue;
        const int shift = 6 * level;
        const std::int64_t unit = current_ >> shift;
        const auto here = int(unit) & (places - 1);
        // Places after this one first. On level 0 this one itself is still to come.
        std::uint64_t ring = std::rotr(occupied_[level], here);
        int ahead = std::countr_zero(ring);
        if (level > 0 && ahead == 0) {
            // What lies in the present place of an upper level is a whole round away, unless the
            // present tick begins that place.
            if ((current_ & ((std::int64_t{1} << shift) - 1)) != 0) {
                ring &= ~std::uint64_t{1};
                ahead = ring ? std::countr_zero(ring) : places;
            }
        }
        const std::int64_t tick = (unit + ahead) << shift;
        if (!best || tick < *best) best = tick;
    }
    if (!best) return {};
    return *best << tick_bits;
}

}  // namespace beam::detail
