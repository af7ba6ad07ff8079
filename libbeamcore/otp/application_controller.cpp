#include "libbeamcore/otp/internal/application_controller.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::detail {

namespace {

const char controller_key = 0;

term about(const char* what, atom name) {
    return tuple(atom(what), name);
}

}  // namespace

application_controller& application_controller::current() {
    void* found = runtime_local(
        this_process().node(), &controller_key,
        [](runtime&) -> void* { return new application_controller; },
        [](void* c) noexcept { delete static_cast<application_controller*>(c); });
    return *static_cast<application_controller*>(found);
}

// -- loaded ---------------------------------------------------------------------------------------

outcome<void> application_controller::load(application_spec spec) {
    std::lock_guard guard(lock_);
    if (loaded_.contains(spec.name)) return fail_term(about("already_loaded", spec.name));
    enter_env(spec, true);
    atom name = spec.name;
    loaded_[name].spec = std::move(spec);
    return {};
}

outcome<void> application_controller::load_version(application_spec spec) {
    std::lock_guard guard(lock_);
    auto found = loaded_.find(spec.name);
    if (found == loaded_.end()) return fail_term(about("not_loaded", spec.name));
    auto& app = found->second;
    bool known = app.spec.vsn == spec.vsn;
    for (const auto& other : app.others) known = known || other.vsn == spec.vsn;
    if (known) return fail_term(about("already_loaded", spec.name));
    app.others.push_back(std::move(spec));
    return {};
}

outcome<void> application_controller::use_version(atom name, std::string_view vsn) {
    std::lock_guard guard(lock_);
    auto found = loaded_.find(name);
    if (found == loaded_.end()) return fail_term(about("not_loaded", name));
    auto& app = found->second;
    if (app.spec.vsn == vsn) return {};
    for (auto& other : app.others) {
        if (other.vsn != vsn) continue;
        std::swap(app.spec, other);
        // What the old version's specification said and the new one's does not is gone.
        auto& env = env_[name];
        std::erase_if(env, [](const auto& e) { return e.second.second.from_spec; });
        enter_env(app.spec, false);
        if (auto r = running_.find(name); r != running_.end()) r->second.spec = app.spec;
        return {};
    }
    return fail_term(about("not_loaded", name));
}

outcome<void> application_controller::unload(atom name) {
    std::lock_guard guard(lock_);
    if (running_.contains(name)) return fail_term(tuple(atoms::running, name));
    // The callbacks' destructors run where no lock is held.
    auto node = loaded_.extract(name);
    if (node.empty()) return fail_term(about("not_loaded", name));
    if (auto env = env_.find(name); env != env_.end()) {
        std::erase_if(env->second, [](const auto& e) { return !e.second.second.persistent; });
        if (env->second.empty()) env_.erase(env);
    }
    return {};
}

outcome<void> application_controller::unload_version(atom name, std::string_view vsn) {
    std::lock_guard guard(lock_);
    auto found = loaded_.find(name);
    if (found == loaded_.end()) return fail_term(about("not_loaded", name));
    if (found->second.spec.vsn == vsn) return fail_term(tuple(atoms::running, name));
    auto removed = std::erase_if(found->second.others,
                                 [&](const application_spec& s) { return s.vsn == vsn; });
    if (removed == 0) return fail_term(about("not_loaded", name));
    return {};
}

std::optional<application_spec> application_controller::find(atom name) const {
    std::lock_guard guard(lock_);
    auto found = loaded_.find(name);
    if (found == loaded_.end()) return std::nullopt;
    return found->second.spec;
}

std::vector<std::string> application_controller::versions(atom name) const {
    std::lock_guard guard(lock_);
    std::vector<std::string> list;
    auto found = loaded_.find(name);
    if (found == loaded_.end()) return list;
    list.push_back(found->second.spec.vsn);
    for (const auto& other : found->second.others) list.push_back(other.vsn);
    return list;
}

std::vector<application_info> application_controller::loaded() const {
    std::lock_guard guard(lock_);
    std::vector<application_info> list;
    for (const auto& [name, app] : loaded_)
        list.push_back({name, app.spec.description, app.spec.vsn});
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return list;
}

// -- running --------------------------------------------------------------------------------------

void application_controller::set_running(atom name, pid top) {
    std::lock_guard guard(lock_);
    auto& app = running_[name];
    app.status = application_status::running;
    app.top = top;
}

void application_controller::set_stopping(atom name) {
    std::lock_guard guard(lock_);
    running_[name].status = application_status::stopping;
}

void application_controller::remove(atom name) {
    std::lock_guard guard(lock_);
    running_.erase(name);
}

std::optional<running_application> application_controller::find_running(atom name) const {
    std::lock_guard guard(lock_);
    auto found = running_.find(name);
    if (found == running_.end()) return std::nullopt;
    return found->second;
}

std::vector<running_application> application_controller::running() const {
    std::vector<running_application> list;
    {
        std::lock_guard guard(lock_);
        for (const auto& [name, app] : running_)
            if (app.status != application_status::starting) list.push_back(app);
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.number > b.number; });
    return list;
}

std::optional<atom> application_controller::by_master(pid master) const {
    std::lock_guard guard(lock_);
    for (const auto& [name, app] : running_)
        if (app.master == master) return name;
    return std::nullopt;
}

// -- parameters -----------------------------------------------------------------------------------

// The configuration goes before the specification. What set_env() has set stays, unless `anew`: then only
// if it is persistent.
void application_controller::enter_env(const application_spec& spec, bool anew) {
    auto& env = env_[spec.name];
    auto put = [&](const env_entry& e) {
        auto found = env.find(e.key.name());
        if (found != env.end()) {
            const auto& p = found->second.second;
            if (p.persistent || !(anew || p.from_spec)) return;
        }
        env[e.key.name()] = {e.key, {e.value, false, true}};
    };
    for (const auto& e : spec.env) put(e);
    if (auto config = config_.find(spec.name); config != config_.end())
        for (const auto& e : config->second) put(e);
}

std::optional<term> application_controller::get_env(atom name, atom key) const {
    std::lock_guard guard(lock_);
    auto app = env_.find(name);
    if (app == env_.end()) return std::nullopt;
    auto found = app->second.find(key.name());
    if (found == app->second.end()) return std::nullopt;
    return found->second.second.value;
}

std::vector<env_entry> application_controller::all_env(atom name) const {
    std::lock_guard guard(lock_);
    std::vector<env_entry> list;
    if (auto app = env_.find(name); app != env_.end())
        for (const auto& [text, e] : app->second) list.push_back({e.first, e.second.value});
    return list;
}

void application_controller::set_env(atom name, atom key, term value, bool persistent) {
    std::lock_guard guard(lock_);
    auto& [k, p] = env_[name][key.name()];
    k = key;
    p = {std::move(value), persistent || p.persistent, false};
}

void application_controller::unset_env(atom name, atom key) {
    std::lock_guard guard(lock_);
    if (auto app = env_.find(name); app != env_.end()) app->second.erase(key.name());
}

outcome<void> application_controller::set_config(const term& config) {
    auto bad = [&] { return fail_term(tuple(atom("bad_config"), config)); };
    std::unordered_map<atom, std::vector<env_entry>> read;
    auto applications = config.as_list();
    if (!applications) return bad();
    for (const auto& a : *applications) {
        auto e = a.elements();
        auto name = e.size() == 2 ? e[0].as_atom() : std::nullopt;
        auto entries = e.size() == 2 ? e[1].as_list() : std::nullopt;
        if (!name || !entries) return bad();
        for (const auto& p : *entries) {
            auto pair = p.elements();
            auto key = pair.size() == 2 ? pair[0].as_atom() : std::nullopt;
            if (!key) return bad();
            read[*name].push_back({*key, pair[1]});
        }
    }
    std::lock_guard guard(lock_);
    config_ = std::move(read);
    for (auto& [name, app] : loaded_) {
        std::erase_if(env_[name], [](const auto& e) { return e.second.second.from_spec; });
        enter_env(app.spec, false);
    }
    return {};
}

// -- hooks ----------------------------------------------------------------------------------------

void application_controller::set_loader(application::loader load) {
    auto fresh = std::make_shared<const application::loader>(std::move(load));
    std::lock_guard guard(lock_);
    loader_.swap(fresh);
}

void application_controller::set_node_stop(application::node_stop stop) {
    auto fresh = std::make_shared<const application::node_stop>(std::move(stop));
    std::lock_guard guard(lock_);
    node_stop_.swap(fresh);
}

std::shared_ptr<const application::loader> application_controller::get_loader() const {
    std::lock_guard guard(lock_);
    return loader_;
}

void application_controller::stop_node(atom name, const term& reason) {
    std::shared_ptr<const application::node_stop> stop;
    {
        std::lock_guard guard(lock_);
        stop = node_stop_;
    }
    if (stop && *stop)
        (*stop)(name, reason);
    else
        log(log_level::critical, "application", "the node should stop and nobody stops it",
            {{"application", name.name()}});
}

}  // namespace beam::detail
