#include "libbeamcore/release/code_server.hpp"

#include <algorithm>
#include <chrono>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/release/internal/mapped_module.hpp"
#include "libbeamcore/release/internal/module_copy.hpp"
#include "libbeamcore/runtime/detail/code_use.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam {

namespace {

using namespace std::chrono_literals;

const char server_key = 0;

// A hard purge kills, looks again, and gives up on what comes back each time.
constexpr int rounds_max = 10;

// What the definition itself holds of its module.
std::int64_t callbacks_in(const application_definition& d) {
    std::int64_t n = d.objection ? 1 : 0;
    for (const auto& m : d.methods) n += m.run ? 1 : 0;
    if (d.spec.code)
        n += bool(d.spec.code->start) + bool(d.spec.code->start_phase) +
             bool(d.spec.code->prep_stop) + bool(d.spec.code->stop) +
             bool(d.spec.code->config_change);
    return n;
}

std::string describe_process(runtime& node, const pid& p) {
    const auto info = node.process_info(p);
    std::string name = info ? info->initial_call : std::string();
    if (info && info->registered_name) name = std::string(info->registered_name->name());
    return (name.empty() ? "process" : name) + " " + to_string(p);
}

std::vector<std::string> describe_holders(runtime& node, detail::code_use use,
                                          std::int64_t stored) {
    // They answered in any order; people read by age.
    for (auto* found : {&use.processes, &use.mailboxes, &use.timers})
        std::sort(found->begin(), found->end());
    std::vector<std::string> holders;
    for (const pid& p : use.processes) holders.push_back(describe_process(node, p));
    for (const pid& p : use.mailboxes)
        holders.push_back("messages in " + describe_process(node, p));
    for (const pid& p : use.timers) holders.push_back("timer of " + to_string(p));
    if (use.processes.empty() && stored > 0)
        holders.push_back(std::to_string(stored) + " stored callbacks");
    return holders;
}

awaitable<void> kill_all(std::vector<pid> processes) {
    self me = this_process();
    for (const pid& p : processes) {
        const ref m = monitor(p);
        exit(p, atoms::kill);
        auto down = co_await me.receive_if<down_message>(
            [m](const down_message& d) { return d.monitor == m; });
        (void)down;
    }
}

}  // namespace

loaded_module::loaded_module(std::shared_ptr<detail::mapped_module> code,
                             application_definition definition)
    : code_(std::move(code)), definition_(std::move(definition)) {
    code_->add_definition(callbacks_in(definition_));
}

loaded_module::~loaded_module() {
    const std::int64_t callbacks = callbacks_in(definition_);
    // Its functions are the module's code: they go while it is still mapped.
    definition_ = application_definition();
    code_->remove_definition(callbacks);
}

const std::filesystem::path& loaded_module::path() const {
    return code_->path();
}
detail::module_record* loaded_module::record() const {
    return code_->record();
}

const method_spec* loaded_module::find_method(std::string_view full_name) const {
    for (const auto& m : definition_.methods)
        if (m.name == full_name) return &m;
    return nullptr;
}

code_server& code_server::of(runtime& node) {
    void* found = detail::runtime_local(
        node, &server_key, [](runtime& n) -> void* { return new code_server(n); },
        [](void* s) noexcept { delete static_cast<code_server*>(s); });
    return *static_cast<code_server*>(found);
}

code_server& code_server::current() {
    return of(this_process().node());
}

// The table is made before us and so destroyed after us: it refers to modules.
code_server::code_server(runtime& node)
    : node_(node), classes_(module_table::of(node)), folders_(module_folders()) {}
code_server::~code_server() {
    for (auto& v : applications_)
        for (const auto* m : {v->current.get(), v->old.get()})
            if (m)
                for (const auto& e : classes_.entries())
                    if (e.application.name() == m->name()) classes_.remove(e.application, e.name);
}

void code_server::set_own_folder(std::filesystem::path folder) {
    std::lock_guard lock(mutex_);
    own_folder_ = std::move(folder);
}

void code_server::set_folders(std::vector<std::filesystem::path> folders) {
    std::lock_guard lock(mutex_);
    folders_ = std::move(folders);
}

code_server::versions* code_server::find_versions(std::string_view name) {
    for (auto& v : applications_)
        if (v->name == name) return v.get();
    return nullptr;
}
const code_server::versions* code_server::find_versions(std::string_view name) const {
    return const_cast<code_server*>(this)->find_versions(name);
}

result<std::shared_ptr<const loaded_module>> code_server::load(std::string_view name,
                                                               std::string_view version) {
    if (!is_application_name(name))
        return fail("not_found", "no application has the name \"" + std::string(name) + "\"");
    std::lock_guard one_at_a_time(load_mutex_);
    std::vector<std::filesystem::path> folders;
    std::filesystem::path own_folder;
    {
        std::lock_guard lock(mutex_);
        folders = folders_;
        own_folder = own_folder_;
    }
    std::optional<module_file> file;
    for (auto& f : find_modules(name, folders))
        if (version.empty() || f.version == version) {
            file = std::move(f);
            break;
        }
    if (!file)
        return fail("not_found", "no application \"" + std::string(name) +
                                     (version.empty() ? "" : "-" + std::string(version)) +
                                     "\" is installed");
    {
        std::lock_guard lock(mutex_);
        if (const auto* v = find_versions(name); v && v->current) {
            if (v->current->version() == file->version) return v->current;
            if (v->old)
                return fail("not_purged", "version " + v->old->version() + " of " +
                                              std::string(name) + " is still in use");
        }
    }
    auto copy = detail::file_to_map(*file, own_folder);
    if (!copy) return pass(copy);
    auto note = read_module_note(*copy);
    if (!note) return pass(note);
    if (note->name != file->name || note->version != file->version)
        return fail("bad_module",
                    file->path.string() + " says that it is " + note->name + "-" + note->version);
    if (note->stamp != abi_stamp)
        return fail("foreign_abi", "built against libbeamcore ABI " +
                                       stamp_text(note->stamp).substr(0, 4) + ", this node has " +
                                       stamp_text(abi_stamp).substr(0, 4));
    auto mapped = detail::mapped_module::open(*copy, file->name, file->version);
    if (!mapped) return pass(mapped);
    detail::module_code code = (*mapped)->describe();
    auto made = std::make_shared<loaded_module>(*mapped, std::move(code.definition));

    classes_.publish(std::move(code.classes));
    std::lock_guard lock(mutex_);
    auto* v = find_versions(name);
    if (!v) {
        applications_.push_back(std::make_unique<versions>());
        v = applications_.back().get();
        v->name = name;
    }
    if (v->current) v->old = std::move(v->current);
    v->current = made;
    log(log_level::info, "release", "module loaded",
        {{"module", file->name + "-" + file->version}, {"file", file->path.string()}});
    return made;
}

std::shared_ptr<const loaded_module> code_server::find(std::string_view name) const {
    std::lock_guard lock(mutex_);
    const auto* v = find_versions(name);
    return v ? v->current : nullptr;
}

std::shared_ptr<const loaded_module> code_server::find_old(std::string_view name) const {
    std::lock_guard lock(mutex_);
    const auto* v = find_versions(name);
    return v ? v->old : nullptr;
}

std::vector<std::shared_ptr<const loaded_module>> code_server::loaded() const {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<const loaded_module>> all;
    for (const auto& v : applications_)
        if (v->current) all.push_back(v->current);
    return all;
}

std::string code_server::method_owner(std::string_view prefix) const {
    std::lock_guard lock(mutex_);
    for (const auto& [alias, owner] : aliases_)
        if (alias == prefix) return owner;
    return std::string(prefix);
}

std::string code_server::look_up_method_owner(std::string_view prefix) {
    std::vector<std::filesystem::path> folders;
    {
        std::lock_guard lock(mutex_);
        folders = folders_;
    }
    std::string owner = beam::method_owner(prefix, folders);
    std::lock_guard lock(mutex_);
    std::erase_if(aliases_, [&](const auto& known) { return known.first == prefix; });
    if (owner != prefix) aliases_.emplace_back(prefix, owner);
    return owner;
}

std::optional<std::filesystem::path> code_server::which(std::string_view name) const {
    if (auto m = find(name)) return m->path();
    std::vector<std::filesystem::path> folders;
    {
        std::lock_guard lock(mutex_);
        folders = folders_;
    }
    const auto found = find_modules(name, folders);
    if (name.empty() || found.empty()) return {};
    return found.front().path;
}

bool code_server::remove(std::string_view name) {
    std::vector<module_entry> entries = classes_.entries();
    std::lock_guard lock(mutex_);
    auto* v = find_versions(name);
    if (!v || !v->current || v->old) return false;
    v->old = std::move(v->current);
    for (const auto& e : entries)
        if (e.application.name() == name) classes_.remove(e.application, e.name);
    return true;
}

awaitable<purge_result> code_server::soft_purge(std::string name) {
    return purge_old(std::move(name), false);
}
awaitable<purge_result> code_server::purge(std::string name) {
    return purge_old(std::move(name), true);
}

awaitable<purge_result> code_server::purge_old(std::string name, bool force) {
    purge_result result;
    std::shared_ptr<loaded_module> old;
    {
        std::lock_guard lock(mutex_);
        if (auto* v = find_versions(name)) old = v->old;
    }
    if (!old) {
        result.purged = true;
        co_return result;
    }
    detail::module_record* record = old->record();
    const detail::code_range range = old->code_->range();
    detail::code_use use;
    for (int round = 0; round < rounds_max; ++round) {
        use = co_await detail::find_code_use(record, range, force);
        if (use.dropped > 0)
            for (const auto& type : use.dropped_types)
                log(log_level::warning, "release", "message dropped",
                    {{"module", name + "-" + old->version()}, {"type", type}});
        if (use.empty() || !force) break;
        result.killed |= !use.processes.empty();
        co_await kill_all(use.processes);
    }
    co_await detail::pass_all_schedulers();
    result.holders = describe_holders(node_, use, old->code_->own_users());
    if (!force && !result.holders.empty()) co_return result;

    // Nobody gets it from here any more.
    const atom application_name{std::string_view(name)};
    const auto spec = application::get_spec(application_name);
    if (spec && spec->vsn == old->version())
        (void)application::unload(application_name);
    else
        (void)application::unload_version(application_name, old->version());
    {
        std::lock_guard lock(mutex_);
        auto* v = find_versions(name);
        if (v && v->old == old) v->old.reset();
    }
    classes_.forget_old(application_name);
    result.purged = use.empty();
    const std::filesystem::path path = old->path();
    const std::string what = name + "-" + old->version();
    old.reset();
    result.unmapped = !detail::is_mapped(path) && record->users.load() == 0;
    log(log_level::info, "release", "module purged",
        {{"module", what}, {"unmapped", result.unmapped ? "true" : "false"}});
    co_return result;
}

}  // namespace beam
