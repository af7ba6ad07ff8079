// How a supervisor comes up: what its init gives, its children in their order, and those that do not start.
#include "libbeamcore/runtime/name.hpp"
#include "supervisors.hpp"

using namespace beam;
using namespace test;

namespace {

struct ignoring_sup {
    static supervisor_init init() { return ignore{}; }
};
struct raising_sup {
    static supervisor_init init() { raise(atom("boom")); }
};

}  // namespace

TEST_CASE("SUP-04: children start from left to right, each ready before the next") {
    in_node([](self s) -> awaitable<void> {
        co_await start_sup(s, one, supervisor::children(spec("a"), spec("b"), spec("c")));
        CHECK(seen_text() == "+a +b +c");
    });
    seen.clear();
}

TEST_CASE("SUP-06: init may say ignore: no process, no failure") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await supervisor::start_link<ignoring_sup>();
        CHECK(as_term(r) == atoms::ignore);
        auto by_term = co_await start_told(s, atoms::ignore);
        CHECK(by_term == "ok");
    });
}

TEST_CASE("SUP-07: an init that gives nonsense is a bad return") {
    in_node([](self s) -> awaitable<void> {
        auto r = co_await start_told(s, atom("nonsense"));
        CHECK(r == "{bad_return,{told_sup,init,nonsense}}");
        auto q = co_await start_told(s, t("{ok, nonsense}"));
        CHECK(q == "{bad_return,{told_sup,init,{ok,nonsense}}}");
    });
}

TEST_CASE("SUP-08: an init that raises is the error, with its stack") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await supervisor::start_link<raising_sup>();
        REQUIRE(!r);
        CHECK(element(1, r.error()) == atom("boom"));
        CHECK(element(2, r.error()).is_list());
    });
}

TEST_CASE("SUP-09: when a child fails the ones before it are stopped last first") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        seen.clear();
        child_spec c(atom("c"), error_start("broken"));
        auto r = co_await supervisor::start_link(
            one, supervisor::children(spec("a"), spec("b"), c, spec("d")));
        CHECK(shown(as_term(r)) == "{error,{shutdown,{failed_to_start_child,c,broken}}}");
        CHECK(seen_text() == "+a +b -b -a");
    });
}

TEST_CASE("SUP-09: a first child that fails leaves nothing to stop") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        child_spec c(atom("c"), error_start("broken"));
        auto r = co_await supervisor::start_link(one, supervisor::children(c));
        CHECK(shown(as_term(r)) == "{error,{shutdown,{failed_to_start_child,c,broken}}}");
    });
}

TEST_CASE("SUP-10: a static child that ignores is kept without a process") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), ignoring_start());
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        auto text = co_await children_text(sup);
        CHECK(text == "c(-)");
        auto n = co_await supervisor::count_children(sup);
        CHECK(n == children_count{1, 0, 0, 1});
    });
}

TEST_CASE("SUP-11: a temporary child that ignores is not kept") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), ignoring_start(), temporary);
        pid sup = co_await start_sup(s, one, supervisor::children(c));
        auto text = co_await children_text(sup);
        CHECK(text == "");
        auto r = co_await supervisor::start_child(sup, c);
        CHECK(as_term(r) == atoms::ignore);
        text = co_await children_text(sup);
        CHECK(text == "");
    });
}

TEST_CASE("SUP-61: a name that is taken") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await supervisor::start_link(one, {}, "the_sup");
        REQUIRE(r);
        pid first = std::get<started>(*r).pid;
        CHECK(whereis(atom("the_sup")) == first);
        r = co_await supervisor::start_link(one, {}, "the_sup");
        CHECK(as_term(r) == tuple(atoms::error, tuple(atoms::already_started, first)));
        auto n = co_await supervisor::count_children(atom("the_sup"));
        CHECK(n.specs == 0);
    });
}
