#include "libbeamcore/otp/supervisor.hpp"

#include "libbeamcore/otp/internal/supervisor_core.hpp"
#include "libbeamcore/otp/internal/supervisor_messages.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::start_result);
BEAM_DEFINE_DESCRIPTOR(beam::outcome<void>);
BEAM_DEFINE_DESCRIPTOR(beam::children_count);
BEAM_DEFINE_DESCRIPTOR(std::vector<beam::child_info>);

namespace beam {

term child_info::to_term() const {
    term child = pid ? term(*pid) : restarting ? atoms::restarting : atoms::undefined;
    return tuple(id, std::move(child), to_atom(type), modules);
}

term children_count::to_term() const {
    return list({tuple(atoms::specs, specs), tuple(atoms::active, active),
                 tuple(atoms::supervisors, supervisors), tuple(atoms::workers, workers)});
}

namespace detail {

namespace {

outcome<std::optional<supervisor_plan>> plan_of(const supervisor_init& init, atom module) {
    if (init.is_ignore()) return std::optional<supervisor_plan>();
    auto checked = init.check(module);
    if (!checked) return fail_term(std::move(checked.error()));
    supervisor_plan plan;
    plan.flags = checked->first;
    plan.children = std::move(checked->second);
    if (plan.flags.strategy == restart_strategy::simple_one_for_one)
        plan.kind = supervisor_kind::simple;
    return std::optional<supervisor_plan>(std::move(plan));
}

plan_init planning(callback<supervisor_init()> init, atom module) {
    return [init = std::move(init), module] { return plan_of(init(), module); };
}

std::optional<plan_init> current_init(const plan_source& source) {
    auto entry = module_table::current().find(source.application, source.module);
    if (!entry || !entry->factory.supervisor) return std::nullopt;
    auto init = entry->factory.supervisor(source.arguments);
    if (!init) return std::nullopt;
    return planning(std::move(init), source.module);
}

}  // namespace

awaitable<start_result> start_supervisor(supervisor_source source, server_name name) {
    plan_source plan;
    plan.application = source.application;
    plan.module = source.module;
    plan.arguments = std::move(source.arguments);
    plan.init = planning(std::move(source.init), source.module);
    plan.current = &current_init;
    return start_core(std::move(plan), std::move(name));
}

}  // namespace detail

namespace supervisor {

namespace {

detail::supervisor_source given(supervisor_flags flags, std::vector<child_spec> children) {
    detail::supervisor_source source;
    source.module = atoms::supervisor;
    source.init = [flags, children = std::move(children)] {
        return supervisor_init(flags, children);
    };
    return source;
}

}  // namespace

awaitable<start_result> start_link(supervisor_flags flags, std::vector<child_spec> children,
                                   server_name name) {
    return detail::start_supervisor(given(flags, std::move(children)), std::move(name));
}

child_start child(supervisor_flags flags, std::vector<child_spec> children, server_name name) {
    auto start = [flags, children = std::move(children), name = std::move(name)] {
        return start_link(flags, children, name);
    };
    return child_start(std::move(start)).described(atoms::supervisor, atoms::undefined);
}

future<start_result> start_child(const server_ref& supervisor, child_spec spec) {
    return send_request(supervisor, detail::start_spec_request{std::move(spec)}, infinity{});
}

future<start_result> start_child(const server_ref& supervisor, term extra_arguments) {
    return send_request(supervisor, detail::start_arguments_request{std::move(extra_arguments)},
                        infinity{});
}

future<outcome<void>> terminate_child(const server_ref& supervisor, term id) {
    return send_request(supervisor, detail::terminate_request{std::move(id)}, infinity{});
}

future<start_result> restart_child(const server_ref& supervisor, term id) {
    return send_request(supervisor, detail::restart_request{std::move(id)}, infinity{});
}

future<outcome<void>> delete_child(const server_ref& supervisor, term id) {
    return send_request(supervisor, detail::delete_request{std::move(id)}, infinity{});
}

future<std::vector<child_info>> which_children(const server_ref& supervisor) {
    return send_request(supervisor, detail::which_request{}, infinity{});
}

future<children_count> count_children(const server_ref& supervisor) {
    return send_request(supervisor, detail::count_request{}, infinity{});
}

future<outcome<child_spec>> get_childspec(const server_ref& supervisor, term id) {
    return send_request(supervisor, detail::get_spec_request{std::move(id)}, infinity{});
}

}  // namespace supervisor

}  // namespace beam
