// Parts of the application are killed while there are sessions.
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "tests/unit/tools_presence/application_node.hpp"
#include "tools/presence/app/sessions.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;
using test::here;
using test::kill_and_see_restarted;
using test::lease;
using test::log_in;
using test::wait_until_here;

namespace {

constexpr const char* all_of_them = "ann/phone ann/web bob/web";

awaitable<void> start_with_sessions() {
    (void)co_await test::start_application();
    session_plan plan = lease("ann", "web", 1h);
    plan.topic = "work";
    plan.status = "busy";
    (void)co_await log_in(plan);
    (void)co_await log_in(lease("ann", "phone"));
    (void)co_await log_in(lease("bob"));
}

}  // namespace

TEST_CASE(
    "when the tracker is started again the sessions are the same, and track themselves again") {
    test::simulated([](self me) -> awaitable<void> {
        co_await start_with_sessions();
        auto before = co_await entries_of("bob");
        for (const atom victim : {tracker::shard_of(tracker_name(), ""), tracker_name()}) {
            co_await kill_and_see_restarted(me, victim);
            CHECK(co_await wait_until_here(me, all_of_them) == all_of_them);
            CHECK(co_await wait_until_here(me, "ann/web", "work") == "ann/web");
        }
        auto after = co_await entries_of("bob");
        REQUIRE(after->size() == 1);
        CHECK(after->front().process == before->front().process);
        CHECK(after->front().ref != before->front().ref);
    });
}

TEST_CASE("a login while there is no tracker waits for it") {
    test::simulated([](self me) -> awaitable<void> {
        co_await start_with_sessions();
        const pid shard = *whereis(tracker::shard_of(tracker_name(), ""));
        const ref monitor = beam::monitor(shard);
        exit(shard, atoms::kill);
        co_await me.receive_if<down_message>(
            [monitor](const down_message& m) { return m.monitor == monitor; });
        (void)co_await log_in(lease("eve"));
        auto eve = co_await entries_of("eve");
        REQUIRE(eve.has_value());
        CHECK(eve->size() == 1);
    });
}

TEST_CASE("the leases that the end of the sessions' supervisor takes along begin anew") {
    test::simulated([](self me) -> awaitable<void> {
        co_await start_with_sessions();
        auto before = co_await entries_of("bob");
        co_await kill_and_see_restarted(me, session_supervisor());
        CHECK(co_await wait_until_here(me, "") == "");
        CHECK(co_await wait_until_here(me, all_of_them) == all_of_them);
        CHECK(co_await wait_until_here(me, "ann/web", "work") == "ann/web");
        auto after = co_await entries_of("bob");
        REQUIRE(after->size() == 1);
        CHECK(after->front().process != before->front().process);
        auto ann = co_await entries_of("ann");
        bool busy = false;
        for (const auto& entry : *ann) busy = busy || read(entry).status == "busy";
        CHECK(busy);
        // What is killed itself stays away.
        exit(after->front().process, atoms::kill);
        CHECK(co_await wait_until_here(me, "ann/phone ann/web") == "ann/phone ann/web");
        co_await me.sleep_for(10s);
        CHECK(co_await here() == "ann/phone ann/web");
    });
}

TEST_CASE("who keeps the sessions' names knows them again when it is started again") {
    test::simulated([](self me) -> awaitable<void> {
        co_await start_with_sessions();
        auto before = co_await entries_of("bob");
        co_await kill_and_see_restarted(me, sessions_name());
        CHECK(co_await log_in(lease("bob")) == before->front().process);
        CHECK(co_await here() == all_of_them);
        // And still mends what the end of their supervisor breaks.
        co_await kill_and_see_restarted(me, session_supervisor());
        CHECK(co_await wait_until_here(me, "") == "");
        CHECK(co_await wait_until_here(me, all_of_them) == all_of_them);
    });
}

TEST_CASE(
    "parts are killed one after the other, again and again: who has logged in is there at the "
    "end") {
    test::simulated([](self me) -> awaitable<void> {
        co_await start_with_sessions();
        const std::vector<atom> parts{tracker::shard_of(tracker_name(), ""), tracker_name(),
                                      session_supervisor(), sessions_name()};
        random_generator random(7);
        std::string all = all_of_them;
        for (int i = 0; i < 20; ++i) {
            const atom victim = parts[random.below(parts.size())];
            if (const auto p = whereis(victim)) exit(*p, atoms::kill);
            const std::string user = "x" + std::to_string(100 + i);
            (void)co_await log_in(lease(user));
            all += " " + user + "/web";
            CHECK(co_await wait_until_here(me, all) == all);
        }
    });
}
