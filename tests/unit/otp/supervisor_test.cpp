#include "libbeamcore/otp/supervisor.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "children.hpp"
#include "libbeamcore/otp/child_of_terms.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/simulation.hpp"
#include "libbeamcore/runtime/spawn.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

constexpr auto permanent = restart_type::permanent;
constexpr auto transient = restart_type::transient;
constexpr auto temporary = restart_type::temporary;

supervisor_flags flags_of(restart_strategy strategy, int intensity = 1, int period = 5) {
    supervisor_flags f;
    f.strategy = strategy;
    f.intensity = intensity;
    f.period = std::chrono::seconds(period);
    return f;
}
const supervisor_flags one = flags_of(restart_strategy::one_for_one, 100);
const supervisor_flags all = flags_of(restart_strategy::one_for_all, 100);
const supervisor_flags rest = flags_of(restart_strategy::rest_for_one, 100);
const supervisor_flags simple = flags_of(restart_strategy::simple_one_for_one, 100);

term t(const char* text) {
    auto parsed = parse_term(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

// A supervisor whose init gives what it is given.
struct told_sup {
    static term init(term answer) { return answer; }
};
struct ignoring_sup {
    static supervisor_init init() { return ignore{}; }
};
struct raising_sup {
    static supervisor_init init() { raise(atom("boom")); }
};
// What it gives can be changed between two calls of init.
std::vector<child_spec> next_specs;
supervisor_flags next_flags;
struct changing_sup {
    static supervisor_init init() { return {next_flags, next_specs}; }
};

// Lets classes of the tests be named in Erlang specifications.
void publish() {
    module_table::current().publish({module_entry_of<plain>(atom("tests"), "1")});
}

term told(const char* flags, const char* specs) {
    return tuple(atoms::ok, tuple(t(flags), t(specs)));
}

awaitable<std::string> start_told(self s, term answer) {
    s.trap_exit(true);
    start_result r = co_await supervisor::start_link<told_sup>(answer);
    if (r) co_return "ok";
    co_return shown(r.error());
}

void cast_end(pid p, term reason) {
    cast<end_with>(p, std::move(reason));
}

child_start ignoring_start() {
    return child_start([] { return start_result(ignore{}); });
}

child_start error_start(const char* reason) {
    return child_start([why = term(atom(reason))] { return start_result(fail_term(why)); });
}

}  // namespace

TEST_CASE("SUP-01: flags without anything are one_for_one, intensity 1, period 5 s, never") {
    auto flags = flags_from_term(t("#{}"));
    REQUIRE(flags);
    CHECK(*flags == supervisor_flags{});
    CHECK(shown(to_term(*flags)) == shown(t("#{strategy => one_for_one, intensity => 1, "
                                            "period => 5, auto_shutdown => never}")));
}

TEST_CASE("SUP-02: a specification of id and start is permanent, a worker, has 5 s to stop") {
    auto spec = child_spec_from_term(t("#{id => a, start => {m, start_link, [1]}}"));
    REQUIRE(spec);
    CHECK(to_term(*spec) == t("#{id => a, start => {m, start_link, [1]}, restart => permanent, "
                              "shutdown => 5000, type => worker, modules => [m], "
                              "significant => false}"));
}

TEST_CASE("SUP-03: a child that is a supervisor has all the time it needs to stop") {
    auto spec = child_spec_from_term(t("#{id => a, start => {m, f, []}, type => supervisor}"));
    REQUIRE(spec);
    CHECK(to_term(shutdown_of(*spec)) == atoms::infinity);
}

TEST_CASE("check names what is wrong with a specification") {
    CHECK(check(child_spec()).error().is("missing_id"));
    CHECK(check(child_spec("a", child_start())).error().is("missing_start"));
    auto s = test::spec("a");
    CHECK(check(s));
    s.significant = true;
    CHECK(check(s).error().is("permanent_significant"));
    s.restart = transient;
    s.shutdown = -1ms;
    CHECK(check(s).error().is("negative_shutdown"));
}

TEST_CASE("SUP-04: children start from left to right, each ready before the next") {
    in_node([](self s) -> awaitable<void> {
        co_await start_sup(s, one, supervisor::children(spec("a"), spec("b"), spec("c")));
        CHECK(seen_text() == "+a +b +c");
    });
    seen.clear();
}

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

TEST_CASE("SUP-13: a map without id or start, and what is no specification") {
    CHECK(child_spec_from_term(t("#{start => {m, f, []}}")).error() == atom("missing_id"));
    CHECK(child_spec_from_term(t("#{id => a}")).error() == atom("missing_start"));
    CHECK(shown(child_spec_from_term(t("foo")).error()) == "{invalid_child_spec,foo}");
    in_node([](self s) -> awaitable<void> {
        auto r = co_await start_told(s, told("#{}", "[#{start => {m, f, []}}]"));
        CHECK(r == "{start_spec,missing_id}");
        r = co_await start_told(s, told("#{}", "[#{id => a}]"));
        CHECK(r == "{start_spec,missing_start}");
        r = co_await start_told(s, told("#{}", "[foo]"));
        CHECK(r == "{start_spec,{invalid_child_spec,foo}}");
    });
}

TEST_CASE("SUP-14: unknown keys of specifications and flags are ignored") {
    in_node([](self s) -> awaitable<void> {
        publish();
        auto r = co_await start_told(
            s, told("#{strategy => one_for_one, colour => red}",
                    "[#{id => a, start => {plain, start_link, [<<\"a\">>]}, size => 3}]"));
        CHECK(r == "ok");
        CHECK(seen_text() == "+a");
    });
    seen.clear();
}

TEST_CASE("SUP-15: bad flags") {
    in_node([](self s) -> awaitable<void> {
        auto r = co_await start_told(s, told("#{strategy => foo}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_strategy,foo}}");
        r = co_await start_told(s, told("#{intensity => foo}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_intensity,foo}}");
        r = co_await start_told(s, told("#{intensity => -1}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_intensity,-1}}");
        r = co_await start_told(s, told("#{period => 0}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_period,0}}");
        r = co_await start_told(s, told("#{period => infinity}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_period,infinity}}");
        r = co_await start_told(s, told("#{auto_shutdown => foo}", "[]"));
        CHECK(r == "{supervisor_data,{invalid_auto_shutdown,foo}}");

        auto typed = co_await supervisor::start_link(flags_of(one.strategy, -1), {});
        CHECK(shown(as_term(typed)) == "{error,{supervisor_data,{invalid_intensity,-1}}}");
        typed = co_await supervisor::start_link(flags_of(one.strategy, 1, 0), {});
        CHECK(shown(as_term(typed)) == "{error,{supervisor_data,{invalid_period,0}}}");
    });
}

TEST_CASE("SUP-16: bad parts of specifications") {
    auto bad = [](const char* text) { return shown(child_spec_from_term(t(text)).error()); };
    CHECK(bad("#{id => a, start => {m, f}}") == "{invalid_mfa,{m,f}}");
    CHECK(bad("#{id => a, start => {m, f, x}}") == "{invalid_mfa,{m,f,x}}");
    CHECK(bad("#{id => a, start => {m, f, []}, restart => often}") ==
          "{invalid_restart_type,often}");
    CHECK(bad("#{id => a, start => {m, f, []}, shutdown => -10}") == "{invalid_shutdown,-10}");
    CHECK(bad("#{id => a, start => {m, f, []}, type => boss}") == "{invalid_child_type,boss}");
    CHECK(bad("#{id => a, start => {m, f, []}, modules => m}") == "{invalid_modules,m}");
    CHECK(bad("#{id => a, start => {m, f, []}, modules => [1]}") == "{invalid_module,1}");
    CHECK(bad("#{id => a, start => {m, f, []}, significant => maybe}") ==
          "{invalid_significant,maybe}");
    CHECK(bad("{a, {m, f, []}, often, 1, worker, [m]}") == "{invalid_restart_type,often}");
    auto typed = spec("a");
    typed.shutdown = -10ms;
    CHECK(shown(check_childspecs({typed}).error()) == "{invalid_shutdown,-10}");
}

TEST_CASE("SUP-17: two children of one id in a list") {
    CHECK(shown(check_childspecs({spec("a"), spec("b"), spec("a")}).error()) ==
          "{duplicate_child_name,a}");
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto r = co_await supervisor::start_link(one, supervisor::children(spec("a"), spec("a")));
        CHECK(shown(as_term(r)) == "{error,{start_spec,{duplicate_child_name,a}}}");
    });
}

TEST_CASE("SUP-18: simple_one_for_one takes one specification") {
    in_node([](self s) -> awaitable<void> {
        auto r = co_await start_told(s, told("#{strategy => simple_one_for_one}", "[]"));
        CHECK(r == "{bad_start_spec,[]}");
        r = co_await start_told(s, told("#{strategy => simple_one_for_one}", "[a, b]"));
        CHECK(r == "{bad_start_spec,[a,b]}");
        auto typed =
            co_await supervisor::start_link(simple, supervisor::children(spec("a"), spec("b")));
        REQUIRE(!typed);
        CHECK(element(1, typed.error()) == atoms::bad_start_spec);
    });
}

TEST_CASE("SUP-19: significant does not go with never, nor with permanent") {
    auto s = spec("a", transient);
    s.significant = true;
    CHECK(check_childspecs({s}));
    CHECK(check_childspecs({s}, auto_shutdown_type::any_significant));
    CHECK(shown(check_childspecs({s}, auto_shutdown_type::never).error()) ==
          "{bad_combination,[{auto_shutdown,never},{significant,true}]}");
    s.restart = permanent;
    CHECK(shown(check_childspecs({s}, auto_shutdown_type::any_significant).error()) ==
          "{bad_combination,[{restart,permanent},{significant,true}]}");
    in_node([](self self) -> awaitable<void> {
        pid sup = co_await start_sup(self, one, {});
        auto significant = spec("a", transient);
        significant.significant = true;
        seen.clear();
        auto r = co_await supervisor::start_child(sup, significant);
        CHECK(shown(as_term(r)) ==
              "{error,{bad_combination,[{auto_shutdown,never},{significant,true}]}}");
        CHECK(seen_text() == "");
    });
}

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

TEST_CASE("SUP-22: start_child of simple_one_for_one that fails gives the bare reason") {
    in_node([](self s) -> awaitable<void> {
        child_spec c(atom("c"), error_start("broken"));
        pid sup = co_await start_sup(s, simple, supervisor::children(c));
        auto r = co_await supervisor::start_child(sup, nil);
        CHECK(shown(as_term(r)) == "{error,broken}");
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

TEST_CASE("SUP-34: simple_one_for_one counts one specification and its dynamic children") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, simple, supervisor::children(spec("a")));
        for (int i = 0; i < 3; ++i) co_await supervisor::start_child(sup, nil);
        auto n = co_await supervisor::count_children(sup);
        CHECK(shown(n.to_term()) == "[{specs,1},{active,3},{supervisors,0},{workers,3}]");
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

TEST_CASE("SUP-64: a code change takes flags and specifications over, children go on running") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        next_flags = one;
        next_specs = {spec("a"), spec("b"), spec("c")};
        auto r = co_await supervisor::start_link<changing_sup>();
        pid sup = std::get<started>(*r).pid;
        pid a = co_await child_of(sup, "a");
        pid b = co_await child_of(sup, "b");

        auto changed = spec("b", transient);
        next_specs = {spec("d"), changed};
        next_flags.strategy = restart_strategy::one_for_all;
        co_await sys::suspend(sup);
        auto done = co_await sys::change_code(sup, atom("changing_sup"), atoms::undefined, nil);
        CHECK(shown(as_term(done)) == "ok");
        co_await sys::resume(sup);

        auto text = co_await children_text(sup);
        CHECK(text == "c a b d(-)");
        pid still = co_await child_of(sup, "a");
        CHECK(still == a);
        still = co_await child_of(sup, "b");
        CHECK(still == b);
        auto spec_b = co_await supervisor::get_childspec(sup, atom("b"));
        REQUIRE(spec_b);
        CHECK(spec_b->restart == transient);

        next_flags.period = 0s;
        co_await sys::suspend(sup);
        done = co_await sys::change_code(sup, atom("changing_sup"), atoms::undefined, nil);
        CHECK(shown(as_term(done)) == "{error,{supervisor_data,{invalid_period,0}}}");
        co_await sys::resume(sup);
        text = co_await children_text(sup);
        CHECK(text == "c a b d(-)");
    });
    seen.clear();
    next_specs.clear();
}

TEST_CASE("SUP-64: a code change asks the init of the class's current version") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        next_flags = one;
        next_specs = {spec("a")};
        auto r = co_await supervisor::start_link<changing_sup>();
        pid sup = std::get<started>(*r).pid;
        auto entry = module_entry_of<changing_sup>(atom(), "2");
        bool known = entry.factory.supervisor != nullptr;
        CHECK(known);
        entry.factory.supervisor = [](const term&) -> callback<supervisor_init()> {
            return [] { return supervisor_init(one, {spec("z"), spec("a")}); };
        };
        module_table::current().publish({entry});
        co_await sys::suspend(sup);
        auto done = co_await sys::change_code(sup, atom("changing_sup"), atoms::undefined, nil);
        CHECK(shown(as_term(done)) == "ok");
        co_await sys::resume(sup);
        auto text = co_await children_text(sup);
        CHECK(text == "a z(-)");
        auto z = co_await supervisor::restart_child(sup, atom("z"));
        CHECK(z.has_value());
    });
    seen.clear();
    next_specs.clear();
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

TEST_CASE("a supervisor can be looked into, suspended, and told to end") {
    in_node([](self s) -> awaitable<void> {
        pid sup = co_await start_sup(s, one, supervisor::children(spec("a")));
        term state = co_await sys::get_state(sup);
        CHECK(state.map_find(atom("children"))->list_length() == 1u);
        co_await sys::suspend(sup);
        pid a{};
        auto f = supervisor::which_children(sup);
        co_await s.sleep_for(10ms);
        co_await sys::resume(sup);
        auto list = co_await f;
        a = list[0].pid.value_or(pid{});
        CHECK(a);
        seen.clear();
        co_await sys::terminate(sup, atom("enough"));
        co_await settle(s);
        CHECK(seen_text() == "-a");
        auto end = co_await end_of(s, sup);
        CHECK(end == term(atom("enough")));
    });
    seen.clear();
}
