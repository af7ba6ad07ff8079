// What flags and specifications are when little is said, and what is refused with which reason.
#include <chrono>

#include "libbeamcore/otp/module_table.hpp"
#include "supervisors.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

// Lets classes of the tests be named in Erlang specifications.
void publish() {
    module_table::current().publish({module_entry_of<plain>(atom("tests"), "1")});
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
