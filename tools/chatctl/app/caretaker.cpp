#include "tools/chatctl/app/caretaker.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/kv_rooms.hpp"
#include "tools/chatctl/app/moving.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/router.hpp"
#include "tools/tenant/requests.hpp"

namespace chat {

namespace {

using namespace std::chrono_literals;

constexpr auto tidies_up_every = 60s;
constexpr auto settles_after = 50ms;  // many shards change at once
constexpr auto tries_again_after = 1s;
constexpr auto opens_within = 2s;

beam::awaitable<beam::outcome<beam::pid>> open_here(std::string name) {
    if (auto running = find_local_room(medium::kv, name)) co_return *running;
    auto starting = start_room(medium::kv, name);
    beam::outcome<beam::start_result> started = co_await starting.outcome();
    if (!started) co_return beam::fail_term(started.error());
    // Its supervisor may have restarted it just now.
    if (auto running = find_local_room(medium::kv, name)) co_return *running;
    co_return beam::started_pid(*std::move(started));
}

beam::awaitable<bool> is_led_here(std::string name) {
    beam::outcome<kv::leader> found = co_await tenant::leader_of(kv_rooms::leading_key(name));
    co_return found && found->node == beam::node();
}

/// Opens the rooms that this node is to be the home of, and ends what a removal has left.
beam::process settle_in(beam::self me) {
    for (;;) {
        beam::outcome<std::vector<kv_rooms::listed_room>> rooms = co_await kv_rooms::all();
        if (!rooms) {
            co_await me.sleep_for(tries_again_after);
            continue;
        }
        for (const kv_rooms::listed_room& room : *rooms) {
            if (!room.is_leaving && !room.is_whole) continue;
            if (!room.is_leaving && find_local_room(medium::kv, room.name)) continue;
            const bool is_ours = co_await is_led_here(room.name);
            if (!is_ours) continue;
            if (room.is_leaving)
                (void)co_await kv_rooms::remove(room.name);
            else
                (void)co_await open_here(room.name);
        }
        co_return;
    }
}

}  // namespace

beam::future<beam::outcome<beam::pid>> caretaker::open(beam::atom node, std::string name) {
    return beam::call<open_room>(beam::server_ref(caretaker_name(), node),
                                 beam::timeout(opens_within), std::move(name));
}

beam::init_result<caretaker> caretaker::init() {
    const beam::pid me = beam::this_process().id();
    if (!beam::try_register_name(caretaker_name(), me))
        return beam::stop_with{beam::atom("name_taken")};
    kv::tell_of_cluster(me);
    return caretaker();
}

beam::awaitable<beam::outcome<beam::pid>> caretaker::handle_call(open_room m) {
    co_return co_await open_here(std::move(m.name));
}

void caretaker::handle_info(kv::cluster_noted) {
    if (kv::stop_waiting_for_cluster(id()))
        beam::spawn_link(tenant::start_kv, id(), std::string("chat"), false);
}

void caretaker::handle_info(tenant::kv_runs) {
    finder_ = beam::monitor(kv::finder());
    kv::watch_leaders(id());
    beam::send(id(), tidy_up{});
}

void caretaker::handle_info(tidy_up) {
    // The disk should be empty, and each room open; unless something has died in the middle of it.
    beam::spawn(move_to_kv);
    beam::send(id(), settle{});
    beam::send_after(tidies_up_every, id(), tidy_up{});
}

void caretaker::handle_info(kv::leaders_changed) {
    if (std::exchange(settles_soon_, true)) return;
    beam::send_after(settles_after, id(), settle{});
}

void caretaker::handle_info(settle) {
    settles_soon_ = false;
    if (settling_)
        settles_again_ = true;
    else
        settling_ = beam::spawn_monitor(settle_in).monitor;
}

void caretaker::handle_info(beam::down_message m) {
    if (finder_ && m.monitor == *finder_) {
        finder_.reset();
        beam::spawn_link(tenant::start_kv, id(), std::string("chat"), true);
    }
    if (!settling_ || m.monitor != *settling_) return;
    settling_.reset();
    if (std::exchange(settles_again_, false)) beam::send(id(), settle{});
}

}  // namespace chat
