// What a supervisor is asked for: children started, ended, started again, shown.
#include "libbeamcore/otp/internal/supervisor_core.hpp"

#include "libbeamcore/otp/internal/child_terms.hpp"
#include "libbeamcore/runtime/detail/local.hpp"

namespace beam::detail {

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

}  // namespace beam::detail
