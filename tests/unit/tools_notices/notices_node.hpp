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
#include "tests/unit/tools_kv_app/tenant_node.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/presence/app/application.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/notices/mailbox.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/presence/app/notices/records.hpp"

namespace test {

/// The places that notices are kept in: each test of one is a test of both.
struct disk_place {
    static constexpr presence::place where = presence::place::disk;
    /// Whose death takes what is kept away for a moment.
    static beam::atom store() { return presence::store_name(); }
};
struct kv_place {
    static constexpr presence::place where = presence::place::kv;
    static beam::atom store() { return kv::store_name(); }
};

/// Runs `code(self, args...)` in a node whose application keeps its notices in that folder, and in that place of it.
template <class Place, class F, class... Args>
void in_presence_node(const folder& f, F code, Args... args) {
    in_tenant_node<Place::where == presence::place::kv>(f, code, std::move(args)...);
}

inline beam::awaitable<beam::pid> start_presence() {
    beam::start_result started = co_await presence::start_tree(nullptr);
    beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
    REQUIRE_MESSAGE(p.has_value(), beam::to_string(p ? beam::term() : p.error()));
    co_return *p;
}

/// Ends it in good order, the store last.
inline beam::awaitable<void> stop_presence(beam::self me, beam::pid tree) {
    return end_tree(me, tree);
}

/// The user's mailbox, through all that dies meanwhile.
inline beam::awaitable<beam::pid> mailbox_of(beam::self me, std::string user) {
    for (int i = 0; i < 10'000; ++i) {
        auto asking =
            presence::post_office::mailbox_of(beam::node(), user, true, presence::place_now());
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

/// Posts until it is answered, and gives what came of it.
inline beam::awaitable<presence::posted> post(beam::self me, std::string user,
                                              presence::letter what) {
    for (int i = 0; i < 10'000; ++i) {
        beam::pid box = co_await mailbox_of(me, user);
        auto posting = presence::mailbox::post(box, what, presence::notice_state::queued,
                                               std::chrono::milliseconds(0));
        beam::outcome<presence::posted> done = co_await posting.outcome();
        if (done && !done->error.is_tagged(beam::atom("kv"), 3)) co_return *std::move(done);
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("it is not answered");
    co_return presence::posted();
}

/// The ids of what waits: `1 2 3`.
inline beam::awaitable<std::string> ids_waiting(beam::self me, std::string user) {
    for (int i = 0; i < 10'000; ++i) {
        beam::pid box = co_await mailbox_of(me, user);
        auto looking = presence::mailbox::look(box);
        beam::outcome<std::vector<presence::standing>> all = co_await looking.outcome();
        if (!all) {
            co_await me.sleep_for(std::chrono::milliseconds(1));
            continue;
        }
        std::string ids;
        for (const auto& s : *all) ids += (ids.empty() ? "" : " ") + s.what.id;
        co_return ids;
    }
    FAIL("it is not answered");
    co_return "";
}

/// What the records of that place say of a notice; nothing: they do not know it.
inline beam::awaitable<std::optional<presence::receipt>> receipt_in(presence::place where,
                                                                    std::string from,
                                                                    std::string id,
                                                                    std::string user) {
    auto found = co_await presence::records::of(where).find(from, id, user);
    REQUIRE_MESSAGE(found.has_value(), beam::to_string(found ? beam::term() : found.error()));
    co_return *found;
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
