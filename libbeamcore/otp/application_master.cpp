#include <chrono>
#include <optional>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/internal/application_controller.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

namespace {

term call_of(const application_spec& spec, const char* function, term arguments) {
    return tuple(spec.module, atom(function), std::move(arguments));
}

// What a callback threw, as `{'EXIT', Reason}`.
term thrown_exit() noexcept {
    return tuple(atoms::EXIT, reason_of_current_exception());
}

struct top_process {
    pid process;  // false for an application without processes
    term state = nil;
};

// Calls start. The error is the reason that application:start gives.
awaitable<outcome<top_process>> call_start(const application_spec& spec) {
    term arguments = list({atoms::normal, spec.arguments});
    auto bad_return = [&](term value) {
        return fail_term(
            tuple(atoms::bad_return, tuple(call_of(spec, "start", arguments), std::move(value))));
    };
    term thrown;
    try {
        auto begun = spec.code->start(spec.arguments);
        start_result r = co_await begun;
        if (!r) co_return fail_term(tuple(std::move(r.error()), call_of(spec, "start", arguments)));
        if (std::holds_alternative<ignore>(*r)) co_return bad_return(atoms::ignore);
        auto& top = std::get<started>(*r);
        co_return top_process{top.pid, top.info ? std::move(*top.info) : term(nil)};
    } catch (...) {
        thrown = thrown_exit();
    }
    co_return bad_return(std::move(thrown));
}

awaitable<outcome<void>> call_phases(const application_spec& spec) {
    if (!spec.code->start_phase) co_return outcome<void>();
    for (const auto& [phase, arguments] : spec.start_phases) {
        term call = call_of(spec, "start_phase", list({phase, atoms::normal, arguments}));
        term thrown;
        bool threw = false;
        try {
            auto begun = spec.code->start_phase(phase, arguments);
            outcome<void> r = co_await begun;
            if (!r) co_return fail_term(tuple(std::move(r.error()), std::move(call)));
        } catch (...) {
            thrown = thrown_exit();
            threw = true;
        }
        if (threw)
            co_return fail_term(
                tuple(atoms::bad_return, tuple(std::move(call), std::move(thrown))));
    }
    co_return outcome<void>();
}

// Stops the top process, however long it takes.
awaitable<void> stop_top(self s, pid top) {
    if (!top) co_return;
    exit(top, atoms::shutdown);
    (void)co_await s.receive_if<exit_message>(
        [top](const exit_message& e) { return e.from == top; });
}

void call_stop(const application_spec& spec, term state) {
    if (!spec.code || !spec.code->stop) return;
    try {
        spec.code->stop(std::move(state));
    } catch (...) {
        log(log_level::error, "application", "stop failed",
            {{"application", spec.name.name()}, {"reason", to_string(thrown_exit())}});
    }
}

void answer(self s, const message& m, const outcome<void>& r) {
    auto to = request_from(m);
    begin_request(s.block(), m);
    if (to) reply(*to, r);
    end_request(s.block());
}

// The starter's request is on its way; those who wait with it have the same answer (application_controller).
awaitable<void> answer_starters(self s, outcome<void> r) {
    bool is_told = false;
    for (;;) {
        message m;
        if (is_told)
            m = co_await s.receive_for(std::chrono::milliseconds(0));
        else
            m = co_await s.receive();
        if (!m) co_return;
        is_told |= m.type() == descriptor_of<await_application_request>();
        if (request_from(m)) answer(s, m, r);
    }
}

void report_end(const application_spec& spec, restart_type type, const term& reason) {
    log(is_orderly(reason) ? log_level::info : log_level::error, "application", "application ended",
        {{"application", spec.name.name()},
         {"reason", to_string(reason, {.max_bytes = 2000})},
         {"type", to_atom(type).name()}});
}

// The current specification: an upgrade may have exchanged the callbacks.
application_spec spec_now(application_controller& controller, const application_spec& started) {
    auto r = controller.find_running(started.name);
    return r ? r->spec : started;
}

process application_master(self s, application_controller* controller, application_spec spec,
                           restart_type type) {
    s.trap_exit(true);
    set_group_leader(s.id());

    top_process top;
    if (spec.code) {
        auto r = co_await call_start(spec);
        outcome<void> phases;
        if (r) {
            top = std::move(*r);
            phases = co_await call_phases(spec);
            if (!phases) {
                co_await stop_top(s, top.process);
                call_stop(spec, top.state);
            }
        } else {
            phases = fail_term(std::move(r.error()));
        }
        if (!phases) {
            controller->remove(spec.name);
            co_await answer_starters(s, phases);
            co_return;
        }
    }
    controller->set_running(spec.name, top.process);
    log(log_level::info, "application", "application started",
        {{"application", spec.name.name()}, {"vsn", spec.vsn}});

    for (;;) {
        message m = co_await s.receive();
        if (m.type() == descriptor_of<await_application_request>()) {
            answer(s, m, {});
        } else if (m.type() == descriptor_of<stop_application_request>()) {
            controller->set_stopping(spec.name);
            application_spec now = spec_now(*controller, spec);
            try {
                if (now.code && now.code->prep_stop)
                    top.state = now.code->prep_stop(std::move(top.state));
            } catch (...) {
                log(log_level::error, "application", "prep_stop failed",
                    {{"application", spec.name.name()}, {"reason", to_string(thrown_exit())}});
            }
            co_await stop_top(s, top.process);
            call_stop(now, std::move(top.state));
            controller->remove(spec.name);
            report_end(spec, type, atoms::normal);
            answer(s, m, {});
            co_return;
        } else if (m.type() == descriptor_of<exit_message>()) {
            exit_message e = m.take<exit_message>();
            if (!top.process || e.from != top.process) continue;
            controller->set_stopping(spec.name);
            call_stop(spec_now(*controller, spec), std::move(top.state));
            controller->remove(spec.name);
            report_end(spec, type, e.reason);
            bool stops_node = type == restart_type::permanent ||
                              (type == restart_type::transient && !(e.reason == atoms::normal));
            if (stops_node) controller->stop_node(spec.name, e.reason);
            co_return;
        }
    }
}

}  // namespace

pid spawn_application_master(application_controller& controller, application_spec spec,
                             restart_type type) {
    return spawn(application_master, &controller, std::move(spec), type);
}

}  // namespace beam::detail
