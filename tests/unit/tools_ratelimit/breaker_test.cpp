#include "tools/ratelimit/app/breaker.hpp"

#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/tools_ratelimit/application_node.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/starter.hpp"

using namespace beam;
using namespace breakers;
using namespace std::chrono_literals;

namespace {

awaitable<pid> made(std::string name) {
    outcome<pid> p = co_await ensure_breaker(name);
    REQUIRE(p.has_value());
    co_return *p;
}

awaitable<void> set_on(pid b, settings_text changes) {
    auto asked = breaker::change(b, std::move(changes));
    outcome<bool> done = co_await asked;
    REQUIRE_MESSAGE(done.has_value(), to_string(done ? term() : done.error()));
}

awaitable<admission> allow(pid b, std::optional<pid> owner = {}, nanoseconds slow = {}) {
    auto asked = breaker::allow(b, owner, slow);
    co_return co_await asked;
}

awaitable<bool> tell(pid b, result_kind result, std::uint64_t permit = 0, nanoseconds took = {}) {
    auto asked = breaker::tell(b, permit, result, took, "");
    co_return co_await asked;
}

awaitable<void> fail_times(pid b, int n) {
    for (int i = 0; i < n; ++i) (void)co_await tell(b, result_kind::failure);
}

awaitable<status> look(pid b) {
    auto asked = breaker::look_at(b);
    co_return co_await asked;
}

awaitable<state_kind> state_of(pid b) {
    status s = co_await look(b);
    co_return s.state;
}

awaitable<bool> force(pid b, force_kind what, nanoseconds time = {}) {
    auto asked = breaker::apply_force(b, what, time, "alice", "works");
    outcome<bool> done = co_await asked;
    REQUIRE(done.has_value());
    co_return *done;
}

// Runs `code(self, breaker)` with the application, for several seeds.
template <class F>
void with_breaker(F) {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        pid b = co_await made("serviceA");
        F code{};
        co_await code(me, b);
    });
}

process caller(self me, pid b, pid parent) {
    auto asked = breaker::allow(b, me.id(), 0ns);
    admission a = co_await asked;
    send(parent, a.permit);
    (void)co_await me.receive<permit_ended>();
    send(parent, permit_ended{a.permit});
    (void)co_await me.sleep_for(infinity{});
}

}  // namespace

TEST_CASE("five failures within the window open it for thirty seconds, then one probe decides") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        co_await fail_times(b, 4);
        CHECK(co_await state_of(b) == state_kind::closed);
        co_await fail_times(b, 1);
        status s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.left == 30s);
        CHECK(s.reason == "a call failed");
        CHECK(s.opened == 1);
        admission a = co_await allow(b);
        CHECK_FALSE(a.allowed);
        CHECK(a.retry_after == 30s);
        co_await me.sleep_for(30s - 5ms);
        CHECK(co_await state_of(b) == state_kind::open);
        co_await me.sleep_for(10ms);
        CHECK(co_await state_of(b) == state_kind::half_open);
        a = co_await allow(b);
        CHECK(a.allowed);
        admission second = co_await allow(b);
        CHECK_FALSE(second.allowed);
        CHECK(second.probes == 1);
        CHECK(second.retry_after == 60s);
        CHECK(co_await tell(b, result_kind::success, a.permit));
        s = co_await look(b);
        CHECK(s.state == state_kind::closed);
        CHECK(s.counts == call_counts{});
        CHECK(s.rejected == 2);
    });
}

TEST_CASE("failures that are older than the window do not count") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        for (int i = 0; i < 20; ++i) {
            co_await fail_times(b, 1);
            co_await me.sleep_for(16s);
        }
        CHECK(co_await state_of(b) == state_kind::closed);
    });
}

TEST_CASE("a probe that fails opens it again, for longer each time, up to the cap") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.cooldown = "10s..35s";
        co_await set_on(b, t);
        co_await fail_times(b, 5);
        for (const nanoseconds cooldown :
             {nanoseconds(10s), nanoseconds(20s), nanoseconds(35s), nanoseconds(35s)}) {
            status s = co_await look(b);
            CHECK(s.state == state_kind::open);
            CHECK(s.left == cooldown);
            co_await me.sleep_for(cooldown);
            admission a = co_await allow(b);
            CHECK(a.allowed);
            (void)co_await tell(b, result_kind::failure, a.permit);
        }
        co_await me.sleep_for(35s);
        admission a = co_await allow(b);
        (void)co_await tell(b, result_kind::success, a.permit);
        co_await fail_times(b, 5);
        status s = co_await look(b);
        CHECK(s.left == 10s);
    });
}

// How many of so many calls go through now; each succeeds at once.
awaitable<int> admitted(pid b, int n) {
    int count = 0;
    for (int i = 0; i < n; ++i) {
        admission a = co_await allow(b);
        if (!a.allowed) continue;
        ++count;
        (void)co_await tell(b, result_kind::success, a.permit);
    }
    co_return count;
}

awaitable<void> open_and_close_by_probe(self me, pid b) {
    co_await fail_times(b, 5);
    co_await me.sleep_for(30s);
    admission probe = co_await allow(b);
    CHECK(probe.allowed);
    (void)co_await tell(b, result_kind::success, probe.permit);
    CHECK(co_await state_of(b) == state_kind::closed);
}

TEST_CASE("a ramp lets a growing share through, evenly, once probes have closed it") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.ramp = "100s";
        co_await set_on(b, t);
        CHECK(co_await admitted(b, 10) == 10);  // a breaker that never opened has none
        co_await open_and_close_by_probe(me, b);
        // The first goes through, so that one who calls seldom is not refused for long.
        CHECK(co_await admitted(b, 1) == 1);
        int n = co_await admitted(b, 100);
        CHECK(n >= 10);
        CHECK(n <= 11);
        admission refused = co_await allow(b);
        while (refused.allowed) refused = co_await allow(b);
        CHECK(refused.share_ppm >= 100'000);
        CHECK(refused.share_ppm < 110'000);
        co_await me.sleep_for(50s);
        n = co_await admitted(b, 1000);
        CHECK(n >= 549);
        CHECK(n <= 560);
        co_await me.sleep_for(50s);
        CHECK(co_await admitted(b, 100) == 100);
        status s = co_await look(b);
        CHECK(s.share_ppm == 1'000'000);
    });
}

TEST_CASE("a failure in the ramp opens it as ever, and who closes it by hand gets no ramp") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.ramp = "1h";
        co_await set_on(b, t);
        co_await open_and_close_by_probe(me, b);
        CHECK(co_await admitted(b, 100) < 15);
        co_await fail_times(b, 5);
        CHECK(co_await state_of(b) == state_kind::open);
        CHECK(co_await force(b, force_kind::reset));
        CHECK(co_await admitted(b, 100) == 100);
        // In the ramp it ends it.
        co_await open_and_close_by_probe(me, b);
        CHECK(co_await admitted(b, 100) < 15);
        CHECK(co_await force(b, force_kind::reset));
        CHECK(co_await admitted(b, 100) == 100);
    });
}

TEST_CASE("several probes, of which so many must succeed") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.probes = 3;
        t.successes = 2;
        co_await set_on(b, t);
        co_await fail_times(b, 5);
        co_await me.sleep_for(30s);
        std::vector<std::uint64_t> permits;
        for (int i = 0; i < 3; ++i) {
            admission a = co_await allow(b);
            CHECK(a.allowed);
            permits.push_back(a.permit);
        }
        admission a = co_await allow(b);
        CHECK_FALSE(a.allowed);
        status s = co_await look(b);
        CHECK(s.probes == 3);
        (void)co_await tell(b, result_kind::success, permits[0]);
        CHECK(co_await state_of(b) == state_kind::half_open);
        (void)co_await tell(b, result_kind::success, permits[1]);
        CHECK(co_await state_of(b) == state_kind::closed);
        // The third began before that, and says nothing any more.
        (void)co_await tell(b, result_kind::failure, permits[2]);
        s = co_await look(b);
        CHECK(s.counts == call_counts{});
        CHECK(s.permits == 0);
    });
}

TEST_CASE("a probe that is never heard of is a failure after its time, and frees its place") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        co_await fail_times(b, 5);
        co_await me.sleep_for(30s);
        admission a = co_await allow(b);
        CHECK(a.allowed);
        co_await me.sleep_for(60s);
        status s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.reason == "a call was not heard of");
        CHECK(s.permits == 0);
        CHECK_FALSE(co_await tell(b, result_kind::success, a.permit));
        co_await me.sleep_for(30s);
        a = co_await allow(b);
        CHECK(a.allowed);
    });
}

TEST_CASE("permits of a closed one that are never heard of are failures, too") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        for (int i = 0; i < 5; ++i) (void)co_await allow(b);
        co_await me.sleep_for(60s - 5ms);
        CHECK(co_await state_of(b) == state_kind::closed);
        co_await me.sleep_for(10ms);
        CHECK(co_await state_of(b) == state_kind::open);
    });
}

TEST_CASE(
    "the death of a probe's process is a failure and frees its place; as long as it lives it is "
    "waited for when closed") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        pid living = spawn(caller, b, me.id());
        (void)co_await me.receive<std::uint64_t>();
        co_await me.sleep_for(3h);
        status s = co_await look(b);
        CHECK(s.state == state_kind::closed);
        CHECK(s.permits == 1);
        for (int i = 0; i < 5; ++i) {
            pid p = spawn(caller, b, me.id());
            (void)co_await me.receive<std::uint64_t>();
            exit(p, atoms::kill);
        }
        co_await me.sleep_for(1ms);
        s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.reason == "a call's process died");
        co_await me.sleep_for(30s);
        pid probe = spawn(caller, b, me.id());
        (void)co_await me.receive<std::uint64_t>();
        s = co_await look(b);
        CHECK(s.probes == 1);
        exit(probe, atoms::kill);
        co_await me.sleep_for(1ms);
        s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.probes == 0);
        // A probe whose process only hangs holds its place for its time, and not for ever.
        co_await me.sleep_for(30s);
        pid hangs = spawn(caller, b, me.id());
        const auto permit = co_await me.receive<std::uint64_t>();
        co_await me.sleep_for(60s);
        CHECK(co_await state_of(b) == state_kind::open);
        CHECK((co_await me.receive<permit_ended>()).permit == permit);
        for (const pid& p : {living, hangs}) exit(p, atoms::kill);
    });
}

TEST_CASE(
    "a call that takes too long is a failure while it still runs, and its end says nothing new") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.slow = "1s";
        t.failures = "2/1m";
        co_await set_on(b, t);
        admission quick = co_await allow(b);
        co_await me.sleep_for(900ms);
        (void)co_await tell(b, result_kind::success, quick.permit);
        admission first = co_await allow(b);
        admission second = co_await allow(b, {}, 3s);
        co_await me.sleep_for(1s);
        status s = co_await look(b);
        CHECK(s.counts == call_counts{2, 1, 1});
        (void)co_await tell(b, result_kind::failure, first.permit);
        s = co_await look(b);
        CHECK(s.counts == call_counts{2, 1, 1});
        co_await me.sleep_for(2s);
        s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.reason == "a call takes too long");
        CHECK(co_await tell(b, result_kind::success, second.permit));
        CHECK(co_await state_of(b) == state_kind::open);
    });
}

TEST_CASE("a call that says it took too long is a failure") {
    with_breaker([](self, pid b) -> awaitable<void> {
        settings_text t;
        t.slow = "1s";
        co_await set_on(b, t);
        (void)co_await tell(b, result_kind::success, 0, 1500ms);
        (void)co_await tell(b, result_kind::success, 0, 500ms);
        status s = co_await look(b);
        CHECK(s.counts == call_counts{2, 1, 1});
    });
}

TEST_CASE("a share of failures opens it, of enough calls; and so it does for a window of calls") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        settings_text t;
        t.failures = "off";
        t.rate = "50%";
        t.min_calls = 4;
        t.window = "8";
        co_await set_on(b, t);
        (void)co_await tell(b, result_kind::failure);
        (void)co_await tell(b, result_kind::success);
        (void)co_await tell(b, result_kind::success);
        co_await me.sleep_for(3h);  // calls do not age
        CHECK(co_await state_of(b) == state_kind::closed);
        (void)co_await tell(b, result_kind::failure);
        CHECK(co_await state_of(b) == state_kind::open);
    });
}

TEST_CASE("a permit that was not used is given back") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        co_await fail_times(b, 5);
        co_await me.sleep_for(30s);
        admission a = co_await allow(b);
        (void)co_await tell(b, result_kind::unexecuted, a.permit);
        status s = co_await look(b);
        CHECK(s.state == state_kind::half_open);
        CHECK(s.probes == 0);
        a = co_await allow(b);
        CHECK(a.allowed);
    });
}

TEST_CASE("by hand: tripped for a time or until it is reset, disabled and enabled") {
    with_breaker([](self me, pid b) -> awaitable<void> {
        CHECK(co_await force(b, force_kind::trip, 1h));
        status s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.forced);
        CHECK(s.by == "alice");
        CHECK(s.reason == "works");
        CHECK(s.left == 1h);
        co_await me.sleep_for(1h + 1min);
        CHECK(co_await state_of(b) == state_kind::half_open);
        CHECK(co_await force(b, force_kind::trip));
        co_await me.sleep_for(3h);
        s = co_await look(b);
        CHECK(s.state == state_kind::open);
        CHECK(s.left == 0s);
        admission a = co_await allow(b);
        CHECK(a.retry_after == 0s);
        CHECK_FALSE(co_await force(b, force_kind::enable));
        CHECK(co_await force(b, force_kind::reset));
        s = co_await look(b);
        CHECK(s.state == state_kind::closed);
        CHECK_FALSE(s.forced);
        CHECK(s.by.empty());

        CHECK(co_await force(b, force_kind::disable));
        CHECK(co_await force(b, force_kind::disable));
        co_await fail_times(b, 20);
        a = co_await allow(b);
        CHECK(a.allowed);
        CHECK(co_await tell(b, result_kind::failure, a.permit));
        co_await me.sleep_for(3h);
        s = co_await look(b);
        CHECK(s.state == state_kind::disabled);
        CHECK_FALSE(co_await force(b, force_kind::trip));
        CHECK_FALSE(co_await force(b, force_kind::reset));
        CHECK(co_await force(b, force_kind::enable));
        CHECK(co_await state_of(b) == state_kind::closed);
    });
}

// Everything that can happen to a breaker, and the state that it leaves each state in: the manual's table.
constexpr auto no_change = std::nullopt;
struct happening {
    const char* what;
    std::optional<state_kind> from_closed, from_open, from_half_open, from_disabled;
};
constexpr happening happenings[] = {
    {"failures", state_kind::open, no_change, state_kind::open, no_change},
    {"success", no_change, no_change, state_kind::closed, no_change},
    {"time", no_change, state_kind::half_open, no_change, no_change},
    {"trip", state_kind::open, no_change, state_kind::open, no_change},
    {"reset", no_change, state_kind::closed, state_kind::closed, no_change},
    {"disable", state_kind::disabled, state_kind::disabled, state_kind::disabled, no_change},
    {"enable", no_change, no_change, no_change, state_kind::closed},
};

awaitable<void> happens(self me, pid b, std::string what) {
    if (what == "failures") {
        co_await fail_times(b, 5);
    } else if (what == "success") {
        (void)co_await tell(b, result_kind::success);
    } else if (what == "time") {
        co_await me.sleep_for(30s + 10ms);
    } else {
        const auto kind = what == "trip"      ? force_kind::trip
                          : what == "reset"   ? force_kind::reset
                          : what == "disable" ? force_kind::disable
                                              : force_kind::enable;
        (void)co_await force(b, kind);
    }
}

awaitable<pid> made_in(self me, state_kind state, std::string name) {
    pid b = co_await made(std::move(name));
    if (state == state_kind::disabled) co_await happens(me, b, "disable");
    if (state == state_kind::open || state == state_kind::half_open)
        co_await happens(me, b, "failures");
    if (state == state_kind::half_open) co_await happens(me, b, "time");
    CHECK(co_await state_of(b) == state);
    co_return b;
}

TEST_CASE("each transition of the manual's table, and no other") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (const happening& h : happenings) {
            const std::pair<state_kind, std::optional<state_kind>> rows[] = {
                {state_kind::closed, h.from_closed},
                {state_kind::open, h.from_open},
                {state_kind::half_open, h.from_half_open},
                {state_kind::disabled, h.from_disabled}};
            for (const auto& [from, to] : rows) {
                CAPTURE(h.what);
                CAPTURE(name_of(from));
                pid b = co_await made_in(me, from, std::string(h.what) + name_of(from));
                co_await happens(me, b, h.what);
                CHECK(co_await state_of(b) == to.value_or(from));
            }
        }
    });
}

TEST_CASE("looking changes nothing, and makes nothing") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        auto unknown = co_await known_breaker("serviceA");
        CHECK(unknown.has_value());
        CHECK_FALSE(*unknown);
        CHECK(page_after("", 10).empty());
        pid b = co_await made("serviceA");
        co_await fail_times(b, 5);
        co_await me.sleep_for(29s);
        term before = co_await sys::get_state(b);
        for (int i = 0; i < 100; ++i) (void)co_await look(b);
        CHECK(co_await sys::get_state(b) == before);
    });
}

TEST_CASE(
    "a breaker that is killed is there again, in the same state, for the rest of its cooldown") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        pid b = co_await made("serviceA");
        admission before = co_await allow(b);
        co_await fail_times(b, 6);
        co_await me.sleep_for(10s);
        exit(b, atoms::kill);
        co_await me.sleep_for(1ms);
        pid again = co_await made("serviceA");
        CHECK(again != b);
        status s = co_await look(again);
        CHECK(s.state == state_kind::open);
        CHECK(s.left < 20s);
        CHECK(s.left > 20s - 10ms);
        CHECK(s.opened == 1);
        CHECK_FALSE(co_await tell(again, result_kind::success, before.permit));
        co_await me.sleep_for(20s);
        CHECK(co_await state_of(again) == state_kind::half_open);
        admission a = co_await allow(again);
        CHECK(a.permit > before.permit);
        exit(again, atoms::kill);
        co_await me.sleep_for(1ms);
        pid third = co_await made("serviceA");
        CHECK(co_await state_of(third) == state_kind::half_open);
        a = co_await allow(third);
        CHECK(a.allowed);
    });
}

TEST_CASE("rows tell what there is, in order, and how many are open") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        for (const char* name : {"c", "a", "d", "b"}) {
            pid p = co_await made(name);
            if (std::string(name) > "b") co_await fail_times(p, 5);
        }
        auto page = page_after("", 3);
        REQUIRE(page.size() == 3);
        CHECK(page[0].name == "a");
        CHECK(page[2].name == "c");
        CHECK(page[2].state == state_kind::open);
        page = page_after("c", 3);
        REQUIRE(page.size() == 1);
        CHECK(page[0].name == "d");
        CHECK(open_breakers() == 2);
        CHECK(co_await ratelimit::why_it_stays() == "2 breakers are open");
        co_await me.sleep_for(30s);
        CHECK(open_breakers() == 2);
        for (const char* name : {"c", "d"}) {
            pid p = co_await made(name);
            CHECK(co_await force(p, force_kind::reset));
        }
        CHECK(open_breakers() == 0);
        CHECK_FALSE(co_await ratelimit::why_it_stays());
    });
}

TEST_CASE(
    "a closed breaker that nobody asks for is forgotten after an hour; not one with settings, or "
    "an open one") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        pid plain = co_await made("plain");
        co_await fail_times(plain, 1);
        pid tuned = co_await made("tuned");
        settings_text t;
        t.probes = 2;
        co_await set_on(tuned, t);
        pid tripped = co_await made("tripped");
        (void)co_await force(tripped, force_kind::trip);
        co_await me.sleep_for(3h);
        CHECK_FALSE(find_breaker("plain"));
        CHECK_FALSE(find_row("plain"));
        CHECK(find_breaker("tuned") == tuned);
        CHECK(find_breaker("tripped") == tripped);
    });
}

TEST_CASE("who watches is told of each change, of one breaker or of all") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        watch("");
        pid b = co_await made("serviceA");
        co_await fail_times(b, 5);
        auto e = co_await me.receive<breaker_event>();
        CHECK(e.name == "serviceA");
        CHECK(e.from == state_kind::closed);
        CHECK(e.to == state_kind::open);
        CHECK(e.cooldown_ms == 30'000);
        CHECK(e.reason == "a call failed");
        co_await me.sleep_for(30s);
        e = co_await me.receive<breaker_event>();
        CHECK(e.from == state_kind::open);
        CHECK(e.to == state_kind::half_open);
        (void)co_await force(b, force_kind::reset);
        e = co_await me.receive<breaker_event>();
        CHECK(e.to == state_kind::closed);
    });
}

TEST_CASE("a hundred at once make one breaker") {
    test::simulated([](self me) -> awaitable<void> {
        (void)co_await test::start_application();
        struct got {
            pid breaker;
        };
        for (int i = 0; i < 100; ++i)
            spawn_link(
                [](self, pid parent) -> process {
                    outcome<pid> p = co_await ensure_breaker("serviceA");
                    CHECK(p.has_value());
                    send(parent, got{*p});
                },
                me.id());
        const pid first = (co_await me.receive<got>()).breaker;
        for (int i = 1; i < 100; ++i) CHECK((co_await me.receive<got>()).breaker == first);
    });
}

TEST_CASE(
    "settings and what was forced are there in the next node; a state that came by itself is not") {
    test::folder folder;
    for (int life = 0; life < 2; ++life) {
        runtime_options o;
        o.schedulers = 2;
        runtime node(o);
        node_facts facts;
        facts.store_folder = folder.path();
        set_node_facts(node, facts);
        auto done = node.execute(
            [](self, int n) -> awaitable<void> {
                (void)co_await test::start_application();
                if (n == 0) {
                    pid b = co_await made("serviceA");
                    settings_text t;
                    t.probes = 7;
                    co_await set_on(b, t);
                    co_await fail_times(b, 5);
                    CHECK(co_await state_of(b) == state_kind::open);
                    pid tripped = co_await made("tripped");
                    (void)co_await force(tripped, force_kind::trip, 1h);
                    pid off = co_await made("off");
                    (void)co_await force(off, force_kind::disable);
                    pid over = co_await made("over");
                    (void)co_await force(over, force_kind::trip, 1ms);
                    co_return;
                }
                CHECK(ratelimit::kept::breakers().size() == 4);
                CHECK(page_after("", 10).size() == 4);
                pid b = co_await made("serviceA");
                status s = co_await look(b);
                CHECK(s.state == state_kind::closed);
                CHECK(s.in_force.probes == 7);
                pid tripped = co_await made("tripped");
                s = co_await look(tripped);
                CHECK(s.state == state_kind::open);
                CHECK(s.by == "alice");
                CHECK(s.left > 50min);
                CHECK(s.left <= 1h);
                pid off = co_await made("off");
                CHECK(co_await state_of(off) == state_kind::disabled);
                pid over = co_await made("over");
                CHECK(co_await state_of(over) == state_kind::closed);
                auto dropping = breaker::drop(off);
                CHECK((co_await dropping).has_value());
                auto gone = co_await known_breaker("off");
                CHECK_FALSE(*gone);
            },
            life);
        CHECK(done.has_value());
    }
}
