#include "libbeamcore/otp/internal/supervisor_core.hpp"

#include <memory>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/internal/gen_protocol.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

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
        reason_ = tuple(atoms::shutdown,
                        tuple(atoms::failed_to_start_child, c->id, std::move(r.error())));
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
    adopt_gen_protocol(m);
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
            {{"supervisor", to_string(name_term())},
             {"message", to_string(m.to_term(), {.max_bytes = 4096})}});
}

bool supervisor_core::handle_request(self s, message& m) {
    auto answer = [&]<class Request>(Request*, auto handler) {
        if (m.type() != descriptor_of<Request>() &&
            !(m.type() == descriptor_of<term>() && m.is<Request>()))
            return false;
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
