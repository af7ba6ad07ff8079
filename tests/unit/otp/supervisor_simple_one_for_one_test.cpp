// Many children of one specification: simple_one_for_one.
#include <chrono>
#include <string>

#include "libbeamcore/otp/child_of_terms.hpp"
#include "supervisors.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

TEST_CASE("SUP-12: a child of simple_one_for_one that ignores is not kept") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), ignoring_start());
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        auto r = co_await supervisor::start_child(sup, nil);
        CHECK(as_term(r) == atoms::ignore);
        auto n = co_await supervisor::count_children(sup);
        CHECK(n == children_count{1, 0, 0, 0});
    });
}

TEST_CASE("SUP-22: start_child of simple_one_for_one that fails gives the bare reason") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), error_start("broken"));
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        auto r = co_await supervisor::start_child(sup, nil);
        CHECK(shown(as_term(r)) == "{error,broken}");
    });
}

TEST_CASE("SUP-29: calls by id make no sense under simple_one_for_one") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, simple, supervisor::children(spec("a")));
        auto d = co_await supervisor::delete_child(sup, atom("a"));
        CHECK(shown(as_term(d)) == "{error,simple_one_for_one}");
        auto r = co_await supervisor::restart_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "{error,simple_one_for_one}");
        auto e = co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(shown(as_term(e)) == "{error,simple_one_for_one}");
    });
}

TEST_CASE("SUP-30: terminate_child by pid under simple_one_for_one") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, simple, supervisor::children(spec("a")));
        auto r = co_await supervisor::start_child(sup, nil);
        pid p = std::get<started>(*r).pid;
        auto e = co_await supervisor::terminate_child(sup, p);
        CHECK(shown(as_term(e)) == "ok");
        e = co_await supervisor::terminate_child(sup, s.id());
        CHECK(shown(as_term(e)) == "{error,not_found}");
        e = co_await supervisor::terminate_child(sup, p);
        CHECK(shown(as_term(e)) == "ok");
    });
    seen.clear();
}

TEST_CASE("SUP-34: simple_one_for_one counts one specification and its dynamic children") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, simple, supervisor::children(spec("a")));
        for (int i = 0; i < 3; ++i) co_await supervisor::start_child(sup, nil);
        auto n = co_await supervisor::count_children(sup);
        CHECK(shown(n.to_term()) == "[{specs,1},{active,3},{supervisors,0},{workers,3}]");
    });
    seen.clear();
}

TEST_CASE("SUP-54: extra arguments come behind the specification's, at restarts too") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), child_of_terms<plain, std::string>());
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        seen.clear();
        auto r = co_await supervisor::start_child(sup, supervisor::arguments("x"));
        REQUIRE(r);
        exit(std::get<started>(*r).pid, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "+x -x +x");

        child_spec d(atom("d"), child_of_terms<slow, std::string, int>(std::string("d")));
        pid other = co_await start_sup(s, simple, supervisor::children(d));
        r = co_await supervisor::start_child(other, supervisor::arguments(5));
        CHECK(r.has_value());
        CHECK(seen_text() == "+d");
        r = co_await supervisor::start_child(other, supervisor::arguments(5, 6));
        CHECK(shown(as_term(r)) == "{error,{'EXIT',badarg}}");
    });
    seen.clear();
}

TEST_CASE("SUP-55: simple_one_for_one stops all children at once, each within its time") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), child_of_terms<slow, std::string, int>(), permanent, 1000ms);
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        co_await supervisor::start_child(sup, supervisor::arguments("a", 900));
        co_await supervisor::start_child(sup, supervisor::arguments("b", 800));
        co_await supervisor::start_child(sup, supervisor::arguments("c", 100000));
        seen.clear();
        auto start = monotonic_time();
        exit(sup, atoms::shutdown);
        auto e = co_await s.receive<exit_message>();
        CHECK(e.reason == atoms::shutdown);
        CHECK(monotonic_time() - start >= 1000ms);
        CHECK(monotonic_time() - start < 1100ms);
        CHECK(seen_text() == "!b -b !a -a -c");
    });
}

TEST_CASE("SUP-55: a child that has unlinked itself is waited for all the same") {
    in_node([](self s) -> awaitable<void> {
        child_start naughty([] {
            start_result r = detail::behaviour<slow>::start_link(std::string("n"), 500);
            unlink(std::get<started>(*r).pid);
            return r;
        });
        child_spec c(atom("c"), naughty);
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        co_await supervisor::start_child(sup, nil);
        exit(sup, atoms::shutdown);
        auto e = co_await s.receive_for<exit_message>(10s);
        REQUIRE(e);
        CHECK(e->reason == atoms::shutdown);
    });
    seen.clear();
}
