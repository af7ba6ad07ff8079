#include "libbeamcore/otp/proc_lib.hpp"

#include <string_view>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::detail::start_request);
BEAM_DEFINE_DESCRIPTOR(beam::detail::start_answer);

namespace beam {

namespace detail {

namespace {

atom starter_key() {
    static const atom key{std::string_view("$starter")};
    return key;
}

}  // namespace

term why_of(const term& call_failure) {
    auto e = call_failure.elements();
    return e.size() == 2 ? e[0] : call_failure;
}

awaitable<void> forget_failed_child(self s, pid child, bool kill) {
    bool traps = s.trap_exit(true);
    s.trap_exit(traps);
    // A starter that does not trap exits dies with its child, as start_link promises; but not because
    // it is killed for being slow.
    if (kill || traps) unlink(child);
    if (kill) exit(child, atoms::kill);
    if (!traps) co_return;
    (void)co_await s.receive_if<exit_message>(
        [child](const exit_message& m) { return m.from == child; }, std::chrono::seconds(0));
}

void proc_lib_failed(self s) noexcept {
    report_crash(s, reason_of_current_exception());
}

void set_starter(const message& request) {
    auto f = request_from(request);
    process_dictionary::put(starter_key(), tuple(f->to, f->tag));
}

awaitable<outcome<term>> wait_for_ack(pid child, bool linked, timeout limit) {
    auto request = send_request(child, start_request{}, limit);
    outcome<start_answer> answer = co_await request.outcome();
    if (answer) {
        if (answer->outcome == start_outcome::failed) co_return fail_term(std::move(answer->value));
        co_return std::move(answer->value);
    }
    term why = why_of(answer.error());
    bool late = why == atoms::timeout;
    if (linked || late) {
        self me = this_process();
        co_await forget_failed_child(me, child, late);
    }
    co_return fail_term(std::move(why));
}

spawned proc_lib_commit(process_block* pb, process code, module_record* module, const char* type,
                        std::uint32_t function, const spawn_options& options) {
    const atom name =
        class_atom(function != 0 ? std::string(atom::at(function).name()).c_str() : type);
    term further = proc_lib::ancestors();
    term ancestors = cons(shown_name(this_process()), std::move(further));
    {
        init_scope as_child(pb);
        process_dictionary::put(atoms::ancestors, std::move(ancestors));
        process_dictionary::put(atoms::initial_call, tuple(name, atoms::init, 1));
    }
    return spawn_commit(pb, code.release(), module, name.index(), options);
}

namespace {

void acknowledge(start_answer answer) {
    term to = process_dictionary::erase(starter_key());
    auto e = to.elements();
    if (e.size() != 2) return;
    from f{*e[0].as_pid(), *e[1].as_ref()};
    reply(f, std::move(answer));
}

}  // namespace

}  // namespace detail

namespace proc_lib {

namespace {

// Bounds the walk along parents: no sound supervision tree is that deep.
constexpr std::size_t ancestors_max = 64;

}  // namespace

void init_ack(term value) {
    detail::start_answer a;
    a.value = std::move(value);
    detail::acknowledge(std::move(a));
}

void init_fail(term reason) {
    detail::start_answer a;
    a.outcome = detail::start_outcome::failed;
    a.value = std::move(reason);
    detail::acknowledge(std::move(a));
}

term ancestors() {
    term recorded = process_dictionary::get(atoms::ancestors);
    if (recorded.is_list()) return recorded;
    // A behaviour's process records nothing until it is asked; its control block knows its parent.
    std::vector<term> found;
    auto info = process_info(this_process().id());
    while (info && info->parent && found.size() < ancestors_max) {
        pid parent = info->parent;
        info = process_info(parent);
        found.push_back(info && info->registered_name ? term(*info->registered_name)
                                                      : term(parent));
    }
    recorded = list_of(std::move(found));
    process_dictionary::put(atoms::ancestors, recorded);
    return recorded;
}

term initial_call() {
    term recorded = process_dictionary::get(atoms::initial_call);
    if (recorded.is_tuple()) return recorded;
    auto info = process_info(this_process().id());
    if (!info) return atoms::undefined;
    return tuple(atom(std::string_view(info->initial_call)), atoms::init, 1);
}

}  // namespace proc_lib

}  // namespace beam
