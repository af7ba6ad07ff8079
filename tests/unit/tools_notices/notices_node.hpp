// The application with a store of its own, in a node of a test.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/world.hpp"
#include "tools/presence/app/application.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/presence/app/notices/post_office.hpp"

namespace test {

/// Runs `code(self, args...)` in a node whose application keeps its notices in that folder.
template <class F, class... Args>
void in_presence_node(const folder& f, F code, Args... args) {
    beam::runtime_options o;
    o.schedulers = 2;
    beam::runtime node(o);
    beam::node_facts facts;
    facts.store_folder = f.path();
    beam::set_node_facts(node, facts);
    run_in(node, code, std::move(args)...);
}

inline beam::awaitable<beam::pid> start_presence() {
    beam::start_result started = co_await presence::start_tree(nullptr);
    beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
    REQUIRE_MESSAGE(p.has_value(), beam::to_string(p ? beam::term() : p.error()));
    co_return *p;
}

/// Ends it in good order, the store last.
inline beam::awaitable<void> stop_presence(beam::self me, beam::pid tree) {
    const beam::ref ends = beam::monitor(tree);
    beam::unlink(tree);
    beam::exit(tree, beam::atoms::shutdown);
    co_await me.receive_if<beam::down_message>(
        [ends](const beam::down_message& m) { return m.monitor == ends; });
}

/// The user's mailbox, through all that dies meanwhile.
inline beam::awaitable<beam::pid> mailbox_of(beam::self me, std::string user) {
    for (int i = 0; i < 10'000; ++i) {
        auto asking = presence::post_office::mailbox_of(beam::node(), user, true);
        beam::outcome<presence::located> found = co_await asking.outcome();
        if (found && found->mailbox) co_return *found->mailbox;
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("there is no mailbox");
    co_return beam::pid();
}

inline presence::letter letter_of(std::string from, std::string id, std::string text = "text",
                                  std::chrono::milliseconds ttl = std::chrono::hours(1)) {
    return {std::move(from), std::move(id), std::move(text), ttl.count()};
}

/// Posts, and gives what came of it.
inline beam::awaitable<presence::posted> post(beam::self me, std::string user,
                                              presence::letter what) {
    beam::pid box = co_await mailbox_of(me, user);
    auto posting = presence::mailbox::post(box, std::move(what), presence::notice_state::queued,
                                           std::chrono::milliseconds(0));
    co_return co_await posting;
}

/// The ids of what waits: `1 2 3`.
inline beam::awaitable<std::string> ids_waiting(beam::self me, std::string user) {
    beam::pid box = co_await mailbox_of(me, user);
    auto looking = presence::mailbox::look(box);
    std::vector<presence::standing> all = co_await looking;
    std::string ids;
    for (const auto& s : all) ids += (ids.empty() ? "" : " ") + s.what.id;
    co_return ids;
}

/// The calling process is a listening session of the user from now on.
inline beam::awaitable<void> listen_as(beam::self me, std::string user, std::string session) {
    const beam::term meta = beam::map({{beam::atom("listens"), true}});
    auto tracking = beam::tracker::track(presence::tracker_name(), me.id(), presence::all_sessions,
                                         user, session, meta);
    beam::result<beam::tracker::dot> tracked = co_await tracking;
    CHECK(tracked.has_value());
}

}  // namespace test
