#include "libbeamcore/pubsub/pubsub.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/support/mesh.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

using network = std::shared_ptr<mesh>;

struct said {
    std::string who, what;
    BEAM_FIELDS(said, who, what)
};

atom rooms(const std::string& node) {
    return mesh::name(node, "rooms");
}

awaitable<void> start_pubsub(network net, std::string node) {
    this_process().trap_exit(true);
    pubsub::options o(rooms(node));
    o.others = net->of(node);
    start_result r = co_await pubsub::start_link(std::move(o));
    REQUIRE_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
}

// What has come when all that was sent has been through the relays. In a simulated node.
awaitable<term> heard(self me) {
    co_await me.sleep_for(1ms);  // of virtual time: whatever can run has run
    co_return mailbox(me);
}

}  // namespace

TEST_CASE("PUB-01: two subscriptions, two messages; unsubscribing ends both") {
    simulated([](self me) -> awaitable<void> {
        co_await start_pubsub(mesh::make(), "a");
        const atom r = rooms("a");
        pubsub::unsubscribe(r, "lobby");  // none: nothing happens
        pubsub::subscribe(r, "lobby");
        pubsub::subscribe(r, "lobby");
        CHECK(pubsub::subscribers(r, "lobby") == std::vector<pid>{me.id(), me.id()});
        pubsub::broadcast(r, "lobby", 1);
        pubsub::broadcast(r, "attic", 2);
        term all = co_await heard(me);
        CHECK(all == list({1, 1}));
        pubsub::unsubscribe(r, "lobby");
        CHECK(pubsub::subscribers(r, "lobby").empty());
        pubsub::broadcast(r, "lobby", 3);
        all = co_await heard(me);
        CHECK(all == list({}));
    });
}

TEST_CASE("PUB-02: broadcast_from skips the sender on its node, and nobody else") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_pubsub(net, "a");
        co_await start_pubsub(net, "b");
        const pid other = spawn(puppet);
        co_await perform(me, other,
                         [](self, const term&) { pubsub::subscribe(rooms("a"), "lobby"); });
        pubsub::subscribe(rooms("a"), "lobby");
        pubsub::broadcast_from(rooms("a"), me.id(), "lobby", 1);
        pubsub::local_broadcast_from(rooms("a"), me.id(), "lobby", 2);
        term mine = co_await heard(me);
        CHECK(mine == list({}));
        term theirs = co_await mailbox_of(me, other);
        CHECK(theirs == list({1, 2}));
    });
}

TEST_CASE("PUB-03: to this node only, to one node, and to all") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        std::vector<pid> listeners;
        for (std::string node : {"a", "b", "c"}) {
            co_await start_pubsub(net, node);
            const pid p = spawn(puppet);
            auto subscribe = [](self, const term& name) {
                pubsub::subscribe(*name.as_atom(), "lobby");
            };
            co_await perform(me, p, subscribe, rooms(node));
            listeners.push_back(p);
        }
        pubsub::local_broadcast(rooms("a"), "lobby", 1);
        pubsub::direct_broadcast(atom("b"), rooms("a"), "lobby", 2);
        pubsub::direct_broadcast(atom("a"), rooms("a"), "lobby", 3);
        pubsub::direct_broadcast(atom("unknown"), rooms("a"), "lobby", 4);
        pubsub::broadcast(rooms("a"), "lobby", 5);
        (void)co_await heard(me);
        net->cut("a", "c");
        (void)co_await heard(me);
        pubsub::broadcast(rooms("a"), "lobby", 6);
        (void)co_await heard(me);
        term got = co_await mailbox_of(me, listeners[0]);
        CHECK(got == list({1, 3, 5, 6}));
        got = co_await mailbox_of(me, listeners[1]);
        CHECK(got == list({2, 5, 6}));
        got = co_await mailbox_of(me, listeners[2]);
        CHECK(got == list({5}));
    });
}

TEST_CASE("a declared struct is received as itself on every node") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_pubsub(net, "a");
        co_await start_pubsub(net, "b");
        pubsub::subscribe(rooms("a"), "lobby");
        pubsub::subscribe(rooms("b"), "lobby");
        pubsub::broadcast(rooms("a"), "lobby", said{"ann", "hello"});
        for (int i = 0; i < 2; ++i) {
            said s = co_await me.receive<said>();
            CHECK(s.who == "ann");
            CHECK(s.what == "hello");
        }
    });
}

TEST_CASE("a subscriber that dies is subscribed no more, and a relay that dies is replaced") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_pubsub(net, "a");
        co_await start_pubsub(net, "b");
        const pid p = spawn(puppet);
        co_await perform(me, p, [](self, const term&) { pubsub::subscribe(rooms("a"), "lobby"); });
        CHECK(pubsub::subscribers(rooms("a"), "lobby") == std::vector<pid>{p});
        exit(p, atoms::kill);
        (void)co_await heard(me);
        CHECK(pubsub::subscribers(rooms("a"), "lobby").empty());

        const pid relay = *whereis(mesh::name("a", "rooms.relay"));
        pubsub::subscribe(rooms("b"), "lobby");
        send(relay, *parse_term("{beam_pubsub,7,what}"));
        send(relay, *parse_term("hello"));
        exit(relay, atoms::kill);
        (void)co_await heard(me);
        CHECK(whereis(mesh::name("a", "rooms.relay")) != relay);
        pubsub::broadcast(rooms("a"), "lobby", 1);
        term got = co_await heard(me);
        CHECK(got == list({1}));
    });
}

TEST_CASE("messages to one topic arrive in the order sent, on threads and across nodes") {
    threaded([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_pubsub(net, "a");
        co_await start_pubsub(net, "b");
        pubsub::subscribe(rooms("b"), "lobby");
        spawn([](self) -> process {
            for (int i = 0; i < 2000; ++i) pubsub::broadcast(rooms("a"), "lobby", i);
            co_return;
        });
        for (int i = 0; i < 2000; ++i) {
            std::optional<term> t = co_await me.receive_for<term>(20s);
            REQUIRE(t.has_value());
            REQUIRE(*t == term(i));
        }
    });
}

TEST_CASE("a pubsub that is not there raises badarg") {
    simulated([](self me) -> awaitable<void> {
        try {
            pubsub::broadcast(atom("nowhere"), "lobby", 1);
            FAIL("it did not raise");
        } catch (const error_exception& e) {
            CHECK(e.reason == *parse_term("{badarg,{unknown_registry,nowhere}}"));
        }
        (void)me;
        co_return;
    });
}
