#include "tools/chatctl/app/router.hpp"

#include <algorithm>
#include <chrono>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/copies.hpp"
#include "tools/chatctl/app/directory.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"

namespace chat {

namespace {

constexpr std::chrono::seconds seen_within{1};

/// Waits until other nodes know the room and those with a seat hold it.
beam::awaitable<void> seen_elsewhere(beam::pid made) {
    if (other_nodes().empty()) co_return;
    auto holding = room::info(made, seen_within);
    auto seeing = beam::tracker::wait_seen(tracker_name(), "rooms", seen_within);
    (void)co_await seeing.outcome();
    (void)co_await holding.outcome();
}

/// Whether no other node makes that room at this moment.
beam::awaitable<bool> is_ours(std::string name) {
    if (other_nodes().empty()) co_return true;
    auto asking = directory::reserve(name, beam::node());
    beam::outcome<bool> answer = co_await asking.outcome();
    // Who cannot be asked does not decide.
    co_return answer.value_or(true);
}

}  // namespace

beam::future<beam::start_result> start_room(medium kept, std::string name) {
    beam::child_spec spec(name, beam::child<room>(kept, name), beam::restart_type::transient);
    return beam::dynamic_supervisor::start_child(rooms_supervisor(), std::move(spec));
}

beam::future<beam::outcome<beam::pid>> router::create(std::string name) {
    return beam::call<create_room>(router_name(), std::move(name));
}
beam::future<beam::outcome<bool>> router::remove(std::string name, beam::atom node) {
    return beam::call<remove_room>(beam::server_ref(router_name(), node), std::move(name));
}

beam::awaitable<beam::init_result<router>> router::init() {
    if (!beam::try_register_name(router_name(), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    co_await history::tidy();
    // What is on the disk moves then.
    if (medium_now() == medium::kv) co_return router();
    const auto records = history::records();
    for (const auto& [name, record] : records) {
        if (find_local_room(medium::disk, name)) continue;
        // One that others hold, too, may live with them: the directory sees to it.
        if (is_distributed() && !record.seats.empty()) continue;
        auto starting = start_room(medium::disk, name);
        beam::start_result started = co_await starting;
        // One that its own supervisor restarts just now, or that cannot be read: the others must start.
        if (!started)
            beam::log(beam::log_level::warning, "chat", "a room did not start",
                      {{"room", name}, {"reason", beam::to_string(started.error())}});
    }
    co_return router();
}

beam::awaitable<beam::outcome<beam::pid>> router::handle_call(create_room m) {
    std::vector<std::string> names = co_await history::rooms();
    const bool exists =
        std::find(names.begin(), names.end(), m.name) != names.end() || has_room(m.name);
    if (exists) co_return beam::fail_term(beam::atom("already_exists"));
    if (names.size() >= rooms_max) co_return beam::fail_term(beam::atom("too_many_rooms"));
    const bool ours = co_await is_ours(m.name);
    if (!ours) co_return beam::fail_term(beam::atom("already_exists"));
    beam::outcome<void> made = co_await on_disk().create(m.name);
    if (!made) co_return beam::pass_term(made);
    auto starting = start_room(medium::disk, m.name);
    beam::start_result started = co_await starting;
    beam::outcome<beam::pid> pid = beam::started_pid(std::move(started));
    if (!pid)
        (void)co_await history::remove_room(m.name);
    else
        co_await seen_elsewhere(*pid);
    co_return pid;
}

// Twice it is taken out of the store: first, so that nobody starts it again when it ends, and then what it wrote until
// it had ended.
beam::awaitable<beam::outcome<bool>> router::handle_call(remove_room m) {
    const auto record = history::record_of(m.name);
    if (!record) co_return beam::fail_term(beam::atom("not_found"));
    beam::outcome<void> removed = co_await history::remove_room(m.name);
    if (!removed) co_return beam::pass_term(removed);
    marks seen = record->seen;
    if (auto pid = find_local_room(medium::disk, m.name)) {
        auto asking = room::seen(*pid);
        beam::outcome<marks> all = co_await asking.outcome();
        if (all) seen = *all;
        auto ending = beam::dynamic_supervisor::terminate_child(rooms_supervisor(), *pid);
        (void)co_await ending;
    }
    std::optional<marks> deleted;
    if (!record->seats.empty() || !other_nodes().empty()) deleted = seen;
    removed = co_await history::remove_room(m.name, std::move(deleted));
    if (!removed) co_return beam::pass_term(removed);
    for (beam::atom node : other_nodes()) copies::forget(node, m.name, seen);
    directory::forget(m.name);
    co_return true;
}

}  // namespace chat
