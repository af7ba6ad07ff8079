// Sending to a room and listening to it, wherever it lives, while it crashes and moves.
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/answers.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/reader.hpp"
#include "tools/chatctl/app/room.hpp"

namespace chat {

using beam::answer;
using beam::awaitable;
using beam::request;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t fetched_at_once = 100;
// A listener has time: a node that is only silent is given up by the others after some seconds.
constexpr auto room_returns_to_listener_within = 30s;

std::chrono::nanoseconds until_next_look(std::chrono::nanoseconds until) {
    const auto left = until - beam::monotonic_time();
    return std::clamp<std::chrono::nanoseconds>(left, 0ns, looks_again_after);
}

awaitable<void> tell_missed(request& r, std::string room, std::uint64_t count) {
    beam::term gap = beam::map({{beam::atom("event"), "missed"},
                                {beam::atom("room"), room},
                                {beam::atom("count"), count}});
    co_await r.item(gap);
}

/// Sends what there is after the cursor. False: the room died.
awaitable<bool> send_new(request& r, std::string name, beam::pid room_pid, reader* who) {
    beam::self me = beam::this_process();
    for (;;) {
        auto asked = room::fetch(room_pid, me.id(), who->after(), fetched_at_once);
        beam::outcome<fetched> got = co_await asked.outcome();
        if (!got) co_return false;
        if (got->missed > 0) co_await tell_missed(r, name, got->missed);
        for (const post& p : got->posts) {
            if (!who->take(p)) continue;
            beam::term line = shown(p, name);
            co_await r.item(line);
        }
        if (!got->more) co_return true;
    }
}

/// Listens to one process of the room. True: the room was deleted; false: the process died, or there is another.
awaitable<bool> listen(request& r, std::string name, beam::pid room_pid, reader* who) {
    beam::self me = beam::this_process();
    const beam::ref monitor = beam::monitor(room_pid);
    bool alive = co_await send_new(r, name, room_pid, who);
    bool deleted = false;
    while (alive && !deleted) {
        auto m = co_await me.receive<news, beam::down_message, room_deleted, room_up>();
        if (std::holds_alternative<news>(m))
            alive = co_await send_new(r, name, room_pid, who);
        else if (std::holds_alternative<room_up>(m))
            // It has moved, though this process may seem to live: its node is silent.
            alive = find_room(name).value_or(room_pid) == room_pid;
        else if (auto* down = std::get_if<beam::down_message>(&m))
            alive = down->monitor != monitor;
        else
            deleted = true;
    }
    beam::demonitor(monitor, {.flush = true});
    room::leave(room_pid, me.id());
    co_return deleted;
}

const char* event_of(beam::pid last, beam::pid now) {
    if (!last) return "joined";
    if (last == now) return "rejoined";  // the connection was lost for a moment
    return beam::node(last) == beam::node(now) ? "restarted" : "moved";
}

}  // namespace

// A room that dies under the request is asked again when it is back, here or elsewhere: with the same key the message
// is kept once.
awaitable<answer> send_text(request& r, send_params p) {
    if (auto why = bad_text(p.text)) co_return malformed(*why);
    if (!p.user.empty())
        if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    if (p.key.size() > name_max) co_return malformed("the key is longer than 64 bytes");
    beam::outcome<std::string> user = co_await who(r, p.user);
    if (!user) co_return beam::refuse_for(user.error());
    beam::self me = beam::this_process();
    const bool known = co_await is_known(p.room);
    if (!known) co_return no_such_room(p.room);
    watch_room(p.room);
    if (p.key.empty()) p.key = beam::secure_random_hex(16);
    const auto until = beam::monotonic_time() + room_returns_within;
    while (beam::monotonic_time() < until) {
        const auto pid = find_room(p.room);
        if (pid) {
            auto asked = room::send(*pid, *user, p.text, p.key);
            beam::outcome<beam::outcome<post>> sent = co_await asked.outcome();
            if (sent && !*sent) co_return beam::refuse_for(sent->error());
            if (sent) co_return shown(**sent, p.room);
            if (pid->is_local()) continue;
        }
        (void)co_await me.receive_for<room_up>(until_next_look(until));
    }
    beam::request_error late{"timeout",
                             "room \"" + p.room + "\" did not answer within 5s",
                             "chatctl history " + p.room,
                             75,
                             {},
                             true};
    co_return tl::unexpected<beam::request_error>(std::move(late));
}

awaitable<answer> join(request& r, join_params p) {
    if (!p.user.empty())
        if (auto why = bad_name("the user's name", p.user)) co_return malformed(*why);
    beam::outcome<std::string> user = co_await who(r, p.user);
    if (!user) co_return beam::refuse_for(user.error());
    beam::self me = beam::this_process();
    watch_room(p.room);
    const bool known = co_await is_known(p.room);
    if (!known) co_return no_such_room(p.room);
    reader reading(marks_from(p.read));
    beam::pid last;
    auto until = beam::monotonic_time() + room_returns_to_listener_within;
    for (;;) {
        bool deleted = false;
        const auto pid = find_room(p.room);
        if (!pid) {  // being restarted or moving, or deleted
            if (beam::monotonic_time() >= until)
                co_return beam::refuse("not_restarted",
                                       "room \"" + p.room + "\" crashed and was not restarted",
                                       "beamd logs", 75);
            auto change = co_await me.receive_for<room_up, room_deleted>(until_next_look(until));
            deleted = change && std::holds_alternative<room_deleted>(*change);
        } else {
            auto asked = room::join(*pid, me.id(), *user, p.after, reading.read());
            beam::outcome<joined> in = co_await asked.outcome();
            if (!in) {
                if (!pid->is_local())
                    (void)co_await me.receive_for<room_up>(until_next_look(until));
                continue;
            }
            const std::uint64_t missed = in->from.missed;
            reading.resume(std::move(in->read), std::move(in->from));
            beam::term line = beam::map({{beam::atom("event"), event_of(last, *pid)},
                                         {beam::atom("room"), p.room},
                                         {beam::atom("user"), *user},
                                         {beam::atom("last_id"), reading.after()},
                                         {beam::atom("read"), shown(reading.read())},
                                         {beam::atom("pid"), beam::to_string(*pid)},
                                         {beam::atom("node"), beam::node(*pid)}});
            co_await r.item(line);
            if (missed > 0) co_await tell_missed(r, p.room, missed);
            last = *pid;
            deleted = co_await listen(r, p.room, *pid, &reading);
            until = beam::monotonic_time() + room_returns_to_listener_within;
        }
        if (!deleted) continue;
        beam::term gone = event("deleted", p.room);
        co_await r.item(gone);
        co_return gone;
    }
}

}  // namespace chat
