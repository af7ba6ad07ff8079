#include "libbeamcore/otp/partition_supervisor.hpp"

#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/internal/atomic_pid.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam {

namespace detail {

namespace {

// Where the partitions of one supervisor are. Made by the start, written by the supervisor.
struct partition_table {
    partition_table(term name, unsigned size) : name(std::move(name)), partitions(size) {}

    const term name;
    atomic_pid supervisor;
    std::vector<atomic_pid> partitions;

    [[nodiscard]] bool is_alive() const { return pid_exists(supervisor.load()); }
};
using partition_table_ref = std::shared_ptr<partition_table>;

// The tables of one runtime. That of a supervisor which has died is seen to be so, and goes when the next one is
// entered.
struct partition_tables {
    std::shared_mutex lock;
    std::unordered_map<term, partition_table_ref> by_name;
};

const char partition_tables_key = 0;

partition_tables& all_partition_tables() {
    void* found = runtime_local(
        this_process().node(), &partition_tables_key,
        [](runtime&) -> void* { return new partition_tables; },
        [](void* t) noexcept { delete static_cast<partition_tables*>(t); });
    return *static_cast<partition_tables*>(found);
}

void enter_table(const partition_table_ref& table) {
    auto& all = all_partition_tables();
    std::unique_lock guard(all.lock);
    std::erase_if(all.by_name, [](const auto& entry) { return !entry.second->is_alive(); });
    all.by_name.insert_or_assign(table->name, table);
}

term key_of_name(const server_name& name) {
    if (auto local = name.local()) return *local;
    return name.to_term();
}

// f(table), under a lock: must be short.
template <class F>
auto with_table(const server_name& name, const char* function, F f) {
    auto& all = all_partition_tables();
    {
        std::shared_lock guard(all.lock);
        auto found = all.by_name.find(key_of_name(name));
        if (found != all.by_name.end() && found->second->is_alive()) return f(*found->second);
    }
    exit(tuple(atoms::noproc,
               tuple(atom("partition_supervisor"), atom(function), list({key_of_name(name)}))));
}

// Runs in the supervisor.
awaitable<start_result> start_partition_of(partition_table_ref table, child_start inner,
                                           unsigned number) {
    if (number == 0) {
        table->supervisor.store(this_process().id());
        enter_table(table);
    }
    auto begun = inner.start_waiting();
    start_result r = co_await begun;
    if (r)
        if (const auto* s = std::get_if<started>(&*r)) table->partitions[number].store(s->pid);
    co_return r;
}

unsigned remainder_of_big(const term& key, unsigned n) {
    const auto big = key.as_big_integer();
    std::uint64_t rest = 0;
    for (auto digit = big->magnitude.rbegin(); digit != big->magnitude.rend(); ++digit)
        rest = (rest << 8 | *digit) % n;
    return unsigned(rest);
}

unsigned partition_for(const term& key, unsigned n) {
    if (!key.is_integer()) return unsigned(key.hash() % n);
    if (auto small = key.as_int64())
        return unsigned((*small < 0 ? 0 - std::uint64_t(*small) : std::uint64_t(*small)) % n);
    return remainder_of_big(key, n);
}

unsigned partitions_in(const partition_table& table) {
    return unsigned(table.partitions.size());
}

awaitable<start_result> start_partitions(partition_options options) {
    supervisor_flags flags;
    flags.strategy = options.strategy;
    flags.intensity = options.max_restarts;
    flags.period = options.max_seconds;
    auto children = options.children(this_process().node().options().schedulers);
    auto table =
        std::make_shared<partition_table>(key_of_name(options.name), unsigned(children.size()));
    for (unsigned i = 0; i < children.size(); ++i) {
        child_start& start = children[i].start;
        atom name = start.class_name();
        term arguments = start.arguments();
        start = child_start([table, inner = std::move(start), i] {
                    return start_partition_of(table, inner, i);
                }).described(name, std::move(arguments));
    }
    return supervisor::start_link(flags, std::move(children), std::move(options.name));
}

}  // namespace

}  // namespace detail

void partition_options::with_arguments(callback<term(term, unsigned)> f) {
    arguments_ = std::make_shared<const callback<term(term, unsigned)>>(std::move(f));
}

std::vector<child_spec> partition_options::children(unsigned schedulers) const {
    auto refuse = [](term what) { raise(tuple(atoms::badarg, std::move(what))); };
    if (!name) refuse(atom("missing_name"));
    if (!child.start) refuse(atom("missing_child_spec"));
    const unsigned n = partitions.value_or(schedulers);
    if (n == 0) refuse(tuple(atom("invalid_partitions"), 0));
    if (strategy == restart_strategy::simple_one_for_one)
        refuse(tuple(atom("invalid_strategy"), to_atom(strategy)));
    std::vector<child_spec> all;
    for (unsigned i = 0; i < n; ++i) {
        child_spec spec = child;
        spec.id = i;
        if (arguments_) {
            term given = (*arguments_)(spec.start.arguments(), i);
            if (!given.list_length()) refuse(tuple(atom("invalid_arguments"), given));
            spec.start = spec.start.with_other_arguments(std::move(given));
        }
        all.push_back(std::move(spec));
    }
    return all;
}

namespace partition_supervisor {

awaitable<start_result> start_link(partition_options options) {
    return detail::start_partitions(std::move(options));
}

child_start child(partition_options options) {
    term shown = list({options.name.to_term()});
    auto start = [options = std::move(options)] { return detail::start_partitions(options); };
    return child_start(std::move(start)).described(atom("partition_supervisor"), std::move(shown));
}

unsigned partitions(const server_name& name) {
    return detail::with_table(name, "partitions", detail::partitions_in);
}

unsigned partition_of(const server_name& name, const term& key) {
    return detail::with_table(name, "partition_of", [&](const detail::partition_table& table) {
        return detail::partition_for(key, detail::partitions_in(table));
    });
}

pid whereis(const server_name& name, const term& key) {
    return detail::with_table(name, "whereis", [&](const detail::partition_table& table) {
        return table.partitions[detail::partition_for(key, detail::partitions_in(table))].load();
    });
}

namespace {
server_ref supervisor_of(const server_name& name) {
    if (auto local = name.local()) return *local;
    return server_ref(name.whereis().value_or(pid{}));
}
}  // namespace

future<std::vector<child_info>> which_children(const server_name& name) {
    return supervisor::which_children(supervisor_of(name));
}

future<children_count> count_children(const server_name& name) {
    return supervisor::count_children(supervisor_of(name));
}

awaitable<void> stop(server_name name, term reason, timeout limit) {
    return beam::stop(supervisor_of(name), std::move(reason), limit);
}

}  // namespace partition_supervisor

}  // namespace beam
