#include "tools/chatctl/app/room.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"

namespace chat {

namespace {

// The record with its marks is written so often: before the last message of an epoch is forgotten.
constexpr std::uint64_t record_every = kept_max / 2;

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

// -- what others see ----------------------------------------------------------------------------------

beam::future<beam::outcome<post>> room::send(beam::pid room, std::string from, std::string text,
                                             std::string key) {
    return beam::call<say>(room, std::move(from), std::move(text), std::move(key));
}
beam::future<joined> room::join(beam::pid room, beam::pid member, std::string user,
                                std::optional<std::uint64_t> after, marks read) {
    return beam::call<join_room>(room, member, std::move(user), after, std::move(read));
}
void room::leave(beam::pid room, beam::pid member) {
    beam::cast<leave_room>(room, member);
}
beam::future<fetched> room::fetch(beam::pid room, beam::pid member, std::uint64_t after,
                                  std::uint64_t limit) {
    return beam::call<fetch_posts>(room, member, after, limit);
}
beam::future<std::vector<post>> room::history(beam::pid room, std::int64_t since_ms,
                                              std::uint64_t limit) {
    return beam::call<since>(room, since_ms, limit);
}
beam::future<room_info> room::info(beam::pid room, beam::timeout limit) {
    return beam::call<about>(room, limit);
}
beam::future<marks> room::seen(beam::pid room) {
    return beam::call<ask_seen>(room);
}
void room::look_at_nodes(beam::pid room) {
    beam::cast<nodes_changed>(room);
}
void room::announce_again(beam::pid room) {
    beam::cast<tell_again>(room);
}
void room::sync_with(beam::pid room, beam::atom node) {
    beam::cast<sync_node>(room, node);
}
void room::yield_to(beam::pid room, beam::pid home, std::uint64_t number, std::uint64_t epoch) {
    beam::cast<make_way>(room, home, number, epoch);
}

// -- its life -----------------------------------------------------------------------------------------

beam::awaitable<beam::init_result<room>> room::init(std::string name) {
    room r;
    r.name_ = name;
    beam::set_label("room " + name);
    const std::optional<room_record> known = history::record_of(name);
    if (!known) co_return beam::stop_with{beam::atom("no_record")};
    r.record_ = *known;
    r.log_ = room_log(co_await history::load(name), r.record_.seen);
    const beam::atom here = beam::node();
    r.taken_over_ = !r.record_.seats.empty() && r.record_.seats.front() != here;
    if (r.taken_over_) {
        ++r.record_.number;
        r.record_.epoch = new_epoch_id();
        r.record_.seats = {here};
    }
    r.log_.begin_epoch(r.record_.epoch);
    auto registered = beam::registry::register_key(rooms_registry(), name);
    if (!registered) co_return beam::ignore{};
    co_await directory::announce(name, r.record_.number, r.record_.epoch);
    tell_watchers_up(name, beam::this_process().id());
    if (!r.taken_over_ && !is_distributed()) co_return std::move(r);
    beam::then next = beam::then::continue_with(opened{});
    co_return beam::init_result<room>(std::move(r), std::move(next));
}

beam::awaitable<void> room::handle_continue(opened) {
    if (taken_over_) {
        beam::outcome<void> saved = co_await history::put_record(name_, record_now());
        if (!saved) beam::exit(saved.error());
    }
    handle_cast(nodes_changed{});
}

beam::awaitable<void> room::handle_cast(tell_again) {
    co_await directory::announce(name_, record_.number, record_.epoch);
}

// -- messages -----------------------------------------------------------------------------------------

beam::call_result<beam::outcome<post>> room::handle_call(say m, beam::from caller) {
    if (const post* known = log_.find_key(m.key)) return beam::outcome<post>(*known);
    for (unsaved& u : unsaved_)
        if (!m.key.empty() && u.what.key == m.key) {
            u.callers.push_back(caller);
            return beam::noreply{};
        }
    unsaved u;
    u.what.from = std::move(m.from);
    u.what.text = std::move(m.text);
    u.what.key = std::move(m.key);
    u.what.at_ms = now_ms();
    u.callers.push_back(caller);
    unsaved_.push_back(std::move(u));
    // Behind everything that waits already, so that all of it is saved in one commit.
    if (!flushing_) beam::cast<flush>(id());
    flushing_ = true;
    return beam::noreply{};
}

/// What is saved in one commit: all, unless that is more than goes to other nodes in one message.
std::vector<room::unsaved> room::next_batch() {
    std::size_t bytes = 0;
    auto end = unsaved_.begin();
    for (; end != unsaved_.end() && bytes < chunk_bytes; ++end) bytes += end->what.text.size();
    std::vector<unsaved> batch(std::move_iterator(unsaved_.begin()), std::move_iterator(end));
    unsaved_.erase(unsaved_.begin(), end);
    flushing_ = !unsaved_.empty();
    if (flushing_) beam::cast<flush>(id());
    return batch;
}

beam::awaitable<void> room::handle_cast(flush) {
    std::vector<unsaved> batch = next_batch();
    std::vector<post> posts;
    posts.reserve(batch.size());
    std::uint64_t next = log_.last_id();
    for (unsaved& u : batch) {
        u.what.id = u.what.seq = ++next;
        u.what.epoch = record_.epoch;
        posts.push_back(u.what);
    }
    beam::outcome<void> saved = co_await commit(std::move(posts), false);
    for (unsaved& u : batch)
        for (const beam::from& f : u.callers)
            beam::reply(f, saved ? beam::outcome<post>(u.what)
                                 : beam::outcome<post>(beam::fail_term(saved.error())));
    if (saved) tell_members();
}

/// Puts these behind the others: on this node's disk, then on those of the seats, then in the log.
beam::awaitable<beam::outcome<void>> room::commit(std::vector<post> posts, bool with_record) {
    const std::uint64_t before = log_.last_id();
    const std::uint64_t next = before + posts.size() + 1;
    const std::uint64_t first_kept = next > kept_max ? next - kept_max : 1;
    if (before / record_every != (next - 1) / record_every) with_record = true;
    std::optional<room_record> record;
    if (with_record) {
        record = record_now();
        for (const post& p : posts) mark(record->seen, p);
    }
    beam::outcome<void> saved =
        co_await history::append(name_, posts, first_kept, std::move(record));
    if (!saved) co_return saved;
    if (!in_sync_.empty()) co_await copy_to_seats(posts, before, first_kept);
    for (post& p : posts) log_.keep(std::move(p));
    co_return saved;
}

std::vector<post> room::handle_call(since m) {
    std::vector<post> result;
    const auto& posts = log_.posts();
    for (auto it = posts.rbegin(); it != posts.rend() && result.size() < m.limit; ++it)
        if (it->at_ms >= m.since_ms) result.push_back(*it);
    std::reverse(result.begin(), result.end());
    return result;
}

room_info room::handle_call(about) {
    room_info info;
    info.last_id = log_.last_id();
    info.messages = log_.posts().size();
    std::map<std::string, std::vector<beam::atom>> by_user;
    for (const auto& [pid, m] : members_) {
        auto& nodes = by_user[m.user];
        const beam::atom node = beam::node(pid);
        if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
    }
    for (auto& [user, nodes] : by_user) {
        member_info m;
        m.user = user;
        m.nodes = std::move(nodes);
        info.members.push_back(std::move(m));
    }
    info.nodes = record_.seats;
    if (info.nodes.empty()) info.nodes.push_back(beam::node());
    return info;
}

// -- members ------------------------------------------------------------------------------------------

void room::tell_members() {
    for (auto& [pid, m] : members_) {
        if (m.told) continue;
        m.told = true;
        beam::send(pid, news{});
    }
}

joined room::handle_call(join_room m) {
    auto [it, first] = members_.try_emplace(m.member);
    it->second.user = std::move(m.user);
    it->second.told = false;
    if (first) it->second.monitor = beam::monitor(m.member);
    joined answer;
    if (!m.read.empty()) {
        answer.read = std::move(m.read);
        answer.from = log_.resume(answer.read);
    } else {
        answer.from.after = m.after.value_or(log_.last_id());
        answer.read = log_.read_up_to(answer.from.after);
    }
    return answer;
}

fetched room::handle_call(fetch_posts m) {
    fetched result;
    const auto& kept = log_.posts();
    const std::uint64_t oldest = kept.empty() ? log_.last_id() + 1 : kept.front().id;
    if (m.after + 1 < oldest) result.missed = oldest - m.after - 1;
    result.posts = log_.after(m.after, m.limit, fetch_bytes);
    const std::uint64_t last = result.posts.empty() ? m.after : result.posts.back().id;
    result.more = last < log_.last_id();
    // With everything fetched it is to be told of the next one.
    if (auto who = members_.find(m.member); who != members_.end() && !result.more)
        who->second.told = false;
    return result;
}

void room::handle_cast(leave_room m) {
    auto it = members_.find(m.member);
    if (it == members_.end()) return;
    beam::demonitor(it->second.monitor, {.flush = true});
    members_.erase(it);
}

void room::handle_info(beam::down_message m) {
    auto p = m.pid();
    if (!p) return;
    auto it = members_.find(*p);
    // One that has joined again after its connection was lost has another monitor.
    if (it != members_.end() && it->second.monitor == m.monitor) members_.erase(it);
}

}  // namespace chat
