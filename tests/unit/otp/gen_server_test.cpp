#include "libbeamcore/otp/gen_server.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

// What servers saw, in order. A test runs on one thread.
std::vector<std::string> seen;

class counter : public gen_server<counter> {
    struct get_count {
        using reply = int;
    };
    struct increment_by {
        int amount;
    };

public:
    static future<int> get(pid counter, timeout t = 5s) {
        return beam::call<get_count>(counter, t);
    }
    static void increment(const server_ref& counter, int amount) {
        beam::cast<increment_by>(counter, amount);
    }

    using calls = messages<get_count>;
    using casts = messages<increment_by>;

    explicit counter(int initial) : count_(initial) {}
    int handle_call(get_count, from) { return count_; }
    void handle_cast(increment_by m) { count_ += m.amount; }

private:
    int count_;
};

// One request for each way in which a handler can go on.
struct echo {
    using reply = std::string;
    std::string text;
};
struct ignore_me {
    using reply = int;
};
struct keep_me {
    using reply = int;
};
struct answer_kept {
    using reply = bool;
};
struct exit_with {
    using reply = int;
    term reason;
};
struct raise_with {
    using reply = int;
    term reason;
};
struct throw_reply {
    using reply = int;
};
struct throw_bad {
    using reply = int;
};
struct stop_and_answer {
    using reply = int;
    term reason;
};
struct stop_silently {
    using reply = int;
    term reason;
};
struct answer_elsewhere {
    using reply = int;
};
struct with_timeout {
    using reply = int;
    int ms;
};
struct with_continue {
    using reply = int;
    int chain;
};
struct with_hibernate {
    using reply = int;
};
struct slowly {
    using reply = int;
    int ms;
};
struct nothing_much {
    using reply = void;
};
struct note {
    std::string text;
};
struct stop_by_cast {
    term reason;
};
struct go_on {
    int chain;
};
struct unknown_thing {
    int x;
};

class kitchen : public gen_server<kitchen> {
public:
    using calls = messages<echo, ignore_me, keep_me, answer_kept, exit_with, raise_with,
                           throw_reply, throw_bad, stop_and_answer, stop_silently, answer_elsewhere,
                           with_timeout, with_continue, with_hibernate, slowly, nothing_much>;
    using casts = messages<note, stop_by_cast>;
    using continues = messages<go_on>;

    explicit kitchen(bool traps = false) {
        if (traps) process().trap_exit(true);
    }

    std::string handle_call(echo m) { return m.text; }
    call_result<int> handle_call(ignore_me) { return noreply{}; }
    call_result<int> handle_call(keep_me, from f) {
        kept_ = f;
        return noreply{};
    }
    bool handle_call(answer_kept) {
        reply(kept_, 42);
        return true;
    }
    int handle_call(exit_with m) { beam::exit(m.reason); }
    int handle_call(raise_with m) { raise(m.reason); }
    int handle_call(throw_reply) { throw call_result<int>(7); }
    int handle_call(throw_bad) { throw term(atom("nonsense")); }
    call_result<int> handle_call(stop_and_answer m) { return {stop_with{m.reason}, 11}; }
    call_result<int> handle_call(stop_silently m) { return stop_with{m.reason}; }
    call_result<int> handle_call(answer_elsewhere, from f) {
        beam::spawn(
            [](self, from caller) -> beam::process {
                reply(caller, 99);
                co_return;
            },
            f);
        return noreply{};
    }
    call_result<int> handle_call(with_timeout m) {
        return {1, then::timeout(std::chrono::milliseconds(m.ms))};
    }
    call_result<int> handle_call(with_continue m) {
        return {1, then::continue_with(go_on{m.chain})};
    }
    call_result<int> handle_call(with_hibernate) { return {1, then::hibernate()}; }
    awaitable<int> handle_call(slowly m) {
        self me = this_process();
        co_await me.sleep_for(std::chrono::milliseconds(m.ms));
        co_return m.ms;
    }
    void handle_call(nothing_much) { seen.push_back("nothing_much"); }

    void handle_cast(note m) { seen.push_back(m.text); }
    cast_result handle_cast(stop_by_cast m) { return stop_with{m.reason}; }

    void handle_info(timed_out) { seen.push_back("timeout"); }
    void handle_info(exit_message m) { seen.push_back("EXIT " + shown(m.reason)); }
    cast_result handle_continue(go_on m) {
        seen.push_back("continue " + std::to_string(m.chain));
        if (m.chain > 0) return then::continue_with(go_on{m.chain - 1});
        return {};
    }
    void hibernate() { seen.push_back("hibernate"); }
    void terminate(const term& reason) { seen.push_back("terminate " + shown(reason)); }

private:
    from kept_{};
};

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

// What a process that waits for a server's end gets to see.
awaitable<term> reason_of_end(self s, ref watched) {
    auto down = co_await s.receive_if<down_message>(
        [watched](const down_message& d) { return d.monitor == watched; }, 1h);
    co_return down ? down->reason : term(atom("still_alive"));
}

}  // namespace

TEST_CASE("a counter counts") {
    in_node([](self) -> awaitable<void> {
        auto p = start_link<counter>(0);
        REQUIRE(p.has_value());
        counter::increment(*p, 5);
        counter::increment(*p, 2);
        int count = co_await counter::get(*p);
        CHECK(count == 7);
    });
}

TEST_CASE(
    "GS-01: a call without an answer exits its caller after 5 seconds, and the server goes on") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        REQUIRE(p.has_value());
        auto began = monotonic_time();
        auto request = beam::call<ignore_me>(*p);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::timeout);
        CHECK(element(1, element(2, r.error())) == atoms::gen_server);
        CHECK(element(2, element(2, r.error())) == atoms::call);
        auto took = monotonic_time() - began;
        CHECK(took >= 5s);
        CHECK(took < 5100ms);
        std::string answer = co_await beam::call<echo>(*p, std::string("still there"));
        CHECK(answer == "still there");
        (void)s;
    });
}

TEST_CASE("GS-02: a late reply does not reach the caller's mailbox") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<keep_me>(*p, timeout(10ms));
        auto r = co_await request.outcome();
        CHECK(!r.has_value());
        bool answered = co_await beam::call<answer_kept>(*p);
        CHECK(answered);
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-03: a call to a dead pid, an unknown name or an unreachable node says so") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        co_await beam::stop(*p);
        auto dead = beam::call<echo>(*p, std::string("x"));
        auto r1 = co_await dead.outcome();
        REQUIRE(!r1.has_value());
        CHECK(element(1, r1.error()) == atoms::noproc);
        auto nobody = beam::call<echo>(atom("nobody_has_this"), std::string("x"));
        auto r2 = co_await nobody.outcome();
        REQUIRE(!r2.has_value());
        CHECK(element(1, r2.error()) == atoms::noproc);
        auto far = beam::call<echo>(server_ref(atom("x"), atom("gone@nowhere")), std::string("x"));
        auto r3 = co_await far.outcome();
        REQUIRE(!r3.has_value());
        CHECK(shown(element(1, r3.error())) == "{nodedown,gone@nowhere}");
        (void)s;
    });
}

TEST_CASE("GS-04: a process that calls itself exits with calling_self") {
    in_node([](self s) -> awaitable<void> {
        auto request = beam::call<echo>(s.id(), std::string("me"));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atom("calling_self"));
    });
}

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

TEST_CASE("GS-07: a callback that throws a valid return value has returned it") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        int answer = co_await beam::call<throw_reply>(*p);
        CHECK(answer == 7);
        std::string alive = co_await beam::call<echo>(*p, std::string("alive"));
        CHECK(alive == "alive");
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

TEST_CASE("GS-11: another process may answer later") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        int answer = co_await beam::call<answer_elsewhere>(*p);
        CHECK(answer == 99);
    });
}

TEST_CASE("GS-12: a cast to a dead pid or a missing name or node is always ok") {
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(0);
        co_await beam::stop(*p);
        counter::increment(*p, 1);
        counter::increment(atom("nobody_has_this"), 1);
        counter::increment(server_ref(atom("x"), atom("gone@nowhere")), 1);
    });
}

TEST_CASE("GS-13: a time-out comes when no message arrives meanwhile, and any message cancels it") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_timeout>(*p, 100);
        co_await s.sleep_for(99ms);
        CHECK(seen.empty());
        co_await s.sleep_for(2ms);
        REQUIRE(seen.size() == 1);
        CHECK(seen[0] == "timeout");
        (void)co_await beam::call<with_timeout>(*p, 100);
        co_await s.sleep_for(50ms);
        beam::cast<note>(*p, std::string("cancels"));
        co_await s.sleep_for(1s);
        REQUIRE(seen.size() == 2);
        CHECK(seen[1] == "cancels");
        // 0: at once, if nothing is in the mailbox.
        (void)co_await beam::call<with_timeout>(*p, 0);
        co_await s.sleep_for(1ms);
        REQUIRE(seen.size() == 3);
        CHECK(seen[2] == "timeout");
    });
}

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

TEST_CASE(
    "GS-15: continue runs before anything in the mailbox, may chain, and comes after the reply") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<with_continue>(*p, 2);
        beam::cast<note>(*p, std::string("message"));
        int answer = co_await std::move(request);
        CHECK(answer == 1);
        co_await s.sleep_for(1ms);
        CHECK(seen ==
              std::vector<std::string>{"continue 2", "continue 1", "continue 0", "message"});
    });
}

TEST_CASE("GS-15: a long chain of continues lets others run") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_continue>(*p, 20000);
        CHECK(seen.size() < 20001);
        co_await s.sleep_for(1s);
        CHECK(seen.size() == 20001);
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

TEST_CASE("GS-26: the death of another linked process is an info") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>(true);
        beam::spawn(
            [](self, pid server) -> process {
                link(server);
                beam::exit(atom("friend_gone"));
                co_return;
            },
            *p);
        co_await s.sleep_for(1ms);
        CHECK(seen == std::vector<std::string>{"EXIT friend_gone"});
        std::string alive = co_await beam::call<echo>(*p, std::string("alive"));
        CHECK(alive == "alive");
    });
}

TEST_CASE("GS-27: a message without a handler is logged and dropped, and the server lives") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(3);
        beam::send(*p, unknown_thing{1});
        beam::send(*p, term(atom("what")));
        int count = co_await counter::get(*p);
        CHECK(count == 3);
    });
    CHECK(log.count("unexpected message") == 2);
    CHECK(log.field("unexpected message", "class") == "counter");
}

TEST_CASE("a call that nobody handles ends the server, so that its caller is told") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(3);
        auto request = beam::call<echo>(*p, std::string("x"));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, element(1, r.error())) == atoms::function_clause);
    });
}

TEST_CASE("GS-28: a server hibernates when a callback says so, and when it was idle so long") {
    seen.clear();
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        (void)co_await beam::call<with_hibernate>(*p);
        CHECK(seen == std::vector<std::string>{"hibernate"});

        seen.clear();
        server_options o;
        o.hibernate_after = 100ms;
        auto idle = start<kitchen>(o);
        REQUIRE(idle.has_value());
        for (int i = 0; i < 5; ++i) {
            co_await s.sleep_for(60ms);
            std::string alive = co_await beam::call<echo>(*idle, std::string("awake"));
            CHECK(alive == "awake");
        }
        CHECK(seen.empty());
        co_await s.sleep_for(90ms);
        CHECK(seen.empty());
        co_await s.sleep_for(20ms);
        CHECK(seen == std::vector<std::string>{"hibernate"});
        co_await s.sleep_for(10s);
        CHECK(seen.size() == 1);
        // Awake again, and so to sleep again.
        (void)co_await beam::call<echo>(*idle, std::string("awake"));
        co_await s.sleep_for(200ms);
        CHECK(seen.size() == 2);
    });
}

TEST_CASE(
    "GS-30: send_request, then receive_response; a missing server is an error with its name") {
    in_node([](self) -> awaitable<void> {
        auto p = start<counter>(8);
        auto request = counter::get(*p);
        auto r = co_await receive_response(std::move(request), 1s);
        REQUIRE(r.has_value());
        REQUIRE(r->has_value());
        CHECK(**r == 8);

        auto missing = send_request(atom("nobody_has_this"), ignore_me{}, infinity{});
        auto e = co_await receive_response(std::move(missing), 1s);
        REQUIRE(e.has_value());
        REQUIRE(!e->has_value());
        CHECK(shown(e->error()) == "{noproc,nobody_has_this}");
    });
}

TEST_CASE("GS-31: wait_response may be tried again; receive_response gives the request up") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = send_request(*p, slowly{100}, infinity{});
        auto early = co_await wait_response(request, 10ms);
        CHECK(!early.has_value());
        auto later = co_await wait_response(request, 1s);
        REQUIRE(later.has_value());
        REQUIRE(later->has_value());
        CHECK(**later == 100);

        auto given_up = send_request(*p, slowly{100}, infinity{});
        auto none = co_await receive_response(std::move(given_up), 10ms);
        CHECK(!none.has_value());
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("GS-32: casts and a call of one client are handled in the order sent") {
    seen.clear();
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        in_node(
            [](self) -> awaitable<void> {
                auto p = start<counter>(0);
                for (int i = 1; i <= 100; ++i) {
                    counter::increment(*p, 1);
                    if (i % 10 != 0) continue;
                    int count = co_await counter::get(*p);
                    CHECK(count == i);
                }
            },
            seed);
    }
}

TEST_CASE("GS-33: a caller that waits exits with killed when the server is killed") {
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<ignore_me>(*p);
        exit(*p, atoms::kill);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::killed);
    });
}

TEST_CASE("GS-33: and also when it is killed within a handler that waits") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<slowly>(*p, 1000);
        co_await s.sleep_for(10ms);
        exit(*p, atoms::kill);
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::killed);
    });
}

TEST_CASE("a handler that waits answers when it is through, and others wait for it") {
    seen.clear();
    in_node([](self) -> awaitable<void> {
        auto p = start<kitchen>();
        auto request = beam::call<slowly>(*p, 50);
        beam::cast<note>(*p, std::string("after"));
        int ms = co_await std::move(request);
        CHECK(ms == 50);
        co_await beam::call<nothing_much>(*p);
        CHECK(seen == std::vector<std::string>{"after", "nothing_much"});
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

namespace {

struct finished {};

process busy_caller(self s, pid test, const std::vector<pid>* servers, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        pid server = (*servers)[std::size_t(i) % servers->size()];
        counter::increment(server, 1);
        int count = co_await counter::get(server, infinity{});
        if (count < 1) beam::exit(atom("lost"));
    }
    beam::send(test, finished{});
    (void)s;
}

awaitable<void> many_callers(self s) {
    constexpr int servers_n = 20, callers_n = 50, rounds = 200;
    std::vector<pid> servers;
    for (int i = 0; i < servers_n; ++i) servers.push_back(*start_link<counter>(0));
    for (int i = 0; i < callers_n; ++i) beam::spawn_link(busy_caller, s.id(), &servers, rounds);
    // Meanwhile one of them is suspended now and then: nothing is lost by it.
    for (int i = 0; i < 20; ++i) {
        co_await sys::suspend(servers[0], infinity{});
        co_await s.yield();
        co_await sys::resume(servers[0], infinity{});
    }
    for (int i = 0; i < callers_n; ++i) co_await s.receive<finished>();
    int sum = 0;
    for (pid server : servers) {
        int count = co_await counter::get(server, infinity{});
        sum += count;
        co_await beam::stop(server);
    }
    CHECK(sum == callers_n * rounds);
}

}  // namespace

TEST_CASE("on several schedulers no call or cast is lost, suspended or not") {
    runtime_options o;
    o.schedulers = 4;
    runtime node(o);
    auto r = node.execute(many_callers);
    CHECK_MESSAGE(r.has_value(), shown(r ? term() : r.error()));
}

namespace {

struct any_question {
    using reply = int;
    int n = 0;
    BEAM_FIELDS(any_question, n)
};
struct another_question {
    using reply = term;
    BEAM_FIELDS(another_question)
};

/// Knows one request, and answers all others.
struct patient : gen_server<patient> {
    using calls = messages<any_question>;
    int handle_call(any_question q) { return q.n + 1; }
    void handle_call(message /*m*/, from f) { reply(f, term(atom("no_such_request"))); }
};

}  // namespace

TEST_CASE("a server with a handler for calls that it does not know answers them, and goes on") {
    test::in_node([](self) -> awaitable<void> {
        auto s = start_link<patient>();
        REQUIRE(s.has_value());
        CHECK(co_await call<another_question>(*s) == atom("no_such_request"));
        CHECK(co_await call<any_question>(*s, 1) == 2);
    });
}
