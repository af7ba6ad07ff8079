// Children that are started, stopped, restarted, deleted, listed and counted by hand.
#include <string>

#include "supervisors.hpp"

using namespace beam;
using namespace test;

TEST_CASE("SUP-20: start_child with an id that is taken") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        pid a = co_await child_of(sup, "a");
        auto r = co_await supervisor::start_child(sup, spec("a"));
        CHECK(as_term(r) == tuple(atoms::error, tuple(atoms::already_started, a)));
        co_await supervisor::terminate_child(sup, atom("a"));
        r = co_await supervisor::start_child(sup, spec("a"));
        CHECK(as_term(r) == tuple(atoms::error, atoms::already_present));
    });
}

TEST_CASE("SUP-21: start_child that fails gives the reason with the child and keeps nothing") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, {});
        child_spec c(atom("c"), error_start("broken"));
        auto r = co_await supervisor::start_child(sup, c);
        REQUIRE(!r);
        CHECK(element(1, r.error()) == atom("broken"));
        CHECK(element(1, element(2, r.error())) == atom("child"));
        CHECK(element(3, element(2, r.error())) == atom("c"));
        auto text = co_await children_text(sup);
        CHECK(text == "");
    });
}

TEST_CASE("SUP-23: a start that gives more than a pid") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, {});
        child_start start([] {
            start_result r = detail::behaviour<plain>::start_link(std::string("a"));
            std::get<started>(*r).info = atom("extra");
            return r;
        });
        child_spec c(atom("a"), start);
        auto r = co_await supervisor::start_child(sup, c);
        REQUIRE(r);
        CHECK(std::get<started>(*r).info == term(atom("extra")));
        co_await supervisor::terminate_child(sup, atom("a"));
        r = co_await supervisor::restart_child(sup, atom("a"));
        REQUIRE(r);
        CHECK(std::get<started>(*r).info == term(atom("extra")));
        exit(std::get<started>(*r).pid, atoms::kill);
        co_await settle(s);
        pid again = co_await child_of(sup, "a");
        CHECK(again);
    });
    seen.clear();
}

TEST_CASE("SUP-24: terminate_child keeps the specification of all but temporary children") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec("b", transient)));
        auto r = co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "ok");
        auto text = co_await children_text(sup);
        CHECK(text == "b a(-)");
        r = co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "ok");
        r = co_await supervisor::terminate_child(sup, atom("nobody"));
        CHECK(shown(as_term(r)) == "{error,not_found}");
    });
    seen.clear();
}

TEST_CASE("SUP-25: terminate_child of a temporary child forgets it") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a", temporary)));
        auto r = co_await supervisor::terminate_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "ok");
        auto text = co_await children_text(sup);
        CHECK(text == "");
        auto again = co_await supervisor::restart_child(sup, atom("a"));
        CHECK(shown(as_term(again)) == "{error,not_found}");
    });
    seen.clear();
}

TEST_CASE("SUP-26: restart_child of a running and of an unknown child") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        auto r = co_await supervisor::restart_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "{error,running}");
        r = co_await supervisor::restart_child(sup, atom("nobody"));
        CHECK(shown(as_term(r)) == "{error,not_found}");
    });
    seen.clear();
}

TEST_CASE("SUP-27: delete_child of a running, a stopped and an unknown child") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        auto r = co_await supervisor::delete_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "{error,running}");
        co_await supervisor::terminate_child(sup, atom("a"));
        r = co_await supervisor::delete_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "ok");
        auto text = co_await children_text(sup);
        CHECK(text == "");
        r = co_await supervisor::delete_child(sup, atom("a"));
        CHECK(shown(as_term(r)) == "{error,not_found}");
    });
    seen.clear();
}

TEST_CASE("SUP-28: children terminated and restarted by hand do not count as restarts") {
    in_node([](self s) -> awaitable<void> {
        auto none = flags_of(restart_strategy::one_for_one, 0);
        pid sup = co_await start_sup(s, none, supervisor::children(spec("a")));
        for (int i = 0; i < 20; ++i) {
            co_await supervisor::terminate_child(sup, atom("a"));
            auto r = co_await supervisor::restart_child(sup, atom("a"));
            CHECK(r.has_value());
        }
        auto n = co_await supervisor::count_children(sup);
        CHECK(n.active == 1);
    });
    seen.clear();
}

TEST_CASE("SUP-31: other supervisors do not know children by pid") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        pid a = co_await child_of(sup, "a");
        auto e = co_await supervisor::terminate_child(sup, a);
        CHECK(shown(as_term(e)) == "{error,not_found}");
    });
    seen.clear();
}

TEST_CASE("SUP-32: which_children gives id, pid, type and modules, the newest child first") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), ignoring_start(), permanent, {}, child_type::supervisor);
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec("b"), c));
        pid a = co_await child_of(sup, "a");
        auto list = co_await supervisor::which_children(sup);
        REQUIRE(list.size() == 3);
        CHECK(shown(list[0].to_term()) == "{c,undefined,supervisor,[]}");
        CHECK(list[2].to_term() ==
              tuple(atom("a"), a, atoms::worker, beam::list({term(atom("plain"))})));

        pid many = co_await start_sup(s, simple, supervisor::children(spec("a")));
        co_await supervisor::start_child(many, nil);
        list = co_await supervisor::which_children(many);
        REQUIRE(list.size() == 1);
        CHECK(list[0].id == atoms::undefined);
    });
    seen.clear();
}

TEST_CASE("SUP-33: stopped children count as specifications and workers") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a"), spec("b")));
        co_await supervisor::terminate_child(sup, atom("a"));
        auto n = co_await supervisor::count_children(sup);
        CHECK(shown(n.to_term()) == "[{specs,2},{active,1},{supervisors,0},{workers,2}]");
    });
    seen.clear();
}

TEST_CASE("SUP-35: calls to a supervisor that is not there exit with noproc") {
    in_node([](self) -> awaitable<void> {
        auto f = supervisor::which_children(atom("nobody_here"));
        auto r = co_await std::move(f).outcome();
        REQUIRE(!r);
        CHECK(element(1, r.error()) == atoms::noproc);
        term call = element(2, r.error());
        CHECK(element(1, call) == atoms::gen_server);
        CHECK(element(2, call) == atoms::call);
        auto arguments = element(3, call).as_list();
        REQUIRE(arguments);
        CHECK(arguments->back() == atoms::infinity);
    });
}

TEST_CASE("SUP-62: get_childspec gives the full specification") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        auto r = co_await supervisor::get_childspec(sup, atom("a"));
        REQUIRE(r);
        CHECK(to_term(*r) == t("#{id => a, start => {plain, start_link, [<<\"a\">>]}, "
                               "restart => permanent, shutdown => 5000, type => worker, "
                               "modules => [plain], significant => false}"));
        r = co_await supervisor::get_childspec(sup, atom("nobody"));
        REQUIRE(!r);
        CHECK(r.error() == atoms::not_found);
    });
    seen.clear();
}
