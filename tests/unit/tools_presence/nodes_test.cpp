// The application on real nodes: three runtimes in one OS process that reach each other through sockets.
#include <memory>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/unit/dist/world.hpp"
#include "tests/unit/tools_presence/application_node.hpp"

using namespace beam;
using namespace presence;
using namespace std::chrono_literals;
using test::here;
using test::lease;
using test::log_in;
using test::run_in;
using test::wait_until_here;

namespace {

struct hello {
    std::string text;
    BEAM_FIELDS(hello, text)
};

process keeper(self me, dist::options o) {
    me.trap_exit(true);
    auto starting = dist::start_link(o);
    outcome<pid> p = co_await starting;
    REQUIRE_MESSAGE(p.has_value(), to_string(p ? term() : p.error()));
    (void)co_await test::start_application();
    register_name(atom("ready"), me.id());
    co_await me.sleep_for(infinity{});
}

class presence_node {
public:
    presence_node(const std::string& name, std::uint16_t epmd_port) {
        dist::options o;
        o.name = name + "@127.0.0.1";
        o.cookie = "secret";
        o.epmd_port = epmd_port;
        name_ = atom(o.name);
        runtime_options r;
        r.schedulers = 1;
        node_ = std::make_unique<runtime>(r);
        node_->spawn(keeper, o);
        run_in(*node_, [](self me) -> awaitable<void> {
            while (!whereis(atom("ready"))) co_await me.sleep_for(1ms);
        });
    }
    runtime& operator*() const { return *node_; }
    void connect(const presence_node& other) const {
        run_in(
            *node_, [](self, atom to) -> awaitable<void> { CHECK(co_await dist::connect(to)); },
            other.name_);
    }
    void sees(const std::string& wanted) const {
        run_in(
            *node_,
            [](self me, std::string all) -> awaitable<void> {
                CHECK(co_await wait_until_here(me, all) == all);
            },
            wanted);
    }
    void log_in(const std::string& user) const {
        run_in(
            *node_,
            [](self, std::string who) -> awaitable<void> {
                (void)co_await test::log_in(lease(who));
                CHECK(co_await seen_by_all());
            },
            user);
    }
    void die() { node_.reset(); }

private:
    std::unique_ptr<runtime> node_;
    atom name_;
};

}  // namespace

TEST_CASE(
    "on real nodes: a login is seen, one node dies, comes back empty, and the others' users stay") {
    const std::uint16_t port = test::free_port();
    presence_node a("pa", port), b("pb", port), c("pc", port);
    a.connect(b);
    a.connect(c);
    b.connect(c);
    for (const auto* node : {&a, &b, &c}) node->sees("");
    a.log_in("ann");
    b.log_in("bob");
    c.log_in("eve");
    // No waiting: a login returns when all have it.
    run_in(*a,
           [](self) -> awaitable<void> { CHECK(co_await here() == "ann/web bob/web eve/web"); });

    const auto died = std::chrono::steady_clock::now();
    c.die();
    a.sees("ann/web bob/web");
    b.sees("ann/web bob/web");
    CHECK(std::chrono::steady_clock::now() - died < 6s);

    presence_node again("pc", port);
    again.connect(a);
    again.connect(b);
    again.sees("ann/web bob/web");
    again.log_in("eve");
    a.sees("ann/web bob/web eve/web");
}

TEST_CASE("on real nodes: a session is renewed, ended and sent to from another node") {
    const std::uint16_t port = test::free_port();
    presence_node a("qa", port), b("qb", port);
    a.connect(b);
    a.sees("");
    b.log_in("ann");
    std::atomic<bool> listens{false}, got{false};
    auto listener = [](self me, std::atomic<bool>* ready, std::atomic<bool>* done) -> process {
        session_plan plan = lease("bob", "ear");
        plan.ttl_ms = 0;
        plan.client = me.id();
        (void)co_await log_in(plan);
        CHECK(co_await seen_by_all());
        ready->store(true);
        hello h = co_await me.receive<hello>();
        CHECK(h.text == "over there");
        session_ended ended = co_await me.receive<session_ended>();
        CHECK(ended.why == "logged_out");
        done->store(true);
    };
    (*b).spawn(listener, &listens, &got);
    run_in(
        *a,
        [](self me, std::atomic<bool>* ready, std::atomic<bool>* done) -> awaitable<void> {
            while (!ready->load()) co_await me.sleep_for(1ms);
            auto bob = co_await listening_sessions("bob");
            REQUIRE(bob.has_value());
            REQUIRE(bob->size() == 1);
            CHECK(short_name(bob->front().node) == "qb");
            send(bob->front().process, hello{"over there"});
            auto ending = session::end(bob->front().process, "logged_out");
            CHECK(co_await ending);
            while (!done->load()) co_await me.sleep_for(1ms);

            auto ann = co_await entries_of("ann");
            REQUIRE(ann->size() == 1);
            session::renew(ann->front().process);
            auto asking = session::plan(ann->front().process);
            session_plan plan = co_await asking;
            CHECK(plan.user == "ann");
            auto kicking = tracker::kick(tracker_name(), all_sessions, "ann");
            CHECK(co_await kicking == 1);
            CHECK(co_await wait_until_here(me, "") == "");
        },
        &listens, &got);
}
