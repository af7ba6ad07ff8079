#include "libbeamcore/runtime/timer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

awaitable<void> dies(self me, pid p) {
    const ref m = monitor(p);
    co_await me.receive_if<down_message>([m](const down_message& d) { return d.monitor == m; });
}

}  // namespace

TEST_CASE("TMR-01: send_after delivers the message itself, start_timer {timeout, Ref, Message}") {
    simulated([](self me) -> awaitable<void> {
        const auto begin = monotonic_time();
        send_after(10ms, me.id(), std::string("bare"));
        auto text = co_await me.receive<std::string>();
        CHECK(text == "bare");
        CHECK(monotonic_time() - begin >= 10ms);
        CHECK(monotonic_time() - begin < 11ms);
        const ref r = start_timer(10ms, me.id(), std::string("wrapped"));
        auto t = co_await me.receive<timeout_message>();
        CHECK(t.timer == r);
        CHECK(t.content.take<std::string>() == "wrapped");
    });
}

namespace {

struct eight {
    std::int64_t n;
};
struct sixteen {
    std::int64_t n, m;
};
struct twenty_four {
    std::int64_t n, m, k;
};
struct alignas(32) on_a_line {
    std::int64_t n;
};
struct nothing {};

}  // namespace

TEST_CASE("what a timer sends arrives as it was, whatever its size and alignment") {
    simulated([](self me) -> awaitable<void> {
        register_name(atom("aimed_at"), me.id());
        for (const server_ref& to : {server_ref(me.id()), server_ref(atom("aimed_at"))}) {
            send_after(1ms, to, nothing{});
            send_after(2ms, to, eight{-8});
            send_after(3ms, to, sixteen{16, 17});
            send_after(4ms, to, twenty_four{24, 25, 26});
            send_after(5ms, to, on_a_line{32});
            (void)co_await me.receive<nothing>();
            CHECK((co_await me.receive<eight>()).n == -8);
            auto b = co_await me.receive<sixteen>();
            CHECK(b.n == 16);
            CHECK(b.m == 17);
            CHECK((co_await me.receive<twenty_four>()).k == 26);
            CHECK((co_await me.receive<on_a_line>()).n == 32);
            const ref small = start_timer(1ms, to, sixteen{1, 2});
            auto t = co_await me.receive<timeout_message>();
            CHECK(t.timer == small);
            CHECK(t.content.take<sixteen>().m == 2);
        }
    });
}

TEST_CASE("TMR-01: on threads a timer is never early") {
    threaded([](self me) -> awaitable<void> {
        for (int i = 0; i < 30; ++i) {
            const auto begin = monotonic_time();
            send_after(std::chrono::microseconds(i * 100), me.id(), i);
            int n = co_await me.receive<int>();
            REQUIRE(n == i);
            REQUIRE(monotonic_time() - begin >= std::chrono::microseconds(i * 100));
        }
    });
}

TEST_CASE("TMR-02: cancel gives the time left; later cancel or read give nothing") {
    simulated([](self me) -> awaitable<void> {
        const ref r = send_after(100ms, me.id(), 1);
        co_await me.sleep_for(30ms);
        const auto left = cancel_timer(r);
        REQUIRE(left.has_value());
        CHECK(*left <= 70ms);
        CHECK(*left > 69ms);
        CHECK_FALSE(cancel_timer(r).has_value());
        CHECK_FALSE(read_timer(r).has_value());
        co_await me.sleep_for(1s);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("TMR-03: cancel after it fired gives nothing, and the message stays") {
    simulated([](self me) -> awaitable<void> {
        const ref r = send_after(1ms, me.id(), 1);
        co_await me.sleep_for(5ms);
        CHECK_FALSE(cancel_timer(r).has_value());
        CHECK(mailbox(me) == list({1}));
    });
}

TEST_CASE("TMR-03: cancelled or delivered, never both and never neither") {
    auto race = [](self me) -> awaitable<void> {
        for (int i = 0; i < 200; ++i) {
            const ref r = send_after(std::chrono::microseconds(200), me.id(), i);
            if (i % 4) co_await me.sleep_for(std::chrono::microseconds(i % 40 * 10));
            const bool cancelled = cancel_timer(r).has_value();
            if (cancelled) {
                REQUIRE(mailbox(me) == list({}));
            } else {
                auto n = co_await me.receive_for<int>(5s);
                REQUIRE(n == i);
            }
        }
    };
    simulated(race);
    threaded(race);
}

TEST_CASE("TMR-04: cancel of an unknown reference gives nothing") {
    simulated([](self me) -> awaitable<void> {
        CHECK_FALSE(cancel_timer(make_ref()).has_value());
        CHECK_FALSE(cancel_timer(ref{}).has_value());
        CHECK_FALSE(read_timer(make_ref()).has_value());
        CHECK_FALSE(cancel_timer(alias()).has_value());
        // A reference that looks like a timer's, of a slot and scheduler that do not exist.
        ref made_up = send_after(1h, me.id(), 1);
        const ref real = made_up;
        made_up.words[2] += 100'000'000;
        CHECK_FALSE(cancel_timer(made_up).has_value());
        made_up = real;
        made_up.words[3] += 1000;
        CHECK_FALSE(read_timer(made_up).has_value());
        made_up = real;
        made_up.words[0] += 1;
        CHECK_FALSE(cancel_timer(made_up).has_value());
        CHECK(cancel_timer(real).has_value());
        co_return;
    });
}

TEST_CASE("TMR-05: cancel with async answers by message") {
    simulated([](self me) -> awaitable<void> {
        const ref r = send_after(50ms, me.id(), 1);
        cancel_timer_async(r);
        auto m = co_await me.receive<cancel_timer_message>();
        CHECK(m.timer == r);
        REQUIRE(m.left.has_value());
        CHECK(*m.left > 49ms);
        cancel_timer_async(r);
        m = co_await me.receive<cancel_timer_message>();
        CHECK(m.timer == r);
        CHECK_FALSE(m.left.has_value());
    });
}

TEST_CASE("TMR-06: cancel without info gives no message") {
    simulated([](self me) -> awaitable<void> {
        const ref r = send_after(50ms, me.id(), 1);
        cancel_timer_async(r, false);
        co_await me.sleep_for(100ms);
        CHECK(mailbox(me) == list({}));
        CHECK_FALSE(read_timer(r).has_value());
    });
}

TEST_CASE("TMR-07: a negative time is badarg") {
    simulated([](self me) -> awaitable<void> {
        CHECK(badarg([&] { send_after(-1ns, me.id(), std::string("never")); }));
        CHECK(badarg([&] { start_timer(-1h, me.id(), std::string("never")); }));
        CHECK(me.node().statistics().timers_pending == 0);
        co_return;
    });
}

TEST_CASE("TMR-08: a timer to a pid that dies is cancelled with it") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(idle);
        const ref r = send_after(1h, p, 1);
        CHECK(read_timer(r).has_value());
        exit(p, atoms::kill);
        co_await dies(me, p);
        CHECK_FALSE(read_timer(r).has_value());
        CHECK_FALSE(cancel_timer(r).has_value());
    });
}

TEST_CASE("TMR-09: a timer to a name looks it up when it fires; an unknown name is ignored") {
    simulated([](self me) -> awaitable<void> {
        const atom name("timed");
        send_after(10ms, name, 1);
        send_after(30ms, name, 2);
        send_after(50ms, name, 3);
        send_after(5ms, server_ref(name, atom("other@nowhere")), 4);
        co_await me.sleep_for(20ms);
        register_name(name, me.id());
        co_await me.sleep_for(20ms);
        unregister_name(name);
        const pid other = spawn(puppet);
        register_name(name, other);
        co_await me.sleep_for(20ms);
        CHECK(mailbox(me) == list({2}));
        const term of_other = co_await mailbox_of(me, other);
        CHECK(of_other == list({3}));
    });
}

TEST_CASE("TMR-10: timers with distinct times fire in the order of their times") {
    simulated([](self me) -> awaitable<void> {
        std::vector<int> times;
        for (int i = 0; i < 200; ++i) times.push_back(i);
        random_generator random(7);
        for (std::size_t i = times.size(); i > 1; --i)
            std::swap(times[i - 1], times[random.below(i)]);
        for (int t : times) send_after(t * 1ms, me.id(), t);
        for (int i = 0; i < 200; ++i) {
            int n = co_await me.receive<int>();
            REQUIRE(n == i);
        }
    });
}

TEST_CASE(
    "TMR-10: also times that are nanoseconds apart, and equal ones in the order they were set") {
    simulated([](self me) -> awaitable<void> {
        for (int i = 9; i >= 0; --i) send_after(10ms + std::chrono::nanoseconds(i), me.id(), i);
        for (int i = 0; i < 10; ++i) {
            int n = co_await me.receive<int>();
            CHECK(n == i);
        }
        for (int i = 0; i < 10; ++i) send_after(10ms, me.id(), i);
        for (int i = 0; i < 10; ++i) {
            int n = co_await me.receive<int>();
            CHECK(n == i);
        }
    });
}

TEST_CASE("TMR-11: read gives the time left, falling") {
    simulated([](self me) -> awaitable<void> {
        const ref r = send_after(100ms, me.id(), 1);
        auto last = read_timer(r);
        REQUIRE(last.has_value());
        CHECK(*last <= 100ms);
        for (int i = 0; i < 5; ++i) {
            co_await me.sleep_for(10ms);
            auto now = read_timer(r);
            REQUIRE(now.has_value());
            CHECK(*now <= *last - 10ms);
            last = now;
        }
        co_await me.receive<int>();
        CHECK_FALSE(read_timer(r).has_value());
    });
}

TEST_CASE("TMR-16: a timer outlives the process that set it") {
    simulated([](self me) -> awaitable<void> {
        const pid setter = spawn(
            [](self, pid to) -> process {
                send_after(10ms, to, 7);
                co_return;
            },
            me.id());
        co_await dies(me, setter);
        int n = co_await me.receive<int>();
        CHECK(n == 7);
    });
}

TEST_CASE("a timer may be cancelled and read by another process") {
    auto by_other = [](self me) -> awaitable<void> {
        for (int i = 0; i < 50; ++i) {
            const ref r = send_after(1h, me.id(), std::string("never"));
            spawn(
                [](self, pid to, ref timer) -> process {
                    const bool running = read_timer(timer).has_value();
                    const bool cancelled = cancel_timer(timer).has_value();
                    send(to, running && cancelled);
                    co_return;
                },
                me.id(), r);
            bool cancelled = co_await me.receive<bool>();
            REQUIRE(cancelled);
            REQUIRE_FALSE(read_timer(r).has_value());
        }
        CHECK(mailbox(me) == list({}));
    };
    simulated(by_other);
    threaded(by_other);
}

TEST_CASE("many timers, set and cancelled by many processes, all fire once or not at all") {
    auto storm = [](self me) -> awaitable<void> {
        constexpr int setters = 20, each = 200;
        for (int s = 0; s < setters; ++s)
            spawn(
                [](self self, pid to, int seed) -> process {
                    random_generator random{std::uint64_t(seed)};
                    int kept = 0;
                    std::vector<ref> timers;
                    for (int i = 0; i < each; ++i) {
                        timers.push_back(
                            send_after(std::chrono::microseconds(random.below(20000)), to, 1));
                        if (random.below(3) == 0) {
                            auto& victim = timers[random.below(timers.size())];
                            if (cancel_timer(victim)) ++kept;
                        }
                        if (random.below(20) == 0) co_await self.yield();
                    }
                    send(to, std::uint64_t(kept));
                },
                me.id(), s + 1);
        int fired = 0, cancelled = 0;
        for (int ended = 0; ended < setters || fired + cancelled < setters * each;) {
            auto m = co_await me.receive_for<int, std::uint64_t>(10s);
            REQUIRE(m.has_value());
            if (std::holds_alternative<int>(*m)) {
                ++fired;
            } else {
                cancelled += int(std::get<std::uint64_t>(*m));
                ++ended;
            }
        }
        CHECK(fired + cancelled == setters * each);
        auto more = co_await me.receive_for<int>(30ms);
        CHECK_FALSE(more.has_value());
    };
    simulated(storm);
    threaded(storm);
}

TEST_CASE("a timer that never fires gives its message back with the node") {
    struct counted {
        std::shared_ptr<int> life;
        explicit counted(std::shared_ptr<int> l) : life(std::move(l)) {}
        counted(counted&&) noexcept = default;
    };
    auto token = std::make_shared<int>(1);
    {
        runtime node(deterministic(1));
        const pid p = node.spawn(
            [](self me, std::shared_ptr<int> t) -> process {
                send_after(std::chrono::hours(24 * 400), me.id(), counted(t));
                start_timer(1h, atom("nobody"), counted(t));
                cancel_timer(send_after(1h, me.id(), counted(t)));
                co_return;
            },
            token);
        node.run_until_idle();
        CHECK_FALSE(node.process_info(p).has_value());
        CHECK(token.use_count() == 3);
        node.advance(2h);
        CHECK(token.use_count() == 2);
    }
    CHECK(token.use_count() == 1);
}
