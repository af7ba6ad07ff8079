#include "tools/presence/app/session.hpp"

#include <string>

#include "tests/unit/tools_presence/application_node.hpp"
#include "tools/presence/app/limits.hpp"
#include "tools/presence/app/sessions.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;
using test::ends;
using test::here;
using test::lease;
using test::log_in;
using test::wait_until_here;

TEST_CASE("a session is seen while it lives, and its death in any way takes its entry out") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        const pid ann = co_await log_in(lease("ann"));
        const pid bob = co_await log_in(lease("bob"));
        (void)co_await log_in(lease("bob", "phone"));
        CHECK(co_await here() == "ann/web bob/phone bob/web");
        exit(ann, atoms::kill);
        CHECK(co_await wait_until_here(me, "bob/phone bob/web") == "bob/phone bob/web");
        exit(bob, atom("crash"));
        CHECK(co_await wait_until_here(me, "bob/phone") == "bob/phone");
        // Killed, it is not started again.
        co_await me.sleep_for(10s);
        CHECK(co_await here() == "bob/phone");
    });
}

TEST_CASE("a lease ends when its time is over, counted from when it was renewed last") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        const pid ann = co_await log_in(lease("ann", "web", 10s));
        const pid bob = co_await log_in(lease("bob", "web", 10s));
        co_await me.sleep_for(8s);
        session::renew(ann);
        co_await me.sleep_for(1s);
        CHECK(co_await here() == "ann/web bob/web");
        CHECK(co_await ends(me, bob, 2s));
        CHECK(co_await wait_until_here(me, "ann/web") == "ann/web");
        co_await me.sleep_for(6s);
        CHECK(co_await here() == "ann/web");
        CHECK(co_await ends(me, ann, 3s));
        CHECK(co_await wait_until_here(me, "") == "");
    });
}

TEST_CASE("a second login is the same session, renewed and changed where it says something new") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        session_plan plan = lease("ann", "web", 10s);
        plan.topic = "work";
        plan.status = "busy";
        plan.meta = beam::map({{"mood", "good"}});
        const pid first = co_await log_in(plan);
        CHECK(co_await here("work") == "ann/web");
        session_change change;
        change.status = "at lunch";
        change.ttl_ms = 60'000;
        CHECK(co_await log_in(lease("ann"), change) == first);
        auto entries = co_await entries_of("ann");
        REQUIRE(entries.has_value());
        REQUIRE(entries->size() == 1);
        const seen_session seen = read(entries->front());
        CHECK(seen.status == "at lunch");
        CHECK(seen.topic == "work");
        CHECK(seen.meta == beam::map({{"mood", "good"}}));
        co_await me.sleep_for(50s);
        CHECK(co_await here("work") == "ann/web");
        // Elsewhere: it is listed there, and not where it was.
        session_change move;
        move.topic = "home";
        (void)co_await log_in(lease("ann"), move);
        CHECK(co_await here("work") == "");
        CHECK(co_await here("home") == "ann/web");
        CHECK(co_await here() == "ann/web");
    });
}

TEST_CASE("who ends a session knows that it is gone everywhere when he is answered") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        session_plan plan = lease("ann");
        plan.topic = "work";
        const pid ann = co_await log_in(plan);
        auto ending = session::end(ann, "logged_out");
        CHECK(co_await ending);
        CHECK(co_await here() == "");
        CHECK(co_await here("work") == "");
        CHECK(co_await ends(me, ann));
    });
}

TEST_CASE("a kick ends the sessions that are seen, and leaves no entry in a topic") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        session_plan plan = lease("ann");
        plan.topic = "work";
        const pid web = co_await log_in(plan);
        const pid phone = co_await log_in(lease("ann", "phone"));
        (void)co_await log_in(lease("bob"));
        auto kicking = tracker::kick(tracker_name(), all_sessions, "ann");
        CHECK(co_await kicking == 2);
        CHECK(co_await ends(me, web));
        CHECK(co_await ends(me, phone));
        CHECK(co_await wait_until_here(me, "bob/web") == "bob/web");
        CHECK(co_await here("work") == "");
    });
}

TEST_CASE("the hundred and first session of a user is refused, and leaves nothing behind") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (std::size_t i = 0; i < sessions_max; ++i)
            (void)co_await log_in(lease("ann", std::to_string(i)));
        auto one_more = co_await open_session(lease("ann", "more"), {});
        REQUIRE_FALSE(one_more.has_value());
        CHECK(one_more.error().kind == "too_many");
        CHECK(one_more.error().exit == 75);
        CHECK(one_more.error().why == "ann has 100 sessions already");
        co_await me.sleep_for(10s);
        auto counting = sessions::count();
        CHECK(co_await counting == sessions_max);
    });
}

TEST_CASE("sessions are why an idle node stays") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        CHECK_FALSE(co_await why_it_stays());
        (void)co_await log_in(lease("ann", "web", 10s));
        CHECK(co_await why_it_stays() == "1 session is open");
        (void)co_await log_in(lease("bob", "web", 10s));
        CHECK(co_await why_it_stays() == "2 sessions are open");
        co_await me.sleep_for(11s);
        CHECK_FALSE(co_await why_it_stays());
    });
}
