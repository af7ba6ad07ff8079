#include "libbeamcore/otp/detail/gen.hpp"

#include <chrono>
#include <cstring>
#include <new>
#include <string>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/detail/statem.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/internal/gen_protocol.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/detail/code_use.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

namespace {

// A core with room for a small state behind it, so that most servers are one allocation.
template <std::size_t Room>
class gen_core_with final : public gen_core {
public:
    explicit gen_core_with(const gen_class* type) : gen_core(type, room_, Room) {}

private:
    alignas(std::max_align_t) std::byte room_[Room];
};

// Wakes an idle server; a number that is no longer the current one means nothing.
struct gen_tick {
    std::uint32_t generation;
};
constexpr std::uint32_t hibernate_tick = 0, go_on_tick = 1, first_timeout_tick = 2;

constexpr std::int64_t hibernated = INT64_MAX;

bool is_tick(const message& m) {
    return m.type() == descriptor_of<gen_tick>();
}

term from_term_of(const from& f) {
    return tuple(f.to, f.caller_tag != atoms::undefined ? f.caller_tag : term(f.tag));
}

}  // namespace

term error_term(const error& e) {
    atom code{std::string_view(e.code)};
    if (e.detail.empty()) return code;
    return tuple(code, e.detail);
}

struct gen_core::extras {
    // then::timeout
    std::int64_t limit_ns = 0;
    std::uint32_t generation = first_timeout_tick;
    ref timer;
    // then::continue_with
    message content;
    // hibernate_after
    std::int64_t hibernate_after_ns = 0;
    std::int64_t idle_since_ns = -1;  // -1: not idle; or hibernated
    // a stop's answer
    from stop_to{};
    message stop_answer;
    // an init that runs in the process
    std::optional<awaitable<void>> init;
    start_outcome init_outcome = start_outcome::ready;
    bool init_crashed = false;
};

std::unique_ptr<gen_core> gen_core::make(const gen_class* type) {
    std::size_t n = type->align > alignof(std::max_align_t) ? SIZE_MAX : type->size;
    if (n <= 16) return std::unique_ptr<gen_core>(new gen_core_with<16>(type));
    if (n <= 48) return std::unique_ptr<gen_core>(new gen_core_with<48>(type));
    if (n <= 112) return std::unique_ptr<gen_core>(new gen_core_with<112>(type));
    return std::unique_ptr<gen_core>(new gen_core_with<16>(type));
}

gen_core::gen_core(const gen_class* type, void* room, std::size_t room_size)
    : class_(type), state_(room) {
    if (type->align > alignof(std::max_align_t) || type->size > room_size) {
        state_ = ::operator new(type->size, std::align_val_t(type->align));
        flags_ |= state_apart;
    }
    retain_module(class_->module());
}

gen_core::~gen_core() {
    module_record* module = class_->module();
    // The waiting init's frame is module code too: it goes first.
    delete extras_;
    drop_state();
    release_module(module);
}

void gen_core::drop_state() noexcept {
    if (flags_ & has_state) class_->destroy(state_);
    if (flags_ & state_apart) ::operator delete(state_, std::align_val_t(class_->align));
    flags_ &= ~(has_state | state_apart);
}

gen_core::extras& gen_core::more() {
    if (!extras_) extras_ = new extras;
    return *extras_;
}

// -- results of handlers --------------------------------------------------------------------------

void gen_core::next(then t) {
    switch (t.what()) {
        case then::kind::receive:
            return;
        case then::kind::timeout:
            more().limit_ns = t.limit_ns();
            flags_ |= wants_timeout;
            return;
        case then::kind::hibernate:
            return hibernate_now();
        case then::kind::go_on:
            more().content = t.take_content();
            flags_ |= has_continue;
            return;
    }
}

void gen_core::apply(cast_result r) {
    if (r.stops())
        stop(std::move(r.reason()));
    else
        next(std::move(r.next()));
}

void gen_core::stop(term reason) {
    // The first one counts: what terminate does cannot change why.
    if (flags_ & stopping) return;
    reason_ = std::move(reason);
    flags_ |= stopping;
}

void gen_core::stop(term reason, const from& to, message answer) {
    stop(std::move(reason));
    more().stop_to = to;
    more().stop_answer = std::move(answer);
}

void gen_core::caught() noexcept {
    try {
        throw;
    } catch (cast_result& r) {
        apply(std::move(r));
    } catch (const noreply&) {
    } catch (then& t) {
        next(std::move(t));
    } catch (const stop_with& s) {
        stop(s.reason);
    } catch (...) {
        stop(thrown_reason(bad_return_tag(*class_, false)));
    }
}

atom bad_return_tag(const gen_class& type, bool in_init) noexcept {
    if (type.behaviour != atoms::gen_statem) return atoms::bad_return_value;
    return atom(in_init ? "bad_return_from_init" : "bad_return_from_state_function");
}

term thrown_reason(atom tag) noexcept {
    term reason = reason_of_current_exception();
    // A value that was thrown counts as returned, and it is no valid return.
    auto outer = reason.elements();
    if (outer.size() == 2 && outer[0].is_tagged(atoms::nocatch, 2))
        return tuple(tag, outer[0].elements()[1]);
    return reason;
}

void gen_core::hibernate_now() {
    if (class_->on_hibernate) class_->on_hibernate(state_);
}

void gen_core::replied(self s, const from& to, term answer) {
    flags_ |= answered;
    sys_.event(s, tuple(atom("out"), std::move(answer), from_term_of(to), sys_get_state()));
}

// -- the loop -------------------------------------------------------------------------------------

void gen_core::run(self s) {
    // run() is not called while a handler's coroutine runs.
    flags_ &= ~waiting;
    for (;;) {
        if ((flags_ & urgent) && !attend(s)) return;
        message m = s.try_receive();
        if (!m) {
            if ((flags_ & idle_work) && idle(s)) continue;
            return;
        }
        take(s, m);
        if ((flags_ & urgent) && !attend(s)) return;
        if (!more_time(s)) return;
    }
}

void gen_core::take(self s, message& m) {
    if (m.type() == descriptor_of<term>()) [[unlikely]]
        adopt_gen_protocol(m);
    if ((flags_ & watched) && !before(s, m)) return;
    current_ = m.type();
    if (current_ == descriptor_of<sys_request>() || current_ == descriptor_of<exit_message>())
        [[unlikely]]
        return handle_special(s, m);
    try {
        if (!class_->dispatch(*this, s, state_, m)) [[unlikely]]
            unexpected(s, m);
    } catch (...) {
        caught();
    }
    if (flags_ & debugging) [[unlikely]] {
        if (!(flags_ & (answered | waiting))) sys_.event(s, tuple(atoms::noreply, sys_get_state()));
        flags_ &= ~answered;
    }
    // Its type may be of a module that is purged before the next message comes.
    if (!(flags_ & urgent)) current_ = nullptr;
}

// False: the process waits or ends, and run() is to return.
bool gen_core::attend(self s) {
    for (int turns = 0; flags_ & urgent; ++turns) {
        if (flags_ & waiting) return false;
        if (flags_ & initialising) {
            flags_ &= ~initialising;
            wait(s, initialise(s));
            return false;
        }
        if (flags_ & stopping) {
            end(s);
            return false;
        }
        if (flags_ & suspended) {
            if (sys_.is_suspended()) {
                wait(s, sys_.while_suspended(s, *this));
                return false;
            }
            flags_ &= ~suspended;
            continue;
        }
        if (turns > 0 && s.bump_reductions(1)) {
            // A chain of continues must not keep others from running, and without a message nobody
            // would call again.
            beam::send(s.id(), gen_tick{go_on_tick});
            return false;
        }
        if (flags_ & has_continue) {
            flags_ &= ~has_continue;
            message what = std::move(extras_->content);
            current_ = what.type();
            try {
                if (!class_->on_continue(*this, s, state_, what))
                    exit(tuple(atoms::undef, list({tuple(sys_module(), atoms::handle_continue,
                                                         list({what.to_term()}))})));
            } catch (...) {
                caught();
            }
            continue;
        }
        flags_ &= ~timeout_first;
        timed_out_now(s);
    }
    return true;
}

// The mailbox is empty. True: something was done that may have left work.
bool gen_core::idle(self s) {
    extras& x = *extras_;
    if (flags_ & wants_timeout) {
        flags_ &= ~wants_timeout;
        if (x.limit_ns == 0) {
            timed_out_now(s);
            return true;
        }
        if (x.limit_ns < 0) {
            stop(tuple(atoms::timeout_value, list_of(std::vector<term>{})));
            return true;
        }
        if (++x.generation <= first_timeout_tick) x.generation = first_timeout_tick + 1;
        x.timer = send_after(std::chrono::nanoseconds(x.limit_ns), s.id(), gen_tick{x.generation});
        flags_ |= armed;
    }
    if (flags_ & hibernates) {
        if (x.idle_since_ns < 0) x.idle_since_ns = monotonic_time().count();
        if (!(flags_ & ticking) && x.idle_since_ns != hibernated) {
            flags_ |= ticking;
            (void)send_after(std::chrono::nanoseconds(x.hibernate_after_ns), s.id(),
                             gen_tick{hibernate_tick});
        }
    }
    return false;
}

// A message was taken while a timer runs or somebody looks on. False: it was a tick of our own.
bool gen_core::before(self s, message& m) {
    if (is_tick(m)) {
        tick(s, m.take<gen_tick>().generation);
        return false;
    }
    bool system = sys_handler::is_request(m);
    if (flags_ & armed) {
        (void)cancel_timer(extras_->timer);
        flags_ &= ~armed;
        ++extras_->generation;
        // A system message does not end the wait: it begins anew.
        if (system) flags_ |= wants_timeout;
    }
    if (flags_ & hibernates) extras_->idle_since_ns = -1;
    if ((flags_ & debugging) && !system) {
        term what = m.to_term();
        if (auto f = request_from(m))
            what = tuple(atoms::gen_call, from_term_of(*f), std::move(what));
        sys_.event(s, tuple(atom("in"), std::move(what)));
    }
    return true;
}

void gen_core::tick(self s, std::uint32_t generation) {
    extras& x = *extras_;
    if (generation == hibernate_tick) {
        flags_ &= ~ticking;
        // Busy: idle() begins anew.
        if (x.idle_since_ns < 0) return;
        std::int64_t idle = monotonic_time().count() - x.idle_since_ns;
        if (idle >= x.hibernate_after_ns) {
            hibernate_now();
            x.idle_since_ns = hibernated;
            return;
        }
        flags_ |= ticking;
        (void)send_after(std::chrono::nanoseconds(x.hibernate_after_ns - idle), s.id(),
                         gen_tick{hibernate_tick});
        return;
    }
    if (generation == x.generation && (flags_ & armed)) {
        flags_ &= ~armed;
        timed_out_now(s);
    }
}

void gen_core::timed_out_now(self s) {
    current_ = descriptor_of<timed_out>();
    if (flags_ & debugging) sys_.event(s, tuple(atom("in"), atoms::timeout));
    try {
        if (!class_->on_timeout(*this, s, state_)) {
            message m = message::make(timed_out{});
            unexpected(s, m);
        }
    } catch (...) {
        caught();
    }
}

void gen_core::handle_special(self s, message& m) {
    if (sys_.handle(s, *this, m)) {
        if (sys_.is_suspended()) flags_ |= suspended;
        flags_ = sys_.has_debug() ? flags_ | debugging : flags_ & ~debugging;
        return;
    }
    if (parent_ && m.get_if<exit_message>()->from == parent_) {
        stop(m.take<exit_message>().reason);
        return;
    }
    try {
        if (!class_->dispatch(*this, s, state_, m)) unexpected(s, m);
    } catch (...) {
        caught();
    }
}

void gen_core::unexpected(self s, message& m) {
    if (is_tick(m)) return;
    if (request_from(m)) {
        // Nobody would ever answer: the caller and the reader of the log are told by the end.
        begin_request(s.block(), m);
        exit(tuple(atoms::function_clause,
                   list({tuple(sys_module(), atoms::handle_call, list({m.to_term()}))})));
    }
    print_options cut;
    cut.max_bytes = 4096;
    log(log_level::warning, "otp", "unexpected message",
        {{"class", sys_module().name()}, {"message", to_string(m.to_term(), cut)}});
}

// -- the end --------------------------------------------------------------------------------------

void gen_core::end(self s) {
    if (!(flags_ & terminated)) {
        flags_ |= terminated;
        if ((flags_ & has_state) && class_->on_terminate_waiting)
            return wait(s, terminate_waiting(s));
        if ((flags_ & has_state) && class_->on_terminate) {
            try {
                class_->on_terminate(state_, reason_);
            } catch (...) {
                reason_ = reason_of_current_exception();
            }
        }
    }
    if (extras_ && extras_->stop_answer)
        reply_with(extras_->stop_to, extras_->stop_answer.release());
    report_end(s);
    finish(s, reason_);
}

awaitable<void> gen_core::terminate_waiting(self) {
    try {
        auto work = class_->on_terminate_waiting(state_, reason_);
        co_await work;
    } catch (...) {
        reason_ = reason_of_current_exception();
    }
}

void gen_core::report_end(self s) {
    if (is_orderly(reason_)) return;
    if (flags_ & has_state)
        report_server_terminated(s, sys_module(), reason_, shown_state(atoms::terminate),
                                 current_ ? current_->name : "");
    report_crash(s, reason_);
}

term gen_core::shown_state(atom why) const {
    try {
        if (class_->format_status) return class_->format_status(state_, why);
        if (class_->get_state) return class_->get_state(state_);
    } catch (...) {
        return tuple(atoms::EXIT, reason_of_current_exception());
    }
    return tuple(atom("opaque"), sys_module());
}

// -- sys ------------------------------------------------------------------------------------------

atom gen_core::sys_module() const {
    return class_->class_name();
}

term gen_core::sys_get_state() {
    if (class_->get_state) return class_->get_state(state_);
    return tuple(atom("opaque"), sys_module());
}

outcome<void> gen_core::sys_set_state(const term& state) {
    if (!class_->set_state) return fail_term(tuple(atom("no_fields"), sys_module()));
    if (auto r = class_->set_state(state_, state); !r) return fail_term(error_term(r.error()));
    return {};
}

outcome<term> gen_core::sys_replace_state(const callback<term(term)>& change) {
    if (class_->replace_state) return class_->replace_state(state_, change);
    return sys_target::sys_replace_state(change);
}

outcome<void> gen_core::sys_change_code(const term& what, const term& old_vsn, const term& extra) {
    if (class_->change_code_within) return class_->change_code_within(state_, what, old_vsn, extra);
    const gen_class* next = class_;
    module_record* module = class_->module();
    auto entry = module_table::current().find(module, sys_module());
    if (entry && entry->factory.server) next = entry->factory.server;
    if (!next->code_change)
        return fail_term(tuple(atoms::error, tuple(atom("no_fields"), sys_module())));

    // The new object is made beside the old one: if it fails, nothing has happened.
    void* made = ::operator new(next->size, std::align_val_t(next->align));
    outcome<void> changed;
    try {
        changed = next->code_change(made, old_vsn, sys_get_state(), extra);
        if (!changed) changed = fail_term(tuple(atoms::error, changed.error()));
    } catch (...) {
        changed = fail_term(tuple(atoms::EXIT, reason_of_current_exception()));
    }
    if (!changed) {
        ::operator delete(made, std::align_val_t(next->align));
        return changed;
    }
    retain_module(next->module());
    if (next->engine && class_->engine)
        next->engine(made)->take_over(*class_->engine(state_), module);
    drop_state();
    class_ = next;
    state_ = made;
    flags_ |= has_state | state_apart;
    current_ = nullptr;
    set_module(current(), next->module());
    release_module(module);
    return {};
}

void gen_core::sys_terminate(term reason) {
    stop(std::move(reason));
}

namespace {
const char* kind_text(atom behaviour) {
    if (behaviour == atoms::gen_statem) return "Status for state machine ";
    if (behaviour == atoms::gen_event) return "Status for event handler ";
    return "Status for generic server ";
}
}  // namespace

std::string gen_core::sys_header() const {
    return kind_text(class_->behaviour) + std::string(sys_module().name());
}

// -- start ----------------------------------------------------------------------------------------

void gen_core::init_ready(then t) {
    flags_ |= has_state;
    if (t.what() == then::kind::timeout && t.limit_ns() == 0)
        flags_ |= timeout_first;
    else
        next(std::move(t));
}

void gen_core::init_ignored() {
    more().init_outcome = start_outcome::ignored;
    stop(atoms::normal);
}

void gen_core::init_stopped(term reason) {
    more().init_outcome = start_outcome::failed;
    stop(std::move(reason));
}

void gen_core::init_caught() noexcept {
    try {
        throw;
    } catch (const ignore&) {
        init_ignored();
    } catch (const stop_with& s) {
        init_stopped(s.reason);
    } catch (...) {
        more().init_crashed = true;
        init_stopped(thrown_reason(bad_return_tag(*class_, true)));
    }
}

awaitable<void> gen_core::initialise(self s) {
    message request = co_await start_receive(s.block());
    from starter = *request_from(request);
    request = {};
    awaitable<void> init = std::move(*extras_->init);
    extras_->init.reset();
    co_await init;
    start_answer answer;
    answer.outcome = extras_->init_outcome;
    if (answer.outcome == start_outcome::failed) {
        answer.value = reason_;
        flags_ |= terminated;  // there is no state that terminate could see
    }
    reply(starter, std::move(answer));
}

void gen_core::init_later(awaitable<void> init) {
    more().init = std::move(init);
    flags_ |= initialising;
}

void gen_core::hibernate_after(std::chrono::nanoseconds idle) {
    more().hibernate_after_ns = idle.count();
    flags_ |= hibernates;
}

}  // namespace beam::detail
