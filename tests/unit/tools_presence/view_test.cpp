// What is seen of another node, in a network of the test's own: a tracker of the same kind stands for that node.
#include "tools/presence/app/view.hpp"

#include <string>

#include "libbeamcore/pubsub/hybrid_clock.hpp"
#include "tests/unit/tools_presence/application_node.hpp"
#include "tools/presence/app/limits.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;
using test::here;
using test::lease;
using test::log_in;
using test::wait_until_here;

namespace {

// Nodes of a mesh are called as their processes are, up to the dot.
const char* const this_node = "presence_tracker";
const char* const that_node = "other";

struct network {
    std::shared_ptr<test::mesh> links = test::mesh::make();
    tracker::handle other = that_node;
};

awaitable<network> start_two() {
    this_process().trap_exit(true);
    network net;
    (void)co_await test::start_application(net.links->of(this_node));
    tracker::options o(net.other);
    o.periods = tracker_config();
    o.others = net.links->of(that_node);
    start_result r = co_await tracker::start_link(std::move(o));
    REQUIRE(r.has_value());
    co_return net;
}

}  // namespace

TEST_CASE("a login is seen on the other node when it returns") {
    test::simulated([](self) -> awaitable<void> {
        const network net = co_await start_two();
        (void)co_await log_in(lease("ann"));
        CHECK(co_await seen_by_all());
        CHECK(co_await here("", net.other) == "ann/web");
    });
}

TEST_CASE(
    "a node that is cut off is hidden after the flap grace, on both sides, and both agree again") {
    test::simulated([](self me) -> awaitable<void> {
        const network net = co_await start_two();
        (void)co_await log_in(lease("ann"));
        (void)co_await tracker::track(net.other, me.id(), "", "bob", "web");
        CHECK(co_await wait_until_here(me, "ann/web bob/web") == "ann/web bob/web");
        net.links->cut(this_node, that_node);
        co_await me.sleep_for(500ms);
        CHECK(co_await here() == "ann/web bob/web");
        co_await me.sleep_for(1s);
        CHECK(co_await here() == "ann/web");
        CHECK(co_await here("", net.other) == "bob/web");
        // Each side goes on, the smaller one too; who logs in waits for nobody.
        const auto start = monotonic_time();
        (void)co_await log_in(lease("carl"));
        CHECK(co_await seen_by_all());
        CHECK(monotonic_time() - start < 100ms);
        (void)co_await tracker::untrack(net.other, me.id(), "", "bob");
        (void)co_await tracker::track(net.other, me.id(), "", "dora", "web");
        net.links->join(this_node, that_node);
        const std::string all = "ann/web carl/web dora/web";
        CHECK(co_await wait_until_here(me, all) == all);
        CHECK(co_await wait_until_here(me, all, "", net.other) == all);
    });
}

TEST_CASE(
    "a login waits a second at most for a node that says nothing and is not known to be down") {
    test::simulated([](self) -> awaitable<void> {
        const network net = co_await start_two();
        (void)co_await log_in(lease("ann"));
        CHECK(co_await seen_by_all());
        net.links->cut(this_node, that_node, false);
        (void)co_await log_in(lease("bob"));
        const auto start = monotonic_time();
        CHECK_FALSE(co_await seen_by_all());
        CHECK(monotonic_time() - start >= 1s);
        CHECK(monotonic_time() - start < 1100ms);
    });
}

TEST_CASE("a kick from another node ends what that node sees; a login at the same moment stays") {
    test::simulated([](self me) -> awaitable<void> {
        const network net = co_await start_two();
        const pid seen = co_await log_in(lease("ann"));
        CHECK(co_await seen_by_all());
        net.links->cut(this_node, that_node, false);
        (void)co_await log_in(lease("ann", "phone"));
        net.links->join(this_node, that_node);
        auto kicking = tracker::kick(net.other, "", "ann");
        CHECK(co_await kicking == 1);
        CHECK(co_await test::ends(me, seen));
        CHECK(co_await wait_until_here(me, "ann/phone") == "ann/phone");
    });
}

TEST_CASE("the newest session stands for its user; a clock far ahead is not believed") {
    test::simulated([](self) -> awaitable<void> {
        (void)co_await test::start_application();
        CHECK(headline({}) == nullptr);
        for (std::string id : {"web", "phone", "desk"}) (void)co_await log_in(lease("ann", id));
        session_change change;
        change.status = "on the phone";
        (void)co_await log_in(lease("ann", "phone"), change);
        auto entries = co_await entries_of("ann");
        REQUIRE(entries.has_value());
        REQUIRE(headline(*entries) != nullptr);
        CHECK(read(*headline(*entries)).status == "on the phone");
        // Both ahead by more than a minute: neither is believed, and the dot decides.
        auto& list = *entries;
        const auto far =
            tracker::hybrid_clock::stamp_of(wall_ms() + std::chrono::milliseconds(10min).count());
        list[0].hlc = far + 5;
        list[1].hlc = far;
        CHECK(headline(list) == (list[0].ref < list[1].ref ? &list[1] : &list[0]));
    });
}

TEST_CASE("what an entry says is read back, and one of another kind of tracker does no harm") {
    tracker::presence entry;
    entry.key = "ann";
    entry.session = "web";
    entry.meta =
        beam::map({{atom("status"), "busy"}, {atom("listens"), true}, {atom("since_ms"), 7}});
    seen_session s = read(entry);
    CHECK(s.user == "ann");
    CHECK(s.id == "web");
    CHECK(s.status == "busy");
    CHECK(s.listens);
    CHECK(s.since_ms == 7);
    CHECK(s.topic.empty());
    entry.key = 5;
    entry.meta = beam::list({1, 2});
    s = read(entry);
    CHECK(s.user.empty());
    CHECK_FALSE(s.listens);
}
