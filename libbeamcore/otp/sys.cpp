#include "libbeamcore/otp/sys.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <string>
#include <string_view>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/internal/gen_protocol.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/syntax.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::detail::sys_request);
BEAM_DEFINE_DESCRIPTOR(beam::detail::sys_answer);

namespace beam {

using detail::sys_answer;
using detail::sys_op;
using detail::sys_request;

namespace {

constexpr std::uint32_t log_max = 10'000;

std::int64_t wall_clock_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

sys_answer ok(term value = atoms::ok) {
    return {false, std::move(value)};
}
sys_answer failed(term reason) {
    return {true, std::move(reason)};
}

term op_name(sys_op op) {
    switch (op) {
        case sys_op::get_state:
            return atoms::get_state;
        case sys_op::replace_state:
            return atoms::replace_state;
        case sys_op::get_status:
            return atoms::get_status;
        case sys_op::suspend:
            return atoms::suspend;
        case sys_op::resume:
            return atoms::resume;
        case sys_op::change_code:
            return atoms::change_code;
        case sys_op::terminate:
            return atoms::terminate;
        case sys_op::statistics:
        case sys_op::get_statistics:
            return atoms::statistics;
        case sys_op::log:
        case sys_op::get_log:
            return atoms::log;
        case sys_op::trace:
            return atoms::trace;
        case sys_op::install:
            return atom("install");
        case sys_op::remove:
            return atom("remove");
        case sys_op::unknown:
            break;
    }
    return atoms::undefined;
}

// -- the asking side ------------------------------------------------------------------------------

term limit_term(timeout limit) {
    if (limit.is_infinite()) return atoms::infinity;
    return std::chrono::duration_cast<std::chrono::milliseconds>(limit.duration()).count();
}

awaitable<sys_answer> ask(server_ref server, sys_request request, timeout limit) {
    sys_op op = request.op;
    auto reply = send_request(server, std::move(request), limit);
    outcome<sys_answer> answer = co_await reply.outcome();
    if (!answer)
        exit(tuple(detail::why_of(answer.error()),
                   tuple(atom("sys"), op_name(op), list({server.to_term(), limit_term(limit)}))));
    co_return *std::move(answer);
}

awaitable<term> ask_value(server_ref server, sys_request request, timeout limit) {
    sys_answer answer = co_await ask(server, std::move(request), limit);
    if (answer.failed) exit(std::move(answer.value));
    co_return std::move(answer.value);
}

awaitable<void> ask_ok(server_ref server, sys_request request, timeout limit) {
    sys_answer answer = co_await ask(server, std::move(request), limit);
    if (answer.failed) exit(std::move(answer.value));
}

awaitable<outcome<void>> ask_outcome(server_ref server, sys_request request, timeout limit) {
    sys_answer answer = co_await ask(server, std::move(request), limit);
    outcome<void> r;
    if (answer.failed) r = fail_term(std::move(answer.value));
    co_return r;
}

awaitable<std::optional<sys::statistics_info>> ask_statistics(server_ref server, timeout limit) {
    sys_request request;
    request.op = sys_op::get_statistics;
    term answer = co_await ask_value(server, std::move(request), limit);
    std::optional<sys::statistics_info> info;
    if (auto read = from_term<sys::statistics_info>(answer); answer.is_map() && read) info = *read;
    co_return info;
}

awaitable<std::vector<term>> ask_log(server_ref server, timeout limit) {
    sys_request request;
    request.op = sys_op::get_log;
    term answer = co_await ask_value(server, std::move(request), limit);
    co_return answer.as_list().value_or(std::vector<term>{});
}

sys_request request(sys_op op, term a = {}, term b = {}, term c = {}) {
    sys_request r;
    r.op = op;
    r.a = std::move(a);
    r.b = std::move(b);
    r.c = std::move(c);
    return r;
}

}  // namespace

namespace sys {

awaitable<term> get_state(server_ref server, timeout limit) {
    return ask_value(server, request(sys_op::get_state), limit);
}
awaitable<term> get_status(server_ref server, timeout limit) {
    return ask_value(server, request(sys_op::get_status), limit);
}
awaitable<void> suspend(server_ref server, timeout limit) {
    return ask_ok(server, request(sys_op::suspend), limit);
}
awaitable<void> resume(server_ref server, timeout limit) {
    return ask_ok(server, request(sys_op::resume), limit);
}
awaitable<outcome<void>> change_code(server_ref server, term module, term old_vsn, term extra,
                                     timeout limit) {
    return ask_outcome(
        server,
        request(sys_op::change_code, std::move(module), std::move(old_vsn), std::move(extra)),
        limit);
}
awaitable<void> terminate(server_ref server, term reason, timeout limit) {
    return ask_ok(server, request(sys_op::terminate, std::move(reason)), limit);
}
awaitable<void> statistics(server_ref server, bool on, timeout limit) {
    return ask_ok(server, request(sys_op::statistics, on), limit);
}
awaitable<std::optional<statistics_info>> get_statistics(server_ref server, timeout limit) {
    return ask_statistics(server, limit);
}
awaitable<void> log(server_ref server, bool on, std::uint32_t count, timeout limit) {
    return ask_ok(server, request(sys_op::log, on, count), limit);
}
awaitable<std::vector<term>> get_log(server_ref server, timeout limit) {
    return ask_log(server, limit);
}
awaitable<void> trace(server_ref server, bool on, timeout limit) {
    return ask_ok(server, request(sys_op::trace, on), limit);
}
awaitable<void> remove(server_ref server, term id, timeout limit) {
    return ask_ok(server, request(sys_op::remove, std::move(id)), limit);
}

}  // namespace sys

namespace detail {

awaitable<term> sys_replace_state(server_ref server, callback<term(term)> change, timeout limit) {
    sys_request r = request(sys_op::replace_state);
    r.change = std::move(change);
    return ask_value(server, std::move(r), limit);
}

awaitable<void> sys_install(server_ref server, term id, sys::debug_function f, term state,
                            timeout limit) {
    sys_request r = request(sys_op::install, std::move(id), std::move(state));
    r.debug = std::move(f);
    return ask_ok(server, std::move(r), limit);
}

bool system_receive::match(receive_base* r, message& m) {
    if (m.type() == descriptor_of<sys_request>()) return true;
    if (m.type() == descriptor_of<term>()) return m.get_if<term>()->is_tagged(atoms::system, 3);
    if (m.type() != descriptor_of<exit_message>()) return false;
    pid parent = static_cast<system_receive*>(r)->parent_;
    return parent && m.get_if<exit_message>()->from == parent;
}

}  // namespace detail

// -- the asked side -------------------------------------------------------------------------------

sys_target::~sys_target() = default;

outcome<term> sys_target::sys_replace_state(const callback<term(term)>& change) {
    term next = change(sys_get_state());
    if (auto set = sys_set_state(next); !set) return fail_term(std::move(set.error()));
    return sys_get_state();
}

std::string sys_target::sys_header() const {
    return "Status for generic server " + std::string(sys_module().name());
}

struct sys_handler::data {
    struct installed {
        term id;
        sys::debug_function f;
        term state;
    };
    bool suspended = false;
    bool tracing = false;
    bool counting = false;
    std::uint32_t log_size = 0;
    sys::statistics_info counts;
    std::uint64_t reductions_at_start = 0;
    std::deque<term> events;
    std::vector<installed> functions;

    [[nodiscard]] bool debugging() const {
        return tracing || counting || log_size > 0 || !functions.empty();
    }
};

sys_handler::~sys_handler() {
    delete data_;
}

sys_handler::data& sys_handler::ensure() {
    if (!data_) data_ = new data;
    return *data_;
}

bool sys_handler::is_suspended() const noexcept {
    return data_ && data_->suspended;
}
term sys_handler::logged_events() const {
    if (!data_) return nil;
    return list_of(std::vector<term>(data_->events.begin(), data_->events.end()));
}
bool sys_handler::has_debug() const noexcept {
    return data_ && data_->debugging();
}

namespace {

std::uint64_t reductions_of(self s) {
    auto info = process_info(s.id());
    return info ? info->reductions : 0;
}

term debug_list(const sys_handler&, bool tracing, bool counting, std::uint32_t log_size,
                const std::vector<term>& ids) {
    std::vector<term> all;
    if (counting) all.push_back(tuple(atoms::statistics, atoms::true_));
    if (log_size > 0) all.push_back(tuple(atoms::log, log_size));
    if (tracing) all.push_back(tuple(atoms::trace, atoms::true_));
    for (const term& id : ids) all.push_back(tuple(atom("install"), id));
    return list_of(std::move(all));
}

term status_misc(sys_target& target, term status, term parent, term logged) {
    const atom data = atoms::data;
    return list({tuple(atom("header"), charlist(target.sys_header())),
                 tuple(data, list({tuple(charlist("Status"), std::move(status)),
                                   tuple(charlist("Parent"), std::move(parent)),
                                   tuple(charlist("Logged events"), std::move(logged))})),
                 tuple(data, list({tuple(charlist("State"), target.sys_shown_state())}))});
}

term dictionary_list() {
    std::vector<term> entries;
    for (auto& [key, value] : process_dictionary::all()) entries.push_back(tuple(key, value));
    return list_of(std::move(entries));
}

}  // namespace

bool sys_handler::handle(self s, sys_target& target, message& m) {
    detail::adopt_gen_protocol(m);
    if (!is_request(m)) return false;
    auto to = request_from(m);
    auto r = m.take<sys_request>();
    // Without somebody to answer it is a plain message that happens to look so: dropped.
    if (!to) return true;
    sys_answer a;
    try {
        a = answer(s, target, r);
    } catch (...) {
        a = failed(detail::reason_of_current_exception());
    }
    if (to->caller_tag != atoms::undefined)
        reply(*to, detail::system_answer_term(r.op, std::move(a)));
    else
        reply(*to, std::move(a));
    if (r.op == sys_op::terminate) target.sys_terminate(std::move(r.a));
    return true;
}

sys_answer sys_handler::answer(self s, sys_target& target, sys_request& r) {
    switch (r.op) {
        case sys_op::get_state:
            return ok(target.sys_get_state());
        case sys_op::replace_state: {
            term why = atoms::undef;  // a fun of another node, which cannot run here
            if (r.change) try {
                    outcome<term> replaced = target.sys_replace_state(r.change);
                    if (replaced) return ok(*std::move(replaced));
                    why = std::move(replaced.error());
                } catch (...) {
                    why = detail::reason_of_current_exception();
                }
            return failed(tuple(atom("callback_failed"),
                                tuple(target.sys_module(), atom("system_replace_state")),
                                tuple(atoms::error, std::move(why))));
        }
        case sys_op::get_status: {
            std::vector<term> ids;
            if (data_)
                for (const auto& f : data_->functions) ids.push_back(f.id);
            bool on = data_ != nullptr;
            term debug = debug_list(*this, on && data_->tracing, on && data_->counting,
                                    on ? data_->log_size : 0, ids);
            const term now = is_suspended() ? atoms::suspended : atoms::running;
            const term parent = target.sys_parent() ? target.sys_parent() : s.id();
            return ok(tuple(atoms::status, s.id(), tuple(atoms::module_, target.sys_behaviour()),
                            list({dictionary_list(), now, parent, std::move(debug),
                                  status_misc(target, now, parent, logged_events())})));
        }
        case sys_op::suspend:
            ensure().suspended = true;
            return ok();
        case sys_op::resume:
            if (data_) data_->suspended = false;
            return ok();
        case sys_op::change_code: {
            if (!is_suspended())
                return failed(
                    tuple(atom("unknown_system_msg"), tuple(atoms::change_code, r.a, r.b, r.c)));
            outcome<void> changed;
            try {
                changed = target.sys_change_code(r.a, r.b, r.c);
            } catch (...) {
                changed = fail_term(tuple(atoms::EXIT, detail::reason_of_current_exception()));
            }
            if (!changed) return failed(std::move(changed.error()));
            return ok();
        }
        case sys_op::terminate:
            return ok();
        case sys_op::statistics:
            if (r.a == atoms::true_) {
                data& d = ensure();
                d.counting = true;
                d.counts = {};
                d.counts.start_time_ns = wall_clock_ns();
                d.reductions_at_start = reductions_of(s);
            } else if (data_) {
                data_->counting = false;
            }
            return ok();
        case sys_op::get_statistics: {
            if (!data_ || !data_->counting) return ok(atom("no_statistics"));
            sys::statistics_info now = data_->counts;
            now.current_time_ns = wall_clock_ns();
            now.reductions = reductions_of(s) - data_->reductions_at_start;
            return ok(to_term(now));
        }
        case sys_op::log:
            if (r.a == atoms::true_) {
                data& d = ensure();
                d.log_size = std::clamp(r.b.as_int<std::uint32_t>().value_or(10), 1u, log_max);
                while (d.events.size() > d.log_size) d.events.pop_front();
            } else if (data_) {
                data_->log_size = 0;
                data_->events.clear();
            }
            return ok();
        case sys_op::get_log:
            return ok(logged_events());
        case sys_op::trace:
            if (r.a == atoms::true_)
                ensure().tracing = true;
            else if (data_)
                data_->tracing = false;
            return ok();
        case sys_op::install: {
            auto& functions = ensure().functions;
            for (const auto& f : functions)
                if (f.id == r.a) return ok();
            functions.push_back({std::move(r.a), std::move(r.debug), std::move(r.b)});
            return ok();
        }
        case sys_op::remove:
            if (data_) std::erase_if(data_->functions, [&](const auto& f) { return f.id == r.a; });
            return ok();
        case sys_op::unknown:
            return failed(tuple(atom("unknown_system_msg"), std::move(r.a)));
    }
    return failed(atom("unknown_system_msg"));
}

void sys_handler::event(self s, term what) {
    if (!has_debug()) return;
    data& d = *data_;
    term process = shown_name(s);
    if (d.counting) {
        auto e = what.elements();
        if (!e.empty() && e[0] == atom("in")) ++d.counts.messages_in;
        if (!e.empty() && e[0] == atom("out")) ++d.counts.messages_out;
    }
    if (d.log_size > 0) {
        if (d.events.size() == d.log_size) d.events.pop_front();
        d.events.push_back(what);
    }
    if (d.tracing) {
        print_options cut;
        cut.max_bytes = 4096;
        beam::log(log_level::info, "sys", "system event",
                  {{"process", to_string(process)}, {"event", to_string(what, cut)}});
    }
    // A function that raises is taken out, as in OTP; so is one that gives `done`.
    std::erase_if(d.functions, [&](data::installed& f) {
        try {
            term next = f.f(f.state, what, process);
            if (next == atom("done")) return true;
            f.state = std::move(next);
            return false;
        } catch (...) {
            return true;
        }
    });
}

awaitable<void> sys_handler::while_suspended(self s, sys_target& target) {
    while (is_suspended()) {
        message m = co_await detail::system_receive(s.block(), target.sys_parent());
        if (m.type() == descriptor_of<exit_message>()) {
            target.sys_terminate(m.take<exit_message>().reason);
            co_return;
        }
        detail::adopt_gen_protocol(m);
        const sys_request* r = m.get_if<sys_request>();
        if (!r) continue;  // a term that only began like one
        bool ends = r->op == sys_op::terminate;
        handle(s, target, m);
        if (ends) co_return;
    }
}

}  // namespace beam
