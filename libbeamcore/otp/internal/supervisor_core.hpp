// supervisor_core: the process of every kind of supervisor.
//
// Handlers run to completion on the scheduler's stack as long as nothing must be waited for, which is so
// for what is frequent: a child that is started or started again by a synchronous init, an end that
// changes nothing. What waits (a child's stop, a start that waits, restarting several) is a coroutine
// that run_waiting() goes through before the next message is looked at, as OTP's supervisor is deaf
// meanwhile. supervisor_core.cpp has its start, loop and reports; supervisor_requests.cpp, _restarts.cpp and
// _stop.cpp the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "libbeamcore/otp/internal/restart_window.hpp"
#include "libbeamcore/otp/internal/supervised.hpp"
#include "libbeamcore/otp/internal/supervisor_messages.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/link.hpp"

namespace beam::detail {

enum class supervisor_kind : std::uint8_t {
    fixed,    // children have ids and an order
    simple,   // simple_one_for_one: children are made from one specification
    dynamic,  // Elixir's DynamicSupervisor: each child brings its own
};

// What init says of a dynamic supervisor.
struct dynamic_limits {
    std::size_t max_children = SIZE_MAX;
    term extra_arguments = nil;
};

// What any kind of init gives, checked.
struct supervisor_plan {
    supervisor_kind kind = supervisor_kind::fixed;
    supervisor_flags flags;
    std::vector<child_spec> children;
    dynamic_limits limits;
};

// Gives a plan, nothing (ignore), or why it has none.
using plan_init = callback<outcome<std::optional<supervisor_plan>>()>;

// Who the supervisor is, and its init, which code_change asks again.
struct plan_source {
    atom application;  // undefined for code that is of no application
    atom module;
    term arguments = nil;
    plan_init init;
    // The init of the class's current version, if the module table has one.
    std::optional<plan_init> (*current)(const plan_source&) = nullptr;
};

class supervisor_core final : public sys_target {
public:
    supervisor_core(plan_source source, const server_name& name, pid parent);

    enum class begun { ready, must_wait, failed, ignored };
    // Runs in the init_scope of the new process: init, then all children that can be started at once.
    // Failed: reason() says why, no child is left. Must wait: the rest happens in the process itself, which
    // answers a start_request when it is through.
    begun begin(self s);
    [[nodiscard]] const term& reason() const { return reason_; }

    void run(self s) override;

    atom sys_module() const override { return source_.module; }
    pid sys_parent() const override { return parent_; }
    term sys_get_state() override;
    outcome<void> sys_set_state(const term& state) override;
    outcome<void> sys_change_code(const term& module, const term& old_vsn,
                                  const term& extra) override;
    void sys_terminate(term reason) override;

private:
    enum class phase : std::uint8_t { starting, running, stopping };

    bool is_fixed() const { return kind_ == supervisor_kind::fixed; }

    // Start.
    void adopt(supervisor_plan plan);
    bool start_next(self s);
    awaitable<void> start_rest(self s);
    awaitable<void> answer_starter(self s);
    bool take_first_start(self s, supervised* c, start_result r);

    // Messages.
    void handle(self s, message& m);
    bool handle_request(self s, message& m);
    void handle_exit(self s, exit_message e);
    void handle_try_again(self s, const try_again& t);
    void handle_while_stopping(self s, message& m);

    // Requests.
    void start_child(self s, const from& to, child_spec spec);
    void start_fixed_child(self s, const from& to, const child_spec& spec);
    void start_dynamic_child(self s, const from& to, const child_spec& spec);
    void start_simple_child(self s, const from& to, const term& arguments);
    awaitable<void> start_fixed_waiting(self s, from to, child_spec spec);
    awaitable<void> start_dynamic_waiting(self s, from to, child_spec spec);
    start_result keep_fixed(self s, const child_spec& spec, start_result r);
    start_result keep_dynamic(self s, const child_spec& spec, start_result r);
    void terminate_child(self s, const from& to, const term& id);
    awaitable<void> terminate_waiting(self s, from to, supervised* c);
    void restart_child(self s, const from& to, const term& id);
    awaitable<void> restart_by_hand(self s, from to, supervised* c);
    start_result keep_restarted(self s, supervised* c, start_result r);
    outcome<void> delete_child(const term& id);
    outcome<child_spec> get_childspec(const term& id) const;
    std::vector<child_info> which_children() const;
    children_count count_children() const;

    // Ends and restarts.
    void after_end(self s, supervised* c);
    void forget(supervised* c);
    void restart(self s, supervised* c, const term* ended);
    awaitable<void> restart_one_waiting(self s, supervised* c);
    awaitable<void> restart_several(self s, supervised* c);
    void finish_restart(self s, supervised* c, start_result r);
    void again(self s, supervised* c);

    // Stops.
    void stop(self s, term reason);
    awaitable<void> stop_all(self s);
    awaitable<void> stop_range(self s, supervised* first);
    awaitable<void> stop_child(self s, supervised* c);
    void stop_in_parallel(self s);
    void tell_to_stop(self s);
    void one_less(self s);
    bool stopped_well(const supervised* c, const term& reason) const;

    void wait_for(self s, awaitable<void> work);
    void end(self s, term reason);

    child_spec spec_of(const supervised* c) const;
    term name_term() const;
    void report(supervisor_event what, const term& reason, const supervised* c) const;
    term describe(const supervised* c) const;
    void report_started(const supervised* c) const;

    plan_source source_;
    term name_;  // `{local, Name}` or undefined
    pid parent_;
    pid own_{};
    supervisor_kind kind_ = supervisor_kind::fixed;
    phase phase_ = phase::running;
    bool busy_ = false;  // this turn is over: something waits, or the end has come
    bool failing_ = false;
    bool done_ = false;  // all children are stopped: reason_ is the end
    supervisor_flags flags_;
    dynamic_limits limits_;
    child_spec template_;  // simple only
    children_table children_;
    supervised* next_ = nullptr;  // to be started, or to be told to stop
    restart_window restarts_;
    sys_handler sys_;
    term reason_;                                       // why it stops or could not start
    std::optional<term> wanted_end_;                    // by sys:terminate
    std::unordered_map<term, std::uint64_t> bad_ends_;  // while stopping in parallel
};

// Nobody, when it did not start or was ignored.
inline pid pid_of(const start_result& r) {
    if (!r) return {};
    const auto* s = std::get_if<started>(&*r);
    return s ? s->pid : pid{};
}

// Starts any kind.
[[nodiscard]] awaitable<start_result> start_core(plan_source source, server_name name);

}  // namespace beam::detail
