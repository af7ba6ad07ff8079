#include "libbeamcore/otp/detail/statem.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

namespace {

// Wakes the process for what is left in its own queue.
struct statem_go_on {};

}  // namespace

statem_engine::~statem_engine() {
    if (more_) release_old_modules();
}

statem_engine::extras& statem_engine::more() {
    if (!more_) more_ = std::make_unique<extras>();
    return *more_;
}

bool statem_engine::begin(transition first) {
    if (!table_->is_state(first.state()))
        raise(tuple(atoms::badarg, "a machine starts with next_state() of one of its states"));
    state_ = std::move(first.state());
    if (!table_->enter && first.actions().empty() && !first.hibernates()) return false;
    more().first = std::move(first);
    return true;
}

result<void> statem_engine::set_state(const term& t) {
    auto read = table_->state_from(t);
    if (!read) return pass(read);
    state_ = std::move(*read);
    return {};
}

// -- events ---------------------------------------------------------------------------------------

void statem_engine::dispatch(gen_core& core, self s, message& m) {
    statem_event e;
    if (m.type() == descriptor_of<statem_tick>()) {
        auto due = event_of_timer(m.take<statem_tick>().number);
        if (!due) return;
        e = std::move(*due);
    } else if (auto caller = request_from(m)) {
        e.type = event_type::call;
        e.caller = *caller;
        e.content = std::move(m);
    } else {
        e.type = table_->is_cast(m) ? event_type::cast : event_type::info;
        e.content = std::move(m);
    }
    run(core, s, std::move(e));
    if (more_) drain(core, s);
}

void statem_engine::run(gen_core& core, self s, statem_event e) {
    if (event_timer_) stop_timer(event_type::event_timeout, {});
    if (e.type != event_type::call || e.begun) {
        try {
            if (!table_->handle(*this, core, s, e)) no_handler(e);
        } catch (...) {
            caught(core, s, e);
        }
        return;
    }
    e.begun = true;
    begin_request(s.block(), e.content);
    request_scope open(s.block());
    try {
        if (!table_->handle(*this, core, s, e)) no_handler(e);
    } catch (...) {
        caught(core, s, e);
    }
}

void statem_engine::no_handler(statem_event& e) const {
    static constexpr const char* handlers[] = {
        "handle_call",          "handle_cast",          "handle_info",   "handle_internal",
        "handle_event_timeout", "handle_state_timeout", "handle_timeout"};
    exit(tuple(atoms::function_clause, list({tuple(atom(handlers[std::size_t(e.type)]),
                                                   list({state_term(), e.content.to_term()}))})));
}

void statem_engine::caught(gen_core& core, self s, statem_event& e) noexcept {
    try {
        throw;
    } catch (transition& t) {
        try {
            settle(core, s, e, std::move(t));
        } catch (...) {
            core.caught();
        }
    } catch (...) {
        core.caught();
    }
}

// A time-out that has come; nothing if it has been stopped meanwhile.
std::optional<statem_event> statem_engine::event_of_timer(std::uint64_t number) {
    if (!more_) return std::nullopt;
    auto& timers = more_->timers;
    auto due = std::find_if(timers.begin(), timers.end(),
                            [=](const timer& t) { return t.number == number; });
    if (due == timers.end()) return std::nullopt;
    if (due->which == event_type::event_timeout) event_timer_ = false;
    statem_event e;
    e.type = due->which;
    e.begun = true;
    e.content = std::move(due->content);
    e.name = std::move(due->name);
    timers.erase(due);
    return e;
}

// What is to be handled before the mailbox: events, then time-outs of 0.
std::optional<statem_event> statem_engine::next_event() {
    auto& queue = more_->queue;
    if (queue.empty()) return event_of_timer(0);
    statem_event e = std::move(queue.front());
    queue.pop_front();
    return e;
}

bool statem_engine::has_work() const {
    if (!more_) return false;
    return !more_->queue.empty() || std::any_of(more_->timers.begin(), more_->timers.end(),
                                                [](const timer& t) { return t.number == 0; });
}

// Until nothing of the machine's own is left, a handler waits or the turn is over.
void statem_engine::drain(gen_core& core, self s) {
    while (has_work()) {
        if (core.is_busy()) return;
        if (s.bump_reductions(1)) return core.next(then::continue_with(statem_go_on{}));
        run(core, s, *next_event());
    }
    if (!more_->old_modules.empty() && more_->postponed.empty() && more_->timers.empty())
        release_old_modules();
}

void statem_engine::resume(gen_core& core) {
    if (has_work()) core.next(then::continue_with(statem_go_on{}));
}

void statem_engine::go_on(gen_core& core, self s) {
    if (!more_) return;
    if (more_->first) {
        transition t = std::move(*more_->first);
        more_->first.reset();
        reply_now(t.actions());
        try {
            if (table_->enter && !enter(core, state_, t.actions())) return;
            insert_events(t.actions());
            set_timers(t.actions());
        } catch (...) {
            core.caught();
            return;
        }
        if (t.hibernates()) core.next(then::hibernate());
    }
    drain(core, s);
}

// -- transitions ----------------------------------------------------------------------------------

void statem_engine::settle(gen_core& core, self, statem_event& e, transition t) {
    auto& actions = t.actions();
    if (!actions.empty()) reply_now(actions);
    if (t.what() == transition::kind::stop) return core.stop(std::move(t.reason()));

    bool changed = false;
    any_value old;
    if (t.what() == transition::kind::next) {
        if (!table_->is_state(t.state())) exit(tuple(atom("bad_state"), t.state().type()->name));
        changed = !table_->same(state_, t.state());
        old = std::exchange(state_, std::move(t.state()));
    }
    if (t.postpones()) more().postponed.push_back(std::move(e));
    if (changed && more_) {
        auto& back = more_->postponed;
        more_->queue.insert(more_->queue.begin(), std::make_move_iterator(back.begin()),
                            std::make_move_iterator(back.end()));
        back.clear();
        stop_timer(event_type::state_timeout, {});
    }
    const bool enters = changed || t.what() == transition::kind::repeat;
    if (enters && table_->enter && !enter(core, changed ? old : state_, actions)) return;
    if (!actions.empty()) {
        insert_events(actions);
        set_timers(actions);
    }
    if (t.hibernates()) core.next(then::hibernate());
}

bool statem_engine::enter(gen_core& core, const any_value& old,
                          std::vector<transition_action>& actions) {
    enter_result r = table_->enter(*this, table_->state_term(old));
    reply_now(r.actions());
    if (r.stops()) {
        core.stop(std::move(r.reason()));
        return false;
    }
    // Behind the transition's own: a time-out that both set is the enter call's.
    for (auto& a : r.actions()) actions.push_back(std::move(a));
    if (r.hibernates()) core.next(then::hibernate());
    return true;
}

void statem_engine::reply_now(std::vector<transition_action>& actions) {
    for (auto& a : actions)
        if (a.what == transition_action::kind::reply) reply_with(a.to, a.content.release());
}

void statem_engine::insert_events(std::vector<transition_action>& actions) {
    std::size_t at = 0;
    for (auto& a : actions) {
        if (a.what != transition_action::kind::next_event) continue;
        statem_event e;
        e.type = a.type;
        e.begun = true;
        e.content = std::move(a.content);
        e.caller = a.to;
        auto& queue = more().queue;
        queue.insert(queue.begin() + std::ptrdiff_t(at++), std::move(e));
    }
}

// -- time-outs ------------------------------------------------------------------------------------

void statem_engine::set_timers(std::vector<transition_action>& actions) {
    using kind = transition_action::kind;
    for (std::size_t i = 0; i < actions.size(); ++i) {
        auto& a = actions[i];
        if (a.what == kind::reply || a.what == kind::next_event) continue;
        const bool again = std::any_of(
            actions.begin() + std::ptrdiff_t(i) + 1, actions.end(), [&](const auto& later) {
                return later.what == kind::set && later.type == a.type && later.name == a.name;
            });
        if (!again) set_timer(a);
    }
}

void statem_engine::set_timer(transition_action& a) {
    using kind = transition_action::kind;
    std::optional<timer> running = take_timer(a.type, a.name);
    if (a.what == kind::update) {
        if (!running) return start_timer(a, 0);
        running->content = std::move(a.content);
        if (a.type == event_type::event_timeout) event_timer_ = true;
        return more_->timers.push_back(std::move(*running));
    }
    if (running && running->number != 0) (void)cancel_timer(running->running);
    if (a.what == kind::cancel || a.limit.is_never()) return;

    std::int64_t ns = a.limit.ns();
    if (a.limit.is_absolute()) ns = std::max<std::int64_t>(0, ns - monotonic_time().count());
    if (ns < 0) {
        const auto which =
            a.type == event_type::state_timeout ? atoms::state_timeout : atoms::timeout;
        exit(tuple(atom("bad_action_from_state_function"),
                   tuple(which, ns / 1'000'000, a.content.to_term())));
    }
    start_timer(a, ns);
}

void statem_engine::start_timer(transition_action& a, std::int64_t ns) {
    timer t{a.type, std::move(a.name), {}, ns == 0 ? 0 : ++last_timer_, std::move(a.content)};
    if (ns > 0)
        t.running =
            send_after(std::chrono::nanoseconds(ns), this_process().id(), statem_tick{t.number});
    if (t.which == event_type::event_timeout) event_timer_ = true;
    more().timers.push_back(std::move(t));
}

std::optional<statem_engine::timer> statem_engine::take_timer(event_type which, const term& name) {
    if (!more_) return std::nullopt;
    auto& timers = more_->timers;
    auto found = std::find_if(timers.begin(), timers.end(),
                              [&](const timer& t) { return t.which == which && t.name == name; });
    if (found == timers.end()) return std::nullopt;
    if (which == event_type::event_timeout) event_timer_ = false;
    std::optional<timer> t = std::move(*found);
    timers.erase(found);
    return t;
}

void statem_engine::stop_timer(event_type which, const term& name) {
    auto running = take_timer(which, name);
    if (running && running->number != 0) (void)cancel_timer(running->running);
}

// -- a new version of the class -------------------------------------------------------------------

void statem_engine::take_over(statem_engine& old, module_record* old_module) {
    more_ = std::move(old.more_);
    last_timer_ = old.last_timer_;
    event_timer_ = old.event_timer_;
    if (!more_ || !old_module) return;
    // What waits may be of the old version's types, which stay mapped until it is handled.
    retain_module(old_module);
    more_->old_modules.push_back(old_module);
}

void statem_engine::release_old_modules() noexcept {
    auto modules = std::move(more_->old_modules);
    more_->old_modules.clear();
    if (modules.empty()) return;
    more_->queue.clear();
    more_->postponed.clear();
    more_->timers.clear();
    for (module_record* m : modules) release_module(m);
}

}  // namespace beam::detail
