// A session that stands for a client that listens.
#include <string>

#include "libbeamcore/runtime/spawn.hpp"
#include "tests/unit/tools_presence/application_node.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;
using test::ends;
using test::here;
using test::lease;
using test::log_in;
using test::wait_until_here;

namespace {

struct hello {
    std::string text;
    BEAM_FIELDS(hello, text)
};

session_plan listener(std::string user, pid client, std::string id = "ear") {
    session_plan plan = lease(std::move(user), std::move(id));
    plan.ttl_ms = 0;
    plan.client = client;
    return plan;
}

}  // namespace

TEST_CASE("a listening session ends with its client, and not by time") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        const pid client = spawn(test::idle);
        const pid ear = co_await log_in(listener("ann", client));
        co_await me.sleep_for(3h);
        CHECK(co_await here() == "ann/ear");
        exit(client, atoms::kill);
        CHECK(co_await ends(me, ear));
        CHECK(co_await wait_until_here(me, "") == "");
    });
}

TEST_CASE("what is sent to a listening session reaches its client; to a lease, nobody") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        (void)co_await log_in(listener("ann", me.id()));
        (void)co_await log_in(lease("ann"));
        auto listening = co_await listening_sessions("ann");
        REQUIRE(listening.has_value());
        REQUIRE(listening->size() == 1);
        CHECK(listening->front().id == "ear");
        CHECK(listening->front().user == "ann");
        send(listening->front().process, hello{"from here"});
        // As it comes from another node.
        send(listening->front().process, tuple(atom("hello"), beam::map({{atom("text"), "term"}})));
        hello first = co_await me.receive<hello>();
        CHECK(first.text == "from here");
        hello second = co_await me.receive<hello>();
        CHECK(second.text == "term");
        auto entries = co_await entries_of("ann");
        for (const auto& entry : *entries) send(entry.process, hello{"to all"});
        (void)co_await me.receive<hello>();
        CHECK_FALSE(co_await me.receive_for<hello>(1s));
    });
}

TEST_CASE("a client is told why its session has ended") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        const pid ear = co_await log_in(listener("ann", me.id()));
        auto ending = session::end(ear, "logged_out");
        CHECK(co_await ending);
        session_ended ended = co_await me.receive<session_ended>();
        CHECK(ended.why == "logged_out");
        (void)co_await log_in(listener("ann", me.id()));
        auto kicking = tracker::kick(tracker_name(), all_sessions, "ann");
        CHECK(co_await kicking == 1);
        ended = co_await me.receive<session_ended>();
        CHECK(ended.why == "kicked");
    });
}

TEST_CASE("a session that listens is no lease, and a lease does not listen") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        (void)co_await log_in(listener("ann", me.id()));
        (void)co_await log_in(lease("bob"));
        for (session_plan plan :
             {lease("ann", "ear"), listener("ann", me.id()), listener("bob", me.id(), "web")}) {
            auto refused = co_await open_session(plan, {});
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().kind == "already_exists");
        }
        CHECK(co_await here() == "ann/ear bob/web");
    });
}
