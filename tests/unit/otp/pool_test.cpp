#include "libbeamcore/otp/pool.hpp"

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "children.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "node.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::settle;
using test::shown;

namespace {

struct work_on {
    using reply = int;
    int n;
};

// How many starts are to fail, and how many were tried. A test runs on one thread.
int failing_starts = 0;
int starts = 0;

class worker : public gen_server<worker> {
public:
    using calls = messages<work_on>;

    worker() {
        ++starts;
        if (failing_starts > 0) {
            --failing_starts;
            beam::exit(atom("broken"));
        }
    }
    int handle_call(work_on m) { return m.n * 2; }
};

pool_options workers(unsigned n) {
    failing_starts = 0;
    starts = 0;
    return {child<worker>(), n};
}

awaitable<pid> start_pool(self s, pool_options options) {
    s.trap_exit(true);
    outcome<pid> p = co_await pool::start_link(std::move(options));
    REQUIRE_MESSAGE(p.has_value(), shown(p ? term() : p.error()));
    co_return *p;
}

struct has_worker {
    int who;
    pid worker;
};

// Checks a worker out, tells so, and keeps it until told to end. `give_back`: in good order.
process user(self me, pid pool, pid test, int who, bool gives_back) {
    outcome<pid> w = co_await pool::check_out(pool, infinity{});
    if (!w) beam::exit(w.error());
    beam::send(test, has_worker{who, *w});
    term reason = co_await me.receive<term>();
    if (gives_back) pool::check_in(pool, *w);
    beam::exit(reason);
}

pool_status status(std::uint64_t free, std::uint64_t busy, std::uint64_t replacing = 0,
                   std::uint64_t waiting = 0) {
    return {free, busy, replacing, waiting};
}

awaitable<bool> is(pid pool, pool_status wanted) {
    auto now = co_await pool::status(pool);
    co_return now == wanted;
}

}  // namespace

TEST_CASE("workers are lent and given back; the one that came last goes first") {
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(2));
        bool as_wanted = co_await is(p, status(2, 0));
        CHECK(as_wanted);
        auto a = co_await pool::check_out(p);
        auto b = co_await pool::check_out(p);
        REQUIRE(a.has_value());
        REQUIRE(b.has_value());
        CHECK(!(*a == *b));
        int n = co_await beam::call<work_on>(*a, 21);
        CHECK(n == 42);
        as_wanted = co_await is(p, status(0, 2));
        CHECK(as_wanted);
        pool::check_in(p, *a);
        pool::check_in(p, *b);
        auto again = co_await pool::check_out(p);
        CHECK(again == *b);
        as_wanted = co_await is(p, status(1, 1));
        CHECK(as_wanted);
    });
}

TEST_CASE("first come, first served; the dead and those who gave up are passed over") {
    test::simulated([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(1));
        auto first = co_await pool::check_out(p);
        REQUIRE(first.has_value());
        std::vector<pid> users;
        for (int i = 0; i < 5; ++i) {
            users.push_back(beam::spawn(user, p, s.id(), i, true));
            // In this order: each is in the queue before the next one comes.
            bool queued = false;
            while (!queued) queued = co_await is(p, status(0, 1, 0, std::uint64_t(i) + 1));
        }
        exit(users[1], atoms::kill);
        bool dead = false;
        while (!dead) dead = co_await is(p, status(0, 1, 0, 4));
        auto tries = co_await pool::check_out(p, 50ms);
        REQUIRE(!tries.has_value());
        CHECK(tries.error() == atoms::timeout);
        bool as_wanted = co_await is(p, status(0, 1, 0, 4));
        CHECK(as_wanted);
        pool::check_in(p, *first);
        std::string order;
        for (int i = 0; i < 4; ++i) {
            auto u = co_await s.receive<has_worker>();
            CHECK(u.worker == *first);
            order += std::to_string(u.who);
            beam::send(users[std::size_t(u.who)], term(atoms::normal));
        }
        CHECK(order == "0234");
        co_await settle(s);
        as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
    });
}

TEST_CASE("a full queue says so at once; a limit of 0 never waits") {
    in_node([](self s) -> awaitable<void> {
        auto options = workers(1);
        options.queue_max = 2;
        pid p = co_await start_pool(s, options);
        auto w = co_await pool::check_out(p, 0s);
        REQUIRE(w.has_value());
        auto none = co_await pool::check_out(p, 0s);
        REQUIRE(!none.has_value());
        CHECK(none.error() == atom("full"));
        beam::spawn(user, p, s.id(), 1, true);
        beam::spawn(user, p, s.id(), 2, true);
        co_await settle(s);
        auto before = monotonic_time();
        none = co_await pool::check_out(p);
        REQUIRE(!none.has_value());
        CHECK(none.error() == atom("full"));
        CHECK(monotonic_time() == before);
        // Time-outs take exactly as long as they say.
        options.queue_max = 0;
        options.name = server_name("strict");
        pid q = co_await start_pool(s, options);
        w = co_await pool::check_out(q);
        REQUIRE(w.has_value());
        none = co_await pool::check_out(q);
        CHECK(none.error() == atom("full"));
    });
}

TEST_CASE("who gives up just as he is served loses no worker") {
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(1));
        auto w = co_await pool::check_out(p);
        co_await sys::suspend(p);
        beam::spawn(
            [](self, pid pool, pid test) -> process {
                auto none = co_await pool::check_out(pool, 100ms);
                beam::send(test, none ? term(atoms::ok) : none.error());
                (void)co_await this_process().receive<term>();
            },
            p, s.id());
        co_await s.sleep_for(1ms);
        // In the pool's mailbox: the check-out, then this, then the word that he has given up.
        pool::check_in(p, *w);
        term said = co_await s.receive<term>();
        CHECK(said == atoms::timeout);
        co_await sys::resume(p);
        bool as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
        auto again = co_await pool::check_out(p);
        CHECK(again == *w);
    });
}

TEST_CASE("the worker of one who died is replaced, or given back, as the pool says") {
    for (auto unfinished : {unfinished_work::replace, unfinished_work::give_back}) {
        CAPTURE(int(unfinished));
        test::simulated(
            [](self s, unfinished_work policy) -> awaitable<void> {
                auto options = workers(1);
                options.unfinished = policy;
                pid p = co_await start_pool(s, options);
                pid u = beam::spawn(user, p, s.id(), 1, false);
                auto has = co_await s.receive<has_worker>();
                pid waits = beam::spawn(user, p, s.id(), 2, false);
                bool queued = false;
                while (!queued) queued = co_await is(p, status(0, 1, 0, 1));
                beam::send(u, term(atom("oops")));
                auto next = co_await s.receive<has_worker>();
                CHECK(next.who == 2);
                CHECK((next.worker == has.worker) == (policy == unfinished_work::give_back));
                CHECK(starts == (policy == unfinished_work::give_back ? 1 : 2));
                bool as_wanted = co_await is(p, status(0, 1));
                CHECK(as_wanted);
                exit(waits, atoms::kill);
            },
            unfinished);
    }
}

TEST_CASE("a worker that is discarded is ended and replaced") {
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(2));
        auto w = co_await pool::check_out(p);
        ref watched = monitor(*w);
        pool::discard(p, *w);
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(down->reason == atoms::shutdown);
        co_await settle(s);
        bool as_wanted = co_await is(p, status(2, 0));
        CHECK(as_wanted);
        CHECK(starts == 3);
    });
}

TEST_CASE("a worker that dies is replaced: at once if it lived, else after a growing pause") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(1));
        co_await s.sleep_for(2s);
        auto w = co_await pool::check_out(p);
        exit(*w, atom("crash"));
        co_await settle(s);
        bool as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
        CHECK(starts == 2);
        // Given back by who does not know that it is dead: nothing happens.
        pool::check_in(p, *w);
        // One that lived for a moment only, and then two that do not start.
        failing_starts = 2;
        w = co_await pool::check_out(p);
        pool::check_in(p, *w);
        exit(*w, atom("crash"));
        co_await s.sleep_for(90ms);
        as_wanted = co_await is(p, status(0, 0, 1));
        CHECK(as_wanted);
        CHECK(starts == 2);
        co_await s.sleep_for(20ms);
        CHECK(starts == 3);
        auto began = monotonic_time();
        w = co_await pool::check_out(p, 1h);
        REQUIRE(w.has_value());
        CHECK(starts == 5);
        auto took = monotonic_time() - began;
        CHECK(took > 500ms);
        CHECK(took < 700ms);
        int n = co_await beam::call<work_on>(*w, 1);
        CHECK(n == 2);
    });
    CHECK(quiet.count("worker of a pool not started") == 2);
}

TEST_CASE("a worker is given back by who has it, and by nobody else") {
    log_capture log;
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(1));
        auto w = co_await pool::check_out(p);
        beam::spawn(
            [](self, pid pool, pid worker) -> process {
                pool::check_in(pool, worker);
                co_return;
            },
            p, *w);
        co_await settle(s);
        bool as_wanted = co_await is(p, status(0, 1));
        CHECK(as_wanted);
        pool::check_in(p, *w);
        pool::check_in(p, *w);
        as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
    });
    CHECK(log.count("worker given back by who does not have it") == 2);
}

TEST_CASE("with_worker gives what the function gives, and the worker back") {
    in_node([](self s) -> awaitable<void> {
        auto options = workers(1);
        options.name = server_name("the_pool");
        pid p = co_await start_pool(s, options);
        auto n = co_await pool::with_worker(
            p, [](pid w, int with) { return beam::call<work_on>(w, with); }, 4);
        CHECK(n == 8);
        std::string text = "a text that is long enough to be on the heap";
        auto length = co_await pool::with_worker(
            atom("the_pool"),
            [](pid w, std::string given) -> awaitable<std::size_t> {
                int two = co_await beam::call<work_on>(w, 1);
                co_return given.size() * std::size_t(two);
            },
            text);
        CHECK(length == text.size() * 2);
        auto plain = co_await pool::with_worker(p, [](pid w) { return w; });
        CHECK(plain.has_value());
        auto nothing = co_await pool::with_worker(p, [](pid) {});
        CHECK(nothing.has_value());
        auto inner = co_await pool::with_worker(
            p, [](pid) { return outcome<int>(fail_term(atom("no_rows"))); });
        REQUIRE(inner.has_value());
        CHECK(inner->error() == atom("no_rows"));
        bool as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
        auto w = co_await pool::check_out(p);
        auto none = co_await pool::with_worker_within(10ms, p, [](pid) { return 1; });
        REQUIRE(!none.has_value());
        CHECK(none.error() == atoms::timeout);
    });
}

TEST_CASE("what the function throws goes on to the caller, and the worker is replaced") {
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(1));
        std::string caught;
        try {
            auto r = co_await pool::with_worker(p, [](pid w) -> awaitable<int> {
                (void)co_await beam::call<work_on>(w, 1);
                beam::exit(atom("oops"));
            });
        } catch (const exit_exception& e) {
            caught = shown(e.reason);
        }
        CHECK(caught == "oops");
        co_await settle(s);
        bool as_wanted = co_await is(p, status(1, 0));
        CHECK(as_wanted);
        CHECK(starts == 2);
    });
}

TEST_CASE("pools that cannot start, and the end of one that did") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        auto p = co_await pool::start_link(workers(0));
        REQUIRE(!p.has_value());
        CHECK(p.error() == atoms::badarg);
        auto options = workers(3);
        failing_starts = 1;
        p = co_await pool::start_link(options);
        REQUIRE(!p.has_value());
        CHECK(shown(p.error()) == "{failed_to_start_worker,broken}");
        pid q = co_await start_pool(s, workers(2));
        auto w = co_await pool::check_out(q);
        pid waits = beam::spawn(user, q, s.id(), 1, true);
        ref has_worker_gone = monitor(*w);
        auto gone = co_await pool::check_out(q);
        beam::spawn(user, q, s.id(), 2, true);
        ref user_gone = monitor(waits);
        co_await pool::stop(q);
        // Its workers have gone before it.
        auto down = co_await s.receive_if<down_message>(
            [has_worker_gone](const down_message& d) { return d.monitor == has_worker_gone; }, 0ms);
        REQUIRE(down.has_value());
        CHECK(down->reason == atoms::shutdown);
        auto ended = co_await s.receive_if<down_message>(
            [user_gone](const down_message& d) { return d.monitor == user_gone; }, 1h);
        REQUIRE(ended.has_value());
        auto asked = pool::status(q);
        auto r = co_await asked.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::noproc);
    });
}

TEST_CASE("a code change is refused by a pool, which is the library's own, and disturbs nobody") {
    in_node([](self s) -> awaitable<void> {
        pid p = co_await start_pool(s, workers(2));
        auto mine = co_await pool::check_out(p);
        REQUIRE(mine.has_value());
        co_await sys::suspend(p);
        auto changed = co_await sys::change_code(p, atom("pool_server"), "1", atoms::undefined);
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()) == "{error,{no_fields,pool_server}}");
        co_await sys::resume(p);
        bool as_wanted = co_await is(p, status(1, 1));
        CHECK(as_wanted);
        pool::check_in(p, *mine);
        as_wanted = co_await is(p, status(2, 0));
        CHECK(as_wanted);
    });
}

TEST_CASE("a pool is a child of a supervisor, and begins anew when it has died") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        auto options = workers(2);
        options.name = server_name("kept_pool");
        std::vector<child_spec> children;
        children.push_back(pool::child_of(atom("pool"), options));
        co_await test::start_sup(s, {}, std::move(children));
        auto w = co_await pool::check_out(atom("kept_pool"));
        REQUIRE(w.has_value());
        ref watched = monitor(*w);
        exit(*whereis(atom("kept_pool")), atoms::kill);
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        co_await settle(s);
        auto n = co_await pool::with_worker(atom("kept_pool"),
                                            [](pid lent) { return beam::call<work_on>(lent, 3); });
        CHECK(n == 6);
        term state = co_await sys::get_status(atom("kept_pool"));
        CHECK(shown(state).find("free => 2") != std::string::npos);
    });
}

TEST_CASE("no worker is lost, and none is lent twice, among many users on several schedulers") {
    test::threaded([](self s) -> awaitable<void> {
        auto options = workers(3);
        options.worker = child_start([]() -> start_result {
            return started{beam::spawn_link(test::idle), {}};
        });
        options.queue_max = 5;
        pid p = co_await start_pool(s, options);
        for (int i = 0; i < 20; ++i)
            (void)beam::spawn_monitor(
                [](self me, pid pool, pid test, int who) -> process {
                    for (int k = 0; k < 30; ++k) {
                        auto w = co_await pool::check_out(pool, 20ms);
                        if (!w) continue;
                        beam::send(test, has_worker{1, *w});
                        if (k % 3 == 0) co_await me.yield();
                        // Some die with a worker.
                        if (who % 5 == 4 && k >= 20) beam::exit(atom("oops"));
                        beam::send(test, has_worker{-1, *w});
                        pool::check_in(pool, *w);
                    }
                },
                p, s.id(), i);
        std::map<pid, int> lent;
        int ended = 0, died = 0;
        while (ended < 20) {
            auto m = co_await s.receive_for<has_worker, down_message>(1min);
            REQUIRE(m.has_value());
            if (auto* down = std::get_if<down_message>(&*m)) {
                ++ended;
                died += down->reason == atom("oops");
            } else {
                auto& h = std::get<has_worker>(*m);
                lent[h.worker] += h.who;
            }
        }
        int with_the_dead = 0;
        for (const auto& [w, n] : lent) with_the_dead += n;
        CHECK(with_the_dead == died);
        bool all_back = false;
        const auto deadline = monotonic_time() + 1min;
        while (!all_back && monotonic_time() < deadline) {
            all_back = co_await is(p, status(3, 0));
            co_await s.yield();
        }
        CHECK(all_back);
    });
}
