#include "libbeamcore/runtime/body.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct add {
    using reply = int;
    int n;
    BEAM_FIELDS(add, n)
};
struct wait_and_add {
    using reply = int;
    int n;
    BEAM_FIELDS(wait_and_add, n)
};
struct stop {
    int how;
};

/// What a behaviour is made of, at its smallest.
class adder : public process_body {
public:
    adder(pid tester, std::shared_ptr<int> token) : tester_(tester), token_(std::move(token)) {}
    ~adder() override { send(tester_, std::string("destroyed")); }

    void run(self me) override {
        do {
            message m = me.try_receive();
            if (!m) return;
            detail::begin_request(me.block(), m);
            handle(me, std::move(m));
            if (waiting_) {
                waiting_ = false;
                return;  // end_request comes when the work is through
            }
            detail::end_request(me.block());
        } while (more_time(me));
    }

private:
    void handle(self me, message m) {
        const auto from = request_from(m);
        if (auto* a = m.get_if<add>()) {
            total_ += a->n;
            if (a->n == 13) throw std::runtime_error("unlucky");
            if (a->n >= 0 && from) reply(*from, total_);
        } else if (auto* w = m.get_if<wait_and_add>()) {
            waiting_ = true;
            run_waiting(me, add_later(me, *from, w->n));
        } else if (auto* s = m.get_if<stop>()) {
            if (s->how == 0) finish(me, atom("finished"));
            if (s->how == 1) exit(tuple(atom("thrown"), 1));
            if (s->how == 2) exit(me.id(), atoms::kill);
        }
    }

    awaitable<void> add_later(self me, from f, int n) {
        co_await me.sleep_for(10ms);
        auto now = co_await me.receive_for<double>(0ms);  // the work may receive by itself
        if (n == 13) throw std::runtime_error("unlucky");
        total_ += n + (now ? int(*now) : 0);
        reply(f, total_);
        detail::end_request(me.block());
    }

    pid tester_;
    std::shared_ptr<int> token_;
    int total_ = 0;
    bool waiting_ = false;
};

spawned start(self me, std::shared_ptr<int> token = {}) {
    spawn_options o;
    o.monitor = true;
    return spawn_body(std::make_unique<adder>(me.id(), std::move(token)), o, "adder");
}

}  // namespace

TEST_CASE("a body takes its messages when it is run") {
    auto calls = [](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        int total = 0;
        for (int i = 1; i <= 10; ++i) total = co_await call<add>(p, i);
        CHECK(total == 55);
        CHECK(process_info(p)->initial_call == "adder");
        exit(p, atoms::kill);
        auto text = co_await me.receive<std::string>();
        CHECK(text == "destroyed");
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atoms::killed);
    };
    simulated(calls);
    threaded(calls);
}

TEST_CASE("a body is destroyed before links and monitors are told") {
    for (int how : {0, 1, 2})
        simulated(
            [](self me, int h) -> awaitable<void> {
                auto token = std::make_shared<int>(0);
                auto [p, mon] = start(me, token);
                send(p, stop{h});
                auto m = co_await me.receive();
                REQUIRE(m.is<std::string>());
                m = co_await me.receive();
                REQUIRE(m.is<down_message>());
                CHECK(token.use_count() == 1);
                const term reason = m.get_if<down_message>()->reason;
                if (h == 0) CHECK(reason == atom("finished"));
                if (h == 1) CHECK(reason == tuple(atom("thrown"), 1));
                if (h == 2) CHECK(reason == atoms::killed);
            },
            how);
}

TEST_CASE("what a body throws is its exit reason, and its caller's failure") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        auto f = send_request(p, add{13});
        auto answer = co_await f.outcome();
        REQUIRE_FALSE(answer.has_value());
        auto d = co_await me.receive<down_message>();
        CHECK(answer.error().elements()[0] == d.reason);
        CHECK(d.reason.elements()[0] ==
              tuple(atom("cpp_exception"), "std::runtime_error", "unlucky"));
    });
}

TEST_CASE("a request that a body left unanswered fails when it dies later") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        auto f = send_request(p, add{-5});
        int total = co_await call<add>(p, 7);
        CHECK(total == 2);
        send(p, stop{0});
        auto answer = co_await f.outcome();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().elements()[0] == atom("finished"));
    });
}

TEST_CASE("while a handler waits the body's messages wait too, unless the work takes them") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        auto waits = send_request(p, wait_and_add{100});
        auto next = send_request(p, add{1});
        send(p, 1000.0);
        int total = co_await next;
        CHECK(total == 1101);
        total = co_await waits;
        CHECK(total == 1100);
        exit(p, atoms::kill);
    });
}

TEST_CASE(
    "an exception or a kill while a handler waits ends body and work, and its caller is told") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        auto f = send_request(p, wait_and_add{13});
        auto answer = co_await f.outcome();
        REQUIRE_FALSE(answer.has_value());
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(answer.error().elements()[0] == d.reason);

        auto [q, n] = start(me);
        auto g = send_request(q, wait_and_add{1});
        co_await me.sleep_for(5ms);
        exit(q, atoms::kill);
        answer = co_await g.outcome();
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().elements()[0] == atoms::killed);
        d = co_await me.receive<down_message>();
        CHECK(d.monitor == n);
    });
}

TEST_CASE("a suspended body runs again, with all its messages, when it is resumed") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = start(me);
        (void)co_await suspend_process(p);
        auto f = send_request(p, add{1});
        bool here = co_await f.wait_for(10ms);
        CHECK_FALSE(here);
        (void)co_await resume_process(p);
        int total = co_await f;
        CHECK(total == 1);
        exit(p, atoms::kill);
    });
}

TEST_CASE("a body's init runs inside its starter as the new process") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        spawn_options o;
        o.link = true;
        detail::process_block* pb = detail::spawn_begin(o, nullptr);
        const pid child = detail::self_of(pb).id();
        {
            detail::init_scope scope(pb);
            CHECK(this_process().id() == child);
            this_process().trap_exit(true);
            process_dictionary::put("inside", 1);
            send(child, add{0});
        }
        CHECK(this_process().id() == me.id());
        CHECK(process_dictionary::get("inside") == atoms::undefined);
        detail::spawn_commit(pb, std::make_unique<adder>(me.id(), nullptr), nullptr,
                             detail::intern_initial_call("adder"), o);
        auto details = co_await process_info_details(child);
        CHECK(details->trap_exit);
        CHECK(details->links == std::vector<pid>{me.id()});
        exit(child, atoms::kill);
        auto e = co_await me.receive<exit_message>();
        CHECK(e.reason == atoms::killed);

        // An init that failed: links are told, and nothing ran.
        pb = detail::spawn_begin(o, nullptr);
        const pid failed = detail::self_of(pb).id();
        detail::spawn_fail(pb, atom("no_luck"));
        e = co_await me.receive<exit_message>();
        CHECK(e.from == failed);
        CHECK(e.reason == atom("no_luck"));
        CHECK_FALSE(process_info(failed).has_value());
    });
}
