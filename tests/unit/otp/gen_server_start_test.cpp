// How a server starts: what its init may say, how long it may take, and under which name.
#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "servers.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test::servers;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

// A class whose init says how it comes out.
struct plan {
    enum what { run, ignored, stopped, exits, raises, bad_value, timeout_zero, goes_on } does = run;
    term reason = atoms::normal;
};

class planned : public gen_server<planned> {
public:
    using continues = messages<go_on>;
    using casts = messages<note>;

    static init_result<planned> init(plan p) {
        switch (p.does) {
            case plan::ignored:
                return ignore{};
            case plan::stopped:
                return stop_with{p.reason};
            case plan::exits:
                beam::exit(p.reason);
            case plan::raises:
                raise(p.reason);
            case plan::bad_value:
                throw p.reason;
            case plan::timeout_zero:
                return {planned(), then::timeout(0ms)};
            case plan::goes_on:
                return {planned(), then::continue_with(go_on{0})};
            case plan::run:
                break;
        }
        return planned();
    }
    void handle_cast(note m) { seen.push_back(m.text); }
    void handle_info(timed_out) { seen.push_back("timeout"); }
    void handle_continue(go_on) { seen.push_back("continue"); }
};

// A class whose init waits.
class slow_starter : public gen_server<slow_starter> {
    struct hello {
        using reply = int;
    };

public:
    static future<int> greet(pid p) { return beam::call<hello>(p); }
    using calls = messages<hello>;
    static awaitable<init_result<slow_starter>> init(int ms, plan p) {
        self me = this_process();
        co_await me.sleep_for(std::chrono::milliseconds(ms));
        init_result<slow_starter> r{slow_starter()};
        switch (p.does) {
            case plan::ignored:
                r = ignore{};
                break;
            case plan::stopped:
                r = stop_with{p.reason};
                break;
            case plan::exits:
                beam::exit(p.reason);
            default:
                break;
        }
        co_return r;
    }
    int handle_call(hello) { return 5; }
};

}  // namespace

TEST_CASE("GS-14: a time-out of 0 from init is delivered first") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        plan p;
        p.does = plan::timeout_zero;
        auto server = start<planned>(p);
        REQUIRE(server.has_value());
        beam::cast<note>(*server, std::string("message"));
        co_await s.sleep_for(1ms);
        REQUIRE(seen.size() == 2);
        CHECK(seen[0] == "timeout");
        CHECK(seen[1] == "message");
    });
}

TEST_CASE("GS-16: start_link returns after init and before handle_continue has finished") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        plan p;
        p.does = plan::goes_on;
        auto server = start_link<planned>(p);
        REQUIRE(server.has_value());
        CHECK(seen.empty());
        co_await s.sleep_for(1ms);
        CHECK(seen == std::vector<std::string>{"continue"});
    });
}

TEST_CASE(
    "GS-17: init may ignore, stop, exit or return nonsense, and a starter that traps gets EXIT") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        struct expectation {
            plan p;
            const char* error;
            const char* exit;
        };
        std::vector<expectation> all(4);
        all[0].p.does = plan::ignored;
        all[0].error = "ignore", all[0].exit = "normal";
        all[1].p.does = plan::stopped, all[1].p.reason = atom("why");
        all[1].error = all[1].exit = "why";
        all[2].p.does = plan::exits, all[2].p.reason = atom("left");
        all[2].error = all[2].exit = "left";
        all[3].p.does = plan::bad_value, all[3].p.reason = atom("odd");
        all[3].error = all[3].exit = "{bad_return_value,odd}";
        for (auto& e : all) {
            auto r = start_link<planned>(e.p);
            REQUIRE(!r.has_value());
            CHECK(shown(r.error()) == e.error);
            auto m = co_await s.receive_for<exit_message>(1s);
            REQUIRE(m.has_value());
            CHECK(shown(m->reason) == e.exit);
        }
        plan raising;
        raising.does = plan::raises;
        raising.reason = atom("broken");
        auto r = start<planned>(raising);
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atom("broken"));
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-17: the same from an init that waits") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        plan ignored;
        ignored.does = plan::ignored;
        auto r1 = co_await start_link<slow_starter>(5, ignored);
        REQUIRE(!r1.has_value());
        CHECK(r1.error() == atoms::ignore);
        auto m1 = co_await s.receive_for<exit_message>(1s);
        REQUIRE(m1.has_value());
        CHECK(m1->reason == atoms::normal);

        plan stopped;
        stopped.does = plan::stopped;
        stopped.reason = atom("why");
        auto r2 = co_await start_link<slow_starter>(5, stopped);
        REQUIRE(!r2.has_value());
        CHECK(r2.error() == atom("why"));
        auto m2 = co_await s.receive_for<exit_message>(1s);
        REQUIRE(m2.has_value());
        CHECK(m2->reason == atom("why"));

        plan exits;
        exits.does = plan::exits;
        exits.reason = atom("left");
        auto r3 = co_await start_link<slow_starter>(5, exits);
        REQUIRE(!r3.has_value());
        CHECK(r3.error() == atom("left"));

        auto r4 = co_await start_link<slow_starter>(5, plan{});
        REQUIRE(r4.has_value());
        int five = co_await slow_starter::greet(*r4);
        CHECK(five == 5);
    });
}

TEST_CASE(
    "GS-18: an init that takes too long: the error is timeout, the process is killed, no EXIT") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        server_options o;
        o.timeout = 100ms;
        o.name = atom("too_slow");
        auto r = co_await start_link<slow_starter>(o, 5000, plan{});
        REQUIRE(!r.has_value());
        CHECK(r.error() == atoms::timeout);
        co_await s.sleep_for(1ms);
        CHECK(!whereis(atom("too_slow")));
        co_await s.sleep_for(10s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-19: a taken name: {already_started, Pid}") {
    in_node([](self) -> awaitable<void> {
        auto first = start<counter>(server_options("the_counter"), 1);
        REQUIRE(first.has_value());
        CHECK(whereis(atom("the_counter")) == *first);
        auto second = start<counter>(server_options("the_counter"), 2);
        REQUIRE(!second.has_value());
        CHECK(element(1, second.error()) == atoms::already_started);
        CHECK(element(2, second.error()).as_pid() == *first);
        int count = co_await counter::get(*first);
        CHECK(count == 1);
    });
}

TEST_CASE("GS-19: the same for a key of a registry") {
    in_node([](self) -> awaitable<void> {
        atom reg("names");
        auto r = co_await registry::start_link(registry_options(reg));
        REQUIRE(r.has_value());
        via name(reg, "counter", 42);
        auto first = start<counter>(server_options(name), 1);
        REQUIRE(first.has_value());
        auto second = start<counter>(server_options(name), 2);
        REQUIRE(!second.has_value());
        CHECK(element(1, second.error()) == atoms::already_started);
        CHECK(element(2, second.error()).as_pid() == *first);
        counter::increment(name, 4);
        int count = co_await counter::get(*first);
        CHECK(count == 5);
        co_await beam::stop(name);
        CHECK(!name.whereis());
        auto slow = co_await start<slow_starter>(server_options(name), 5, plan{});
        REQUIRE(slow.has_value());
        CHECK(name.whereis() == *slow);
        auto taken = co_await start<slow_starter>(server_options(name), 5, plan{});
        REQUIRE(!taken.has_value());
        CHECK(element(1, taken.error()) == atoms::already_started);
    });
}

TEST_CASE("GS-20: after an init that stops under a name the name is free when start returns") {
    in_node([](self) -> awaitable<void> {
        plan p;
        p.does = plan::stopped;
        p.reason = atoms::shutdown;
        auto r = start<planned>(server_options("briefly"), p);
        CHECK(!r.has_value());
        CHECK(!whereis(atom("briefly")));
        auto again = start<planned>(server_options("briefly"), plan{});
        CHECK(again.has_value());
        co_return;
    });
}

TEST_CASE("a child start makes a linked server each time it is asked") {
    in_node([](self) -> awaitable<void> {
        child_start start = child<counter>(4);
        CHECK(!start.waits());
        CHECK(shown(start.mfa()) == "{counter,start_link,[4]}");
        child_start copy = start;
        for (int i = 0; i < 2; ++i) {
            auto r = copy.start();
            REQUIRE(r.has_value());
            int count = co_await counter::get(std::get<started>(*r).pid);
            CHECK(count == 4);
        }
        child_start slow = child<slow_starter>(5, plan{});
        CHECK(slow.waits());
        auto r = co_await slow.start_waiting();
        REQUIRE(r.has_value());
        int five = co_await slow_starter::greet(std::get<started>(*r).pid);
        CHECK(five == 5);
        child_start throws([]() -> start_result { raise(atom("no")); });
        auto e = throws.start();
        REQUIRE(!e.has_value());
        CHECK(element(1, e.error()) == atoms::EXIT);
    });
}
