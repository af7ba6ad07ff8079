// The chat application with a store of its own, in a node of a test, in each place that rooms are kept in.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/tools_kv_app/tenant_node.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/keeping.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/reaching.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"
#include "tools/chatctl/app/tree.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/names.hpp"

namespace test {

/// The places that rooms are kept in: each test of one is a test of both.
struct on_disk_place {
    static constexpr chat::medium where = chat::medium::disk;
    /// Whose death takes what is kept away for a moment.
    static beam::atom store() { return chat::store_name(); }
};
struct in_kv_place {
    static constexpr chat::medium where = chat::medium::kv;
    static beam::atom store() { return kv::store_name(); }
};

/// Runs `code(self, args...)` in a node that keeps its rooms in that folder, and in that place of it.
template <class Place, class F, class... Args>
void in_chat_node(const folder& f, F code, Args... args) {
    in_tenant_node<Place::where == chat::medium::kv>(f, code, std::move(args)...);
}

inline beam::awaitable<beam::pid> start_chat() {
    beam::start_result started =
        co_await beam::supervisor::start_link_named<chat::chat_sup>(beam::atom("chat_sup"));
    beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
    REQUIRE_MESSAGE(p.has_value(), beam::to_string(p ? beam::term() : p.error()));
    co_return *p;
}

/// Ends it in good order, the store last.
inline beam::awaitable<void> stop_chat(beam::self me, beam::pid tree) {
    return end_tree(me, tree);
}

inline beam::awaitable<void> create(std::string name) {
    if (chat::medium_now() == chat::medium::kv) {
        auto made = co_await chat::create_in_kv(name);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().why));
        co_return;
    }
    auto asked = chat::router::create(name);
    beam::outcome<beam::pid> made = co_await asked;
    REQUIRE_MESSAGE(made.has_value(), beam::to_string(made ? beam::term() : made.error()));
}

/// The room's process, through all that dies meanwhile.
inline beam::awaitable<beam::pid> home_of(beam::self me, std::string name) {
    for (int i = 0; i < 10'000; ++i) {
        chat::reached r = co_await chat::reach_room(name);
        if (r.room) co_return *r.room;
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("the room has no process");
    co_return beam::pid();
}

/// Says it until that is acknowledged, as chatctl does, and gives what it became.
inline beam::awaitable<chat::post> say(beam::self me, std::string name, std::string text) {
    for (int i = 0; i < 10'000; ++i) {
        beam::pid home = co_await home_of(me, name);
        auto asked = chat::room::send(home, "ann", text, "key of " + text);
        beam::outcome<beam::outcome<chat::post>> sent = co_await asked.outcome();
        if (sent && *sent) co_return **std::move(sent);
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("it is not acknowledged");
    co_return chat::post();
}

/// `1:one 2:two`: what is kept, as the room tells it.
inline beam::awaitable<std::string> history_of(beam::self me, std::string name) {
    for (int i = 0; i < 10'000; ++i) {
        beam::pid home = co_await home_of(me, name);
        auto asked = chat::room::history(home, 0, 10'000);
        beam::outcome<std::vector<chat::post>> posts = co_await asked.outcome();
        if (!posts) {
            co_await me.sleep_for(std::chrono::milliseconds(1));
            continue;
        }
        std::string all;
        for (const chat::post& p : *posts)
            all += (all.empty() ? "" : " ") + std::to_string(p.id) + ":" + p.text;
        co_return all;
    }
    FAIL("it is not answered");
    co_return "";
}

}  // namespace test
