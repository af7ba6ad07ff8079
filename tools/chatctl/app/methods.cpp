#include "tools/chatctl/app/methods.hpp"

#include <chrono>
#include <optional>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/guests.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"

namespace chat {

namespace {

using beam::answer;
using beam::awaitable;
using beam::request;
using namespace std::chrono_literals;

constexpr auto room_returns_within = 5s;  // a crashed room, started by its supervisor
constexpr std::uint64_t fetched_at_once = 100;
constexpr std::uint64_t history_default = 100;

struct room_params {
    std::string room;
    BEAM_FIELDS(room_params, room)
};
struct send_params {
    std::string room;
    std::string text;
    std::string user;
    std::string key;
    BEAM_FIELDS(send_params, room, text, user, key)
};
struct join_params {
    std::string room;
    std::string user;
    std::optional<std::uint64_t> after;
    BEAM_FIELDS(join_params, room, user, after)
};
struct history_params {
    std::string room;
    std::int64_t since_ms = 0;
    std::optional<std::uint64_t> limit;
    BEAM_FIELDS(history_params, room, since_ms, limit)
};

beam::term shown(const post& p, const std::string& room) {
    return beam::map({{beam::atom("id"), p.id},
                      {beam::atom("room"), room},
                      {beam::atom("from"), p.from},
                      {beam::atom("text"), p.text},
                      {beam::atom("at_ms"), p.at_ms}});
}

beam::term event(const char* name, const std::string& room) {
    return beam::map({{beam::atom("event"), name}, {beam::atom("room"), room}});
}

answer no_such_room(const std::string& name) {
    return beam::refuse("not_found", "no room \"" + name + "\"", "chatctl create room " + name, 1);
}

answer malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}

awaitable<beam::outcome<std::string>> who(request& r, std::string user) {
    if (!user.empty()) co_return user;
    auto asked = guests::name_of(r.uid());
    co_return co_await asked;
}

/// The room's process, waiting for it while its supervisor restarts it. Nothing if there is no such
/// room, or it does not come back in time.
awaitable<std::optional<beam::pid>> living_room(std::string name) {
    beam::self me = beam::this_process();
    watch_room(name);
    const auto until = beam::monotonic_time() + room_returns_within;
    for (;;) {
        if (auto pid = find_room(name)) co_return pid;
        const auto left = until - beam::monotonic_time();
        if (left <= 0s || !history::has_room(name)) co_return std::nullopt;
        (void)co_await me.receive_for<room_up>(left);
    }
}

awaitable<answer> create_room(request&, room_params p) {
    if (auto why = bad_name("the room's name", p.room)) co_return malformed(*why);
    auto asked = router::create(p.room);
    beam::outcome<beam::pid> made = co_await asked;
    if (made)
        co_return beam::map(
            {{beam::atom("room"), p.room}, {beam::atom("pid"), beam::to_string(*made)}});
    if (made.error() == beam::atom("already_exists"))
        co_return beam::refuse("already_exists", "room \"" + p.room + "\" exists already",
                               "chatctl send " + p.room + " TEXT", 1);
    if (made.error() == beam::atom("too_many_rooms"))
        co_return beam::refuse("too_many", "there are " + std::to_string(rooms_max) + " rooms",
                               "chatctl delete room NAME", 1);
    co_return beam::refuse_for(made.error());
}

awaitable<answer> delete_room(request&, room_params p) {
    auto asked = router::remove(p.room);
    beam::outcome<bool> removed = co_await asked;
    if (removed) co_return beam::map({{beam::atom("room"), p.room}});
    if (removed.error() == beam::atom("not_found")) co_return no_such_room(p.room);
    co_return beam::refuse_for(removed.error());
}

awaitable<answer> crash_room(request&, room_params p) {
    beam::self me = beam::this_process();
    const auto old = co_await living_room(p.room);
    if (!old) co_return no_such_room(p.room);
    beam::exit(*old, beam::atoms::kill);
    const auto until = beam::monotonic_time() + room_returns_within;
    for (;;) {
        if (auto now = find_room(p.room); now && *now != *old)
            co_return beam::map({{beam::atom("room"), p.room},
                                 {beam::atom("old_pid"), beam::to_string(*old)},
                                 {beam::atom("pid"), beam::to_string(*now)}});
        const auto left = until - beam::monotonic_time();
        if (left <= 0s) break;
        (void)co_await me.receive_for<room_up>(left);
    }
    co_return beam::refuse("not_restarted",
                           "room \"" + p.room + "\" crashed and was not restarted within 5s",
                           "beamd logs", 75);
}

awaitable<answer> list_rooms(request&) {
    std::vector<beam::term> rooms;
    for (const std::string& name : room_names()) {
        const auto pid = find_room(name);
        if (!pid) continue;
        auto asked = room::info(*pid);
        beam::outcome<room_info> info = co_await asked.outcome();
        if (!info) continue;  // it died just now
        rooms.push_back(beam::map({{beam::atom("room"), name},
                                   {beam::atom("pid"), beam::to_string(*pid)},
                                   {beam::atom("users"), info->users.size()},
                                   {beam::atom("messages"), info->messages},
                                   {beam::atom("last_id"), info->last_id}}));
    }
    co_return beam::map({{beam::atom("rooms"), beam::list_of(std::move(rooms))}});
}

awaitable<answer> users(request&) {
    std::vector<beam::term> lines;
    for (const std::string& name : room_names()) {
        const auto pid = find_room(name);
        if (!pid) continue;
        auto asked = room::info(*pid);
        beam::outcome<room_info> info = co_await asked.outcome();
        if (!info) continue;
        for (const std::string& user : info->users)
            lines.push_back(beam::map({{beam::atom("user"), user}, {beam::atom("room"), name}}));
    }
    co_return beam::map({{beam::atom("users"), beam::list_of(std::move(lines))}});
}

// A room that dies under the request is asked again when its supervisor has restarted it: with the same
// key the message is kept once.
awaitable<answer> send_text(request& r, send_params p) {
    if (auto why = bad_text(p.text)) co_return malformed(*why);
    if (!p.user.empty())
        if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    if (p.key.size() > name_max) co_return malformed("the key is longer than 64 bytes");
    beam::outcome<std::string> user = co_await who(r, p.user);
    if (!user) co_return beam::refuse_for(user.error());
    beam::self me = beam::this_process();
    if (!find_room(p.room) && !history::has_room(p.room)) co_return no_such_room(p.room);
    watch_room(p.room);
    if (p.key.empty()) p.key = beam::to_string(beam::term(beam::make_ref()));
    const auto until = beam::monotonic_time() + room_returns_within;
    while (beam::monotonic_time() < until) {
        const auto pid = find_room(p.room);
        if (!pid) {
            (void)co_await me.receive_for<room_up>(until - beam::monotonic_time());
            continue;
        }
        auto asked = room::send(*pid, *user, p.text, p.key);
        beam::outcome<beam::outcome<post>> sent = co_await asked.outcome();
        if (!sent) continue;
        if (!*sent) co_return beam::refuse_for(sent->error());
        co_return shown(**sent, p.room);
    }
    beam::request_error late{"timeout",
                             "room \"" + p.room + "\" did not answer within 5s",
                             "chatctl history " + p.room,
                             75,
                             {},
                             true};
    co_return tl::unexpected<beam::request_error>(std::move(late));
}

awaitable<answer> history_of(request&, history_params p) {
    const auto pid = co_await living_room(p.room);
    if (!pid) co_return no_such_room(p.room);
    auto asked = room::history(*pid, p.since_ms, p.limit.value_or(history_default));
    std::vector<post> posts = co_await asked;
    std::vector<beam::term> lines;
    lines.reserve(posts.size());
    for (const post& q : posts) lines.push_back(shown(q, p.room));
    co_return beam::map({{beam::atom("messages"), beam::list_of(std::move(lines))}});
}

/// Joins the room's present process and sends what there is after the cursor. False: the room died.
awaitable<bool> send_new(request& r, std::string name, beam::pid room_pid, std::uint64_t* cursor) {
    beam::self me = beam::this_process();
    for (;;) {
        auto asked = room::fetch(room_pid, me.id(), *cursor, fetched_at_once);
        beam::outcome<fetched> got = co_await asked.outcome();
        if (!got) co_return false;
        if (got->missed > 0) {
            beam::term gap = beam::map({{beam::atom("event"), "missed"},
                                        {beam::atom("room"), name},
                                        {beam::atom("count"), got->missed}});
            co_await r.item(gap);
        }
        for (const post& p : got->posts) {
            beam::term line = shown(p, name);
            *cursor = p.id;
            co_await r.item(line);
        }
        if (got->posts.size() < fetched_at_once) co_return true;
    }
}

awaitable<answer> join(request& r, join_params p) {
    if (!p.user.empty())
        if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    beam::outcome<std::string> user = co_await who(r, p.user);
    if (!user) co_return beam::refuse_for(user.error());
    beam::self me = beam::this_process();
    watch_room(p.room);
    if (!find_room(p.room) && !history::has_room(p.room)) co_return no_such_room(p.room);
    std::optional<std::uint64_t> cursor = p.after;
    beam::pid last;
    for (;;) {
        const auto pid = find_room(p.room);
        if (!pid) {  // being restarted, or deleted
            auto change = co_await me.receive_for<room_up, room_deleted>(room_returns_within);
            if (!change)
                co_return beam::refuse("not_restarted",
                                       "room \"" + p.room + "\" crashed and was not restarted",
                                       "beamd logs", 75);
            if (std::holds_alternative<room_deleted>(*change)) {
                beam::term gone = event("deleted", p.room);
                co_await r.item(gone);
                co_return gone;
            }
            continue;
        }
        auto asked = room::join(*pid, me.id(), *user);
        beam::outcome<std::uint64_t> joined = co_await asked.outcome();
        if (!joined) continue;
        const bool first = !last;
        last = *pid;
        if (!cursor) cursor = *joined;
        beam::term line = beam::map({{beam::atom("event"), first ? "joined" : "restarted"},
                                     {beam::atom("room"), p.room},
                                     {beam::atom("user"), *user},
                                     {beam::atom("last_id"), *cursor},
                                     {beam::atom("pid"), beam::to_string(*pid)}});
        co_await r.item(line);
        const beam::ref monitor = beam::monitor(*pid);
        std::uint64_t at = *cursor;
        bool alive = co_await send_new(r, p.room, *pid, &at);
        while (alive) {
            auto m = co_await me.receive<news, beam::down_message, room_deleted>();
            if (std::holds_alternative<news>(m)) {
                alive = co_await send_new(r, p.room, *pid, &at);
            } else if (auto* down = std::get_if<beam::down_message>(&m)) {
                if (down->monitor == monitor) alive = false;
            } else {
                beam::term gone = event("deleted", p.room);
                co_await r.item(gone);
                co_return gone;
            }
        }
        cursor = at;
        beam::demonitor(monitor, {.flush = true});
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
