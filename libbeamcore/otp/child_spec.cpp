#include "libbeamcore/otp/child_spec.hpp"

#include <string_view>
#include <unordered_set>

#include "libbeamcore/otp/internal/child_terms.hpp"
#include "libbeamcore/otp/module_table.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::outcome<beam::child_spec>);

namespace beam {

namespace {

std::optional<restart_type> restart_of(const term& t) {
    if (t == atoms::permanent) return restart_type::permanent;
    if (t == atoms::transient) return restart_type::transient;
    if (t == atoms::temporary) return restart_type::temporary;
    return {};
}

std::optional<restart_strategy> strategy_of(const term& t) {
    if (t == atoms::one_for_one) return restart_strategy::one_for_one;
    if (t == atoms::one_for_all) return restart_strategy::one_for_all;
    if (t == atoms::rest_for_one) return restart_strategy::rest_for_one;
    if (t == atoms::simple_one_for_one) return restart_strategy::simple_one_for_one;
    return {};
}

std::optional<auto_shutdown_type> auto_shutdown_of(const term& t) {
    if (t == atoms::never) return auto_shutdown_type::never;
    if (t == atoms::any_significant) return auto_shutdown_type::any_significant;
    if (t == atoms::all_significant) return auto_shutdown_type::all_significant;
    return {};
}

std::optional<shutdown_type> shutdown_from(const term& t) {
    if (t == atoms::infinity) return infinity{};
    if (t == atoms::brutal_kill) return brutal_kill{};
    if (auto ms = t.as_int64(); ms && *ms >= 0) return std::chrono::milliseconds(*ms);
    return {};
}

// `{badtag, Value}` as OTP's validators throw it.
term invalid(std::string_view what, const term& value) {
    return tuple(atom(what), value);
}

term pairs(atom key, term value, atom other_key, term other) {
    return list({tuple(key, std::move(value)), tuple(other_key, std::move(other))});
}

outcome<void> check_significant(bool significant, restart_type restart,
                                std::optional<auto_shutdown_type> auto_shutdown) {
    if (!significant) return {};
    const atom bad_combination("bad_combination");
    if (auto_shutdown == auto_shutdown_type::never)
        return fail_term(tuple(bad_combination, pairs(atoms::auto_shutdown, atoms::never,
                                                      atoms::significant, atoms::true_)));
    if (restart == restart_type::permanent)
        return fail_term(tuple(bad_combination, pairs(atoms::restart, atoms::permanent,
                                                      atoms::significant, atoms::true_)));
    return {};
}

outcome<void> check_modules(const term& modules) {
    if (modules == atom("dynamic")) return {};
    if (!modules.is_list()) return fail_term(invalid("invalid_modules", modules));
    for (const auto& m : modules.list_elements())
        if (!m.is_atom()) return fail_term(invalid("invalid_module", m));
    return {};
}

bool is_mfa(const term& t) {
    auto e = t.elements();
    return t.is_tuple() && e.size() == 3 && e[0].is_atom() && e[1].is_atom() && e[2].is_list();
}

// The old form, `{Id, Start, Restart, Shutdown, Type, Modules}`, as a map.
term as_map(const term& t) {
    auto e = t.elements();
    return map({{atoms::id, e[0]},
                {atoms::start, e[1]},
                {atoms::restart, e[2]},
                {atoms::shutdown, e[3]},
                {atoms::type, e[4]},
                {atoms::modules, e[5]}});
}

term get_or(const term& map, atom key, const term& otherwise) {
    const term* found = map.map_find(key);
    return found ? *found : otherwise;
}

}  // namespace

shutdown_type shutdown_of(const child_spec& spec) {
    if (spec.shutdown) return *spec.shutdown;
    // A supervisor must outlive its own children's shutdown, or they are orphaned half stopped.
    if (spec.type == child_type::supervisor) return infinity{};
    return default_shutdown;
}

result<void> check(const child_spec& spec) {
    if (spec.id == atoms::undefined) return fail("missing_id");
    if (!spec.start) return fail("missing_start");
    if (spec.shutdown) {
        const auto* limit = std::get_if<std::chrono::milliseconds>(&*spec.shutdown);
        if (limit && limit->count() < 0) return fail("negative_shutdown");
    }
    if (spec.significant && spec.restart == restart_type::permanent)
        return fail("permanent_significant");
    return {};
}

outcome<void> detail::check_childspec(const child_spec& spec,
                                      std::optional<auto_shutdown_type> auto_shutdown) {
    if (spec.id == atoms::undefined) return fail_term(atom("missing_id"));
    if (!spec.start) return fail_term(atom("missing_start"));
    if (auto r = check_significant(spec.significant, spec.restart, auto_shutdown); !r) return r;
    if (spec.shutdown) {
        const auto* limit = std::get_if<std::chrono::milliseconds>(&*spec.shutdown);
        if (limit && limit->count() < 0)
            return fail_term(invalid("invalid_shutdown", limit->count()));
    }
    return {};
}

outcome<void> check_flags(const supervisor_flags& flags) {
    if (flags.intensity < 0) return fail_term(invalid("invalid_intensity", flags.intensity));
    if (flags.period.count() <= 0)
        return fail_term(invalid("invalid_period", flags.period.count()));
    return {};
}

outcome<void> check_childspecs(const std::vector<child_spec>& specs,
                               std::optional<auto_shutdown_type> auto_shutdown) {
    std::unordered_set<term> ids;
    for (const auto& spec : specs) {
        if (auto r = detail::check_childspec(spec, auto_shutdown); !r) return r;
        if (!ids.insert(spec.id).second)
            return fail_term(tuple(atom("duplicate_child_name"), spec.id));
    }
    return {};
}

outcome<supervisor_flags> flags_from_term(const term& t) {
    if (t.is_tuple() && t.elements().size() == 3) {
        auto e = t.elements();
        return flags_from_term(
            map({{atoms::strategy, e[0]}, {atoms::intensity, e[1]}, {atoms::period, e[2]}}));
    }
    if (!t.is_map()) return fail_term(invalid("invalid_type", t));

    supervisor_flags flags;
    if (const term* v = t.map_find(atoms::strategy)) {
        auto strategy = strategy_of(*v);
        if (!strategy) return fail_term(invalid("invalid_strategy", *v));
        flags.strategy = *strategy;
    }
    if (const term* v = t.map_find(atoms::intensity)) {
        auto intensity = v->as_int<int>();
        if (!intensity || *intensity < 0) return fail_term(invalid("invalid_intensity", *v));
        flags.intensity = *intensity;
    }
    if (const term* v = t.map_find(atoms::period)) {
        auto period = v->as_int64();
        if (!period || *period <= 0) return fail_term(invalid("invalid_period", *v));
        flags.period = std::chrono::seconds(*period);
    }
    if (const term* v = t.map_find(atoms::auto_shutdown)) {
        auto auto_shutdown = auto_shutdown_of(*v);
        if (!auto_shutdown) return fail_term(invalid("invalid_auto_shutdown", *v));
        flags.auto_shutdown = *auto_shutdown;
    }
    return flags;
}

outcome<child_spec> child_spec_from_term(const term& t,
                                         std::optional<auto_shutdown_type> auto_shutdown) {
    if (t.is_tuple() && t.elements().size() == 6)
        return child_spec_from_term(as_map(t), auto_shutdown);
    if (!t.is_map()) return fail_term(invalid("invalid_child_spec", t));

    const term* id = t.map_find(atoms::id);
    if (!id) return fail_term(atom("missing_id"));
    const term* mfa = t.map_find(atoms::start);
    if (!mfa) return fail_term(atom("missing_start"));
    if (!is_mfa(*mfa)) return fail_term(invalid("invalid_mfa", *mfa));

    const term restart_term = get_or(t, atoms::restart, atoms::permanent);
    auto restart = restart_of(restart_term);
    if (!restart) return fail_term(invalid("invalid_restart_type", restart_term));

    const term significant_term = get_or(t, atoms::significant, atoms::false_);
    auto significant = significant_term.as_bool();
    if (significant) {
        if (auto r = check_significant(*significant, *restart, auto_shutdown); !r)
            return fail_term(std::move(r.error()));
    } else {
        return fail_term(invalid("invalid_significant", significant_term));
    }

    const term type_term = get_or(t, atoms::type, atoms::worker);
    if (!(type_term == atoms::worker) && !(type_term == atoms::supervisor))
        return fail_term(invalid("invalid_child_type", type_term));

    std::optional<shutdown_type> shutdown;
    if (const term* v = t.map_find(atoms::shutdown)) {
        shutdown = shutdown_from(*v);
        if (!shutdown) return fail_term(invalid("invalid_shutdown", *v));
    }
    if (const term* v = t.map_find(atoms::modules)) {
        if (auto r = check_modules(*v); !r) return fail_term(std::move(r.error()));
    }

    auto type = type_term == atoms::worker ? child_type::worker : child_type::supervisor;
    return child_spec(*id, detail::start_of_mfa(*mfa), *restart, shutdown, type, *significant);
}

namespace {

awaitable<start_result> start_by_name(atom module, atom function, term arguments) {
    auto undefined = [&] {
        return fail_term(
            tuple(atoms::EXIT, tuple(atoms::undef, list({tuple(module, function, arguments)}))));
    };
    auto entry = module_table::current().find(module);
    if (!entry || !(function == atom("start_link"))) co_return undefined();
    child_start start = child_start::of_class(entry->application, module, arguments);
    start_result r = co_await start.start_waiting();
    co_return r;
}

}  // namespace

child_start detail::start_of_mfa(const term& mfa) {
    auto e = mfa.elements();
    atom module = *e[0].as_atom(), function = *e[1].as_atom();
    auto make = [module, function](const term& arguments) {
        return child_start(
            [module, function, arguments] { return start_by_name(module, function, arguments); });
    };
    return child_start::of_arguments(make, module, e[2]);
}

term to_term(const shutdown_type& shutdown) {
    if (const auto* ms = std::get_if<std::chrono::milliseconds>(&shutdown)) return ms->count();
    if (std::holds_alternative<brutal_kill>(shutdown)) return atoms::brutal_kill;
    return atoms::infinity;
}

term detail::modules_of(const child_start& start) {
    atom name = start.class_name();
    return name == atoms::undefined ? term(nil) : list({name});
}

term to_term(const child_spec& spec) {
    return map({{atoms::id, spec.id},
                {atoms::start, spec.start.mfa()},
                {atoms::restart, to_atom(spec.restart)},
                {atoms::significant, spec.significant},
                {atoms::shutdown, to_term(shutdown_of(spec))},
                {atoms::type, to_atom(spec.type)},
                {atoms::modules, detail::modules_of(spec.start)}});
}

term to_term(const supervisor_flags& flags) {
    return map({{atoms::strategy, to_atom(flags.strategy)},
                {atoms::intensity, flags.intensity},
                {atoms::period, flags.period.count()},
                {atoms::auto_shutdown, to_atom(flags.auto_shutdown)}});
}

atom to_atom(restart_type restart) {
    switch (restart) {
        case restart_type::permanent:
            return atoms::permanent;
        case restart_type::transient:
            return atoms::transient;
        case restart_type::temporary:
            break;
    }
    return atoms::temporary;
}

atom to_atom(child_type type) {
    return type == child_type::worker ? atoms::worker : atoms::supervisor;
}

atom to_atom(restart_strategy strategy) {
    switch (strategy) {
        case restart_strategy::one_for_one:
            return atoms::one_for_one;
        case restart_strategy::one_for_all:
            return atoms::one_for_all;
        case restart_strategy::rest_for_one:
            return atoms::rest_for_one;
        case restart_strategy::simple_one_for_one:
            break;
    }
    return atoms::simple_one_for_one;
}

atom to_atom(auto_shutdown_type auto_shutdown) {
    switch (auto_shutdown) {
        case auto_shutdown_type::never:
            return atoms::never;
        case auto_shutdown_type::any_significant:
            return atoms::any_significant;
        case auto_shutdown_type::all_significant:
            break;
    }
    return atoms::all_significant;
}

supervisor_init::supervisor_init(supervisor_flags flags, std::vector<child_spec> children)
    : value_(plain{flags, std::move(children)}) {}
supervisor_init::supervisor_init(ignore) : value_(ignore{}) {}
supervisor_init::supervisor_init(term erlang) : value_(std::move(erlang)) {}

bool supervisor_init::is_ignore() const {
    if (const auto* t = std::get_if<term>(&value_)) return *t == atoms::ignore;
    return std::holds_alternative<ignore>(value_);
}

namespace {

using flags_and_children = std::pair<supervisor_flags, std::vector<child_spec>>;

const atom& supervisor_data() {
    static const atom a("supervisor_data");
    return a;
}
const atom& start_spec() {
    static const atom a("start_spec");
    return a;
}

outcome<flags_and_children> read_init(const term& t, const term& module) {
    auto bad_return = [&] {
        return fail_term(tuple(atoms::bad_return, tuple(module, atoms::init, t)));
    };
    if (!t.is_tagged(atoms::ok, 2)) return bad_return();
    auto inner = t.elements()[1].elements();
    if (!t.elements()[1].is_tuple() || inner.size() != 2) return bad_return();

    auto flags = flags_from_term(inner[0]);
    if (!flags) return fail_term(tuple(supervisor_data(), std::move(flags.error())));
    auto list = inner[1].as_list();
    if (flags->strategy == restart_strategy::simple_one_for_one && (!list || list->size() != 1))
        return fail_term(tuple(atoms::bad_start_spec, inner[1]));
    if (!list) return fail_term(tuple(start_spec(), tuple(atoms::badarg, inner[1])));

    std::vector<child_spec> specs;
    for (const auto& item : *list) {
        auto spec = child_spec_from_term(item, flags->auto_shutdown);
        if (!spec) return fail_term(tuple(start_spec(), std::move(spec.error())));
        specs.push_back(std::move(*spec));
    }
    return flags_and_children(*flags, std::move(specs));
}

}  // namespace

outcome<flags_and_children> supervisor_init::check(const term& module) const {
    outcome<flags_and_children> read = flags_and_children();
    if (const auto* t = std::get_if<term>(&value_)) {
        read = read_init(*t, module);
        if (!read) return read;
    } else if (const auto* p = std::get_if<plain>(&value_)) {
        read->first = p->flags;
        read->second = p->children;
    }
    auto& [flags, specs] = *read;
    if (auto r = check_flags(flags); !r)
        return fail_term(tuple(supervisor_data(), std::move(r.error())));
    if (flags.strategy == restart_strategy::simple_one_for_one && specs.size() != 1) {
        std::vector<term> shown;
        for (const auto& s : specs) shown.push_back(to_term(s));
        return fail_term(tuple(atoms::bad_start_spec, list_of(std::move(shown))));
    }
    if (auto r = check_childspecs(specs, flags.auto_shutdown); !r)
        return fail_term(tuple(start_spec(), std::move(r.error())));
    return read;
}

}  // namespace beam
