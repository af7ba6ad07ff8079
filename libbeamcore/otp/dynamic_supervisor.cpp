#include "libbeamcore/otp/dynamic_supervisor.hpp"

#include "libbeamcore/otp/internal/supervisor_core.hpp"
#include "libbeamcore/otp/internal/supervisor_messages.hpp"

namespace beam {

namespace detail {

namespace {

outcome<std::optional<supervisor_plan>> plan_of(const dynamic_supervisor_init& init) {
    if (init.is_ignore()) return std::optional<supervisor_plan>();
    supervisor_plan plan;
    plan.kind = supervisor_kind::dynamic;
    plan.flags.intensity = init.flags().max_restarts;
    plan.flags.period = init.flags().max_seconds;
    plan.limits.max_children = init.flags().max_children;
    plan.limits.extra_arguments = init.extra_arguments();

    const atom supervisor_data("supervisor_data");
    if (auto r = check_flags(plan.flags); !r)
        return fail_term(tuple(supervisor_data, std::move(r.error())));
    if (!plan.limits.extra_arguments.list_length())
        return fail_term(tuple(
            supervisor_data, tuple(atom("invalid_extra_arguments"), plan.limits.extra_arguments)));
    return std::optional<supervisor_plan>(std::move(plan));
}

plan_init planning(callback<dynamic_supervisor_init()> init) {
    return [init = std::move(init)] { return plan_of(init()); };
}

std::optional<plan_init> current_init(const plan_source& source) {
    auto entry = module_table::current().find(source.application, source.module);
    if (!entry || !entry->factory.dynamic_supervisor) return std::nullopt;
    auto init = entry->factory.dynamic_supervisor(source.arguments);
    if (!init) return std::nullopt;
    return planning(std::move(init));
}

}  // namespace

awaitable<start_result> start_dynamic_supervisor(dynamic_source source, server_name name) {
    plan_source plan;
    plan.application = source.application;
    plan.module = source.module;
    plan.arguments = std::move(source.arguments);
    plan.init = planning(std::move(source.init));
    plan.current = &current_init;
    return start_core(std::move(plan), std::move(name));
}

}  // namespace detail

namespace dynamic_supervisor {

awaitable<start_result> start_link(dynamic_supervisor_flags flags, server_name name,
                                   term extra_arguments) {
    detail::dynamic_source source;
    source.module = atom("dynamic_supervisor");
    source.init = [flags, extra = std::move(extra_arguments)] {
        return dynamic_supervisor_init(flags, extra);
    };
    return detail::start_dynamic_supervisor(std::move(source), std::move(name));
}

child_start child(dynamic_supervisor_flags flags, server_name name, term extra_arguments) {
    auto start = [flags, name = std::move(name), extra = std::move(extra_arguments)] {
        return start_link(flags, name, extra);
    };
    return child_start(std::move(start)).described(atom("dynamic_supervisor"), atoms::undefined);
}

future<start_result> start_child(const server_ref& supervisor, child_spec spec) {
    return send_request(supervisor, detail::start_spec_request{std::move(spec)}, infinity{});
}

future<start_result> start_child(const server_ref& supervisor, term spec) {
    return send_request(supervisor, detail::start_arguments_request{std::move(spec)}, infinity{});
}

future<outcome<void>> terminate_child(const server_ref& supervisor, pid child) {
    return send_request(supervisor, detail::terminate_request{child}, infinity{});
}

future<std::vector<child_info>> which_children(const server_ref& supervisor) {
    return send_request(supervisor, detail::which_request{}, infinity{});
}

future<children_count> count_children(const server_ref& supervisor) {
    return send_request(supervisor, detail::count_request{}, infinity{});
}

}  // namespace dynamic_supervisor

}  // namespace beam
