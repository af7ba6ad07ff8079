// How a server ends: by what a handler says or throws, by order, with its parent; and who is told what.
#include <chrono>
#include <string>
#include <vector>

#include "servers.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::servers;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

// What a process that waits for a server's end gets to see.
awaitable<term> reason_of_end(self s, ref watched) {
    auto down = co_await s.receive_if<down_message>(
        [watched](const down_message& d) { return d.monitor == watched; }, 1h);
    co_return down ? down->reason : term(atom("still_alive"));
}

}  // namespace

TEST_CASE("GS-05: when the server exits while serving, its caller exits with that reason") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<exit_with>(*p, term(atom("oops")));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atom("oops"));
        CHECK(element(1, element(2, r.error())) == atoms::gen_server);
    });
}

TEST_CASE("GS-06: an error in the server is seen with its stack trace") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<raise_with>(*p, term(atom("broken")));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, element(1, r.error())) == atom("broken"));
        CHECK(element(2, element(1, r.error())).is_list());
    });
}

TEST_CASE("GS-08: stop with a reply: terminate runs, the reply is delivered, the server exits") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start_monitor<kitchen>();
        REQUIRE(p.has_value());
        int answer = co_await beam::call<stop_and_answer>(p->pid, term(atoms::shutdown));
        CHECK(answer == 11);
        REQUIRE(seen.size() == 1);
        CHECK(seen[0] == "terminate shutdown");
        term reason = co_await reason_of_end(s, p->monitor);
        CHECK(reason == atoms::shutdown);
    });
}

TEST_CASE("GS-09: stop without a reply exits the caller with the reason, normal included") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        for (atom reason : {atoms::normal, atoms::shutdown, atom("bad")}) {
            auto p = start<kitchen>();
            auto request = beam::call<stop_silently>(*p, term(reason));
            auto r = co_await request.outcome();
            REQUIRE(!r.has_value());
            CHECK(element(1, r.error()) == reason);
        }
    });
}

TEST_CASE("GS-10: a bad return value ends the server with {bad_return_value, V}") {
    log_capture quiet;
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start_monitor<kitchen>();
        auto request = beam::call<throw_bad>(p->pid);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(shown(element(1, r.error())) == "{bad_return_value,nonsense}");
        REQUIRE(seen.size() == 1);
        CHECK(seen[0] == "terminate {bad_return_value,nonsense}");
        term reason = co_await reason_of_end(s, p->monitor);
        CHECK(shown(reason) == "{bad_return_value,nonsense}");
    });
}

TEST_CASE("GS-21: stop ends a server with normal, terminate first") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start_monitor<kitchen>();
        co_await beam::stop(p->pid);
        CHECK(seen == std::vector<std::string>{"terminate normal"});
        term reason = co_await reason_of_end(s, p->monitor);
        CHECK(reason == atoms::normal);
    });
}

TEST_CASE("GS-22: stop with a reason") {
    log_capture quiet;
    seen.clear();
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        co_await beam::stop(*p, atom("enough"), 1s);
        CHECK(seen == std::vector<std::string>{"terminate enough"});
    });
}

namespace {
class stubborn : public gen_server<stubborn> {
public:
    awaitable<void> terminate(const term&) {
        self me = this_process();
        co_await me.sleep_for(1h);
    }
};
class contrary : public gen_server<contrary> {
public:
    void terminate(const term&) { beam::exit(atom("something_else")); }
};
awaitable<void> stop_it(self, server_ref who, timeout limit) {
    co_await beam::stop(who, atoms::normal, limit);
}
awaitable<term> exit_of_stop(self s, server_ref who, timeout limit) {
    auto p = beam::spawn_monitor(
        [](self me, server_ref server, timeout t) -> process { co_await stop_it(me, server, t); },
        who, limit);
    term reason = co_await reason_of_end(s, p.monitor);
    co_return reason;
}
}  // namespace

TEST_CASE("GS-23: stop of a missing or slow server, or one that ends otherwise, exits the caller") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        term r1 = co_await exit_of_stop(s, atom("nobody_has_this"), infinity{});
        CHECK(r1 == atoms::noproc);
        auto slow = start<stubborn>();
        term r2 = co_await exit_of_stop(s, *slow, 50ms);
        CHECK(r2 == atoms::timeout);
        auto other = start<contrary>();
        term r3 = co_await exit_of_stop(s, *other, infinity{});
        CHECK(r3 == atom("something_else"));
    });
}

namespace {
// Starts a kitchen linked to it, tells the test, and ends when told to.
struct child_is {
    pid child;
};
struct end_with {
    term reason;
};
process parent_of_kitchen(self s, pid test, bool traps) {
    auto p = start_link<kitchen>(traps);
    beam::send(test, child_is{*p});
    end_with m = co_await s.receive<end_with>();
    beam::exit(std::move(m.reason));
}
}  // namespace

TEST_CASE("GS-24: a server that traps exits terminates when its parent dies") {
    log_capture quiet;
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        pid parent = beam::spawn(parent_of_kitchen, s.id(), true);
        child_is c = co_await s.receive<child_is>();
        ref watched = monitor(c.child);
        beam::send(parent, end_with{atom("parent_gone")});
        term reason = co_await reason_of_end(s, watched);
        CHECK(reason == atom("parent_gone"));
        CHECK(seen == std::vector<std::string>{"terminate parent_gone"});
    });
}

TEST_CASE("GS-25: a server that does not trap exits dies with its parent, without terminate") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        pid parent = beam::spawn(parent_of_kitchen, s.id(), false);
        child_is c = co_await s.receive<child_is>();
        ref watched = monitor(c.child);
        beam::send(parent, end_with{atom("parent_gone")});
        term reason = co_await reason_of_end(s, watched);
        CHECK(reason == atom("parent_gone"));
        CHECK(seen.empty());
    });
}

TEST_CASE("a cast can stop a server") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start_monitor<kitchen>();
        beam::cast<stop_by_cast>(p->pid, term(atoms::normal));
        term reason = co_await reason_of_end(s, p->monitor);
        CHECK(reason == atoms::normal);
        CHECK(seen == std::vector<std::string>{"terminate normal"});
    });
}

TEST_CASE("a server's end by a failure is reported with its state, an orderly one is not") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<exit_with>(*p, term(atom("oops")));
        auto r = co_await request.outcome();
        CHECK(!r.has_value());
        auto q = start<kitchen>();
        co_await beam::stop(*q, atoms::shutdown);
    });
    CHECK(log.count("server terminated") == 1);
    CHECK(log.count("process crashed") == 1);
    CHECK(log.field("server terminated", "class") == "kitchen");
    CHECK(log.field("server terminated", "reason") == "oops");
    CHECK(log.field("server terminated", "state") == "{opaque,kitchen}");
    CHECK(log.field("server terminated", "last_message").find("exit_with") != std::string::npos);
    CHECK(log.field("process crashed", "initial_call") == "{kitchen,init,1}");
}
