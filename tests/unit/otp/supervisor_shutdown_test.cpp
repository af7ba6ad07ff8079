// How children are stopped, each in its time, and what ends a supervisor: an order, a kill, a significant child.
#include <chrono>
#include <string>

#include "supervisors.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("SUP-05: a supervisor told to stop stops its children last first and ends likewise") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec("b"), spec("c")));
        seen.clear();
        exit(sup, atoms::shutdown);
        co_await settle(s);
        CHECK(seen_text() == "-c -b -a");
        auto end = co_await end_of(s, sup);
        REQUIRE(end);
        CHECK(*end == atoms::shutdown);
    });
}

TEST_CASE("SUP-49: a child that stops in its time is sent shutdown and seen to end with it") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("a"), child<slow>(std::string("a"), 100), permanent, 1000ms);
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        pid a = co_await child_of(sup, "a");
        ref mon = monitor(a);
        auto start = monotonic_time();
        co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(monotonic_time() - start < 200ms);
        auto down = co_await s.receive_if<down_message>(
            [mon](const down_message& d) { return d.monitor == mon; }, 1s);
        REQUIRE(down);
        CHECK(down->reason == atoms::shutdown);
    });
    seen.clear();
}

TEST_CASE("SUP-50: a child that takes too long is killed when its time is up") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("a"), child<slow>(std::string("a"), 100000), permanent, 1000ms);
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        pid a = co_await child_of(sup, "a");
        ref mon = monitor(a);
        auto start = monotonic_time();
        co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(monotonic_time() - start >= 1000ms);
        CHECK(monotonic_time() - start < 1100ms);
        auto down = co_await s.receive_if<down_message>(
            [mon](const down_message& d) { return d.monitor == mon; }, 1s);
        REQUIRE(down);
        CHECK(down->reason == atoms::killed);
    });
    seen.clear();
}

TEST_CASE("SUP-51: a brutal_kill child is killed without being asked") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("a"), child<trapping>(std::string("a")), permanent, brutal_kill{});
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        seen.clear();
        co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(seen_text() == "-a");
    });
}

TEST_CASE("SUP-52: infinity waits as long as it takes") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("a"), child<slow>(std::string("a"), 10'000'000), permanent, infinity{});
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        seen.clear();
        auto start = monotonic_time();
        co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(monotonic_time() - start >= 10'000s);
        CHECK(seen_text() == "!a -a");
    });
}

TEST_CASE("SUP-53: a child that does not trap exits dies of shutdown without terminate") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec<trapping>("b")));
        seen.clear();
        co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(seen_text() == "-a");
        co_await supervisor::terminate_child(sup, atom("b"));
        CHECK(seen_text() == "!b:shutdown -b");
    });
}

TEST_CASE("SUP-56: any_significant: a significant child that ends normally stops the supervisor") {
    in_node([](self s) -> awaitable<void> {
        auto flags = one;
        flags.auto_shutdown = auto_shutdown_type::any_significant;
        auto a = spec("a", transient);
        a.significant = true;
        pid sup = co_await start_sup(s, flags, supervisor::children(a, spec("b")));
        pid p = co_await child_of(sup, "a");
        seen.clear();
        cast_end(p, atoms::normal);
        co_await settle(s);
        CHECK(seen_text() == "!a:normal -a -b");
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
}

TEST_CASE("SUP-57: any_significant: a significant temporary child counts however it ends") {
    in_node([](self s) -> awaitable<void> {
        auto flags = one;
        flags.auto_shutdown = auto_shutdown_type::any_significant;
        auto a = spec("a", temporary);
        a.significant = true;
        pid sup = co_await start_sup(s, flags, supervisor::children(a, spec("b")));
        pid p = co_await child_of(sup, "a");
        exit(p, atom("crash"));
        co_await settle(s);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-58: any_significant: a significant transient child that crashes is restarted") {
    in_node([](self s) -> awaitable<void> {
        auto flags = one;
        flags.auto_shutdown = auto_shutdown_type::any_significant;
        auto a = spec("a", transient);
        a.significant = true;
        pid sup = co_await start_sup(s, flags, supervisor::children(a, spec("b")));
        pid p = co_await child_of(sup, "a");
        exit(p, atom("crash"));
        co_await settle(s);
        auto text = co_await children_text(sup);
        CHECK(text == "b a");
    });
    seen.clear();
}

TEST_CASE("SUP-59: all_significant: the supervisor stops with the last significant child") {
    in_node([](self s) -> awaitable<void> {
        auto flags = one;
        flags.auto_shutdown = auto_shutdown_type::all_significant;
        auto a = spec("a", transient);
        auto b = spec("b", temporary);
        a.significant = b.significant = true;
        pid sup = co_await start_sup(s, flags, supervisor::children(a, b, spec("c")));
        pid p = co_await child_of(sup, "a");
        cast_end(p, atoms::normal);
        co_await settle(s);
        auto text = co_await children_text(sup);
        CHECK(text == "c b a(-)");
        // By hand does not count.
        co_await supervisor::restart_child(sup, atom("a"));
        co_await supervisor::terminate_child(sup, atom("a"));
        p = co_await child_of(sup, "b");
        exit(p, atom("crash"));
        co_await settle(s);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("SUP-60: when the supervisor is killed its children get killed") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec<trapping>("b")));
        seen.clear();
        exit(sup, atoms::kill);
        co_await settle(s);
        auto text = seen_text();
        CHECK(text.find("-a") != std::string::npos);
        CHECK(text.find("!b:killed -b") != std::string::npos);
        CHECK(text.find("!a") == std::string::npos);
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::killed));
    });
}
