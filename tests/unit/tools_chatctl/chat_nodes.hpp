// Two nodes on which the chat application runs, and what people do there.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/two_nodes.hpp"
#include "tests/support/world.hpp"
#include "tools/chatctl/app/places.hpp"
#include "tools/chatctl/app/room.hpp"
#include "tools/chatctl/app/router.hpp"
#include "tools/chatctl/app/tree.hpp"

namespace test {

using namespace std::chrono_literals;

class chat_nodes {
public:
    chat_nodes() {
        give_folder(both.a, at_a_);
        give_folder(both.b, at_b_);
        start(both.a);
        start(both.b);
        // As before each request: the first of them began without the other.
        run_in(both.a, [](beam::self) -> beam::awaitable<void> { co_await chat::meet_others(); });
    }

    two_nodes both;

private:
    static void give_folder(beam::runtime& node, const folder& where) {
        beam::node_facts facts;
        facts.store_folder = where.path();
        beam::set_node_facts(node, facts);
    }
    static void start(beam::runtime& node) {
        node.spawn([](beam::self me) -> beam::process {
            me.trap_exit(true);
            beam::start_result started =
                co_await beam::supervisor::start_link_named<chat::chat_sup>(beam::atom("chat_sup"));
            CHECK(started.has_value());
            co_await chat::meet_others();
            beam::register_name(beam::atom("chat_is_up"), me.id());
            co_await me.sleep_for(beam::infinity{});
        });
        await_name(node, "chat_is_up");
    }

    folder at_a_, at_b_;
};

/// Looks until it is so.
template <class F>
beam::awaitable<void> until(beam::self me, F is_so) {
    const auto end = beam::monotonic_time() + 60s;
    while (!is_so()) {
        REQUIRE(beam::monotonic_time() < end);
        co_await me.sleep_for(1ms);
    }
}

/// Sends it until it is acknowledged, as chatctl does.
inline beam::awaitable<void> say(beam::self me, std::string room, std::string text) {
    const auto end = beam::monotonic_time() + 60s;
    for (;;) {
        REQUIRE(beam::monotonic_time() < end);
        if (const auto pid = chat::find_room(room)) {
            auto asked = chat::room::send(*pid, "ann", text, "key of " + text);
            beam::outcome<beam::outcome<chat::post>> sent = co_await asked.outcome();
            if (sent && *sent) co_return;
        }
        co_await me.sleep_for(1ms);
    }
}

/// Asked until there is an answer: a room that moves meanwhile gives none.
inline beam::awaitable<std::vector<std::string>> history_of(beam::self me, std::string room) {
    const auto end = beam::monotonic_time() + 60s;
    std::vector<std::string> texts;
    for (;;) {
        REQUIRE(beam::monotonic_time() < end);
        if (const auto pid = chat::find_room(room)) {
            auto asked = chat::room::history(*pid, 0, 1000);
            beam::outcome<std::vector<chat::post>> posts = co_await asked.outcome();
            if (posts) {
                for (const chat::post& p : *posts) texts.push_back(p.text);
                co_return texts;
            }
        }
        co_await me.sleep_for(1ms);
    }
}

}  // namespace test
