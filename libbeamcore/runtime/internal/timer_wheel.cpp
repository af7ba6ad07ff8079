#include "libbeamcore/runtime/internal/timer_wheel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace beam::detail {

void timer_slot::put(const timer_content& what) {
    wrapped = what.wrapped;
    kind = content::nothing;
    const type_descriptor* sent = nullptr;
    if (what.message) {
        kind = content::message;
        sent = what.message->type;
        message = what.message;
    } else if (what.type) {
        kind = content::value;
        sent = what.type;
        std::memcpy(value, what.value, sizeof value);
    }
    type.store(sent, std::memory_order_relaxed);
}

signal* timer_slot::take_message() {
    if (kind == content::message) {
        kind = content::nothing;
        return message;
    }
    if (kind == content::nothing) return nullptr;
    const type_descriptor* sent = type.load(std::memory_order_relaxed);
    signal* s = allocate_message(sent);
    std::memcpy(s->payload(), value, sent->size);
    kind = content::nothing;
    return s;
}

void timer_slot::drop_content() {
    if (std::exchange(kind, content::nothing) == content::message) destroy_message(message);
}

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
                             const server_ref& target, const timer_content& what) {
    const std::int64_t now_tick = now >> tick_bits;
    if (size() == 0 && (!started_ || current_ < now_tick)) current_ = now_tick;
    started_ = true;
    timer_slot* t = take_slot();
    t->deadline.store(deadline, std::memory_order_relaxed);
    t->aim(target);
    t->put(what);
    // Rounded up: a timer never fires early.
    link(t, (deadline + (std::int64_t{1} << tick_bits) - 1) >> tick_bits);
    count_.store(size() + 1, std::memory_order_relaxed);
    t->state.store(unique << 2 | timer_slot::armed, std::memory_order_release);
    return t;
}

timer_group* timer_wheel::add_group(int level, int place) {
    timer_group* g = std::exchange(free_groups_, free_groups_ ? free_groups_->next : nullptr);
    if (!g) g = new (pages_.take(sizeof(timer_group))) timer_group;
    g->level = std::uint8_t(level);
    g->place = std::uint8_t(place);
    g->prev = nullptr;
    g->next = heads_[level][place];
    if (g->next) g->next->prev = g;
    heads_[level][place] = g;
    occupied_[level] |= std::uint64_t{1} << place;
    return g;
}

void timer_wheel::give_back(timer_group* g) {
    g->used = 0;
    g->next = free_groups_;
    free_groups_ = g;
}

void timer_wheel::link(timer_slot* t, std::int64_t tick) {
    if (tick < current_) tick = current_;
    std::int64_t delta = tick - current_;
    constexpr std::int64_t furthest = (std::int64_t{1} << (6 * levels)) - 1;
    if (delta > furthest) {  // looked at again when that place comes up
        tick = current_ + furthest;
        delta = furthest;
    }
    const int level = delta == 0 ? 0 : (63 - std::countl_zero(std::uint64_t(delta))) / 6;
    const auto place = int(tick >> (6 * level)) & (places - 1);
    timer_group* g = heads_[level][place];
    if (!g || g->used == timer_group::all) g = add_group(level, place);
    const int at = std::countr_one(g->used);
    g->used |= 1u << at;
    g->slots[at] = t;
    t->group = g;
    t->at = std::uint8_t(at);
}

void timer_wheel::unlink(timer_slot* t) {
    timer_group* g = t->group;
    g->used &= ~(1u << t->at);
    t->at = timer_slot::outside;
    if (g->used != 0) return;
    if (g->next) g->next->prev = g->prev;
    if (g->prev)
        g->prev->next = g->next;
    else if (!(heads_[g->level][g->place] = g->next))
        occupied_[g->level] &= ~(std::uint64_t{1} << g->place);
    give_back(g);
}

void timer_wheel::release(timer_slot* t) {
    if (t->at != timer_slot::outside) unlink(t);
    t->type.store(nullptr, std::memory_order_relaxed);
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

template <class F>
void timer_wheel::empty(int level, int place, F take) {
    timer_group* g = std::exchange(heads_[level][place], nullptr);
    occupied_[level] &= ~(std::uint64_t{1} << place);
    while (g) {
        timer_group* next = g->next;
        for (std::uint32_t left = g->used; left != 0; left &= left - 1) {
            timer_slot* t = g->slots[std::countr_zero(left)];
            t->at = timer_slot::outside;
            take(t);
        }
        give_back(g);
        g = next;
    }
}

void timer_wheel::cascade(int level) {
    const auto place = int(current_ >> (6 * level)) & (places - 1);
    if (place == 0 && level + 1 < levels) cascade(level + 1);
    empty(level, place, [this](timer_slot* t) {
        link(t,
             (t->deadline.load(std::memory_order_relaxed) + (std::int64_t{1} << tick_bits) - 1) >>
                 tick_bits);
    });
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
        empty(0, place, [this](timer_slot* t) {
            if (t->claim(t->id(), timer_slot::fired)) due_.push_back(t);
            // else cancelled elsewhere: freed there
        });
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
    for (int level = 0; level < levels; ++level)
        for (int place = 0; place < places; ++place)
            empty(level, place, [&](timer_slot* t) {
                if (!t->claim(t->id(), timer_slot::cancelled)) return;
                t->next = all;
                all = t;
            });
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
