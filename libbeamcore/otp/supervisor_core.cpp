#include "libbeamcore/otp/internal/supervisor_core.hpp"

#include <algorithm>
#include <memory>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/internal/child_terms.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

namespace {

const atom failed_tag = atoms::failed_to_start_child;

pid pid_of(const start_result& r) {
    if (!r) return {};
    const auto* s = std::get_if<started>(&*r);
    return s ? s->pid : pid{};
}

std::int64_t monotonic_seconds() {
    return std::chrono::floor<std::chrono::seconds>(monotonic_time()).count();
}

}  // namespace

supervisor_core::supervisor_core(plan_source source, const server_name& name, pid parent)
    : source_(std::move(source)), parent_(parent) {
    if (name) name_ = name.to_term();
}

// -- start ----------------------------------------------------------------------------------------

supervisor_core::begun supervisor_core::begin(self s) {
    own_ = s.id();
    s.trap_exit(true);
    auto plan = source_.init();
    if (!plan) {
        reason_ = std::move(plan.error());
        return begun::failed;
    }
    if (!*plan) return begun::ignored;
    adopt(std::move(**plan));
    if (!is_fixed()) return begun::ready;

    next_ = children_.oldest();
    while (next_ && !next_->start.waits())
        if (!start_next(s)) break;
    if (!next_) return begun::ready;
    if (failing_ && children_.running() == 0) return begun::failed;
    phase_ = phase::starting;
    return begun::must_wait;
}

void supervisor_core::adopt(supervisor_plan plan) {
    kind_ = plan.kind;
    flags_ = plan.flags;
    limits_ = std::move(plan.limits);
    if (kind_ == supervisor_kind::simple) template_ = std::move(plan.children.front());
    if (is_fixed())
        for (const auto& spec : plan.children) children_.add(spec, true);
}

// Starts the next child, which does not wait. False if it failed: next_ stays there.
bool supervisor_core::start_next(self s) {
    supervised* c = next_;
    return take_first_start(s, c, c->start.start());
}

bool supervisor_core::take_first_start(self, supervised* c, start_result r) {
    if (!r) {
        report(supervisor_event::start_error, r.error(), c);
        reason_ = tuple(atoms::shutdown, tuple(failed_tag, c->id, std::move(r.error())));
        failing_ = true;
        return false;
    }
    next_ = c->newer;
    if (auto p = pid_of(r)) {
        children_.set_running(c, p);
        report_started(c);
    } else if (c->is_temporary()) {
        children_.remove(c);
    }
    return true;
}

awaitable<void> supervisor_core::start_rest(self s) {
    while (next_ && !failing_) {
        supervised* c = next_;
        start_result r = co_await c->start.start_waiting();
        take_first_start(s, c, std::move(r));
    }
    if (!failing_) co_return;
    co_await stop_range(s, nullptr);
    co_await answer_starter(s);
    done_ = true;
}

// The start has failed and the starter's request is here or on its way.
awaitable<void> supervisor_core::answer_starter(self s) {
    message m = co_await start_receive(s.block());
    auto to = request_from(m);
    begin_request(s.block(), m);
    if (to) reply(*to, start_answer{start_outcome::failed, reason_});
    end_request(s.block());
}

awaitable<start_result> start_core(plan_source source, server_name name) {
    pid starter = this_process().id();
    spawn_options options;
    options.link = true;
    options.name = name.local();
    auto body = std::make_unique<supervisor_core>(std::move(source), name, starter);

    self self_here = this_process();
    process_block* pb = spawn_begin(options, nullptr);
    while (!pb) {
        if (!options.name) co_return fail_term(atoms::system_limit);
        if (auto holder = name.whereis())
            co_return fail_term(tuple(atoms::already_started, *holder));
        // Its holder has just died: the name is free again.
        pb = spawn_begin(options, nullptr);
    }
    auto begun = supervisor_core::begun::failed;
    term reason = atoms::normal;
    bool name_taken = false;
    {
        init_scope scope(pb);
        try {
            if (auto r = name.local() ? outcome<void>() : name.register_self(); r) {
                begun = body->begin(self_of(pb));
                reason = body->reason();
            } else {
                reason = std::move(r.error());
                name_taken = true;
            }
        } catch (...) {
            reason = reason_of_current_exception();
        }
    }
    if (begun == supervisor_core::begun::ignored) {
        spawn_abandon(pb);
        co_return ignore{};
    }
    if (name_taken) {
        spawn_abandon(pb);
        co_return fail_term(std::move(reason));
    }
    static const std::uint32_t initial_call = intern_initial_call("supervisor");
    if (begun == supervisor_core::begun::failed) {
        pid p = self_of(pb).id();
        spawn_fail(pb, reason);
        co_await forget_failed_child(self_here, p, false);
        co_return fail_term(std::move(reason));
    }
    const bool waits = begun == supervisor_core::begun::ready;
    pid p = spawn_commit(pb, std::move(body), nullptr, initial_call, options, waits).pid;
    if (begun == supervisor_core::begun::ready) co_return started{p};

    auto answer = send_request(server_ref(p), start_request{}, infinity{});
    outcome<start_answer> r = co_await std::move(answer).outcome();
    if (r && r->outcome == start_outcome::ready) co_return started{p};
    reason = r ? std::move(r->value) : why_of(r.error());
    co_await forget_failed_child(self_here, p, false);
    co_return fail_term(std::move(reason));
}

// -- the loop -------------------------------------------------------------------------------------

void supervisor_core::run(self s) {
    busy_ = false;
    if (phase_ == phase::starting) {
        phase_ = phase::running;
        return run_waiting(s, start_rest(s));
    }
    if (done_) return end(s, reason_);
    if (wanted_end_) {
        stop(s, *std::exchange(wanted_end_, std::nullopt));
        if (busy_) return;
    }
    for (;;) {
        message m = s.try_receive();
        if (!m) return;
        if (phase_ == phase::stopping)
            handle_while_stopping(s, m);
        else
            handle(s, m);
        if (busy_ || !more_time(s)) return;
    }
}

void supervisor_core::wait_for(self s, awaitable<void> work) {
    busy_ = true;
    run_waiting(s, std::move(work));
}

void supervisor_core::end(self s, term reason) {
    busy_ = true;
    finish(s, std::move(reason));
}

void supervisor_core::handle(self s, message& m) {
    const type_descriptor* type = m.type();
    if (sys_.has_debug() && !sys_handler::is_request(m))
        sys_.event(s, tuple(atom("in"), m.to_term()));
    if (type == descriptor_of<exit_message>()) return handle_exit(s, m.take<exit_message>());
    if (handle_request(s, m)) return;
    if (type == descriptor_of<try_again>()) return handle_try_again(s, m.take<try_again>());
    if (sys_.handle(s, *this, m)) {
        if (wanted_end_) return stop(s, *std::exchange(wanted_end_, std::nullopt));
        if (sys_.is_suspended()) wait_for(s, sys_.while_suspended(s, *this));
        return;
    }
    if (log_enabled(log_level::error))
        log(log_level::error, "otp", "unexpected message",
            {{"supervisor", to_string(name_term())}, {"message", to_string(m.to_term())}});
}

bool supervisor_core::handle_request(self s, message& m) {
    const type_descriptor* type = m.type();
    auto answer = [&]<class Request>(Request*, auto handler) {
        if (type != descriptor_of<Request>()) return false;
        auto to = request_from(m);
        if (!to) return true;
        begin_request(s.block(), m);
        handler(*to, m.take<Request>());
        end_request(s.block());
        return true;
    };
    return answer(static_cast<start_spec_request*>(nullptr),
                  [&](const from& to, start_spec_request r) {
                      start_child(s, to, std::move(r.spec));
                  }) ||
           answer(static_cast<start_arguments_request*>(nullptr),
                  [&](const from& to, start_arguments_request r) {
                      start_simple_child(s, to, r.arguments);
                  }) ||
           answer(static_cast<terminate_request*>(nullptr),
                  [&](const from& to, terminate_request r) { terminate_child(s, to, r.id); }) ||
           answer(static_cast<which_request*>(nullptr),
                  [&](const from& to, which_request) { reply(to, which_children()); }) ||
           answer(static_cast<count_request*>(nullptr),
                  [&](const from& to, count_request) { reply(to, count_children()); }) ||
           answer(static_cast<restart_request*>(nullptr),
                  [&](const from& to, restart_request r) { restart_child(s, to, r.id); }) ||
           answer(static_cast<delete_request*>(nullptr),
                  [&](const from& to, delete_request r) { reply(to, delete_child(r.id)); }) ||
           answer(static_cast<get_spec_request*>(nullptr),
                  [&](const from& to, get_spec_request r) { reply(to, get_childspec(r.id)); }) ||
           answer(static_cast<start_request*>(nullptr), [&](const from& to, start_request) {
               reply(to, start_answer{start_outcome::ready, term(own_)});
           });
}

// -- requests -------------------------------------------------------------------------------------

void supervisor_core::start_child(self s, const from& to, child_spec spec) {
    if (kind_ == supervisor_kind::simple) {
        // The extra arguments of simple_one_for_one must be a list; a specification is none.
        return reply(to, start_result(fail_term(tuple(atoms::badarg, to_term(spec)))));
    }
    if (kind_ == supervisor_kind::dynamic) return start_dynamic_child(s, to, spec);
    if (auto r = check_childspec(spec, flags_.auto_shutdown); !r)
        return reply(to, start_result(fail_term(std::move(r.error()))));
    start_fixed_child(s, to, spec);
}

void supervisor_core::start_fixed_child(self s, const from& to, const child_spec& spec) {
    if (const supervised* c = children_.find(spec.id)) {
        term reason =
            c->is_running() ? tuple(atoms::already_started, c->pid) : term(atoms::already_present);
        return reply(to, start_result(fail_term(std::move(reason))));
    }
    if (spec.start.waits()) return wait_for(s, start_fixed_waiting(s, to, spec));
    reply(to, keep_fixed(s, spec, spec.start.start()));
}

awaitable<void> supervisor_core::start_fixed_waiting(self s, from to, child_spec spec) {
    start_result r = co_await spec.start.start_waiting();
    reply(to, keep_fixed(s, spec, std::move(r)));
}

start_result supervisor_core::keep_fixed(self, const child_spec& spec, start_result r) {
    if (!r) {
        if (r.error().is_tagged(atoms::already_started, 2)) return r;
        // As OTP's #child{} record shows it.
        term child = tuple(atom("child"), atoms::undefined, spec.id, spec.start.mfa(),
                           to_atom(spec.restart), spec.significant, to_term(shutdown_of(spec)),
                           to_atom(spec.type), modules_of(spec.start));
        return fail_term(tuple(std::move(r.error()), std::move(child)));
    }
    pid p = pid_of(r);
    if (!p && spec.restart == restart_type::temporary) return r;
    supervised* c = children_.add(spec, true);
    if (p) {
        children_.set_running(c, p);
        report_started(c);
    }
    return r;
}

void supervisor_core::start_simple_child(self s, const from& to, const term& arguments) {
    if (kind_ != supervisor_kind::simple) {
        auto spec = child_spec_from_term(arguments);
        if (!spec) return reply(to, start_result(fail_term(std::move(spec.error()))));
        return start_child(s, to, std::move(*spec));
    }
    child_spec spec = template_;
    if (!arguments.is_nil()) spec.start = spec.start.with_arguments(nil, arguments);
    if (spec.start.waits()) return wait_for(s, start_dynamic_waiting(s, to, std::move(spec)));
    reply(to, keep_dynamic(s, spec, spec.start.start()));
}

void supervisor_core::start_dynamic_child(self s, const from& to, const child_spec& given) {
    if (!given.start)
        return reply(to, start_result(fail_term(tuple(atom("invalid_mfa"), atoms::undefined))));
    if (given.shutdown) {
        const auto* ms = std::get_if<std::chrono::milliseconds>(&*given.shutdown);
        if (ms && ms->count() < 0) {
            term reason = tuple(atom("invalid_shutdown"), ms->count());
            return reply(to, start_result(fail_term(std::move(reason))));
        }
    }
    if (children_.size() >= limits_.max_children)
        return reply(to, start_result(fail_term(atoms::max_children)));
    if (limits_.extra_arguments.is_nil() && !given.start.waits())
        return reply(to, keep_dynamic(s, given, given.start.start()));

    child_spec spec = given;
    spec.start = spec.start.with_arguments(limits_.extra_arguments, nil);
    if (spec.start.waits()) return wait_for(s, start_dynamic_waiting(s, to, std::move(spec)));
    reply(to, keep_dynamic(s, spec, spec.start.start()));
}

awaitable<void> supervisor_core::start_dynamic_waiting(self s, from to, child_spec spec) {
    start_result r = co_await spec.start.start_waiting();
    reply(to, keep_dynamic(s, spec, std::move(r)));
}

start_result supervisor_core::keep_dynamic(self, const child_spec& spec, start_result r) {
    pid p = pid_of(r);
    if (!p) return r;
    supervised* c = children_.add(spec, false);
    // Never started again: what its start holds is not needed any more.
    if (c->is_temporary()) c->start = child_start();
    children_.set_running(c, p);
    return r;
}

void supervisor_core::terminate_child(self s, const from& to, const term& id) {
    supervised* c = nullptr;
    if (is_fixed()) {
        c = children_.find(id);
    } else {
        auto p = id.as_pid();
        if (!p && kind_ == supervisor_kind::simple)
            return reply(to, outcome<void>(fail_term(atoms::simple_one_for_one)));
        if (p) c = children_.find(*p);
        if (!c && p && kind_ == supervisor_kind::simple && !pid_exists(*p))
            return reply(to, outcome<void>());
    }
    if (!c) return reply(to, outcome<void>(fail_term(atoms::not_found)));
    if (c->is_running()) return wait_for(s, terminate_waiting(s, to, c));
    forget(c);
    reply(to, outcome<void>());
}

awaitable<void> supervisor_core::terminate_waiting(self s, from to, supervised* c) {
    co_await stop_child(s, c);
    forget(c);
    reply(to, outcome<void>());
}

void supervisor_core::restart_child(self s, const from& to, const term& id) {
    auto no = [&](term reason) { reply(to, start_result(fail_term(std::move(reason)))); };
    if (!is_fixed()) return no(atoms::simple_one_for_one);
    supervised* c = children_.find(id);
    if (!c) return no(atoms::not_found);
    if (c->status == child_status::restarting) return no(atoms::restarting);
    if (c->is_running()) return no(atoms::running);
    if (c->start.waits()) return wait_for(s, restart_by_hand(s, to, c));
    reply(to, keep_restarted(s, c, c->start.start()));
}

awaitable<void> supervisor_core::restart_by_hand(self s, from to, supervised* c) {
    start_result r = co_await c->start.start_waiting();
    reply(to, keep_restarted(s, c, std::move(r)));
}

start_result supervisor_core::keep_restarted(self, supervised* c, start_result r) {
    if (auto p = pid_of(r)) {
        children_.set_running(c, p);
        report_started(c);
    }
    return r;
}

outcome<void> supervisor_core::delete_child(const term& id) {
    if (!is_fixed()) return fail_term(atoms::simple_one_for_one);
    supervised* c = children_.find(id);
    if (!c) return fail_term(atoms::not_found);
    if (c->status == child_status::restarting) return fail_term(atoms::restarting);
    if (c->is_running()) return fail_term(atoms::running);
    children_.remove(c);
    return {};
}

outcome<child_spec> supervisor_core::get_childspec(const term& id) const {
    if (is_fixed()) {
        const supervised* c = children_.find(id);
        if (!c) return fail_term(atoms::not_found);
        return spec_of(c);
    }
    auto p = id.as_pid();
    const supervised* c = p ? children_.find(*p) : nullptr;
    if (kind_ == supervisor_kind::simple && p && (c || !pid_exists(*p))) return template_;
    if (!c) return fail_term(atoms::not_found);
    return spec_of(c);
}

std::vector<child_info> supervisor_core::which_children() const {
    std::vector<child_info> list;
    list.reserve(children_.size());
    // A temporary child's start is gone; what it was is in the template then.
    term modules = kind_ == supervisor_kind::simple ? modules_of(template_.start) : term(nil);
    for (const supervised* c = children_.newest(); c; c = c->older) {
        child_info info;
        info.id = c->id;
        if (c->is_running()) info.pid = c->pid;
        info.restarting = c->status == child_status::restarting;
        info.type = c->type;
        info.modules = c->start ? modules_of(c->start) : modules;
        list.push_back(std::move(info));
    }
    return list;
}

children_count supervisor_core::count_children() const {
    children_count n;
    n.specs = kind_ == supervisor_kind::simple ? 1 : children_.size();
    n.supervisors = children_.supervisors();
    n.workers = children_.size() - children_.supervisors();
    n.active = children_.running();
    if (!is_fixed()) return n;
    // An end may lie in the mailbox still.
    n.active = 0;
    for (const supervised* c = children_.oldest(); c; c = c->newer)
        if (c->is_running() && pid_exists(c->pid)) ++n.active;
    return n;
}

// -- ends and restarts ----------------------------------------------------------------------------

void supervisor_core::handle_exit(self s, exit_message e) {
    if (e.from == parent_) return stop(s, std::move(e.reason));
    supervised* c = children_.find(e.from);
    if (!c || !c->is_running()) return;

    bool failed = !is_orderly(e.reason);
    if (c->restart == restart_type::permanent || (failed && !c->is_temporary()))
        return restart(s, c, &e.reason);
    if (failed) report(supervisor_event::child_terminated, e.reason, c);
    after_end(s, c);
}

// The child has ended by itself and stays down.
void supervisor_core::after_end(self s, supervised* c) {
    bool significant = c->significant && flags_.auto_shutdown != auto_shutdown_type::never;
    forget(c);
    if (!significant) return;
    if (flags_.auto_shutdown == auto_shutdown_type::all_significant) {
        if (!is_fixed() && children_.size() != 0) return;
        for (const supervised* o = children_.oldest(); o; o = o->newer)
            if (o->significant && o->status != child_status::stopped) return;
    }
    stop(s, atoms::shutdown);
}

// Not running any more: a dynamic or temporary child is gone, another one keeps its specification.
void supervisor_core::forget(supervised* c) {
    if (!is_fixed() || c->is_temporary())
        children_.remove(c);
    else
        children_.set_stopped(c);
}

// `ended`: the reason of the end that this restart answers; null for another attempt.
void supervisor_core::restart(self s, supervised* c, const term* ended) {
    auto count = restarts_.add(monotonic_seconds(), flags_.period.count());
    if (ended) report(supervisor_event::child_terminated, *ended, c);
    if (count > std::uint64_t(flags_.intensity)) {
        report(supervisor_event::shutdown, atom("reached_max_restart_intensity"), c);
        forget(c);
        return stop(s, atoms::shutdown);
    }
    switch (flags_.strategy) {
        case restart_strategy::one_for_all:
        case restart_strategy::rest_for_one:
            return wait_for(s, restart_several(s, c));
        default:
            break;
    }
    if (c->start.waits()) return wait_for(s, restart_one_waiting(s, c));
    finish_restart(s, c, c->start.start());
}

awaitable<void> supervisor_core::restart_one_waiting(self s, supervised* c) {
    start_result r = co_await c->start.start_waiting();
    finish_restart(s, c, std::move(r));
}

void supervisor_core::finish_restart(self s, supervised* c, start_result r) {
    if (!r) {
        report(supervisor_event::start_error, r.error(), c);
        children_.set_restarting(c);
        return again(s, c);
    }
    if (auto p = pid_of(r)) {
        children_.set_running(c, p);
        if (is_fixed()) report_started(c);
    } else {
        forget(c);
    }
}

// Through the mailbox, so that a stop or a termination of that child gets its turn.
void supervisor_core::again(self, supervised* c) {
    send(own_, try_again{c->id, c->pid});
}

void supervisor_core::handle_try_again(self s, const try_again& t) {
    supervised* c = is_fixed() ? children_.find(t.id) : children_.find(t.child);
    if (c && c->status == child_status::restarting) restart(s, c, nullptr);
}

// one_for_all and rest_for_one: stops what runs of the range, last first, and starts it in order.
awaitable<void> supervisor_core::restart_several(self s, supervised* c) {
    children_.set_stopped(c);
    bool all = flags_.strategy == restart_strategy::one_for_all;
    // c itself is not temporary, so it stays when stop_range takes the temporary ones out.
    co_await stop_range(s, all ? nullptr : c);
    supervised* next = all ? children_.oldest() : c;
    while (next) {
        supervised* now = next;
        start_result r = fail_term(term());
        if (now->start.waits())
            r = co_await now->start.start_waiting();
        else
            r = now->start.start();
        next = now->newer;
        if (!r) {
            report(supervisor_event::start_error, r.error(), now);
            children_.set_restarting(now);
            again(s, now);
            co_return;
        }
        if (auto p = pid_of(r)) {
            children_.set_running(now, p);
            report_started(now);
        }
    }
}

// -- stops ----------------------------------------------------------------------------------------

void supervisor_core::stop(self s, term reason) {
    reason_ = std::move(reason);
    if (children_.running() == 0) return end(s, reason_);
    if (is_fixed()) return wait_for(s, stop_all(s));
    stop_in_parallel(s);
}

awaitable<void> supervisor_core::stop_all(self s) {
    co_await stop_range(s, nullptr);
    done_ = true;
}

// Stops the children from the newest down to `first`, all of them without it. The temporary ones are
// gone afterwards.
awaitable<void> supervisor_core::stop_range(self s, supervised* first) {
    supervised* c = children_.newest();
    while (c) {
        supervised* older = c == first ? nullptr : c->older;
        if (c->is_running()) co_await stop_child(s, c);
        if (c->is_temporary())
            children_.remove(c);
        else
            children_.set_stopped(c);
        c = older;
    }
}

// Waits for the end of one child. A monitor tells of it, for a child that has unlinked itself would never
// be heard of otherwise.
awaitable<void> supervisor_core::stop_child(self s, supervised* c) {
    pid p = c->pid;
    bool at_once = c->shutdown_ms == supervised::kill_at_once;
    timeout limit = infinity{};
    if (c->shutdown_ms >= 0) limit = std::chrono::milliseconds(c->shutdown_ms);

    s.mark_mailbox();
    ref mon = monitor(p);
    exit(p, at_once ? atoms::kill : atoms::shutdown);
    auto is_mine = [mon](const down_message& d) { return d.monitor == mon; };
    std::optional<down_message> down = co_await s.receive_marked_if<down_message>(is_mine, limit);
    if (!down) {
        exit(p, atoms::kill);
        down = co_await s.receive_marked_if<down_message>(is_mine);
    }
    // After unlink no exit message of the child can come any more; one that is here has the true reason.
    unlink(p);
    auto from_child = [p](const exit_message& e) { return e.from == p; };
    auto told = co_await s.receive_if<exit_message>(from_child, std::chrono::milliseconds(0));
    term reason = told ? std::move(told->reason) : std::move(down->reason);
    if (!stopped_well(c, reason)) report(supervisor_event::shutdown_error, reason, c);
    children_.set_stopped(c);
}

bool supervisor_core::stopped_well(const supervised* c, const term& reason) const {
    if (c->shutdown_ms == supervised::kill_at_once && reason == atoms::killed) return true;
    if (c->shutdown_ms != supervised::kill_at_once && reason == atoms::shutdown) return true;
    return c->restart != restart_type::permanent && is_orderly(reason);
}

// Dynamic children: all are told to stop at once, each has its own time. Their links tell of the ends; who
// is slow is monitored as well, in case it has unlinked itself.
void supervisor_core::stop_in_parallel(self s) {
    phase_ = phase::stopping;
    next_ = children_.oldest();
    tell_to_stop(s);
}

// So many at a time, with what has come in between looked at: however many children there are, nobody waits
// long for this scheduler.
void supervisor_core::tell_to_stop(self s) {
    for (int batch = 1000; next_ && batch > 0; --batch) {
        supervised* c = next_;
        next_ = c->newer;
        if (!c->is_running())
            children_.remove(c);
        else
            exit(c->pid,
                 c->shutdown_ms == supervised::kill_at_once ? atoms::kill : atoms::shutdown);
    }
    if (next_) return send(own_, stop_more{});
    if (children_.size() == 0) return one_less(s);

    std::vector<std::int64_t> limits;
    for (supervised* c = children_.oldest(); c; c = c->newer) {
        if (c->shutdown_ms < 0) continue;
        if (std::find(limits.begin(), limits.end(), c->shutdown_ms) != limits.end()) continue;
        limits.push_back(c->shutdown_ms);
        send_after(std::chrono::milliseconds(c->shutdown_ms), own_, time_is_up{c->shutdown_ms});
    }
    send_after(std::chrono::milliseconds(100), own_, look_after_slow{});
}

void supervisor_core::handle_while_stopping(self s, message& m) {
    const type_descriptor* type = m.type();
    if (type == descriptor_of<exit_message>() || type == descriptor_of<down_message>()) {
        pid who{};
        term reason;
        if (type == descriptor_of<exit_message>()) {
            auto e = m.take<exit_message>();
            who = e.from;
            reason = std::move(e.reason);
        } else {
            auto d = m.take<down_message>();
            who = d.pid().value_or(pid{});
            reason = std::move(d.reason);
            // Unlinked, and dead before it was monitored: how, nobody knows.
            if (reason == atoms::noproc) reason = atoms::shutdown;
        }
        supervised* c = children_.find(who);
        if (!c) return;
        if (!stopped_well(c, reason)) ++bad_ends_[reason];
        if (c == next_) next_ = c->newer;
        children_.remove(c);
        return one_less(s);
    }
    if (type == descriptor_of<stop_more>()) return tell_to_stop(s);
    if (type == descriptor_of<time_is_up>()) {
        auto limit = m.take<time_is_up>().limit_ms;
        for (supervised* c = children_.oldest(); c; c = c->newer)
            if (c->shutdown_ms >= 0 && c->shutdown_ms <= limit) exit(c->pid, atoms::kill);
        return;
    }
    if (type == descriptor_of<look_after_slow>()) {
        for (supervised* c = children_.oldest(); c; c = c->newer) monitor(c->pid);
        return;
    }
    if (request_from(m)) {
        // Not answered: the caller is told of the end.
        begin_request(s.block(), m);
        end_request(s.block());
    }
}

void supervisor_core::one_less(self s) {
    if (children_.size() != 0) return;
    if (log_enabled(log_level::error))
        for (const auto& [reason, count] : bad_ends_)
            report_supervisor(name_term(), supervisor_event::shutdown_error, reason,
                              list({tuple(atom("nb_children"), count)}));
    end(s, reason_);
}

// -- sys ------------------------------------------------------------------------------------------

term supervisor_core::sys_get_state() {
    std::vector<term> list;
    if (kind_ == supervisor_kind::fixed)
        for (const auto& info : which_children()) list.push_back(info.to_term());
    return map({{atoms::name, name_term()},
                {atoms::module_, source_.module},
                {atom("args"), source_.arguments},
                {atom("flags"), to_term(flags_)},
                {atom("restarts"), restarts_.total()},
                {atom("children"), kind_ == supervisor_kind::fixed ? list_of(std::move(list))
                                                                   : term(children_.size())}});
}

// What a supervisor knows is its children: made up by nobody else.
outcome<void> supervisor_core::sys_set_state(const term&) {
    return fail_term(atoms::notsup);
}

void supervisor_core::sys_terminate(term reason) {
    wanted_end_ = std::move(reason);
}

// Asks init again, that of the class's current version. Flags and specifications are replaced; who runs goes
// on running. Specifications that are no longer given stay, behind the new ones, as in OTP.
outcome<void> supervisor_core::sys_change_code(const term&, const term&, const term&) {
    auto current = source_.current(source_);
    const auto& init = current ? *current : source_.init;
    auto plan = init();
    if (!plan) return fail_term(std::move(plan.error()));
    if (!*plan) return {};  // ignore: as before
    auto& fresh = **plan;
    if (fresh.kind != kind_) return fail_term(tuple(atom("bad_flags"), to_term(fresh.flags)));

    if (current) source_.init = std::move(*current);
    flags_ = fresh.flags;
    limits_ = std::move(fresh.limits);
    if (kind_ == supervisor_kind::simple) {
        template_ = std::move(fresh.children.front());
        return {};
    }
    supervised* last_kept = children_.newest();
    for (const auto& spec : fresh.children) {
        if (supervised* c = children_.find(spec.id)) {
            if (c == last_kept) last_kept = c->older;
            children_.apply(c, spec);
            children_.move_to_end(c);
        } else {
            children_.add(spec, true);
        }
    }
    // The kept ones are in front now, in their order: move them behind the new ones.
    for (supervised* c = children_.oldest(); last_kept && c;) {
        supervised* newer = c->newer;
        bool last = c == last_kept;
        children_.move_to_end(c);
        if (last) break;
        c = newer;
    }
    return {};
}

// -- reports --------------------------------------------------------------------------------------

child_spec supervisor_core::spec_of(const supervised* c) const {
    child_spec spec(c->id, c->start, c->restart, {}, c->type, c->significant);
    if (c->shutdown_ms >= 0)
        spec.shutdown = std::chrono::milliseconds(c->shutdown_ms);
    else if (c->shutdown_ms == supervised::kill_at_once)
        spec.shutdown = brutal_kill{};
    else
        spec.shutdown = infinity{};
    return spec;
}

term supervisor_core::name_term() const {
    if (!(name_ == atoms::undefined)) return name_;
    return tuple(own_, source_.module);
}

void supervisor_core::report(supervisor_event what, const term& reason, const supervised* c) const {
    if (log_enabled(log_level::error)) report_supervisor(name_term(), what, reason, describe(c));
}

void supervisor_core::report_started(const supervised* c) const {
    if (log_enabled(log_level::debug)) report_progress(name_term(), describe(c));
}

// As OTP's reports show a child, and how many restarts the supervisor has made in its period.
term supervisor_core::describe(const supervised* c) const {
    auto spec = spec_of(c);
    return list(
        {tuple(atoms::pid, c->pid ? term(c->pid) : term()), tuple(atoms::id, c->id),
         tuple(atom("mfargs"), c->start.mfa()), tuple(atom("restart_type"), to_atom(c->restart)),
         tuple(atoms::significant, c->significant),
         tuple(atoms::shutdown, to_term(shutdown_of(spec))),
         tuple(atom("child_type"), to_atom(c->type)), tuple(atom("restarts"), restarts_.total())});
}

}  // namespace beam::detail
