#include "libbeamcore/runtime/send.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct item {
    int sender;
    int n;
    BEAM_FIELDS(item, sender, n)
};

process sender_of(self me, pid to, int number, int count, term reason) {
    for (int i = 0; i < count; ++i) {
        send(to, item{number, i});
        if (i % 50 == 0) co_await me.yield();
    }
    exit(std::move(reason));
}

process linked_sender(self me, pid to, int number, int count) {
    link(to);
    for (int i = 0; i < count; ++i) {
        send(to, item{number, i});
        if (i % 50 == 0) co_await me.yield();
    }
    exit(tuple(atom("sender"), number));
}

}  // namespace

TEST_CASE("SIG-01: messages of a linked process come before its EXIT, in order") {
    auto check = [](self me) -> awaitable<void> {
        me.trap_exit(true);
        constexpr int senders = 8, count = 300;
        for (int i = 0; i < senders; ++i) spawn(linked_sender, me.id(), i, count);
        std::vector<int> next(senders);
        for (int ended = 0; ended < senders;) {
            auto m = co_await me.receive<item, exit_message>();
            if (auto* i = std::get_if<item>(&m)) {
                REQUIRE(i->n == next[std::size_t(i->sender)]++);
            } else {
                const term reason = std::get<exit_message>(m).reason;
                REQUIRE(reason.elements().size() == 2);
                REQUIRE(next[std::size_t(*reason.elements()[1].as_int64())] == count);
                ++ended;
            }
        }
    };
    simulated(check);
    threaded(check);
}

TEST_CASE("SIG-02: messages of a monitored process come before its DOWN, in order") {
    auto check = [](self me) -> awaitable<void> {
        constexpr int senders = 8, count = 300;
        for (int i = 0; i < senders; ++i)
            spawn_monitor(sender_of, me.id(), i, count, term(tuple(atom("sender"), i)));
        std::vector<int> next(senders);
        for (int ended = 0; ended < senders;) {
            auto m = co_await me.receive<item, down_message>();
            if (auto* i = std::get_if<item>(&m)) {
                REQUIRE(i->n == next[std::size_t(i->sender)]++);
            } else {
                const term reason = std::get<down_message>(m).reason;
                REQUIRE(reason.elements().size() == 2);
                REQUIRE(next[std::size_t(*reason.elements()[1].as_int64())] == count);
                ++ended;
            }
        }
    };
    simulated(check);
    threaded(check);
}

TEST_CASE("SIG-03: message, exit signal, message are seen in that order by a process that traps") {
    auto check = [](self me) -> awaitable<void> {
        for (int round = 0; round < 20; ++round) {
            const pid p = spawn(puppet);
            co_await perform(me, p, trap_exits);
            send(p, 1);
            exit(p, atom("two"));
            send(p, 3);
            const term messages = co_await mailbox_of(me, p);
            REQUIRE(messages == list({1, tuple(atoms::EXIT, me.id(), atom("two")), 3}));
            exit(p, atoms::kill);
        }
    };
    simulated(check);
    threaded(check);
}

TEST_CASE("SIG-04: two senders' signals are each in order; between them there is no order") {
    std::set<int> first_seen;
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        runtime node(deterministic(seed));
        auto first = node.execute([](self me) -> awaitable<int> {
            for (int i = 0; i < 2; ++i) spawn(sender_of, me.id(), i, 20, term(atoms::normal));
            int sender = -1, next[2] = {0, 0};
            for (int i = 0; i < 40; ++i) {
                item m = co_await me.receive<item>();
                if (sender < 0) sender = m.sender;
                CHECK(m.n == next[m.sender]++);
            }
            co_return sender;
        });
        REQUIRE(first.has_value());
        first_seen.insert(*first);
    }
    CHECK(first_seen == std::set<int>{0, 1});
}

TEST_CASE("a received message is passed on unchanged") {
    simulated([](self me) -> awaitable<void> {
        const pid relay = spawn(
            [](self s, pid to) -> process {
                for (;;) {
                    auto m = co_await s.receive();
                    send(to, std::move(m));
                }
            },
            me.id());
        send(relay, 1);
        send(relay, std::string("two"));
        auto n = co_await me.receive<int>();
        auto t = co_await me.receive<std::string>();
        CHECK(n == 1);
        CHECK(t == "two");
        exit(relay, atoms::kill);
    });
}

TEST_CASE("try_send says noproc for a dead process and an unknown name") {
    simulated([](self me) -> awaitable<void> {
        CHECK(try_send(atom("nobody"), 1).error().code == std::string("noproc"));
        CHECK(try_send(pid{}, 1).error().code == std::string("noproc"));
        CHECK(try_send(me.id(), 1).has_value());
        register_name(atom("tester"), me.id());
        CHECK(try_send(atom("tester"), 2).has_value());
        CHECK(mailbox(me) == list({1, 2}));
        co_return;
    });
}

namespace {

spawn_options bound(std::uint32_t n, overflow policy) {
    spawn_options o;
    o.mailbox_max = n;
    o.overflow = policy;
    return o;
}

struct query {
    using reply = int;
    int n;
    BEAM_FIELDS(query, n)
};

}  // namespace

TEST_CASE("a bound mailbox that rejects keeps the first messages and tells who tries") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn_opt(bound(3, overflow::reject), puppet).pid;
        co_await perform(me, p, trap_exits);
        for (int i = 0; i < 5; ++i) send(p, i);
        co_await me.sleep_for(1ms);
        CHECK(process_info(p)->message_queue_len == 3);
        auto refused = try_send(p, 9);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == std::string("mailbox_full"));
        auto answer = send_request(p, query{1});
        auto outcome = co_await answer.outcome();
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().elements()[0] == atom("mailbox_full"));
        CHECK(me.node().statistics().messages_dropped == 4);
        // The order cannot get in either: the mailbox is full. It is read by its owner alone.
        auto details = co_await process_info_details(p);
        CHECK(details->messages == std::vector<term>{0, 1, 2});
    });
}

TEST_CASE("a bound mailbox that drops the newest") {
    simulated([](self) -> awaitable<void> {
        const pid p = spawn_opt(bound(3, overflow::drop_newest), puppet).pid;
        for (int i = 0; i < 10; ++i) CHECK(try_send(p, i).has_value());
        auto answer = send_request(p, query{1});
        auto outcome = co_await answer.outcome();
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().elements()[0] == atom("mailbox_full"));
        auto details = co_await process_info_details(p);
        CHECK(details->messages == std::vector<term>{0, 1, 2});
    });
}

TEST_CASE("a bound mailbox that drops the oldest, and tells a dropped request's caller") {
    simulated([](self) -> awaitable<void> {
        const pid p = spawn_opt(bound(3, overflow::drop_oldest), puppet).pid;
        auto answer = send_request(p, query{1});
        for (int i = 0; i < 10; ++i) CHECK(try_send(p, i).has_value());
        auto outcome = co_await answer.outcome();
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().elements()[0] == atom("mailbox_full"));
        auto details = co_await process_info_details(p);
        CHECK(details->messages == std::vector<term>{7, 8, 9});
    });
}

TEST_CASE("a full mailbox drops neither exits nor downs, whatever its policy") {
    simulated([](self me) -> awaitable<void> {
        for (auto policy : {overflow::reject, overflow::drop_newest, overflow::drop_oldest}) {
            const pid p = spawn_opt(bound(2, policy), puppet).pid;
            co_await perform(me, p, trap_exits);
            const pid a = spawn(puppet), b = spawn(idle);
            co_await perform(me, p, link_to, a);
            co_await perform(
                me, p, [](self, const term& t) { (void)monitor(*t.as_pid()); }, b);
            for (int i = 0; i < 5; ++i) send(p, i);
            co_await me.sleep_for(1ms);
            exit(a, atoms::kill);
            exit(b, atoms::kill);
            for (int i = 0; i < 3; ++i) exit(p, atom("signal"));
            co_await me.sleep_for(1ms);
            for (int i = 5; i < 10; ++i) send(p, i);
            co_await me.sleep_for(1ms);
            auto details = co_await process_info_details(p);
            std::size_t exits = 0, downs = 0, numbers = 0;
            for (const term& m : details->messages) {
                exits += m == tuple(atom("opaque"), "beam::exit_message");
                downs += m == tuple(atom("opaque"), "beam::down_message");
                numbers += m.is_integer();
            }
            CHECK(exits == 4);
            CHECK(downs == 1);
            CHECK(numbers <= 2);
            exit(p, atoms::kill);
        }
    });
}

TEST_CASE("dropping the oldest under a waiting selective receive is safe") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn_opt(
                          bound(4, overflow::drop_oldest),
                          [](self s, pid to) -> process {
                              for (int i = 0; i < 20; ++i) {
                                  auto text = co_await s.receive<std::string>();
                                  send(to, text);
                              }
                              send(to, mailbox(s));
                          },
                          me.id())
                          .pid;
        for (int i = 0; i < 20; ++i) {
            for (int n = 0; n < 7; ++n) {
                send(p, n);
                if (n % 2) co_await me.yield();
            }
            co_await me.sleep_for(1ms);
            send(p, std::to_string(i));
            auto text = co_await me.receive<std::string>();
            REQUIRE(text == std::to_string(i));
        }
        auto left = co_await me.receive<term>();
        CHECK(left.list_length() == 3);
    });
}

TEST_CASE("PROC-17: a process whose waiting messages exceed its bytes is killed") {
    simulated([](self me) -> awaitable<void> {
        spawn_options o;
        o.message_bytes_max = 10'000;
        o.monitor = true;
        auto [p, m] = spawn_opt(o, puppet);
        co_await perform(me, p, trap_exits);
        struct block {
            char bytes[1000];
        };
        for (int i = 0; i < 8; ++i) send(p, block{});
        const bool alive = co_await is_alive(p);
        CHECK(alive);
        for (int i = 0; i < 8; ++i) send(p, block{});
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(d.reason == atoms::killed);
    });
}

TEST_CASE("a queue's length and bytes go back to nothing when it was read") {
    simulated([](self me) -> awaitable<void> {
        for (int i = 0; i < 100; ++i) send(me.id(), std::string("text"));
        me.mark_mailbox();
        CHECK(process_info(me.id())->message_queue_len == 100);
        CHECK(process_info(me.id())->message_bytes >= 100 * sizeof(std::string));
        (void)mailbox(me);
        CHECK(process_info(me.id())->message_queue_len == 0);
        CHECK(process_info(me.id())->message_bytes == 0);
        co_return;
    });
}
