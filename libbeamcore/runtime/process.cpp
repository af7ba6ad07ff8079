#include "libbeamcore/runtime/process.hpp"

#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam {

namespace detail {

namespace {
/// A request that coroutine code took out of the mailbox as a plain message: its caller must still hear of a
/// later death.
void hold_if_request(process_block* pb, const signal* s) {
    if (s->kind != signal_kind::request) return;
    auto* r = static_cast<const request_signal*>(s);
    pb->more().held.insert({r->caller, r->id});
}
}  // namespace

void suspend_in(process_block* pb, waiter* w, std::coroutine_handle<> h) noexcept {
    pb->wait = w;
    pb->resume = h;
    pb->next_action = action::wait;
}

void resume_next(std::coroutine_handle<> h) noexcept {
    process_block* pb = current_or_null();
    pb->resume = h;
    pb->next_action = action::resume;
}

void coroutine_failed(process_block* pb) noexcept {
    if (pb->exit_pending) return;
    pb->exit_pending = true;
    pb->exit_reason = reason_of_current_exception();
}

void coroutine_done(process_block* pb) noexcept {
    pb->next_action = action::finished;
}

void receive_base::refuse_limit() {
    raise(atom("timeout_value"));
}

void receive_base::abandon() noexcept {
    if (found) destroy_message(found);
    if (timer_) pb_->node->drop(timer_, timer_id_);
}

void receive_base::stop_timer() {
    pb_->node->drop(timer_, timer_id_);
    timer_ = nullptr;
}

bool receive_base::await_ready() {
    const bool time_left = --pb_->reductions_left > 0;
    cursor_ = from_mark_ && pb_->extra && pb_->extra->mark ? pb_->extra->mark : &pb_->mailbox;
    if (pb_->exit_pending) return false;
    if (scan()) return look_again(time_left);
    if (has_signals(pb_)) {
        handle_signals(pb_);
        if (pb_->exit_pending) return false;
        if (scan()) return look_again(time_left);
    }
    if (limit_ns_ != 0) return false;
    timed_out_ = true;
    return look_again(time_left);
}

// Found, or timed out: goes on at once, or when it is scheduled again.
bool receive_base::look_again(bool time_left) {
    ask_at_once = true;
    return time_left;
}

// Looks at what it has not seen yet; the cursor stays where the mailbox ends.
bool receive_base::scan() {
    // The message that the cursor is in may have been dropped.
    if (pb_->extra && pb_->extra->mailbox_cut) return scan_slowly();
    signal* s = *cursor_;
    if (!s) return false;
    // Nearly always: the first one is of the one type that is waited for.
    if (s->type != type || s->kind == signal_kind::request || pb_->extra) return scan_slowly();
    found = take_message_at(pb_, cursor_);
    return true;
}

bool receive_base::scan_slowly() {
    if (pb_->extra && pb_->extra->mailbox_cut) {
        pb_->extra->mailbox_cut = false;
        cursor_ = &pb_->mailbox;
    }
    while (*cursor_) {
        signal* before = *cursor_;
        const bool last = pb_->mailbox_end == &before->next;
        const bool marked = pb_->extra && pb_->extra->mark == &before->next;
        const std::uint32_t bytes = before->bytes;
        message m(before);
        const bool matches = before->type == type || match_(this, m);
        signal* now = m.release();
        if (now != before) {  // converted from another version's type
            *cursor_ = now;
            if (last) pb_->mailbox_end = &now->next;
            if (marked) pb_->extra->mark = &now->next;
            pb_->message_bytes.store(
                pb_->message_bytes.load(std::memory_order_relaxed) - bytes + now->bytes,
                std::memory_order_relaxed);
        }
        if (matches) {
            found = take_message_at(pb_, cursor_);
            hold_if_request(pb_, found);
            return true;
        }
        cursor_ = &now->next;
    }
    return false;
}

bool receive_base::check(waiter* w, process_block* pb) {
    auto* r = static_cast<receive_base*>(w);
    if (r->found || r->timed_out_) return true;
    if (r->scan()) return true;
    if (!r->timer_ && r->limit_ns_ != 0) {
        if (r->limit_ns_ < 0) return false;
        const std::chrono::nanoseconds limit(r->limit_ns_);
        r->timer_ = pb->node->arm_timer(limit, pb->pid(), {}, r->timer_id_);
        pb->awaited_timer = r->timer_id_;
        return false;
    }
    if (r->timer_ && pb->awaited_timer != 0) return false;
    r->timer_ = nullptr;
    r->timed_out_ = true;
    return true;
}

yield_awaiter::yield_awaiter(process_block* p) : pb_(p) {
    ready = [](waiter*, process_block*) { return true; };
}

void yield_awaiter::await_suspend(std::coroutine_handle<> h) noexcept {
    pb_->wait = this;
    pb_->resume = h;
    pb_->next_action = action::yield;
}

}  // namespace detail

using namespace detail;

pid self::id() const {
    return pb_->pid();
}
runtime& self::node() const {
    return *pb_->node->outer;
}

void self::mark_mailbox() const {
    handle_signals(pb_);
    pb_->more().mark = pb_->mailbox_end;
}

message self::try_receive() const {
    process_block* pb = pb_;
    if (pb->exit_pending) return {};
    if (!pb->mailbox) {
        if (signal* s = take_single(pb)) return message(s);
        if (!has_signals(pb)) return {};
        handle_signals(pb);
        if (pb->exit_pending) return {};
    }
    return message(take_first_message(pb));
}

bool self::bump_reductions(int n) const {
    pb_->reductions_left -= n;
    return pb_->reductions_left <= 0;
}

bool self::trap_exit(bool on) const {
    return std::exchange(pb_->trap_exit, on);
}

process_body::~process_body() = default;

void process_body::finish(self self, term reason) {
    process_block* pb = self.block();
    if (pb->exit_pending) return;
    pb->exit_pending = true;
    pb->exit_reason = std::move(reason);
}

namespace {
process do_waiting_work(awaitable<void> work) {
    co_await std::move(work);
}
}  // namespace

void process_body::run_waiting(self self, awaitable<void> work) {
    process_block* pb = self.block();
    process::handle h = do_waiting_work(std::move(work)).release();
    h.promise().block = pb;
    pb->in_waiting_work = true;
    pb->root = h;
    pb->resume = h;
}

}  // namespace beam
