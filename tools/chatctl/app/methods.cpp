#include "tools/chatctl/app/methods.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/answers.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/reaching.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"
#include "tools/tenant/running.hpp"

namespace chat {

namespace {

using beam::answer;
using beam::awaitable;
using beam::request;
using namespace std::chrono_literals;

constexpr std::uint64_t history_default = 100;
constexpr auto asks_within = 2s;

struct room_params {
    std::string room;
    BEAM_FIELDS(room_params, room)
};
struct history_params {
    std::string room;
    std::int64_t since_ms = 0;
    std::optional<std::uint64_t> limit;
    BEAM_FIELDS(history_params, room, since_ms, limit)
};

beam::term shown_new(const std::string& room, beam::pid made) {
    return beam::map({{beam::atom("room"), room},
                      {beam::atom("pid"), beam::to_string(made)},
                      {beam::atom("node"), beam::node(made)}});
}

/// Of what changes something: that it was not done is said, where that is known.
tl::unexpected<beam::request_error> not_done(beam::request_error why, const char* what) {
    if (why.kind == "unavailable" || why.kind == "overloaded" || why.kind == "moving")
        why.why += std::string(", nothing was ") + what;
    return tl::unexpected<beam::request_error>(std::move(why));
}

awaitable<answer> create_room(request&, room_params p) {
    if (auto why = bad_name("the room's name", p.room)) co_return malformed(*why);
    co_await meet_others();
    if (medium_now() == medium::kv) {
        auto created = co_await create_in_kv(p.room);
        if (!created) co_return not_done(std::move(created.error()), "created");
        co_return shown_new(p.room, *created);
    }
    auto asked = router::create(p.room);
    beam::outcome<beam::pid> made = co_await asked;
    if (made) co_return shown_new(p.room, *made);
    if (made.error() == beam::atom("already_exists")) co_return exists_already(p.room);
    if (made.error() == beam::atom("too_many_rooms")) co_return too_many_rooms();
    co_return beam::refuse_for(made.error());
}

awaitable<answer> delete_room(request&, room_params p) {
    if (medium_now() == medium::kv) {
        auto removed = co_await remove_in_kv(p.room);
        if (removed) co_return beam::map({{beam::atom("room"), p.room}});
        // One that has not moved to kv yet is on a disk.
        if (removed.error().kind != "not_found")
            co_return not_done(std::move(removed.error()), "deleted");
    }
    auto home = co_await living_room(p.room);
    // One that cannot be started is removed where it is written down.
    auto asked = router::remove(p.room, home ? beam::node(*home) : beam::node());
    beam::outcome<bool> removed = co_await asked;
    if (removed) co_return beam::map({{beam::atom("room"), p.room}});
    if (removed.error() == beam::atom("not_found")) co_return no_such_room(p.room);
    co_return beam::refuse_for(removed.error());
}

awaitable<answer> crash_room(request&, room_params p) {
    beam::self me = beam::this_process();
    auto old = co_await living_room(p.room);
    if (!old) co_return tl::unexpected<beam::request_error>(std::move(old.error()));
    beam::exit(*old, beam::atoms::kill);
    const auto until = beam::monotonic_time() + room_returns_within;
    for (;;) {
        if (auto now = find_room(p.room); now && *now != *old)
            co_return beam::map({{beam::atom("room"), p.room},
                                 {beam::atom("old_pid"), beam::to_string(*old)},
                                 {beam::atom("pid"), beam::to_string(*now)},
                                 {beam::atom("node"), beam::node(*now)}});
        const auto left = until - beam::monotonic_time();
        if (left <= 0s) break;
        (void)co_await me.receive_for<room_up>(
            std::min<std::chrono::nanoseconds>(left, looks_again_after));
    }
    co_return beam::refuse("not_restarted",
                           "room \"" + p.room + "\" crashed and was not restarted within 5s",
                           "beamd logs", 75);
}

struct room_facts {
    std::string name;
    beam::pid pid;
    room_info info;
};

/// Of all rooms, asked at once; one that dies meanwhile, or whose node is silent, is left out.
awaitable<std::vector<room_facts>> facts_of_rooms() {
    co_await meet_others();
    struct question {
        std::string name;
        beam::pid pid;
        beam::future<room_info> answer;
    };
    std::vector<question> asked;
    for (const std::string& name : room_names())
        if (const auto pid = find_room(name))
            asked.push_back({name, *pid, room::info(*pid, asks_within)});
    std::vector<room_facts> found;
    std::vector<beam::atom> silent;
    for (question& q : asked) {
        const beam::atom node = beam::node(q.pid);
        if (std::find(silent.begin(), silent.end(), node) != silent.end()) continue;
        beam::outcome<room_info> info = co_await q.answer.outcome();
        if (!info) {
            if (info.error().is_tagged(beam::atoms::timeout, 2)) silent.push_back(node);
            continue;
        }
        room_facts f;
        f.name = q.name;
        f.pid = q.pid;
        f.info = *std::move(info);
        found.push_back(std::move(f));
    }
    co_return found;
}

beam::term list_of(const std::vector<beam::atom>& nodes) {
    return beam::list_of(std::vector<beam::term>(nodes.begin(), nodes.end()));
}

awaitable<answer> list_rooms(request&) {
    std::vector<beam::term> rooms;
    const std::vector<room_facts> found = co_await facts_of_rooms();
    rooms.reserve(found.size());
    for (const room_facts& f : found)
        rooms.push_back(beam::map({{beam::atom("room"), f.name},
                                   {beam::atom("pid"), beam::to_string(f.pid)},
                                   {beam::atom("node"), beam::node(f.pid)},
                                   {beam::atom("kept"), beam::to_term(f.info.kept)},
                                   {beam::atom("copies"), list_of(f.info.nodes)},
                                   {beam::atom("users"), f.info.members.size()},
                                   {beam::atom("messages"), f.info.messages},
                                   {beam::atom("last_id"), f.info.last_id}}));
    co_return beam::map({{beam::atom("rooms"), beam::list_of(std::move(rooms))}});
}

awaitable<answer> users(request&) {
    std::vector<beam::term> lines;
    const std::vector<room_facts> found = co_await facts_of_rooms();
    for (const room_facts& f : found)
        for (const member_info& m : f.info.members)
            lines.push_back(beam::map({{beam::atom("user"), m.user},
                                       {beam::atom("room"), f.name},
                                       {beam::atom("nodes"), list_of(m.nodes)}}));
    co_return beam::map({{beam::atom("users"), beam::list_of(std::move(lines))}});
}

/// Of a room in kv, the version of what kv has of it: its process tells all up to there, or there is another. One that kv has no
/// more tells nothing. On disk that does not matter.
awaitable<asked<std::uint64_t>> version_of(std::string room) {
    if (medium_now() == medium::disk) co_return std::uint64_t{0};
    co_await tenant::await_kv();
    beam::outcome<std::optional<room_head>> head = co_await in_kv().find(room);
    if (!head) co_return refuse_kept(head.error(), room);
    co_return *head ? (*head)->version : UINT64_MAX;
}

awaitable<answer> history_of(request&, history_params p) {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + room_returns_within;
    for (;;) {
        auto home = co_await living_room(p.room);
        if (!home) co_return tl::unexpected<beam::request_error>(std::move(home.error()));
        auto version = co_await version_of(p.room);
        if (!version) co_return tl::unexpected<beam::request_error>(std::move(version.error()));
        auto asked = room::history(*home, p.since_ms, p.limit.value_or(history_default), *version);
        beam::outcome<std::vector<post>> posts = co_await asked.outcome();
        if (posts) {
            std::vector<beam::term> lines;
            lines.reserve(posts->size());
            for (const post& q : *posts) lines.push_back(shown(q, p.room));
            co_return beam::map({{beam::atom("messages"), beam::list_of(std::move(lines))}});
        }
        // It crashed or was replaced: what is there now is asked again, as nothing was changed.
        if (beam::monotonic_time() >= until) {
            if (auto why = why_not_opened(posts.error())) co_return refuse_kept(*why, p.room);
            co_return beam::refuse("timeout", "room \"" + p.room + "\" did not answer within 5s",
                                   "chatctl list", 75);
        }
        (void)co_await me.receive_for<room_up>(looks_again_after);
    }
}

}  // namespace

void add_methods(beam::application_definition& app) {
    app.method("create_room", create_room);
    app.method("delete_room", delete_room);
    app.method("crash_room", crash_room);
    app.method("list", list_rooms, {.restartable = true});
    app.method("users", users, {.restartable = true});
    app.method("send", send_text);
    app.method("history", history_of, {.restartable = true});
    app.method("join", join, {.restartable = true});
}

}  // namespace chat
