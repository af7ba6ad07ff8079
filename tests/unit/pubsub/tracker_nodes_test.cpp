// The tracker on real nodes: several runtimes in one OS process that reach each other through sockets.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

constexpr int sessions = 2000;

// Makes its runtime a node with a tracker, whose sessions are all this process's.
process keeper(self me, dist::options o) {
    me.trap_exit(true);
    auto starting = dist::start_link(o);
    outcome<pid> p = co_await starting;
    REQUIRE_MESSAGE(p.has_value(), to_string(p ? term() : p.error()));
    start_result r = co_await tracker::start_link(tracker::options("users"));
    REQUIRE(r.has_value());
    for (int i = 0; i < sessions; ++i) {
        const std::string room = "room" + std::to_string(i / 100);
        (void)co_await tracker::track("users", me.id(), room, o.name, std::to_string(i));
        (void)co_await tracker::track("users", me.id(), room, o.name + std::to_string(i), "web");
    }
    register_name(atom("ready"), me.id());
    co_await me.sleep_for(infinity{});
}

class tracker_node {
public:
    tracker_node(const std::string& name, std::uint16_t epmd_port) {
        dist::options o;
        o.name = name + "@127.0.0.1";
        o.cookie = "secret";
        o.epmd_port = epmd_port;
        o.prevent_overlapping_partitions = false;  // one connection is to be lost, and no other
        name_ = atom(o.name);
        runtime_options r;
        r.schedulers = 2;
        node_ = std::make_unique<runtime>(r);
        node_->spawn(keeper, o);
        run_in(*node_, [](self me) -> awaitable<void> {
            while (!whereis(atom("ready"))) co_await me.sleep_for(1ms);
        });
    }
    runtime& operator*() const { return *node_; }
    runtime* operator->() const { return node_.get(); }
    [[nodiscard]] atom name() const { return name_; }
    void connect(const tracker_node& other) const {
        run_in(
            *node_,
            [](self, atom to) -> awaitable<void> {
                bool connected = co_await dist::connect(to);
                CHECK(connected);
            },
            other.name());
    }
    void die() { node_.reset(); }

private:
    std::unique_ptr<runtime> node_;
    atom name_;
};

/// What a subscriber was told.
struct told {
    std::atomic<int> joins{0}, leaves{0}, events_with_leaves{0};
};

process subscriber(self me, told* counts) {
    (void)co_await tracker::subscribe_all("users");
    for (;;) {
        tracker::news n = co_await me.receive<tracker::news>();
        int joins = 0, leaves = 0;
        for (const auto& d : n.topics) {
            joins += int(d->joins.size());
            leaves += int(d->leaves.size());
        }
        counts->joins += joins;
        counts->leaves += leaves;
        if (leaves > 0) ++counts->events_with_leaves;
    }
}

template <class F>
bool comes_true(F f, std::chrono::milliseconds limit = patience) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!f()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace

TEST_CASE(
    "on real nodes all see all; one that is killed is hidden soon, in one event for a subscriber") {
    const std::uint16_t port = free_port();
    told at_a, at_b;
    tracker_node a("ta", port), b("tb", port), c("tc", port);
    a->spawn(subscriber, &at_a);
    b->spawn(subscriber, &at_b);
    a.connect(b);
    a.connect(c);
    b.connect(c);
    // A process has one session a topic and key: one of the hundred of a room, and its own.
    constexpr int own = sessions + sessions / 100;
    REQUIRE(comes_true([&] { return at_a.joins == 3 * own && at_b.joins == 3 * own; }));
    CHECK(at_a.leaves == 0);

    const auto died = std::chrono::steady_clock::now();
    c.die();
    REQUIRE(comes_true([&] { return at_a.leaves == own && at_b.leaves == own; }));
    CHECK(std::chrono::steady_clock::now() - died < 10s);
    CHECK(at_a.events_with_leaves == 1);
    CHECK(at_b.events_with_leaves == 1);
    run_in(*a, [](self) -> awaitable<void> {
        std::vector<tracker::node_info> nodes = co_await tracker::nodes("users");
        REQUIRE(nodes.size() == 3);
        int down = 0;
        for (const auto& n : nodes) down += n.state == tracker::node_state::down ? 1 : 0;
        CHECK(down == 1);
        tracker::state_counters n = co_await tracker::counters("users");
        CHECK(n.digest_mismatches == 0);
        CHECK(n.bad_messages == 0);
    });

    // It comes back as another incarnation; and a connection that is lost and made again.
    tracker_node again("tc", port);
    again.connect(a);
    again.connect(b);
    REQUIRE(comes_true([&] { return at_a.joins == 4 * own && at_b.joins == 4 * own; }));
    CHECK(at_a.leaves == own);
    run_in(
        *a,
        [](self, atom other) -> awaitable<void> {
            CHECK(disconnect_node(other));
            bool connected = co_await dist::connect(other);
            CHECK(connected);
        },
        b.name());
    run_in(*a, [](self me) -> awaitable<void> {
        (void)co_await tracker::track("users", me.id(), "last", "ann", "web");
        for (;;) {
            std::vector<tracker::presence> there = co_await tracker::list("users", "room0");
            bool seen = co_await tracker::wait_seen("users", "last");
            if (seen && there.size() == 303) break;
            co_await me.sleep_for(1ms);
        }
    });
    REQUIRE(comes_true([&] { return at_b.joins - at_b.leaves == 3 * own; }));
    REQUIRE(comes_true([&] { return at_a.joins - at_a.leaves == 3 * own; }));
}
