#include "tools/kv/app/keeper.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/settings.hpp"
#include "tools/kv/app/shard_server.hpp"
#include "tools/kv/coordinator/values.hpp"
#include "tools/kv/shard/config.hpp"

namespace kv {

namespace {

using beam::awaitable;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds look_every = 250ms, left_copies_every = 2s;
constexpr std::string_view nobody_reaches = "nonode@nohost";

/// On the disk, whatever BEAM_KV_SYNC says.
awaitable<void> keep(beam::store::batch what) {
    what.durable();
    auto writing = beam::store::write(meta_database(), std::move(what));
    const auto written = co_await writing;
    if (!written) throw spoilt_disk(written.error().code + ": " + written.error().detail);
}

/// What the store says of itself, or what it is to say from now on.
awaitable<std::string> kept(std::string key, std::string otherwise) {
    auto there = beam::store::get(meta_database(), key);
    if (!there) throw spoilt_disk(there.error().code + ": " + there.error().detail);
    if (*there) co_return **there;
    beam::store::batch b;
    b.put(key, otherwise);
    auto keeping = keep(std::move(b));
    co_await keeping;
    co_return otherwise;
}

std::string fresh_id() {
    byte_writer fresh;
    fresh.fixed64(beam::secure_random_64());
    fresh.fixed64(beam::secure_random_64());
    return fresh.bytes();
}

/// True: it is there whatever happens from now on.
bool write_durably(const std::filesystem::path& file, const std::string& text) {
    const beam::unique_fd f(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const beam::unique_fd folder(
        ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return f && folder && ::pwrite(f.get(), text.data(), text.size(), 0) == ssize_t(text.size()) &&
           ::fsync(f.get()) == 0 && ::fsync(folder.get()) == 0;
}

}  // namespace

void keeper::tell_cluster(beam::pid who) {
    beam::cast<tell_me>(keeper_name(), who);
}
beam::future<node_standing> keeper::known() {
    return beam::call<get_known>(keeper_name());
}
beam::future<beam::outcome<bool>> keeper::found(founding what) {
    return beam::call<found_one>(keeper_name(), beam::timeout(beam::infinity{}), std::move(what));
}
beam::future<std::vector<copy_on_disk>> keeper::copies(const std::string& node,
                                                       std::vector<std::uint32_t> shards) {
    const beam::atom name(node);
    if (name == beam::node()) return beam::call<get_copies>(keeper_name(), std::move(shards));
    return beam::call<get_copies>(beam::server_ref(keeper_name(), name), std::move(shards));
}
beam::future<beam::outcome<bool>> keeper::join_cluster() {
    return beam::call<take_part>(keeper_name());
}
beam::future<beam::outcome<bool>> keeper::set_node_state(const std::string& node,
                                                         store_state state) {
    return beam::call<set_state>(keeper_name(), node, state);
}

std::string keeper::in_meta(const std::string& key) {
    const auto there = beam::store::get(meta_database(), key);
    if (!there) throw spoilt_disk(there.error().code + ": " + there.error().detail);
    return there->value_or("");
}

/// The machine has stopped, and what was acknowledged last may be lost: this store is not the one that acknowledged it. Once
/// for each such loss, whatever happens to this process. The one that the cluster knows it as is the last that has joined.
awaitable<void> keeper::begin_as_another(std::string loss) {
    if (in_meta("renamed_for") == loss) co_return;
    beam::store::batch b;
    b.put("renamed_for", loss);
    // What was emptied since has lost nothing.
    if (const std::string before = in_meta("store"); !before.empty()) {
        const std::string joined = in_meta("joined");
        const std::string fresh = fresh_id();
        b.put("after", joined.empty() ? before : joined).put("store", fresh);
        beam::log(beam::log_level::warning, "kv",
                  "the machine stopped before the last writes were synced: the store is another "
                  "one, which may lack some",
                  {{"was", to_text(from_bytes<store_id>(before))},
                   {"is", to_text(from_bytes<store_id>(fresh))}});
    }
    auto keeping = keep(std::move(b));
    co_await keeping;
}

awaitable<beam::init_result<keeper>> keeper::init() {
    beam::self me = beam::this_process();
    if (!beam::try_register_name(keeper_name(), me.id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    if (const auto erase_after = erase_after_setting(); !erase_after)
        co_return beam::stop_with{
            beam::tuple(beam::atom(erase_after.error().code), erase_after.error().detail)};
    keeper k;
    const std::string node = beam::this_node_facts().name;
    k.name_ = node.substr(0, node.find('@'));
    k.address_ = beam::node().name();

    const auto store = beam::store::info(store_name());
    if (!store) throw spoilt_disk(store.error().code + ": " + store.error().detail);
    k.sync_ = sync_of(*store);
    if (!store->loss.empty()) {
        auto renaming = begin_as_another(store->loss);
        co_await renaming;
    }
    const std::string id = co_await kept("store", fresh_id());
    k.known_.facts.self = from_bytes<store_id>(id);
    const std::string last = co_await kept("incarnation", "0");
    k.last_incarnation_ = std::stoull(last);
    k.known_.facts.incarnation = beam::secure_random_64() | 1U;
    beam::store::batch life;
    life.put("incarnation", std::to_string(k.known_.facts.incarnation));
    auto keeping = keep(std::move(life));
    co_await keeping;
    const std::string uuid = co_await kept("cluster", "");
    const auto kept_coordinator = beam::store::get(meta_database(), "coordinator");
    if (!kept_coordinator) throw spoilt_disk(kept_coordinator.error().detail);
    k.coordinator_kept_ = kept_coordinator->value_or("");
    if (const std::string after = in_meta("after"); !after.empty())
        k.after_ = from_bytes<store_id>(after);

    coordinator_options coordinator = coordinator_setting(k.name_, uuid, k.coordinator_kept_);
    k.known_.coordinator_name = name_of(coordinator);
    k.coordinator_used_ = to_keep(coordinator);
    if (const std::string before = place_of(k.coordinator_kept_);
        !uuid.empty() && *kept_coordinator && before != place_of(k.coordinator_used_))
        k.known_.coordinator_before = before;
    auto started = beam::start_link<coordinator_process>(
        beam::server_options(coordinator_name()), std::move(coordinator), memory_of_store(k.name_));
    if (!started) co_return beam::stop_with{started.error()};
    coordinator_process::subscribe(coordinator_name(), me.id());
    beam::monitor_nodes();
    k.introduce_to_all();
    beam::send_after(look_every, me.id(), look{});
    co_return std::move(k);
}

// -- what comes -----------------------------------------------------------------------------------

awaitable<void> keeper::handle_info(cluster_changed m) {
    const auto before = std::exchange(known_.facts.view, std::move(m.view));
    const cluster_view& view = *known_.facts.view;
    if (!view.has_cluster()) {
        co_await consider_founding();
        co_return;
    }
    refuse_founding();
    if (!known_since_) known_since_ = beam::monotonic_time();
    co_await note_cluster();
    if (!known_.has_joined) co_await begin_part();
    known_.facts.being_filled = stores_being_filled(view);
    if (before) tell_deaths(*before);
    if (known_.has_joined) co_await host_shards();
    tell_all();
    keep_view();
    if (known_.has_joined) co_await care_for_cluster();
}

awaitable<void> keeper::handle_info(look) {
    beam::send_after(look_every, id(), look{});
    if (!known_.facts.view) co_return;
    if (!known_.facts.view->has_cluster()) {
        introduce_to_all();
        co_await consider_founding();
        co_return;
    }
    if (!known_.has_joined) co_await begin_part();
    meet_nodes();
    keep_view();
    if (!has_told_former_deaths_ && has_settled()) {
        has_told_former_deaths_ = true;
        for (const beam::pid& who : listeners_) tell_former_deaths(who);
    }
    if (!known_.has_joined) co_return;
    co_await host_shards();
    co_await care_for_cluster();
}

awaitable<void> keeper::handle_info(beam::nodeup_message m) {
    introduce(m.node, true);
    co_return;
}

void keeper::handle_cast(tell_me m) {
    listeners_.insert(m.who);
    if (!known_.facts.view || !known_.facts.view->has_cluster()) return;
    beam::send(m.who, known_.facts);
    if (has_settled()) tell_former_deaths(m.who);
}

/// Nobody is succeeded at once by who has just found the cluster: nodes that find it together may have to tell of its coordinator
/// that it has gone back, and that others are in sync than it says.
bool keeper::has_settled() const {
    return known_since_ && beam::monotonic_time() >= *known_since_ + config{}.grace;
}

void keeper::tell_former_deaths(beam::pid who) const {
    for (const member& there : known_.facts.view->members)
        if (!there.is_alive) beam::send(who, store_died{there.store, there.incarnation});
}

// -- this node ------------------------------------------------------------------------------------

/// Its store, or another that its name had: it came back with an empty disk. Not if it has left, or was removed before.
bool keeper::is_of_cluster() const {
    if (wants_to_join_ || known_.facts.view->find_store(known_.facts.self)) return true;
    const store_entry* before = known_.facts.view->store_of(name_);
    return before && before->state != store_state::removed;
}

/// A node that is none of the cluster only passes requests on.
awaitable<void> keeper::begin_part() {
    if (!is_of_cluster()) co_return;
    co_await join();
    if (!known_.has_joined) co_return;
    co_await host_shards();
    tell_all();
}

awaitable<beam::outcome<bool>> keeper::handle_call(take_part) {
    if (!known_.facts.view || !known_.facts.view->has_cluster())
        co_return beam::fail_term(beam::tuple(beam::atom("no_cluster"), ""));
    if (address_ == nobody_reaches && !is_of_cluster())
        co_return beam::fail_term(beam::tuple(beam::atom("not_distributed"), ""));
    wants_to_join_ = true;
    if (!known_.has_joined) co_await begin_part();
    if (!known_.has_joined)
        co_return beam::fail_term(beam::tuple(beam::atom("failed"), known_.trouble));
    co_return true;
}

awaitable<void> keeper::join() {
    join_request r;
    r.node = name_;
    r.store = known_.facts.self;
    r.incarnation = known_.facts.incarnation;
    r.dist_address = address_;
    r.ended_incarnation = last_incarnation_;
    r.after = after_;
    r.sync = sync_;
    auto joining = coordinator_process::join(coordinator_name(), std::move(r));
    const beam::result<coordinator_process::done> joined = co_await joining;
    if (!joined) {
        std::string why = joined.error().code + ": " + joined.error().detail;
        if (why != known_.trouble)
            beam::log(beam::log_level::warning, "kv", "cannot join the cluster", {{"why", why}});
        known_.trouble = std::move(why);
        co_return;
    }
    beam::store::batch part;
    part.put("cluster", known_.facts.view->meta.uuid)
        .put("coordinator", coordinator_used_)
        .put("joined", bytes_of(known_.facts.self));
    auto keeping = keep(std::move(part));
    co_await keeping;
    known_.coordinator_before.clear();
    known_.has_joined = true;
    known_.trouble.clear();
}

std::vector<copy_on_disk> keeper::handle_call(get_copies m) {
    std::vector<copy_on_disk> all;
    for (const std::uint32_t s : m.shards) {
        try {
            const shard_disk disk(store_name(), s);
            const log_point last = disk.last_on_disk();
            all.push_back({s, last.epoch, last.seq, disk.is_ahead_on_disk()});
        } catch (const spoilt_disk& e) {
            beam::log(beam::log_level::warning, "kv", "a copy is damaged, and counts for none",
                      {{"why", e.what()}});
        }
    }
    return all;
}

/// For applications that look without asking (has_cluster_here in kv.hpp); they need it in later lives too.
awaitable<void> keeper::note_cluster() {
    if (has_noted_) co_return;
    const std::filesystem::path file = beam::this_node_facts().store_folder / cluster_mark;
    const std::string uuid = known_.facts.view->meta.uuid;
    auto writing = beam::blocking([file, uuid] { return write_durably(file, uuid); });
    const bool is_written = co_await writing;
    if (!is_written)
        beam::log(beam::log_level::error, "kv", "a file could not be written",
                  {{"file", file.string()}});
    has_noted_ = is_written;
    if (!is_written) co_return;
    for (const beam::pid& who : beam::pg::get_local_members(cluster_scope(), cluster_scope()))
        beam::send(who, cluster_noted{});
}

void keeper::tell_all() const {
    for (const beam::pid& who : listeners_) beam::send(who, known_.facts);
}

/// A life that was there and is over. One that was replaced meanwhile is not told of: its shards wait for a grace period.
void keeper::tell_deaths(const cluster_view& before) {
    for (const member& was : before.members) {
        const member* is = known_.facts.view->find_member(was.node);
        if (!was.is_alive || !is || is->is_alive || is->incarnation != was.incarnation) continue;
        for (const beam::pid& who : listeners_)
            beam::send(who, store_died{was.store, was.incarnation});
    }
}

bool keeper::is_wanted_here(std::uint32_t shard) const {
    const cluster_view& view = *known_.facts.view;
    if (view.records[shard].record.has(known_.facts.self)) return true;
    const auto planned = view.plan_of(shard);
    return std::find(planned.begin(), planned.end(), known_.facts.self) != planned.end();
}

awaitable<void> keeper::host_shards() {
    const auto shards = std::uint32_t(known_.facts.view->records.size());
    for (std::uint32_t s = 0; s < shards; ++s)
        if (is_wanted_here(s) && !hosted_.contains(s)) co_await start_shard(s);
    co_await look_after_left_copies();
}

/// A shard that nobody wants here any more runs until its copy is erased.
awaitable<void> keeper::look_after_left_copies() {
    const time now = beam::monotonic_time();
    if (left_copies_at_ != time{} && now < left_copies_at_ + left_copies_every) co_return;
    left_copies_at_ = now;
    std::set<std::uint32_t> left;
    const auto shards = known_.facts.view->records.size();
    for (const std::uint32_t s : shard_disk::shards_on_disk(store_name())) {
        if (s >= shards || is_wanted_here(s)) continue;
        try {
            if (shard_disk(store_name(), s).is_anything_on_disk()) left.insert(s);
        } catch (const spoilt_disk& e) {
            // Nobody needs it, and a process for it would end by the same.
            if (told_spoilt_.insert(s).second)
                beam::log(beam::log_level::warning, "kv", "a copy that is not wanted is damaged",
                          {{"why", e.what()}});
        }
    }
    for (const std::uint32_t s : left)
        if (!hosted_.contains(s)) co_await start_shard(s);
    for (const std::uint32_t s : std::set<std::uint32_t>(hosted_))
        if (!is_wanted_here(s) && !left.contains(s)) (void)co_await stop_shard(s);
}

awaitable<void> keeper::start_shard(std::uint32_t shard) {
    if (!beam::whereis(shards_supervisor()))
        co_return;  // comes up after this one; the next look finds it
    beam::child_spec spec("shard", beam::child<shard_server>(shard));
    auto starting = beam::dynamic_supervisor::start_child(shards_supervisor(), std::move(spec));
    beam::outcome<beam::start_result> started = co_await starting.outcome();
    if (started && *started) {
        hosted_.insert(shard);
        co_return;
    }
    const beam::term why = started ? started->error() : started.error();
    beam::log(beam::log_level::error, "kv", "a shard could not be started",
              {{"shard", std::to_string(shard)}, {"why", beam::to_string(why)}});
}

awaitable<bool> keeper::stop_shard(std::uint32_t shard) {
    hosted_.erase(shard);
    const auto process = beam::whereis(shard_name(shard));
    if (!process) co_return true;
    auto stopping = beam::dynamic_supervisor::terminate_child(shards_supervisor(), *process);
    beam::outcome<beam::outcome<void>> stopped = co_await stopping.outcome();
    if (!stopped)
        beam::log(beam::log_level::warning, "kv", "a shard could not be stopped",
                  {{"shard", std::to_string(shard)}});
    co_return stopped.has_value();
}

awaitable<bool> keeper::stop_shards() {
    bool all_stopped = true;
    for (const std::uint32_t s : std::set<std::uint32_t>(hosted_)) {
        const bool is_stopped = co_await stop_shard(s);
        all_stopped = all_stopped && is_stopped;
    }
    co_return all_stopped;
}

/// Shards send only to nodes that are connected; this is what connects them.
void keeper::meet_nodes() const {
    for (const member& there : known_.facts.view->members) {
        const beam::atom node(there.dist_address);
        const bool can_be_met = there.is_alive && there.node != name_ &&
                                there.dist_address != nobody_reaches && address_ != nobody_reaches;
        if (can_be_met && !beam::is_connected(node)) introduce(node, false);
    }
}

}  // namespace kv
