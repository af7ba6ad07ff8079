#include "libbeamcore/otp/application.hpp"

#include <algorithm>

#include "libbeamcore/otp/internal/application_controller.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process_info.hpp"

namespace beam {

namespace {

using detail::application_controller;

application_controller& controller() {
    return application_controller::current();
}

std::optional<std::vector<atom>> atoms_of(const term& t) {
    auto list = t.as_list();
    if (!list) return std::nullopt;
    std::vector<atom> names;
    for (const auto& e : *list) {
        auto a = e.as_atom();
        if (!a) return std::nullopt;
        names.push_back(*a);
    }
    return names;
}

term list_of_atoms(const std::vector<atom>& names) {
    return list_of(std::vector<term>(names.begin(), names.end()));
}

term pairs_of(const std::vector<std::pair<atom, term>>& pairs) {
    std::vector<term> made;
    made.reserve(pairs.size());
    for (const auto& [key, value] : pairs) made.push_back(tuple(key, value));
    return list_of(std::move(made));
}

std::optional<std::vector<std::pair<atom, term>>> read_pairs(const term& t) {
    auto list = t.as_list();
    if (!list) return std::nullopt;
    std::vector<std::pair<atom, term>> pairs;
    for (const auto& p : *list) {
        auto e = p.elements();
        auto key = e.size() == 2 ? e[0].as_atom() : std::nullopt;
        if (!key) return std::nullopt;
        pairs.emplace_back(*key, e[1]);
    }
    return pairs;
}

// Reads one key into `spec`. False: its value is of the wrong kind.
bool read_key(application_spec& spec, std::string_view key, const term& value) {
    auto names = [&](std::vector<atom>& to) {
        auto read = atoms_of(value);
        if (read) to = std::move(*read);
        return read.has_value();
    };
    auto text = [&](std::string& to) {
        auto read = chardata_text(value);
        if (read) to = std::move(*read);
        return read.has_value();
    };
    if (key == "vsn") return text(spec.vsn);
    if (key == "description") return text(spec.description);
    if (key == "applications") return names(spec.applications);
    if (key == "optional_applications") return names(spec.optional_applications);
    if (key == "included_applications") return names(spec.included_applications);
    if (key == "registered") return names(spec.registered);
    if (key == "env") {
        auto pairs = read_pairs(value);
        if (!pairs) return false;
        for (auto& [k, v] : *pairs) spec.env.push_back({k, std::move(v)});
        return true;
    }
    if (key == "start_phases") {
        if (value == atoms::undefined) return true;
        auto pairs = read_pairs(value);
        if (!pairs) return false;
        spec.start_phases = std::move(*pairs);
        return true;
    }
    if (key == "mod") {
        if (value.is_nil()) return true;
        auto e = value.elements();
        auto module = e.size() == 2 ? e[0].as_atom() : std::nullopt;
        if (!module) return false;
        spec.module = *module;
        spec.arguments = e[1];
    }
    return true;
}

bool contains(const std::vector<atom>& names, atom name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Loads an application, through the loader unless it is loaded, and those it includes.
awaitable<outcome<application_spec>> ensure_loaded(atom name) {
    auto found = controller().find(name);
    if (!found) {
        auto loader = controller().get_loader();
        if (!loader || !*loader)
            co_return fail_term(
                tuple("no such file or directory", std::string(name.name()) + ".app"));
        auto begun = (*loader)(name);
        outcome<application_spec> made = co_await begun;
        if (!made) co_return fail_term(std::move(made.error()));
        // Somebody else may have been quicker meanwhile.
        (void)controller().load(std::move(*made));
        found = controller().find(name);
        if (!found) co_return fail_term(tuple(atom("not_loaded"), name));
    }
    for (atom included : found->included_applications) {
        if (controller().find(included)) continue;
        auto nested = ensure_loaded(included);
        outcome<application_spec> r = co_await nested;
        if (!r) co_return fail_term(std::move(r.error()));
    }
    co_return std::move(*found);
}

}  // namespace

application_code::application_code(application_callbacks callbacks)
    : callbacks_(std::make_shared<const application_callbacks>(std::move(callbacks))) {}

outcome<application_spec> application_spec_from_term(const term& t) {
    auto bad = [](const term& part) { return fail_term(tuple(atom("bad_application"), part)); };
    auto e = t.elements();
    auto name = t.is_tagged(atoms::application, 3) ? e[1].as_atom() : std::nullopt;
    if (!name) return bad(t);
    auto keys = read_pairs(e[2]);
    if (!keys) return bad(e[2]);
    application_spec spec(*name, "");
    for (const auto& [key, value] : *keys)
        if (!read_key(spec, key.name(), value)) return bad(tuple(key, value));
    return spec;
}

term to_term(const application_spec& spec) {
    std::vector<std::pair<atom, term>> env;
    for (const auto& e : spec.env) env.emplace_back(e.key, e.value);
    std::vector<term> keys{
        tuple(atom("description"), spec.description),
        tuple(atoms::vsn, spec.vsn),
        tuple(atom("registered"), list_of_atoms(spec.registered)),
        tuple(atom("applications"), list_of_atoms(spec.applications)),
        tuple(atom("optional_applications"), list_of_atoms(spec.optional_applications)),
        tuple(atom("included_applications"), list_of_atoms(spec.included_applications)),
        tuple(atom("env"), pairs_of(env)),
        tuple(atom("start_phases"), pairs_of(spec.start_phases))};
    if (!(spec.module == atoms::undefined))
        keys.push_back(tuple(atom("mod"), tuple(spec.module, spec.arguments)));
    return tuple(atoms::application, spec.name, list_of(std::move(keys)));
}

namespace application {

outcome<void> load(application_spec spec) {
    return controller().load(std::move(spec));
}
outcome<void> load_version(application_spec spec) {
    return controller().load_version(std::move(spec));
}
outcome<void> use_version(atom name, std::string_view vsn) {
    return controller().use_version(name, vsn);
}
outcome<void> unload(atom name) {
    return controller().unload(name);
}
outcome<void> unload_version(atom name, std::string_view vsn) {
    return controller().unload_version(name, vsn);
}
std::optional<application_spec> get_spec(atom name) {
    return controller().find(name);
}
std::vector<std::string> versions(atom name) {
    return controller().versions(name);
}
void set_loader(loader load) {
    controller().set_loader(std::move(load));
}
void set_node_stop(node_stop stop) {
    controller().set_node_stop(std::move(stop));
}

awaitable<outcome<void>> start(atom name, restart_type type) {
    auto loading = ensure_loaded(name);
    outcome<application_spec> spec = co_await loading;
    if (!spec) co_return fail_term(std::move(spec.error()));
    auto& all = controller();
    for (atom dependency : spec->applications) {
        auto r = all.find_running(dependency);
        if (r && r->status == detail::application_status::running) continue;
        if (contains(spec->optional_applications, dependency) && !all.find(dependency)) continue;
        if (all.find_running(name)) break;  // already_started comes first
        co_return fail_term(tuple(atoms::not_started, dependency));
    }
    pid master{};
    auto there = all.enter(*spec, type, [&] {
        master = detail::spawn_application_master(all, *spec, type);
        return master;
    });
    if (there) {
        if (there->status == detail::application_status::starting) {
            // Waits with the one who starts it. If that fails, it has failed for both.
            auto wait = send_request(server_ref(there->master), detail::await_application_request{},
                                     infinity{});
            outcome<outcome<void>> r = co_await std::move(wait).outcome();
            if (r && !*r) co_return std::move(*r);
        }
        co_return fail_term(tuple(atoms::already_started, name));
    }
    auto begun = send_request(server_ref(master), detail::await_application_request{}, infinity{});
    outcome<outcome<void>> r = co_await std::move(begun).outcome();
    if (r) co_return std::move(*r);
    // The master was killed.
    all.remove(name);
    auto why = r.error().elements();
    co_return fail_term(why.size() == 2 ? why[0] : r.error());
}

namespace {

awaitable<outcome<void>> start_with_dependencies(atom name, restart_type type,
                                                 std::vector<atom>* started,
                                                 std::vector<atom>* pending) {
    if (auto r = controller().find_running(name);
        r && r->status == detail::application_status::running)
        co_return outcome<void>();
    if (contains(*pending, name))  // a circle: somebody in it cannot be started
        co_return fail_term(tuple(name, tuple(atoms::not_started, name)));
    pending->push_back(name);
    auto loading = ensure_loaded(name);
    outcome<application_spec> spec = co_await loading;
    if (!spec) co_return fail_term(tuple(name, std::move(spec.error())));
    for (atom dependency : spec->applications) {
        if (contains(spec->optional_applications, dependency)) {
            auto load = ensure_loaded(dependency);
            outcome<application_spec> there = co_await load;
            if (!there) continue;
        }
        auto first = start_with_dependencies(dependency, type, started, pending);
        outcome<void> r = co_await first;
        if (!r) co_return r;
    }
    pending->pop_back();
    outcome<void> r;
    do {
        auto now = start(name, type);
        r = co_await now;
        // Somebody else was starting it, and was killed: it is for this one to try.
    } while (!r && r.error().is_tagged(atoms::already_started, 2) &&
             !controller().find_running(name));
    if (!r) {
        if (r.error().is_tagged(atoms::already_started, 2)) co_return outcome<void>();
        co_return fail_term(tuple(name, std::move(r.error())));
    }
    started->push_back(name);
    co_return outcome<void>();
}

}  // namespace

awaitable<outcome<std::vector<atom>>> ensure_all_started(atom name, restart_type type) {
    std::vector<atom> started, pending;
    auto work = start_with_dependencies(name, type, &started, &pending);
    outcome<void> r = co_await work;
    if (r) co_return started;
    for (std::size_t i = started.size(); i > 0; --i) {
        auto stopping = stop(started[i - 1]);
        (void)co_await stopping;
    }
    co_return fail_term(std::move(r.error()));
}

awaitable<outcome<void>> stop(atom name) {
    auto app = controller().find_running(name);
    if (!app) co_return fail_term(tuple(atoms::not_started, name));
    auto request =
        send_request(server_ref(app->master), detail::stop_application_request{}, infinity{});
    outcome<outcome<void>> r = co_await std::move(request).outcome();
    if (r) co_return std::move(*r);
    // It ended by itself, or another's stop was first.
    co_return fail_term(tuple(atoms::not_started, name));
}

awaitable<void> stop_all() {
    for (const auto& app : controller().running()) {
        auto stopping = stop(app.spec.name);
        (void)co_await stopping;
    }
}

std::vector<application_info> which_applications() {
    std::vector<application_info> list;
    for (const auto& app : controller().running())
        list.push_back({app.spec.name, app.spec.description, app.spec.vsn});
    return list;
}

std::vector<application_info> loaded_applications() {
    return controller().loaded();
}

bool is_running(atom name) {
    auto app = controller().find_running(name);
    return app && app->status == detail::application_status::running;
}

std::optional<pid> top_process(atom name) {
    auto app = controller().find_running(name);
    if (!app || !app->top) return std::nullopt;
    return app->top;
}

std::optional<pid> master(atom name) {
    auto app = controller().find_running(name);
    return app ? std::optional<pid>(app->master) : std::nullopt;
}

awaitable<std::optional<atom>> get_application(pid process) {
    auto asked = process_info_details(process);
    std::optional<process_details> details = co_await asked;
    if (!details) co_return std::nullopt;
    co_return controller().by_master(details->group_leader);
}

std::optional<atom> get_application() {
    return controller().by_master(group_leader());
}

std::optional<term> get_env(atom name, atom key) {
    return controller().get_env(name, key);
}

term get_env(atom name, atom key, term otherwise) {
    auto found = controller().get_env(name, key);
    return found ? std::move(*found) : std::move(otherwise);
}

std::vector<env_entry> get_all_env(atom name) {
    return controller().all_env(name);
}

void set_env(atom name, atom key, term value, bool persistent) {
    controller().set_env(name, key, std::move(value), persistent);
}

void unset_env(atom name, atom key) {
    controller().unset_env(name, key);
}

outcome<void> set_config(const term& config) {
    return controller().set_config(config);
}

env_snapshot prep_config_change() {
    env_snapshot snapshot;
    for (const auto& app : controller().running())
        snapshot.applications.emplace_back(app.spec.name, controller().all_env(app.spec.name));
    return snapshot;
}

void config_change(const env_snapshot& before) {
    for (const auto& [name, old] : before.applications) {
        auto app = controller().find_running(name);
        if (!app || !app->spec.code || !app->spec.code->config_change) continue;
        std::vector<env_entry> changed, added;
        std::vector<atom> removed;
        auto now = controller().all_env(name);
        auto find = [](const std::vector<env_entry>& list, atom key) {
            return std::find_if(list.begin(), list.end(),
                                [key](const env_entry& e) { return e.key == key; });
        };
        for (const auto& e : now) {
            auto was = find(old, e.key);
            if (was == old.end())
                added.push_back(e);
            else if (!(was->value == e.value))
                changed.push_back(e);
        }
        for (const auto& e : old)
            if (find(now, e.key) == now.end()) removed.push_back(e.key);
        if (changed.empty() && added.empty() && removed.empty()) continue;
        app->spec.code->config_change(std::move(changed), std::move(added), std::move(removed));
    }
}

}  // namespace application

}  // namespace beam
