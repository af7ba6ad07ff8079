#include "tools/chatctl/app/reaching.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/chatctl/app/answers.hpp"
#include "tools/chatctl/app/caretaker.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/tenant/refusals.hpp"
#include "tools/tenant/requests.hpp"
#include "tools/tenant/running.hpp"

namespace chat {

namespace {

using beam::awaitable;
using beam::outcome;
using namespace std::chrono_literals;

constexpr auto known_within = 1s;

bool is_gone(const beam::term& call_failure) {
    const auto parts = call_failure.elements();
    return !parts.empty() && parts[0] == beam::atom("noproc");
}

/// Waits until a request at this node finds it without asking kv.
awaitable<void> seen_here(std::string name) {
    beam::self me = beam::this_process();
    watch_room(name);
    const auto until = beam::monotonic_time() + known_within;
    while (!find_room(name) && beam::monotonic_time() < until)
        (void)co_await me.receive_for<room_up>(until_next_look(until));
}

/// What is on the disks of nodes, too, as before there was a cluster.
awaitable<void> forget_everywhere(std::string name, marks seen) {
    for (beam::atom node : other_nodes()) copies::forget(node, name, seen);
    if (history::record_of(name) && !find_local_room(medium::disk, name))
        (void)co_await history::remove_room(name);
    directory::forget(name);
}

}  // namespace

std::chrono::nanoseconds until_next_look(std::chrono::nanoseconds until) {
    const auto left = until - beam::monotonic_time();
    return std::clamp<std::chrono::nanoseconds>(left, 0ns, looks_again_after);
}

bool was_not_done(const beam::term& call_failure) {
    return is_gone(call_failure) || why_not_opened(call_failure);
}

tl::unexpected<beam::request_error> refuse_kept(const beam::term& why, const std::string& room) {
    if (auto e = tenant::refusal_of(why, "chatctl history " + room))
        return tl::unexpected<beam::request_error>(*std::move(e));
    if (why == beam::atom("not_found")) return no_such_room(room);
    if (tenant::has_code(why, "conflict") || why == beam::atom("moved"))
        return beam::refuse("moving", "room \"" + room + "\" is moving to another node",
                            "chatctl list", 75);
    if (why == beam::atom("moves"))
        return beam::refuse("moving", "room \"" + room + "\" is moving to kv", "chatctl list", 75);
    return beam::refuse_for(why);
}

awaitable<asked<beam::pid>> open_in_kv(std::string name) {
    outcome<kv::leader> leader = co_await tenant::leader_of(kv_rooms::leading_key(name));
    if (!leader) co_return refuse_kept(leader.error(), name);
    auto opening = caretaker::open(leader->node, name);
    outcome<outcome<beam::pid>> opened = co_await opening.outcome();
    // No chat runs there.
    if (!opened && is_gone(opened.error()) && leader->node != beam::node()) {
        auto here = caretaker::open(beam::node(), name);
        opened = co_await here.outcome();
    }
    if (opened && *opened) co_return **opened;
    if (opened) co_return refuse_kept(opened->error(), name);
    co_return tenant::unavailable(
        tenant::failure("unavailable", "shard " + std::to_string(leader->shard)));
}

awaitable<reached> reach_room(std::string name, beam::pid but) {
    reached r;
    const auto there = find_room(name);
    if (there && *there != but) r.room = there;
    if (r.room) co_return r;
    r.is_known = there || may_have_room(name);
    if (medium_now() == medium::disk) co_return r;
    co_await tenant::await_kv();
    outcome<std::optional<room_head>> head = co_await in_kv().find(name);
    if (!head) {
        r.is_known = true;
        r.why = refuse_kept(head.error(), name).value();
    }
    // One that is on a disk yet is on its way to kv.
    if (!head || !*head) co_return r;
    r.is_known = true;
    if (!(*head)->record.whole) {
        r.why = refuse_kept(beam::atom("moves"), name).value();
        co_return r;
    }
    auto opened = co_await open_in_kv(name);
    if (opened)
        r.room = *opened;
    else
        r.why = std::move(opened.error());
    co_return r;
}

awaitable<asked<beam::pid>> living_room(std::string name) {
    beam::self me = beam::this_process();
    watch_room(name);
    const auto until = beam::monotonic_time() + room_returns_within;
    bool has_met = false;
    for (;;) {
        reached r = co_await reach_room(name);
        if (r.room) co_return *r.room;
        if (!r.is_known && !std::exchange(has_met, true)) {
            co_await meet_others();
            continue;
        }
        const bool is_late = beam::monotonic_time() >= until;
        if (is_late && r.why) co_return tl::unexpected<beam::request_error>(*std::move(r.why));
        if (is_late || !r.is_known) co_return no_such_room(name);
        (void)co_await me.receive_for<room_up>(until_next_look(until));
    }
}

awaitable<asked<beam::pid>> create_in_kv(std::string name) {
    co_await tenant::await_kv();
    // One that has not moved to kv yet.
    if (find_room(name) || history::record_of(name)) co_return exists_already(name);
    if (room_names().size() >= rooms_max) co_return too_many_rooms();
    const outcome<void> made = co_await in_kv().create(name);
    if (!made && made.error() == beam::atom("already_exists")) co_return exists_already(name);
    if (!made) co_return refuse_kept(made.error(), name);
    auto opened = co_await living_room(name);
    if (!opened)
        co_return beam::refuse(
            "not_open", "room \"" + name + "\" is created, but not open yet: " + opened.error().why,
            "chatctl history " + name, 75);
    co_await seen_here(name);
    co_return opened;
}

awaitable<asked<marks>> remove_in_kv(std::string name) {
    co_await tenant::await_kv();
    outcome<marks> removed = co_await kv_rooms::remove(name);
    if (!removed) co_return refuse_kept(removed.error(), name);
    if (const auto home = find_room(name)) room::end(*home);
    co_await forget_everywhere(name, *removed);
    co_return *std::move(removed);
}

}  // namespace chat
