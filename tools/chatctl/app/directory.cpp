#include "tools/chatctl/app/directory.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"

namespace chat {

namespace {

using namespace std::chrono_literals;

constexpr auto settles_within = 2s;  // a node that has just begun: others may yet be found
constexpr auto seat_waits = 3s;      // for the one in front of it
constexpr auto looks_every = 100ms;  // while there is a room without a home
constexpr auto reserved_for = 5s;
constexpr auto waits_at_most = 1s;

const char rooms_topic[] = "rooms";
const char nodes_topic[] = "nodes";

beam::atom arbiter_of(const std::string& room, beam::atom node) {
    std::vector<beam::atom> all = other_nodes();
    all.push_back(node);
    return backups_for(room, std::move(all)).front();
}

bool contains(const std::vector<beam::atom>& nodes, beam::atom node) {
    return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

}  // namespace

beam::future<bool> directory::reserve(const std::string& room, beam::atom node) {
    const beam::server_ref decides(directory_name(), arbiter_of(room, node));
    return beam::call<reserve_name>(decides, beam::timeout(1s), room, node);
}
beam::future<bool> directory::wait_for(std::vector<beam::atom> nodes) {
    return beam::call<wait_for_nodes>(directory_name(), beam::timeout(waits_at_most),
                                      std::move(nodes));
}
void directory::forget(const std::string& room) {
    if (is_distributed()) beam::cast<forget_name>(directory_name(), room);
    tell_watchers_deleted(room);
}
beam::awaitable<void> directory::announce(std::string room, std::uint64_t number,
                                          std::uint64_t epoch) {
    if (!is_distributed()) co_return;
    beam::term meta = beam::map({{beam::atom("number"), number}, {beam::atom("epoch"), epoch}});
    auto tracking = beam::tracker::track(tracker_name(), beam::this_process().id(), rooms_topic,
                                         room, "home", std::move(meta));
    (void)co_await tracking;  // already tracked is as good
}

beam::awaitable<beam::init_result<directory>> directory::init() {
    const beam::pid me = beam::this_process().id();
    if (!beam::try_register_name(directory_name(), me))
        co_return beam::stop_with{beam::atom("name_taken")};
    beam::ets::table_options options;
    options.named = true;
    (void)beam::ets::new_table(directory_name(), options);
    directory d;
    d.me_ = beam::node();
    d.began_ = beam::monotonic_time();
    d.shard_ = beam::monitor(beam::tracker::shard_of(tracker_name(), rooms_topic));
    auto tracking =
        beam::tracker::track(tracker_name(), me, nodes_topic, std::string(d.me_.name()), "chat");
    (void)co_await tracking;
    d.subscription_ = co_await beam::tracker::subscribe_all(tracker_name());
    // Its entries have gone with an earlier tracker.
    for (const std::string& name : local_room_names())
        if (auto pid = find_local_room(name)) room::announce_again(*pid);
    co_return std::move(d);
}

bool directory::handle_call(reserve_name m) {
    const clock now = beam::monotonic_time();
    std::erase_if(reserved_, [&](const auto& r) { return now - r.second.second > reserved_for; });
    if (has_room(m.room) || find_local_room(m.room) || homes_.contains(m.room)) return false;
    const auto [it, first] = reserved_.try_emplace(m.room, m.node, now);
    return first || it->second.first == m.node;
}

beam::call_result<bool> directory::handle_call(wait_for_nodes m, beam::from caller) {
    waiting_.emplace_back(std::move(caller), std::move(m.nodes));
    answer_waiting();
    return beam::noreply{};
}

void directory::answer_waiting() {
    std::erase_if(waiting_, [&](const auto& w) {
        for (beam::atom node : w.second)
            if (!contains(others_, node)) return false;
        beam::reply(w.first, true);
        return true;
    });
    // Whoever waits longer than a second has gone.
    if (waiting_.size() > 1000) waiting_.erase(waiting_.begin(), waiting_.begin() + 500);
}

void directory::handle_cast(forget_name m) {
    homes_.erase(m.room);
    orphans_.erase(m.room);
    reserved_.erase(m.room);
    shown_.erase(m.room);
    beam::ets::erase(directory_name(), m.room);
}

void directory::handle_info(beam::down_message m) {
    // Without a tracker nothing is right here; in its next life it begins with a new one.
    if (m.monitor == shard_) beam::exit(beam::tuple(beam::atom("tracker"), std::move(m.reason)));
}

// -- what the tracker says ----------------------------------------------------------------------------

beam::awaitable<void> directory::handle_info(beam::tracker::news n) {
    if (n.subscription != subscription_) co_return;
    const std::vector<beam::atom> before = others_;
    std::set<std::string> rooms;
    for (const auto& topic : n.topics) take_in(*topic, rooms);
    if (others_ != before) node_set_changed();
    for (const std::string& name : rooms) room_changed(name);
    if (n.whole || others_ != before) find_orphans();
    answer_waiting();
    co_await start_orphans();
}

void directory::take_in(const beam::tracker::topic_diff& d, std::set<std::string>& rooms) {
    const bool is_nodes = d.topic.as_text() == nodes_topic;
    for (const auto& p : d.leaves) {
        if (is_nodes) {
            if (p.ref.node != me_) std::erase(others_, p.ref.node);
            continue;
        }
        std::string name(p.key.as_text().value_or(""));
        const auto all = homes_.find(name);
        if (all == homes_.end()) continue;
        const auto it = all->second.find(p.ref.node);
        // Not if a younger process of that node was seen before.
        if (it == all->second.end() || it->second.pid != p.process) continue;
        all->second.erase(it);
        if (all->second.empty()) homes_.erase(all);
        if (p.ref.node == me_)
            if (const auto there = home_elsewhere(name)) room::sync_with(there->pid, me_);
        rooms.insert(std::move(name));
    }
    for (const auto& p : d.joins) {
        if (is_nodes) {
            if (p.ref.node != me_ && !contains(others_, p.ref.node)) others_.push_back(p.ref.node);
            continue;
        }
        std::string name(p.key.as_text().value_or(""));
        home h;
        h.pid = p.process;
        if (const auto* number = p.meta.map_find(beam::atom("number")))
            h.number = number->as_uint64().value_or(0);
        if (const auto* epoch = p.meta.map_find(beam::atom("epoch")))
            h.epoch = epoch->as_uint64().value_or(0);
        homes_[name][p.ref.node] = h;
        rooms.insert(std::move(name));
    }
}

std::optional<directory::home> directory::home_elsewhere(const std::string& room) const {
    std::optional<home> best;
    const auto all = homes_.find(room);
    if (all == homes_.end()) return best;
    for (const auto& [node, h] : all->second) {
        if (node == me_) continue;
        if (!best || outranks(h.number, h.epoch, best->number, best->epoch)) best = h;
    }
    return best;
}

void directory::node_set_changed() {
    std::vector<beam::term> list(others_.begin(), others_.end());
    beam::ets::insert(directory_name(),
                      beam::tuple(beam::atom("nodes"), beam::list_of(std::move(list))));
    for (const std::string& name : local_room_names())
        if (auto pid = find_local_room(name)) room::look_at_nodes(*pid);
}

void directory::room_changed(const std::string& room) {
    const auto there = home_elsewhere(room);
    show(room, there);
    const auto all = homes_.find(room);
    if (all != homes_.end()) {
        orphans_.erase(room);
        reserved_.erase(room);
        const auto own = all->second.find(me_);
        if (there && own != all->second.end() &&
            outranks(there->number, there->epoch, own->second.number, own->second.epoch))
            room::yield_to(own->second.pid, there->pid, there->number, there->epoch);
        return;
    }
    // A room of this node is restarted by its supervisor.
    const auto record = history::record_of(room);
    if (record && !record->seats.empty() && record->seats.front() != me_)
        orphans_.try_emplace(room, beam::monotonic_time());
}

void directory::show(const std::string& room, const std::optional<home>& there) {
    const beam::pid now = there ? there->pid : beam::pid();
    const auto [it, first] = shown_.try_emplace(room, now);
    if (!first && it->second == now) return;
    // One that only ever lived here needs no row.
    if (first && !there) {
        shown_.erase(it);
        return;
    }
    it->second = now;
    const beam::term pid = there ? beam::term(now) : beam::term(beam::atoms::undefined);
    beam::ets::insert(directory_name(), beam::tuple(room, pid));
    if (there) tell_watchers_up(room, now);
}

// -- rooms without a home -----------------------------------------------------------------------------

void directory::find_orphans() {
    for (auto& [name, record] : history::records()) {
        if (record.seats.empty() || homes_.contains(name) || find_local_room(name)) continue;
        orphans_.try_emplace(name, beam::monotonic_time());
    }
}

bool directory::is_turn(const std::string& room, clock since) const {
    const auto record = history::record_of(room);
    if (!record || !record->whole) return false;
    std::vector<beam::atom> up = others_;
    up.push_back(me_);
    const auto turn = turn_of(me_, record->seats, up);
    if (!turn) return false;
    const clock now = beam::monotonic_time();
    const bool all_here = std::all_of(record->seats.begin(), record->seats.end(),
                                      [&](beam::atom seat) { return contains(up, seat); });
    if (!all_here && now - began_ < settles_within) return false;
    return now - since >= *turn * seat_waits;
}

beam::awaitable<void> directory::start_orphans() {
    // In kv they have no seats: the caretaker opens them; and what is on the disk yet moves there.
    if (medium_now() == medium::kv) orphans_.clear();
    std::erase_if(orphans_, [](const auto& o) { return !history::record_of(o.first); });
    std::vector<std::pair<std::string, beam::future<beam::start_result>>> starting;
    for (auto& [name, since] : orphans_) {
        if (find_local_room(name) || !is_turn(name, since)) continue;
        since = beam::monotonic_time();
        starting.emplace_back(name, start_room(medium::disk, name));
    }
    for (auto& [name, start] : starting) {
        beam::start_result started = co_await start;
        if (started) continue;
        beam::log(beam::log_level::warning, "chat", "a room did not start",
                  {{"room", name}, {"reason", beam::to_string(started.error())}});
    }
    if (!orphans_.empty()) (void)beam::send_after(looks_every, id(), look_again{});
}

beam::awaitable<void> directory::handle_cast(look_again) {
    co_await start_orphans();
}

}  // namespace chat
