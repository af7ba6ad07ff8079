#include "tools/chatctl/app/router.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/room.hpp"

namespace chat {

namespace {

beam::future<beam::start_result> start_room(std::string name) {
    beam::child_spec spec(name, beam::child<room>(name));
    return beam::dynamic_supervisor::start_child(rooms_supervisor(), std::move(spec));
}

}  // namespace

beam::future<beam::outcome<beam::pid>> router::create(std::string name) {
    return beam::call<create_room>(router_name(), std::move(name));
}
beam::future<beam::outcome<bool>> router::remove(std::string name) {
    return beam::call<remove_room>(router_name(), std::move(name));
}

beam::awaitable<beam::init_result<router>> router::init() {
    if (!beam::try_register_name(router_name(), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    std::vector<std::string> names = co_await history::rooms();
    for (const std::string& name : names) {
        if (find_room(name)) continue;
        auto starting = start_room(name);
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
    if (std::find(names.begin(), names.end(), m.name) != names.end())
        co_return beam::fail_term(beam::atom("already_exists"));
    if (names.size() >= rooms_max) co_return beam::fail_term(beam::atom("too_many_rooms"));
    beam::outcome<void> saved = co_await history::add_room(m.name);
    if (!saved) co_return beam::pass_term(saved);
    auto starting = start_room(m.name);
    beam::start_result started = co_await starting;
    beam::outcome<beam::pid> pid = beam::started_pid(std::move(started));
    if (!pid) (void)co_await history::remove_room(m.name);
    co_return pid;
}

beam::awaitable<beam::outcome<bool>> router::handle_call(remove_room m) {
    std::vector<std::string> names = co_await history::rooms();
    if (std::find(names.begin(), names.end(), m.name) == names.end())
        co_return beam::fail_term(beam::atom("not_found"));
    if (auto pid = find_room(m.name)) {
        auto ending = beam::dynamic_supervisor::terminate_child(rooms_supervisor(), *pid);
        (void)co_await ending;
    }
    beam::outcome<void> removed = co_await history::remove_room(m.name);
    if (!removed) co_return beam::pass_term(removed);
    tell_watchers_deleted(m.name);
    co_return true;
}

}  // namespace chat
