// Sending to a room and listening to it, wherever it lives, while it crashes and moves.
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
#include "tools/chatctl/app/reaching.hpp"
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

namespace {

/// How far a message has come: what the last try came to, and whether an earlier one may have been kept.
struct tried {
    std::optional<answer> is;  ///< the end of it
    std::optional<beam::request_error> why{};
    bool may_be_said = false;
    beam::pid failed{};  ///< the process that is not to be asked next
};

void take_failure(tried& t, const beam::term& why, const std::string& room) {
    beam::request_error e = refuse_kept(why, room).value();
    t.may_be_said = t.may_be_said || e.applied_unknown;
    t.why = std::move(e);
}

awaitable<void> say_once(tried* t, beam::pid home, send_params p) {
    auto asked = room::send(home, p.user, p.text, p.key);
    beam::outcome<beam::outcome<post>> sent = co_await asked.outcome();
    if (sent && *sent) {
        t->is = shown(**sent, p.room);
        co_return;
    }
    if (sent && sent->error().is_tagged(beam::atom("store"), 3)) {
        t->is = beam::refuse_for(sent->error());
        co_return;
    }
    t->failed = home;
    if (sent)
        take_failure(*t, sent->error(), p.room);
    else if (auto why = why_not_opened(sent.error()))
        take_failure(*t, *why, p.room);
    else
        t->may_be_said = t->may_be_said || !was_not_done(sent.error());
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
    p.user = *user;
    if (p.key.empty()) p.key = beam::secure_random_hex(16);
    beam::self me = beam::this_process();
    watch_room(p.room);
    const auto until = beam::monotonic_time() + room_returns_within;
    bool has_met = false;
    tried t;
    do {
        reached there = co_await reach_room(p.room, std::exchange(t.failed, {}));
        if (!there.is_known && !std::exchange(has_met, true)) {
            co_await meet_others();
            continue;
        }
        if (!there.is_known) co_return no_such_room(p.room);
        if (there.why) t.why = std::move(there.why);
        if (there.room) co_await say_once(&t, *there.room, p);
        if (t.is) co_return *std::move(t.is);
        (void)co_await me.receive_for<room_up>(until_next_look(until));
    } while (beam::monotonic_time() < until);
    if (t.why && !t.may_be_said) {
        t.why->why += ", nothing was said";
        co_return tl::unexpected<beam::request_error>(*std::move(t.why));
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
    reader reading(marks_from(p.read));
    beam::pid last, failed;
    bool has_met = false;
    auto until = beam::monotonic_time() + room_returns_to_listener_within;
    for (;;) {
        bool deleted = false;
        reached there = co_await reach_room(p.room, std::exchange(failed, {}));
        const auto pid = there.room;
        if (!there.is_known && !std::exchange(has_met, true)) {
            co_await meet_others();
        } else if (!there.is_known) {
            if (!last) co_return no_such_room(p.room);
            deleted = true;
        } else if (!pid) {  // being restarted or moving, or deleted
            const bool is_late = beam::monotonic_time() >= until;
            if (is_late && there.why)
                co_return tl::unexpected<beam::request_error>(*std::move(there.why));
            if (is_late)
                co_return beam::refuse("not_restarted",
                                       "room \"" + p.room + "\" crashed and was not restarted",
                                       "beamd logs", 75);
            auto change = co_await me.receive_for<room_up, room_deleted>(until_next_look(until));
            deleted = change && std::holds_alternative<room_deleted>(*change);
        } else {
            auto asked = room::join(*pid, me.id(), *user, p.after, reading.read());
            beam::outcome<joined> in = co_await asked.outcome();
            if (!in) {
                failed = *pid;
                if (!pid->is_local() || why_not_opened(in.error()))
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
