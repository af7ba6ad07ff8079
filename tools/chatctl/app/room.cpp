#include "tools/chatctl/app/room.hpp"

#include <algorithm>
#include <chrono>

#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"

namespace chat {

namespace {

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
beam::future<std::uint64_t> room::join(beam::pid room, beam::pid member, std::string user) {
    return beam::call<join_room>(room, member, std::move(user));
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
beam::future<room_info> room::info(beam::pid room) {
    return beam::call<about>(room);
}

std::optional<beam::pid> find_room(const std::string& name) {
    return beam::registry::whereis(rooms_registry(), name);
}

std::vector<std::string> room_names() {
    std::vector<std::string> names;
    // [{{'$1', '_', '_'}, [], ['$1']}]: the keys.
    const beam::term key = beam::atom("$1");
    const beam::term any = beam::atom("_");
    const beam::term spec =
        beam::list({beam::tuple(beam::tuple(key, any, any), beam::list({}), beam::list({key}))});
    for (const beam::term& name : beam::registry::select(rooms_registry(), spec))
        if (auto text = name.as_text()) names.emplace_back(*text);
    std::sort(names.begin(), names.end());
    return names;
}

void watch_room(const std::string& name) {
    beam::pg::join(watchers_scope(), name, beam::this_process().id());
}

void tell_watchers_deleted(const std::string& name) {
    for (const beam::pid& p : beam::pg::get_members(watchers_scope(), name))
        beam::send(p, room_deleted{name});
}

// -- what the room does -------------------------------------------------------------------------------

beam::awaitable<beam::init_result<room>> room::init(std::string name) {
    room r;
    r.name_ = name;
    beam::set_label("room " + name);
    std::vector<post> kept = co_await history::load(name);
    for (post& p : kept) r.keep(std::move(p));
    if (!r.posts_.empty()) r.next_id_ = r.posts_.back().id + 1;
    auto registered = beam::registry::register_key(rooms_registry(), name);
    if (!registered) co_return beam::stop_with{std::move(registered.error())};
    const beam::pid me = beam::this_process().id();
    for (const beam::pid& p : beam::pg::get_members(watchers_scope(), name))
        beam::send(p, room_up{name, me});
    co_return std::move(r);
}

void room::keep(post p) {
    if (!p.key.empty()) ids_by_key_[p.key] = p.id;
    posts_.push_back(std::move(p));
    if (posts_.size() <= kept_max) return;
    ids_by_key_.erase(posts_.front().key);
    posts_.pop_front();
}

beam::call_result<beam::outcome<post>> room::handle_call(say m, beam::from caller) {
    if (auto known = ids_by_key_.find(m.key); known != ids_by_key_.end())
        for (const post& p : posts_)
            if (p.id == known->second) return beam::outcome<post>(p);
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

beam::awaitable<void> room::handle_cast(flush) {
    std::vector<unsaved> batch = std::move(unsaved_);
    unsaved_.clear();
    flushing_ = false;
    std::vector<post> posts;
    posts.reserve(batch.size());
    std::uint64_t next = next_id_;
    for (unsaved& u : batch) {
        u.what.id = next++;
        posts.push_back(u.what);
    }
    const std::uint64_t first_kept = next > kept_max ? next - kept_max : 1;
    beam::outcome<void> saved = co_await history::append(name_, std::move(posts), first_kept);
    if (!saved) {
        for (unsaved& u : batch)
            for (const beam::from& f : u.callers)
                beam::reply(f, beam::outcome<post>(beam::fail_term(saved.error())));
        co_return;
    }
    next_id_ = next;
    for (unsaved& u : batch) {
        for (const beam::from& f : u.callers) beam::reply(f, beam::outcome<post>(u.what));
        keep(std::move(u.what));
    }
    tell_members();
}

void room::tell_members() {
    for (auto& [pid, m] : members_) {
        if (m.told) continue;
        m.told = true;
        beam::send(pid, news{});
    }
}

std::uint64_t room::handle_call(join_room m) {
    auto [it, first] = members_.try_emplace(m.member);
    it->second.user = std::move(m.user);
    it->second.told = false;
    if (first) it->second.monitor = beam::monitor(m.member);
    return next_id_ - 1;
}

fetched room::handle_call(fetch_posts m) {
    fetched result;
    const std::uint64_t oldest = posts_.empty() ? next_id_ : posts_.front().id;
    if (m.after + 1 < oldest) result.missed = oldest - m.after - 1;
    auto it = std::lower_bound(posts_.begin(), posts_.end(), m.after + 1,
                               [](const post& p, std::uint64_t id) { return p.id < id; });
    for (; it != posts_.end() && result.posts.size() < m.limit; ++it) result.posts.push_back(*it);
    // With everything fetched it is to be told of the next one.
    if (auto who = members_.find(m.member); who != members_.end() && it == posts_.end())
        who->second.told = false;
    return result;
}

std::vector<post> room::handle_call(since m) {
    std::vector<post> result;
    for (auto it = posts_.rbegin(); it != posts_.rend() && result.size() < m.limit; ++it)
        if (it->at_ms >= m.since_ms) result.push_back(*it);
    std::reverse(result.begin(), result.end());
    return result;
}

room_info room::handle_call(about) {
    room_info info;
    info.last_id = next_id_ - 1;
    info.messages = posts_.size();
    for (const auto& [pid, m] : members_) info.users.push_back(m.user);
    std::sort(info.users.begin(), info.users.end());
    info.users.erase(std::unique(info.users.begin(), info.users.end()), info.users.end());
    return info;
}

void room::handle_cast(leave_room m) {
    auto it = members_.find(m.member);
    if (it == members_.end()) return;
    beam::demonitor(it->second.monitor, {.flush = true});
    members_.erase(it);
}

void room::handle_info(beam::down_message m) {
    if (auto p = m.pid()) members_.erase(*p);
}

}  // namespace chat
