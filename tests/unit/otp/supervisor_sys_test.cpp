// A supervisor that is looked into, suspended, given new code or told to end from outside.
#include <chrono>
#include <vector>

#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "supervisors.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;

namespace {

// What it gives can be changed between two calls of init.
std::vector<child_spec> next_specs;
supervisor_flags next_flags;
struct changing_sup {
    static supervisor_init init() { return {next_flags, next_specs}; }
};

}  // namespace

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
