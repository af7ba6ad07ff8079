#include "libbeamcore/otp/dynamic_supervisor.hpp"

#include <chrono>
#include <string>

#include "children.hpp"
#include "libbeamcore/otp/child_of_terms.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace dyn = beam::dynamic_supervisor;

namespace {

awaitable<pid> start_dyn(self s, dynamic_supervisor_flags flags = {}) {
    s.trap_exit(true);
    start_result r = co_await dyn::start_link(flags);
    REQUIRE(r);
    co_return std::get<started>(*r).pid;
}

awaitable<pid> start_one(pid sup, child_spec spec) {
    start_result r = co_await dyn::start_child(sup, std::move(spec));
    REQUIRE_MESSAGE(r.has_value(), shown(as_term(r)));
    co_return std::get<started>(*r).pid;
}

struct no_rooms {
    static dynamic_supervisor_init init() { return ignore{}; }
};
struct two_rooms {
    static dynamic_supervisor_init init(int max) { return {{.max_children = std::size_t(max)}}; }
};

}  // namespace

TEST_CASE("DYN-01: three restarts within five seconds unless said otherwise") {
    dynamic_supervisor_flags flags;
    CHECK(flags.max_restarts == 3);
    CHECK(flags.max_seconds == 5s);
}

TEST_CASE("DYN-02: stop ends a supervisor with normal and waits for it") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        co_await start_one(sup, spec<trapping>("a"));
        seen.clear();
        co_await stop(sup);
        CHECK(seen_text() == "!a:shutdown -a");
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::normal));
    });
    seen.clear();
}

TEST_CASE("DYN-03: count_children counts specifications, active ones, supervisors and workers") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        co_await start_one(sup, spec("a"));
        auto b = spec("b");
        b.type = child_type::supervisor;
        co_await start_one(sup, b);
        auto n = co_await dyn::count_children(sup);
        CHECK(n == children_count{2, 2, 1, 1});
    });
    seen.clear();
}

TEST_CASE("DYN-04: two children of one id in a supervisor's list") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await supervisor::start_link(supervisor_flags(),
                                                 supervisor::children(spec("a"), spec("a")));
        CHECK(shown(as_term(r)) == "{error,{start_spec,{duplicate_child_name,a}}}");
        // Dynamic children have no id that counts.
        pid sup = co_await start_dyn(s);
        co_await start_one(sup, spec("a"));
        co_await start_one(sup, spec("a"));
        auto n = co_await dyn::count_children(sup);
        CHECK(n.specs == 2);
    });
    seen.clear();
}

TEST_CASE("DYN-05: no limit of children and no extra arguments unless said otherwise") {
    CHECK(dynamic_supervisor_flags().max_children == SIZE_MAX);
    CHECK(dynamic_supervisor_init(dynamic_supervisor_flags()).extra_arguments().is_nil());
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await dyn::start_link({.max_restarts = -1});
        CHECK(shown(as_term(r)) == "{error,{supervisor_data,{invalid_intensity,-1}}}");
        r = co_await dyn::start_link({.max_seconds = 0s});
        CHECK(shown(as_term(r)) == "{error,{supervisor_data,{invalid_period,0}}}");
        r = co_await dyn::start_link({}, {}, atom("x"));
        CHECK(shown(as_term(r)) == "{error,{supervisor_data,{invalid_extra_arguments,x}}}");
    });
}

TEST_CASE("DYN-06: no more children than max_children") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s, {.max_children = 1});
        pid a = co_await start_one(sup, spec("a"));
        auto r = co_await dyn::start_child(sup, spec("b"));
        CHECK(shown(as_term(r)) == "{error,max_children}");
        co_await dyn::terminate_child(sup, a);
        co_await start_one(sup, spec("b"));
    });
    seen.clear();
}

TEST_CASE("DYN-07: what a start gives: ignore, an error, something thrown; nothing is kept") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        child_spec ignoring(1, child_start([] { return start_result(ignore{}); }));
        auto r = co_await dyn::start_child(sup, ignoring);
        CHECK(as_term(r) == atoms::ignore);
        child_spec wrong(1, child_start([] { return start_result(fail_term(atom("wrong"))); }));
        r = co_await dyn::start_child(sup, wrong);
        CHECK(shown(as_term(r)) == "{error,wrong}");
        child_spec throwing(1, child_start([]() -> start_result { beam::exit(atom("gone")); }));
        r = co_await dyn::start_child(sup, throwing);
        CHECK(shown(as_term(r)) == "{error,{'EXIT',gone}}");
        auto n = co_await dyn::count_children(sup);
        CHECK(n == children_count{0, 0, 0, 0});
    });
}

TEST_CASE("DYN-08: which_children shows no ids") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        pid a = co_await start_one(sup, spec("a"));
        auto list = co_await dyn::which_children(sup);
        REQUIRE(list.size() == 1);
        CHECK(list[0].to_term() ==
              tuple(atoms::undefined, a, atoms::worker, beam::list({term(atom("plain"))})));
    });
    seen.clear();
}

TEST_CASE("DYN-09: extra arguments come in front of the child's own") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto started_sup = co_await dyn::start_link({}, {}, supervisor::arguments("from_sup"));
        pid sup = std::get<started>(*started_sup).pid;
        child_spec c(1, child_of_terms<slow, std::string, int>().with_arguments(nil, list({1})));
        seen.clear();
        pid p = co_await start_one(sup, c);
        exit(p, atom("crash"));
        co_await settle(s);
        auto text = seen_text();
        CHECK(text.substr(0, 9) == "+from_sup");
        CHECK(text.substr(text.size() - 9) == "+from_sup");
    });
    seen.clear();
}

TEST_CASE("DYN-10: terminate_child by pid, once") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        pid a = co_await start_one(sup, spec("a"));
        auto r = co_await dyn::terminate_child(sup, a);
        CHECK(shown(as_term(r)) == "ok");
        r = co_await dyn::terminate_child(sup, a);
        CHECK(shown(as_term(r)) == "{error,not_found}");
        auto n = co_await dyn::count_children(sup);
        CHECK(n.specs == 0);
    });
    seen.clear();
}

TEST_CASE("DYN-11: the fourth abnormal end within five seconds ends the supervisor") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        co_await start_one(sup, spec("a"));
        for (int i = 0; i < 4; ++i) {
            auto list = co_await dyn::which_children(sup);
            REQUIRE(list.size() == 1);
            exit(*list[0].pid, atom("crash"));
            co_await settle(s);
        }
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atoms::shutdown));
    });
    seen.clear();
}

TEST_CASE("DYN-12: specifications that make no sense") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        auto r = co_await dyn::start_child(sup, child_spec());
        CHECK(shown(as_term(r)) == "{error,{invalid_mfa,undefined}}");
        term bad_start = *parse_term("#{id => a, start => foo}");
        r = co_await dyn::start_child(sup, bad_start);
        CHECK(shown(as_term(r)) == "{error,{invalid_mfa,foo}}");
        term bad_restart = *parse_term("#{id => a, start => {m, f, []}, restart => often}");
        r = co_await dyn::start_child(sup, bad_restart);
        CHECK(shown(as_term(r)) == "{error,{invalid_restart_type,often}}");
        auto negative = spec("a");
        negative.shutdown = -1ms;
        r = co_await dyn::start_child(sup, negative);
        CHECK(shown(as_term(r)) == "{error,{invalid_shutdown,-1}}");
    });
}

TEST_CASE("DYN-12: a specification of Erlang's starts a class of the module table") {
    in_node([](self s) -> awaitable<void> {
        module_table::current().publish({module_entry_of<plain>(atom("tests"), "1")});
        pid sup = co_await start_dyn(s);
        seen.clear();
        term good = *parse_term("#{id => a, start => {plain, start_link, [<<\"x\">>]}}");
        auto r = co_await dyn::start_child(sup, good);
        CHECK(r.has_value());
        CHECK(seen_text() == "+x");
        term unknown = *parse_term("#{id => a, start => {nobody, start_link, []}}");
        r = co_await dyn::start_child(sup, unknown);
        CHECK(shown(as_term(r)) == "{error,{'EXIT',{undef,[{nobody,start_link,[]}]}}}");
    });
    seen.clear();
}

TEST_CASE("DYN-13: at the end all children stop at once, each by its own shutdown") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        child_spec a(1, child<slow>(std::string("a"), 100000), restart_type::permanent, 500ms);
        child_spec b(1, child<slow>(std::string("b"), 100000), restart_type::permanent, 1000ms);
        child_spec c(1, child<slow>(std::string("c"), 2000), restart_type::permanent, infinity{});
        child_spec d(1, child<trapping>(std::string("d")), restart_type::permanent, brutal_kill{});
        child_spec e(1, child<trapping>(std::string("e")));
        co_await start_one(sup, a);
        co_await start_one(sup, b);
        co_await start_one(sup, c);
        co_await start_one(sup, d);
        co_await start_one(sup, e);
        seen.clear();
        auto start = monotonic_time();
        exit(sup, atoms::shutdown);
        co_await s.sleep_for(100ms);
        auto first = seen_text();
        CHECK(first.find("-d") != std::string::npos);
        CHECK(first.find("!d") == std::string::npos);
        CHECK(first.find("!e:shutdown -e") != std::string::npos);
        auto end = co_await s.receive<exit_message>();
        CHECK(end.reason == atoms::shutdown);
        CHECK(seen_text() == "-a -b !c -c");
        auto took = monotonic_time() - start;
        CHECK(took >= 2000ms);
        CHECK(took < 2100ms);
    });
}

TEST_CASE("DYN-14: temporary children are not restarted, transient ones after a failure only") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        pid a = co_await start_one(sup, spec("a", restart_type::temporary));
        exit(a, atom("crash"));
        co_await settle(s);
        auto n = co_await dyn::count_children(sup);
        CHECK(n.specs == 0);
        for (term reason :
             {term(atoms::normal), term(atoms::shutdown), tuple(atoms::shutdown, 1)}) {
            pid b = co_await start_one(sup, spec("b", restart_type::transient));
            cast<end_with>(b, reason);
            co_await settle(s);
            n = co_await dyn::count_children(sup);
            CHECK(n.specs == 0);
        }
        pid c = co_await start_one(sup, spec("c", restart_type::transient));
        exit(c, atom("crash"));
        co_await settle(s);
        n = co_await dyn::count_children(sup);
        CHECK(n.active == 1);
    });
    seen.clear();
}

TEST_CASE("a dynamic child whose restart fails is tried again, and can be terminated meanwhile") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s, {.max_restarts = 10});
        failures_left = 0;
        pid a = co_await start_one(sup, spec<failing>("a"));
        seen.clear();
        failures_left = 2;
        exit(a, atom("crash"));
        co_await settle(s);
        CHECK(seen_text() == "-a xa xa +a");
        auto n = co_await dyn::count_children(sup);
        CHECK(n == children_count{1, 1, 0, 1});
        failures_left = 0;
    });
    seen.clear();
}

TEST_CASE("a class can say what its dynamic supervisor is like") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await dyn::start_link<no_rooms>();
        CHECK(as_term(r) == atoms::ignore);
        r = co_await dyn::start_link_named<two_rooms>("rooms", 2);
        REQUIRE(r);
        co_await start_one(*whereis(atom("rooms")), spec("a"));
        co_await start_one(*whereis(atom("rooms")), spec("b"));
        auto more = co_await dyn::start_child(atom("rooms"), spec("c"));
        CHECK(shown(as_term(more)) == "{error,max_children}");

        child_spec as_child(atom("rooms"), child<two_rooms>(1));
        pid sup = co_await start_sup(s, {}, supervisor::children(as_child));
        pid inner = co_await child_of(sup, "rooms");
        CHECK(inner);
    });
    seen.clear();
}

TEST_CASE(
    "SUP-64: a code change gives a dynamic supervisor its class's new limits, children go on") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        start_result r = co_await dyn::start_link<two_rooms>(1);
        REQUIRE(r);
        const pid sup = std::get<started>(*r).pid;
        const pid a = co_await start_one(sup, spec("a"));
        auto full = co_await dyn::start_child(sup, spec("b"));
        CHECK(shown(as_term(full)) == "{error,max_children}");

        auto entry = module_entry_of<two_rooms>(atom(), "2");
        entry.factory.dynamic_supervisor = [](const term&) -> callback<dynamic_supervisor_init()> {
            return [] { return two_rooms::init(2); };
        };
        module_table::current().publish({entry});
        co_await sys::suspend(sup);
        auto done = co_await sys::change_code(sup, atom("two_rooms"), "1", nil);
        CHECK(shown(as_term(done)) == "ok");
        co_await sys::resume(sup);
        CHECK(co_await is_alive(a));
        co_await start_one(sup, spec("b"));
        full = co_await dyn::start_child(sup, spec("c"));
        CHECK(shown(as_term(full)) == "{error,max_children}");
        auto n = co_await dyn::count_children(sup);
        CHECK(n == children_count{2, 2, 0, 2});
    });
    seen.clear();
}

TEST_CASE("a thousand children come and go") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_dyn(s);
        std::vector<pid> pids;
        for (int i = 0; i < 1000; ++i) {
            pid p = co_await start_one(sup, spec("x", restart_type::temporary));
            pids.push_back(p);
        }
        for (std::size_t i = 0; i < pids.size(); i += 2) exit(pids[i], atom("crash"));
        co_await settle(s);
        auto n = co_await dyn::count_children(sup);
        CHECK(n.active == 500);
        for (std::size_t i = 1; i < pids.size(); i += 4) {
            auto r = co_await dyn::terminate_child(sup, pids[i]);
            CHECK(r.has_value());
        }
        n = co_await dyn::count_children(sup);
        CHECK(n.active == 250);
        exit(sup, atoms::shutdown);
        auto e = co_await s.receive_for<exit_message>(1s);
        REQUIRE(e);
        CHECK(e->reason == atoms::shutdown);
    });
    seen.clear();
}
