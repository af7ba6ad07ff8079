// Which children are started again after which end, with which siblings, and when it is given up.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/runtime/simulation.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "supervisors.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("SUP-36: a permanent child is started again after every end") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, flags_of(one.strategy, 4), supervisor::children(spec("a")));
        for (const char* reason : {"normal", "shutdown", "{shutdown, x}", "crash"}) {
            pid before = co_await child_of(sup, "a");
            cast_end(before, t(reason));
            co_await settle(s);
            pid after = co_await child_of(sup, "a");
            CHECK(after);
            CHECK(after != before);
        }
        // Each counted: the next is one too many.
        pid last = co_await child_of(sup, "a");
        cast_end(last, atoms::normal);
        co_await settle(s);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-37: a transient child that ends orderly is kept without a process") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a", transient)));
        for (const char* reason : {"normal", "shutdown", "{shutdown, x}"}) {
            pid a = co_await child_of(sup, "a");
            cast_end(a, t(reason));
            co_await settle(s);
            auto text = co_await children_text(sup);
            CHECK(text == "a(-)");
            co_await supervisor::restart_child(sup, atom("a"));
        }
    });
    seen.clear();
}

TEST_CASE("SUP-38: a transient child that ends otherwise is started again") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a", transient)));
        pid a = co_await child_of(sup, "a");
        exit(a, atoms::kill);
        co_await settle(s);
        pid b = co_await child_of(sup, "a");
        CHECK(b);
        cast_end(b, atom("crash"));
        co_await settle(s);
        pid c = co_await child_of(sup, "a");
        CHECK(c);
        CHECK(c != b);
    });
    seen.clear();
}

TEST_CASE("SUP-39: a temporary child is never started again and is forgotten") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, {});
        for (const char* reason : {"normal", "shutdown", "crash"}) {
            auto r = co_await supervisor::start_child(sup, spec("a", temporary));
            cast_end(std::get<started>(*r).pid, t(reason));
            co_await settle(s);
            auto text = co_await children_text(sup);
            CHECK(text == "");
        }
    });
    seen.clear();
}

TEST_CASE("SUP-40: one_for_one restarts the child that crashed, in its place") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec("b"), spec("c")));
        pid b = co_await child_of(sup, "b");
        seen.clear();
        exit(b, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-b +b");
        auto text = co_await children_text(sup);
        CHECK(text == "c b a");
    });
    seen.clear();
}

TEST_CASE("SUP-41: one_for_all stops the others last first and starts all in order") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(
            s, all,
            supervisor::children(spec<trapping>("a"), spec<trapping>("b"), spec<trapping>("c")));
        pid b = co_await child_of(sup, "b");
        seen.clear();
        exit(b, atoms::kill);
        co_await settle(s);
        CHECK(seen_text() == "-b !c:shutdown -c !a:shutdown -a +a +b +c");
        auto text = co_await children_text(sup);
        CHECK(text == "c b a");
    });
    seen.clear();
}

TEST_CASE("SUP-42: rest_for_one stops and starts the child and those after it") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(
            s, rest, supervisor::children(spec("a"), spec("b"), spec("c"), spec("d")));
        pid a = co_await child_of(sup, "a");
        pid b = co_await child_of(sup, "b");
        seen.clear();
        exit(b, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-b -d -c +b +c +d");
        pid still = co_await child_of(sup, "a");
        CHECK(still == a);
        auto text = co_await children_text(sup);
        CHECK(text == "d c b a");
    });
    seen.clear();
}

TEST_CASE("SUP-43: a temporary child that crashes takes nobody along") {
    in_node([](self s) -> awaitable<void> {
        for (const auto& flags : {all, rest}) {
            pid sup = co_await start_sup(
                s, flags, supervisor::children(spec("a"), spec("b", temporary), spec("c")));
            pid b = co_await child_of(sup, "b");
            seen.clear();
            exit(b, atom("crash"));
            co_await settle(s);
            CHECK(seen_text() == "-b");
            auto text = co_await children_text(sup);
            CHECK(text == "c a");
        }
    });
    seen.clear();
}

TEST_CASE("SUP-44: a temporary sibling that is taken down is not started again") {
    in_node([](self s) -> awaitable<void> {
        for (const auto& flags : {all, rest}) {
            pid sup = co_await start_sup(
                s, flags, supervisor::children(spec("a"), spec("b", temporary), spec("c")));
            pid a = co_await child_of(sup, "a");
            seen.clear();
            exit(a, atom("crash"));
            co_await settle(s);
            CHECK(seen_text() == "-a -c -b +a +c");
            auto text = co_await children_text(sup);
            CHECK(text == "c a");
        }
    });
    seen.clear();
}

TEST_CASE("SUP-45: under one_for_all a transient child may end normally alone") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, all, supervisor::children(spec("a"), spec("b", transient)));
        pid b = co_await child_of(sup, "b");
        seen.clear();
        cast_end(b, atoms::normal);
        co_await settle(s);
        CHECK(seen_text() == "!b:normal -b");
        auto text = co_await children_text(sup);
        CHECK(text == "b(-) a");
    });
    seen.clear();
}

TEST_CASE("SUP-46: one restart more than the intensity stops the supervisor and all children") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, flags_of(one.strategy, 2),
                                     supervisor::children(spec("a"), spec("b")));
        seen.clear();
        for (int i = 0; i < 3; ++i) {
            pid a = co_await child_of(sup, "a");
            exit(a, atom("crash"));
            co_await settle(s);
        }
        CHECK(seen_text() == "-a +a -a +a -a -b");
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-47: with intensity 0 the first crash takes the supervisor down") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, flags_of(one.strategy, 0), supervisor::children(spec("a")));
        pid a = co_await child_of(sup, "a");
        exit(a, atom("crash"));
        co_await settle(s);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-48: restarts older than the period do not count") {
    in_node([](self s) -> awaitable<void> {
        pid sup =
            co_await start_sup(s, flags_of(one.strategy, 1, 2), supervisor::children(spec("a")));
        for (int i = 0; i < 5; ++i) {
            pid a = co_await child_of(sup, "a");
            REQUIRE(a);
            exit(a, atom("crash"));
            co_await s.sleep_for(3100ms);
        }
        pid a = co_await child_of(sup, "a");
        CHECK(a);
        exit(a, atom("crash"));
        co_await settle(s);
        a = co_await child_of(sup, "a");
        exit(a, atom("crash"));
        co_await settle(s);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-63: a supervisor that is restarted has its static children again, no others") {
    in_node([](self s) -> awaitable<void> {
        auto inner = supervisor::child(one, supervisor::children(spec("x")));
        pid sup = co_await start_sup(
            s, one, supervisor::children(supervisor::child_of(atom("inner"), inner)));
        pid before = co_await child_of(sup, "inner");
        REQUIRE(before);
        auto r = co_await supervisor::start_child(before, spec("y"));
        CHECK(r.has_value());
        exit(before, atoms::kill);
        co_await settle(s);
        pid after = co_await child_of(sup, "inner");
        REQUIRE(after);
        CHECK(after != before);
        auto text = co_await children_text(after);
        CHECK(text == "x");
    });
    seen.clear();
}

TEST_CASE("whatever the interleaving, killed children come back and are stopped in the end") {
    simulation::exploration options;
    options.seeds = 300;
    auto failure = simulation::explore(
        [](runtime& node) -> std::optional<std::string> {
            std::string wrong;
            auto scenario = [](self s, std::string* report) -> awaitable<void> {
                for (const auto& flags : {one, all, rest}) {
                    pid sup = co_await start_sup(
                        s, flags, supervisor::children(spec("a"), spec<trapping>("b"), spec("c")));
                    auto killer = [](self me, pid of, const char* id) -> process {
                        for (int i = 0; i < 3; ++i) {
                            pid p = co_await child_of(of, id);
                            if (p) exit(p, atoms::kill);
                            co_await me.yield();
                        }
                    };
                    spawn(killer, sup, "a");
                    spawn(killer, sup, "b");
                    spawn(killer, sup, "c");
                    co_await settle(s);
                    auto text = co_await children_text(sup);
                    if (text != "c b a") *report = "children: " + text;
                    exit(sup, atoms::shutdown);
                    auto end = co_await s.receive_for<exit_message>(1s);
                    if (!end || !(end->reason == atoms::shutdown)) *report = "no end";
                    int alive = 0;
                    for (const auto& what : std::exchange(seen, {}))
                        alive += what[0] == '+' ? 1 : what[0] == '-' ? -1 : 0;
                    if (alive != 0) *report = "children left";
                }
            };
            auto done = node.execute(scenario, &wrong);
            if (!done) return shown(done.error());
            if (!wrong.empty()) return wrong;
            return std::nullopt;
        },
        options);
    CHECK_MESSAGE(!failure, (failure ? failure->what : ""));
    seen.clear();
}

TEST_CASE("a restart that fails is tried again until it works or is given up") {
    in_node([](self s) -> awaitable<void> {
        failures_left = 0;
        pid sup = co_await start_sup(s, flags_of(one.strategy, 5),
                                     supervisor::children(spec<failing>("a"), spec("b")));
        pid a = co_await child_of(sup, "a");
        seen.clear();
        failures_left = 3;
        exit(a, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-a xa xa xa +a");
        a = co_await child_of(sup, "a");
        failures_left = 100;
        exit(a, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-a xa -b");
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
        failures_left = 0;
    });
    seen.clear();
}

TEST_CASE("a restart of several that fails goes on with the one that failed") {
    in_node([](self s) -> awaitable<void> {
        failures_left = 0;
        pid sup = co_await start_sup(
            s, rest, supervisor::children(spec("a"), spec<failing>("b"), spec("c")));
        pid a = co_await child_of(sup, "a");
        seen.clear();
        failures_left = 1;
        exit(a, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-a -c -b +a xb +b +c");
        auto text = co_await children_text(sup);
        CHECK(text == "c b a");
    });
    seen.clear();
}

TEST_CASE("each restart is an event with its reason and their number") {
    in_node([](self s) -> awaitable<void> {
        set_log_limit({1000, 1s});  // a window of its own
        log_capture log;
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        pid a = co_await child_of(sup, "a");
        exit(a, atom("crash"));
        co_await settle(s);
        CHECK(log.count("child terminated") == 1);
        CHECK(log.field("child terminated", "reason") == "crash");
        auto child = log.field("child terminated", "child");
        CHECK(child.find("{id,a}") != std::string::npos);
        CHECK(child.find("{restarts,1}") != std::string::npos);
    });
    seen.clear();
}
