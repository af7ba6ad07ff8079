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
                                              std::uint64_t limit, std::uint64_t version) {
    return beam::call<since>(room, since_ms, limit, version);
}
beam::future<room_info> room::info(beam::pid room, beam::timeout limit) {
    return beam::call<about>(room, limit);
}
beam::future<marks> room::seen(beam::pid room) {
    return beam::call<ask_seen>(room);
}
beam::future<beam::outcome<bool>> room::hand_over(beam::pid room, std::vector<post> posts,
                                                  marks seen) {
    return beam::call<take_in>(room, std::move(posts), std::move(seen));
}
void room::end(beam::pid room) {
    beam::cast<come_to_end>(room);
}
void room::tell_written(beam::pid room, written what) {
    beam::cast<written>(room, std::move(what.head), std::move(what.why), std::move(what.opened));
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

beam::awaitable<beam::init_result<room>> room::init(medium kept, std::string name) {
    beam::set_label("room " + name);
    room r;
    r.kept_ = kept;
    r.name_ = name;
    if (kept == medium::disk) {
        beam::outcome<kept_room> is = co_await on_disk().open(name);
        if (!is) co_return beam::stop_with{is.error()};
        r.begin(*std::move(is));
    }
    auto registered = beam::registry::register_key(rooms_registry(), room_key(kept, name));
    if (!registered) co_return beam::ignore{};
    if (kept == medium::disk) co_await r.make_known();
    beam::then next = beam::then::continue_with(begin_work{});
    co_return beam::init_result<room>(std::move(r), std::move(next));
}

void room::begin(kept_room is) {
    record_ = std::move(is.head.record);
    version_ = is.head.version;
    taken_over_ = is.is_taken_over;
    log_ = room_log(std::move(is.posts), record_.seen, is.head.last_id);
    log_.begin_epoch(record_.epoch);
    if (kept_ == medium::kv) log_.forget_epochs(epochs_max);
}

beam::awaitable<void> room::make_known() {
    co_await directory::announce(name_, record_.number, record_.epoch);
    tell_watchers_up(name_, beam::this_process().id());
}

beam::awaitable<beam::cast_result> room::handle_continue(begin_work) {
    if (kept_ == medium::kv) {
        // It may take its time: it is not the supervisor that waits for it.
        beam::outcome<kept_room> is = co_await in_kv().open(name_);
        if (!is) co_return step_down(is.error());
        begin(*std::move(is));
        co_await make_known();
    }
    if (taken_over_) {
        std::vector<post> none;
        beam::outcome<void> saved = co_await commit(std::move(none), true);
        if (!saved) beam::exit(saved.error());
    }
    if (taken_over_ || is_distributed()) handle_cast(nodes_changed{});
    co_return beam::cast_result();
}

std::optional<beam::term> why_not_opened(const beam::term& call_failure) {
    const auto parts = call_failure.elements();
    if (parts.empty() || !parts[0].is_tagged(beam::atoms::shutdown, 2)) return std::nullopt;
    const beam::term what = parts[0].elements()[1];
    if (!what.is_tagged(beam::atom("not_opened"), 2)) return std::nullopt;
    return what.elements()[1];
}

beam::awaitable<void> room::handle_cast(tell_again) {
    co_await directory::announce(name_, record_.number, record_.epoch);
}

// -- messages -----------------------------------------------------------------------------------------

room::unsaved* room::find_unsaved(const std::string& key) {
    if (key.empty()) return nullptr;
    for (unsaved& u : unsaved_)
        if (u.what.key == key) return &u;
    if (writing_)
        for (unsaved& u : writing_->said)
            if (u.what.key == key) return &u;
    return nullptr;
}

beam::call_result<beam::outcome<post>> room::handle_call(say m, beam::from caller) {
    if (const post* known = log_.find_key(m.key)) return beam::outcome<post>(*known);
    if (unsaved* same = find_unsaved(m.key)) {
        same->callers.push_back(caller);
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
std::vector<room::unsaved> room::next_batch(std::size_t count_max) {
    std::size_t bytes = 0, count = 0;
    auto end = unsaved_.begin();
    for (; end != unsaved_.end() && bytes < chunk_bytes && count < count_max; ++end, ++count)
        bytes += end->what.text.size();
    std::vector<unsaved> batch(std::move_iterator(unsaved_.begin()), std::move_iterator(end));
    unsaved_.erase(unsaved_.begin(), end);
    return batch;
}

std::vector<post> room::numbered(std::vector<unsaved>& batch) const {
    std::vector<post> posts;
    posts.reserve(batch.size());
    std::uint64_t next = log_.last_id();
    for (unsaved& u : batch) {
        u.what.id = u.what.seq = ++next;
        u.what.epoch = record_.epoch;
        posts.push_back(u.what);
    }
    return posts;
}

void room::answer(const unsaved& u, const beam::outcome<void>& saved) {
    for (const beam::from& f : u.callers)
        beam::reply(f, saved ? beam::outcome<post>(u.what)
                             : beam::outcome<post>(beam::fail_term(saved.error())));
}

beam::awaitable<void> room::handle_cast(flush) {
    flushing_ = false;
    if (kept_ == medium::kv) {
        write_next();
        co_return;
    }
    std::vector<unsaved> batch = next_batch(kept_max);
    flushing_ = !unsaved_.empty();
    if (flushing_) beam::cast<flush>(id());
    std::vector<post> posts = numbered(batch);
    beam::outcome<void> saved = co_await commit(std::move(posts), false);
    for (const unsaved& u : batch) answer(u, saved);
    if (saved) tell_members();
}

/// With what is added to the room by then.
addition room::adding(std::vector<post> posts, bool with_record) const {
    const std::uint64_t before = log_.last_id(), last = before + posts.size();
    addition what = added_to(log_, record_, std::move(posts));
    what.with_record = with_record || before / record_every != last / record_every;
    return what;
}

/// Puts these behind the others: on this node's disk, then on those of the seats, then in the log.
beam::awaitable<beam::outcome<void>> room::commit(std::vector<post> posts, bool with_record) {
    room_head before;
    before.last_id = log_.last_id();
    addition what = adding(posts, with_record);
    const std::uint64_t first_kept = what.first_kept;
    beam::outcome<room_head> saved = co_await on_disk().append(name_, before, std::move(what));
    if (!saved) co_return beam::fail_term(saved.error());
    if (!in_sync_.empty()) co_await copy_to_seats(posts, before.last_id, first_kept);
    for (post& p : posts) log_.keep(std::move(p));
    co_return beam::outcome<void>();
}

std::vector<post> room::last_ones(const since& what) const {
    std::vector<post> result;
    const auto& posts = log_.posts();
    for (auto it = posts.rbegin(); it != posts.rend() && result.size() < what.limit; ++it)
        if (it->at_ms >= what.since_ms) result.push_back(*it);
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
    info.kept = kept_;
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
