#include "libbeamcore/otp/registry.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "libbeamcore/otp/internal/registry_table.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/match.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::registered_message);
BEAM_DEFINE_DESCRIPTOR(beam::unregistered_message);

namespace beam {

namespace detail {

// -- tables ---------------------------------------------------------------------------------------

registry_table::registry_table(registry_options options) : options_(std::move(options)) {
    for (unsigned i = 0; i < options_.partitions; ++i)
        partitions_.push_back(std::make_unique<partition>());
    for (auto& [key, value] : options_.meta) meta_.insert_or_assign(key, value);
}

std::size_t registry_table::partition_of(const pid& owner) const {
    return std::hash<pid>()(owner) % partitions_.size();
}

pid registry_table::process(std::size_t i) const {
    return partitions_[i]->process.load();
}

void registry_table::set_process(std::size_t i, pid p) {
    partitions_[i]->process.store(p);
}

registry_table::shard& registry_table::place(const pid& owner, std::uint64_t h) {
    std::size_t p = is_unique() ? h / shards % partitions_.size() : partition_of(owner);
    return partitions_[p]->keys[h % shards];
}

std::optional<pid> registry_table::add(const pid& owner, const term& key, const term& value) {
    const std::uint64_t h = key.hash();
    shard& s = place(owner, h);
    s.entries.prefetch(h);
    auto& mine = *partitions_[partition_of(owner)];
    {
        std::lock_guard guard(mine.lock);
        mine.owned[owner].push_back(key);
    }
    std::optional<pid> holder;
    {
        std::unique_lock guard(s.lock);
        const std::size_t at = is_unique() ? s.entries.find(h, key) : key_table::nowhere;
        if (at != key_table::nowhere) {
            // Of a dead process: its partition has yet to hear of it.
            if (pid_exists(s.entries.first_pid(at)))
                holder = s.entries.first_pid(at);
            else
                s.entries.erase_if(at, [](const pid&, const term&) { return true; });
        }
        if (!holder) s.entries.add(h, key, owner, value);
    }
    if (holder) {
        bool none_left = false;
        forget_owned(owner, key, 1, none_left);
    }
    return holder;
}

void registry_table::forget_entries(const pid& owner, const term& key) {
    const std::uint64_t h = key.hash();
    shard& s = place(owner, h);
    std::unique_lock guard(s.lock);
    const std::size_t at = s.entries.find(h, key);
    if (at == key_table::nowhere) return;
    s.entries.erase_if(at, [&](const pid& p, const term&) { return p == owner; });
}

void registry_table::forget_owned(const pid& owner, const term& key, std::size_t count,
                                  bool& none_left) {
    auto& mine = *partitions_[partition_of(owner)];
    std::lock_guard guard(mine.lock);
    auto found = mine.owned.find(owner);
    none_left = found == mine.owned.end();
    if (none_left) return;
    auto& list = found->second;
    for (std::size_t i = list.size(); i > 0 && count > 0; --i) {
        if (!(list[i - 1] == key)) continue;
        std::swap(list[i - 1], list.back());
        list.pop_back();
        --count;
    }
    none_left = list.empty();
    if (none_left) mine.owned.erase(found);
}

std::vector<term> registry_table::remove_all(const pid& owner) {
    auto& mine = *partitions_[partition_of(owner)];
    std::vector<term> list;
    {
        std::lock_guard guard(mine.lock);
        auto found = mine.owned.find(owner);
        if (found == mine.owned.end()) return list;
        list = std::move(found->second);
        mine.owned.erase(found);
    }
    for (const auto& key : list) forget_entries(owner, key);
    return list;
}

void registry_table::clear(std::size_t i) {
    std::unordered_map<pid, std::vector<term>> owned;
    {
        std::lock_guard guard(partitions_[i]->lock);
        owned.swap(partitions_[i]->owned);
    }
    for (const auto& [owner, list] : owned)
        for (const auto& key : list) forget_entries(owner, key);
}

bool registry_table::set_value(const pid& owner, const term& key, const term& value) {
    const std::uint64_t h = key.hash();
    shard& s = place(owner, h);
    std::unique_lock guard(s.lock);
    const std::size_t at = s.entries.find(h, key);
    if (at == key_table::nowhere || !(s.entries.first_pid(at) == owner)) return false;
    s.entries.first_value(at) = value;
    return true;
}

std::vector<term> registry_table::keys(const pid& owner) const {
    const auto& mine = *partitions_[partition_of(owner)];
    std::lock_guard guard(mine.lock);
    auto found = mine.owned.find(owner);
    return found == mine.owned.end() ? std::vector<term>() : found->second;
}

std::size_t registry_table::count() const {
    std::size_t n = 0;
    for (const auto& p : partitions_) {
        for (const shard& s : p->keys) {
            std::shared_lock guard(s.lock);
            s.entries.all([&n](const term&, const pid&, const term&) { ++n; });
        }
    }
    return n;
}

std::vector<std::vector<registry_entry>> registry_table::by_partition(const term& key) const {
    std::vector<std::vector<registry_entry>> lists;
    std::size_t h = key.hash();
    std::size_t first = is_unique() ? h / shards % partitions_.size() : 0;
    std::size_t last = is_unique() ? first + 1 : partitions_.size();
    for (std::size_t p = first; p < last; ++p) {
        const shard& s = partitions_[p]->keys[h % shards];
        std::shared_lock guard(s.lock);
        const std::size_t at = s.entries.find(h, key);
        if (at == key_table::nowhere) continue;
        auto& list = lists.emplace_back();
        s.entries.each(at, [&list](const pid& owner, const term& value) {
            list.push_back({owner, value});
        });
    }
    return lists;
}

void registry_table::put_meta(term key, term value) {
    std::unique_lock guard(meta_lock_);
    meta_.insert_or_assign(std::move(key), std::move(value));
}

std::optional<term> registry_table::meta(const term& key) const {
    std::shared_lock guard(meta_lock_);
    auto found = meta_.find(key);
    return found == meta_.end() ? std::nullopt : std::optional<term>(found->second);
}

void registry_table::delete_meta(const term& key) {
    std::unique_lock guard(meta_lock_);
    meta_.erase(key);
}

namespace {

// -- the registries of a runtime ------------------------------------------------------------------

using table_ref = std::shared_ptr<registry_table>;

struct registries {
    std::shared_mutex lock;
    std::unordered_map<atom, table_ref> tables;
    // Changes with the tables; no two of one OS process, whatever their runtimes, are the same.
    std::atomic<std::uint64_t> version{next_version()};

    static std::uint64_t next_version() {
        static std::atomic<std::uint64_t> last{0};
        return ++last;
    }
    // With the lock held.
    void changed() { version.store(next_version()); }
};

// What a thread found last: whoever uses one registry, as most do, takes no lock to find it, and touches no
// count that other threads touch. Keeps that table until the thread looks for another one.
struct found_table {
    std::uint64_t version = 0;
    atom name;
    table_ref table;
};

const char registries_key = 0;

registries& all_registries(runtime& node) {
    void* found = runtime_local(
        node, &registries_key, [](runtime&) -> void* { return new registries; },
        [](void* r) noexcept { delete static_cast<registries*>(r); });
    return *static_cast<registries*>(found);
}

registries& all_registries() {
    return all_registries(this_process().node());
}

// Good until the calling thread looks for another one: not across a call of the user's code.
registry_table* find_table(atom name) {
    static thread_local found_table last;
    auto& all = all_registries();
    if (last.name == name && last.version == all.version.load()) [[likely]]
        return last.table.get();
    {
        std::shared_lock guard(all.lock);
        auto found = all.tables.find(name);
        if (found != all.tables.end()) {
            last = {all.version.load(), name, found->second};
            return last.table.get();
        }
    }
    raise(tuple(atoms::badarg, tuple(atom("unknown_registry"), name)));
}

registry_table* find_unique(atom name) {
    auto* table = find_table(name);
    if (!table->is_unique()) raise(tuple(atoms::badarg, tuple(atom("duplicate_registry"), name)));
    return table;
}

// -- partitions -----------------------------------------------------------------------------------

// Takes the entries of dead owners out. Its end ends those linked to it.
class registry_partition final : public process_body {
public:
    registry_partition(registries& all, table_ref table, std::size_t index, pid parent)
        : all_(all), table_(std::move(table)), index_(index), parent_(parent) {}

    ~registry_partition() override {
        table_->set_process(index_, pid{});
        std::unique_lock guard(all_.lock);
        auto found = all_.tables.find(table_->name());
        if (found == all_.tables.end() || found->second != table_) return;
        all_.tables.erase(found);
        all_.changed();
    }

    void run(self s) override {
        for (;;) {
            message m = s.try_receive();
            if (!m) return;
            if (auto* e = m.get_if<exit_message>()) {
                if (e->from == parent_) return finish(s, e->reason);
                drop(e->from);
            }
            if (!more_time(s)) return;
        }
    }

private:
    void drop(const pid& owner) {
        for (const auto& key : table_->remove_all(owner)) {
            for (atom listener : table_->listeners())
                if (auto p = whereis(listener))
                    send(*p, unregistered_message{table_->name(), key, owner});
        }
    }

    registries& all_;
    table_ref table_;
    std::size_t index_;
    pid parent_;
};

start_result start_partition(const table_ref& table, std::size_t index) {
    pid parent = this_process().id();
    auto& all = all_registries();
    spawn_options options;
    options.link = true;
    process_block* pb = spawn_begin(options, nullptr);
    self_of(pb).trap_exit(true);
    table->clear(index);
    table->set_process(index, self_of(pb).id());
    auto body = std::make_unique<registry_partition>(all, table, index, parent);
    // Known once all its partitions are there.
    if (index + 1 == table->partitions()) {
        std::unique_lock guard(all.lock);
        all.tables.insert_or_assign(table->name(), table);
        all.changed();
    }
    static const std::uint32_t initial_call = intern_initial_call("registry_partition");
    return started{spawn_commit(pb, std::move(body), nullptr, initial_call, options).pid};
}

match_spec value_spec(const term& pattern, const term& guards) {
    auto spec = match_spec::compile(list({tuple(pattern, guards, list({atoms::true_}))}));
    if (!spec) raise(tuple(atoms::badarg, term(spec.error().detail)));
    return std::move(*spec);
}

match_spec entry_spec(const term& given) {
    auto spec = match_spec::compile(given);
    if (!spec) raise(tuple(atoms::badarg, term(spec.error().detail)));
    return std::move(*spec);
}

void tell_removed(const registry_table& table, const term& key) {
    for (atom listener : table.listeners())
        if (auto p = whereis(listener))
            send(*p, unregistered_message{table.name(), key, this_process().id()});
}

}  // namespace

}  // namespace detail

// -- functions ------------------------------------------------------------------------------------

namespace registry {

awaitable<start_result> start_link(registry_options options) {
    if (options.partitions == 0) co_return fail_term(atoms::badarg);
    atom name = options.name;
    unsigned n = options.partitions;
    auto table = std::make_shared<beam::detail::registry_table>(std::move(options));
    std::vector<child_spec> partitions;
    for (unsigned i = 0; i < n; ++i) {
        child_start start([table, i] { return beam::detail::start_partition(table, i); });
        partitions.emplace_back(
            i, std::move(start).described(atom("registry_partition"), list({name, i})));
    }
    // Keys may be looked after by any partition: when one has died all begin anew.
    supervisor_flags flags;
    flags.strategy = restart_strategy::one_for_all;
    auto start = supervisor::start_link(flags, std::move(partitions), name);
    start_result r = co_await start;
    co_return r;
}

child_start child(registry_options options) {
    term shown = list({options.name});
    auto start = [options = std::move(options)] { return start_link(options); };
    return child_start(std::move(start)).described(atom("registry"), std::move(shown));
}

outcome<pid> register_key(atom registry, term key, term value) {
    auto* table = beam::detail::find_table(registry);
    pid own = this_process().id();
    pid partition = table->process(table->partition_of(own));
    // Linked first: if this process dies at any moment from now on, its partition hears of it.
    link(partition);
    if (auto holder = table->add(own, key, value)) {
        if (table->keys(own).empty()) unlink(partition);
        return fail_term(tuple(atoms::already_registered, *holder));
    }
    for (atom listener : table->listeners())
        if (auto p = beam::whereis(listener))
            beam::send(*p, registered_message{registry, key, own, value});
    return partition;
}

void unregister(atom registry, const term& key) {
    auto* table = beam::detail::find_table(registry);
    pid own = this_process().id();
    bool last = table->remove(own, key, [](const term&) { return true; });
    if (last) unlink(table->process(table->partition_of(own)));
    beam::detail::tell_removed(*table, key);
}

void unregister_match(atom registry, const term& key, const term& pattern, const term& guards) {
    auto* table = beam::detail::find_table(registry);
    auto spec = beam::detail::value_spec(pattern, guards);
    pid own = this_process().id();
    bool last = table->remove(own, key, [&](const term& v) { return spec.is_true(v); });
    if (last) unlink(table->process(table->partition_of(own)));
    beam::detail::tell_removed(*table, key);
}

registry_entries lookup(atom registry, const term& key) {
    auto* table = beam::detail::find_table(registry);
    registry_entries list;
    bool unique = table->is_unique();
    table->each(key, [&](const pid& owner, const term& value) {
        if (!unique || beam::detail::pid_exists(owner)) list.push_back({owner, value});
    });
    return list;
}

std::optional<pid> whereis(atom registry, const term& key) {
    auto* table = beam::detail::find_unique(registry);
    std::optional<pid> found;
    table->each(key, [&](const pid& owner, const term&) {
        if (beam::detail::pid_exists(owner)) found = owner;
    });
    return found;
}

std::vector<term> keys(atom registry, pid process) {
    return beam::detail::find_table(registry)->keys(process);
}

std::vector<term> values(atom registry, const term& key, pid process) {
    std::vector<term> list;
    beam::detail::find_table(registry)->each(key, [&](const pid& owner, const term& value) {
        if (owner == process) list.push_back(value);
    });
    return list;
}

std::size_t count(atom registry) {
    return beam::detail::find_table(registry)->count();
}

std::vector<registry_entry> match(atom registry, const term& key, const term& pattern,
                                  const term& guards) {
    auto* table = beam::detail::find_table(registry);
    auto spec = beam::detail::value_spec(pattern, guards);
    std::vector<registry_entry> list;
    table->each(key, [&](const pid& owner, const term& value) {
        if (spec.is_true(value)) list.push_back({owner, value});
    });
    return list;
}

std::size_t count_match(atom registry, const term& key, const term& pattern, const term& guards) {
    return match(registry, key, pattern, guards).size();
}

std::vector<term> select(atom registry, const term& given) {
    auto* table = beam::detail::find_table(registry);
    auto spec = beam::detail::entry_spec(given);
    std::vector<term> list;
    table->all([&](const term& key, const pid& owner, const term& value) {
        if (auto r = spec.run(tuple(key, owner, value))) list.push_back(std::move(*r));
    });
    return list;
}

std::size_t count_select(atom registry, const term& given) {
    auto* table = beam::detail::find_table(registry);
    auto spec = beam::detail::entry_spec(given);
    std::size_t n = 0;
    table->all([&](const term& key, const pid& owner, const term& value) {
        if (spec.is_true(tuple(key, owner, value))) ++n;
    });
    return n;
}

namespace detail {

std::vector<std::vector<registry_entry>> entries_by_partition(atom registry, const term& key) {
    return beam::detail::find_table(registry)->by_partition(key);
}

std::optional<term> own_value(atom registry, const term& key) {
    auto* table = beam::detail::find_unique(registry);
    pid own = this_process().id();
    std::optional<term> found;
    table->each(key, [&](const pid& owner, const term& value) {
        if (owner == own) found = value;
    });
    return found;
}

void set_own_value(atom registry, const term& key, term value) {
    auto* table = beam::detail::find_unique(registry);
    table->set_value(this_process().id(), key, value);
}

}  // namespace detail

void put_meta(atom registry, term key, term value) {
    beam::detail::find_table(registry)->put_meta(std::move(key), std::move(value));
}

std::optional<term> meta(atom registry, const term& key) {
    return beam::detail::find_table(registry)->meta(key);
}

void delete_meta(atom registry, const term& key) {
    beam::detail::find_table(registry)->delete_meta(key);
}

}  // namespace registry

// -- names ----------------------------------------------------------------------------------------

std::optional<pid> via::whereis() const {
    return registry::whereis(registry_, key_);
}

via::operator server_ref() const {
    return server_ref(whereis().value_or(pid{}));
}

outcome<void> via::register_self() const {
    (void)beam::detail::find_unique(registry_);
    auto r = registry::register_key(registry_, key_, value_);
    if (r) return {};
    auto holder = r.error().elements();
    return fail_term(tuple(atoms::already_started, holder[1]));
}

term via::to_term() const {
    return tuple(atoms::via, atom("registry"), tuple(registry_, key_));
}

std::optional<atom> server_name::local() const {
    if (const auto* name = std::get_if<atom>(&name_)) return *name;
    return std::nullopt;
}

std::optional<pid> server_name::whereis() const {
    if (const auto* name = std::get_if<atom>(&name_)) return beam::whereis(*name);
    if (const auto* v = std::get_if<via>(&name_)) return v->whereis();
    return std::nullopt;
}

outcome<void> server_name::register_self() const {
    if (const auto* v = std::get_if<via>(&name_)) return v->register_self();
    const auto* name = std::get_if<atom>(&name_);
    if (!name || try_register_name(*name, this_process().id())) return {};
    auto holder = beam::whereis(*name);
    return fail_term(tuple(atoms::already_started, holder ? term(*holder) : term()));
}

term server_name::to_term() const {
    if (const auto* name = std::get_if<atom>(&name_)) return tuple(atoms::local, *name);
    if (const auto* v = std::get_if<via>(&name_)) return v->to_term();
    return atoms::undefined;
}

}  // namespace beam
