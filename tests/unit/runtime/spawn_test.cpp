#include "libbeamcore/runtime/spawn.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct life {
    std::shared_ptr<int> token;
    explicit life(std::shared_ptr<int> t) : token(std::move(t)) {}
};

process counts(self me, int left, pid tester, std::shared_ptr<int> token) {
    if (left == 0) {
        send(tester, int(token.use_count()));
        co_return;
    }
    const int n = co_await me.receive<int>();
    send(tester, std::to_string(n));
    co_await enter<counts>(left - 1, tester, token);
}

process woken(self me, pid tester, std::string state) {
    auto here = me.try_receive();  // the message is in the mailbox already
    send(tester, here.is<int>() ? state + std::to_string(*here.get_if<int>()) : std::string("?"));
    co_await hibernate<woken>(tester, state + "+");
}

process starts_hibernating(self, pid tester, std::string state) {
    co_await hibernate<woken>(tester, state);
}

awaitable<void> enters_from_within(self me, pid tester) {
    co_await me.yield();
    co_await enter<woken>(tester, std::string("deep"));
}

process outer_of_enter(self me, pid tester) {
    send(tester, std::string("outer"));
    co_await enters_from_within(me, tester);
    send(tester, std::string("must not come back"));
}

}  // namespace

TEST_CASE("spawn gives a pid at once and runs the code later, with its arguments moved in") {
    simulated([](self me) -> awaitable<void> {
        bool ran = false;
        const pid p = spawn(
            [](self s, pid to, std::unique_ptr<int> n, bool* flag) -> process {
                *flag = true;
                send(to, *n);
                send(to, s.id());
                co_return;
            },
            me.id(), std::make_unique<int>(5), &ran);
        CHECK_FALSE(ran);
        int n = co_await me.receive<int>();
        CHECK(n == 5);
        pid self_id = co_await me.receive<pid>();
        CHECK(self_id == p);
    });
}

TEST_CASE(
    "a runtime that takes over goes on behind the numbers of another, and gives its pids back") {
    runtime_options o;
    o.deterministic = true;
    o.first_pid = 5000;
    o.first_unique = 1'000'000;
    runtime node(o);
    const pid known{4321, 17, 0};
    auto r = node.execute(
        [](self me, pid as) -> awaitable<void> {
            CHECK(me.id().id >= 5000);
            CHECK(make_ref().words[0] >= 1'000'000);
            spawn_options same;
            same.at = as;
            same.monitor = true;
            auto again = spawn_opt(same, leaves, term(atoms::normal));
            CHECK(again.pid == as);
            CHECK(to_string(again.pid) == "<0.4321.17>");
            // In use, or once used; and not another's to give.
            CHECK_FALSE(spawn_opt(same, leaves, term(atoms::normal)).pid);
            auto down = co_await me.receive<down_message>();
            CHECK(down.monitor == again.monitor);
            CHECK(down.reason == atoms::normal);
            CHECK_FALSE(spawn_opt(same, leaves, term(atoms::normal)).pid);
            same.at = pid{6000, 1, 0};
            CHECK_FALSE(spawn_opt(same, leaves, term(atoms::normal)).pid);
            for (int i = 0; i < 1000; ++i) CHECK(spawn(leaves, term(atoms::normal)).id >= 5000);
        },
        known);
    CHECK(r.has_value());
}

TEST_CASE("pids of a node differ, print as Erlang's and are not used again soon") {
    simulated([](self me) -> awaitable<void> {
        std::vector<pid> all;
        for (int i = 0; i < 1000; ++i) {
            auto [p, m] = spawn_monitor(leaves, term(atoms::normal));
            all.push_back(p);
            co_await me.receive<down_message>();
        }
        const std::string text = to_string(all.front());
        CHECK(text.substr(0, 3) == "<0.");
        std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.id < b.id; });
        for (std::size_t i = 1; i < all.size(); ++i) REQUIRE(all[i - 1].id != all[i].id);
    });
}

TEST_CASE("code that throws while it is being made a process leaves nothing behind") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        struct refuses {
            explicit refuses(int) {}
            refuses(refuses&&) {}
            refuses(const refuses&) { throw std::runtime_error("cannot be copied"); }
        };
        const std::size_t before = processes().size();
        spawn_options o;
        o.link = true;
        auto code = [](self s, const refuses& r) -> process {
            (void)r;
            co_await s.sleep_for(infinity{});
        };
        // A plain function that fails before it makes the coroutine.
        auto fails = [](self s, int) -> process {
            if (s.id()) throw std::runtime_error("no");
            return idle(s);
        };
        (void)code;
        CHECK_THROWS_AS((void)spawn_opt(o, fails, 1), std::runtime_error);
        co_await me.yield();
        CHECK(processes().size() == before);
        CHECK(mailbox(me) == list({}));
        auto details = co_await process_info_details(me.id());
        CHECK(details->links.empty());
    });
}

TEST_CASE("a table that is full is the error system_limit") {
    runtime_options o = deterministic(1);
    o.processes_max = 300;
    runtime node(o);
    run_in(node, [](self me) -> awaitable<void> {
        std::vector<pid> all;
        bool refused = false;
        for (int i = 0; i < 400 && !refused; ++i) {
            try {
                all.push_back(spawn(idle));
            } catch (const error_exception& e) {
                refused = e.reason == atoms::system_limit;
            }
        }
        CHECK(refused);
        CHECK(all.size() > 100);
        CHECK(all.size() < 300);
        for (int round = 0; round < 5; ++round) {
            for (pid p : all) exit(p, atoms::kill);
            co_await me.sleep_for(1ms);
            for (pid& p : all) p = spawn(idle);  // all slots can be had again
        }
    });
}

TEST_CASE("PROC-22: a hibernating process goes on in its continuation with the message waiting") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(starts_hibernating, me.id(), std::string("s"));
        co_await me.sleep_for(10ms);
        CHECK(mailbox(me) == list({}));
        CHECK(process_info(p)->status == process_status::waiting);
        for (int i = 1; i <= 3; ++i) {
            send(p, i);
            auto text = co_await me.receive<std::string>();
            CHECK(text == "s" + std::string(std::size_t(i - 1), '+') + std::to_string(i));
        }
        exit(p, atoms::kill);
    });
}

TEST_CASE("PROC-22: a message that was there before it hibernates wakes it at once") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(starts_hibernating, me.id(), std::string("s"));
        send(p, 1);
        auto text = co_await me.receive<std::string>();
        CHECK(text == "s1");
        exit(p, atoms::kill);
    });
}

TEST_CASE("PROC-22: an exit signal wakes nobody but ends the hibernating process") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = spawn_monitor(starts_hibernating, me.id(), std::string("s"));
        co_await me.sleep_for(1ms);
        exit(p, atom("gone"));
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atom("gone"));
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("enter goes on with other code in the same process, and frees the old frame") {
    simulated([](self me) -> awaitable<void> {
        auto token = std::make_shared<int>(1);
        auto [p, m] = spawn_monitor(counts, 100, me.id(), token);
        for (int i = 0; i < 100; ++i) {
            send(p, i);
            auto text = co_await me.receive<std::string>();
            REQUIRE(text == std::to_string(i));
        }
        int uses = co_await me.receive<int>();
        CHECK(uses == 2);  // ours and the last frame's
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atoms::normal);
        CHECK(token.use_count() == 1);
    });
}

TEST_CASE("enter from an awaitable replaces the whole chain") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(outer_of_enter, me.id());
        send(p, 7);
        auto text = co_await me.receive<std::string>();
        CHECK(text == "outer");
        text = co_await me.receive<std::string>();
        CHECK(text == "deep7");
        exit(p, atoms::kill);
        co_await me.sleep_for(1ms);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("priorities: max and high go first, low is served once in nine") {
    // Every process yields after each step, so all are always runnable.
    struct step {
        static process run(self me, std::vector<int>* log, int mark, int n) {
            for (int i = 0; i < n; ++i) {
                log->push_back(mark);
                co_await me.yield();
            }
        }
    };
    runtime_options o;
    o.schedulers = 1;
    runtime node(o);
    std::vector<int> log;
    run_in(
        node,
        [](self me, std::vector<int>* out) -> awaitable<void> {
            set_priority(priority::max);
            co_await me.yield();
            auto options = [](priority p) {
                spawn_options so;
                so.priority = p;
                so.monitor = true;
                return so;
            };
            spawn_opt(options(priority::low), step::run, out, 0, 100);
            spawn_opt(options(priority::normal), step::run, out, 1, 400);
            spawn_opt(options(priority::normal), step::run, out, 1, 400);
            spawn_opt(options(priority::high), step::run, out, 2, 50);
            for (int i = 0; i < 4; ++i) co_await me.receive<down_message>();
        },
        &log);
    REQUIRE(log.size() == 950);
    for (std::size_t i = 0; i < 50; ++i) REQUIRE(log[i] == 2);
    int low = 0;
    for (std::size_t i = 50; i < 50 + 450; ++i) low += log[i] == 0;
    CHECK(low >= 49);
    CHECK(low <= 57);
}

TEST_CASE("runtime::spawn and spawn_opt from a plain thread") {
    runtime node(deterministic(1));
    const pid p = node.spawn([](self me) -> process { exit(co_await me.receive<term>()); });
    node.send(p, term(atom("told")));
    CHECK(node.wait_for_exit(p) == atom("told"));
    spawn_options o;
    o.name = atom("plain");
    const pid named = node.spawn_opt(o, idle).pid;
    CHECK(node.whereis(atom("plain")) == named);
    CHECK_FALSE(node.spawn_opt(o, idle).pid);
}

TEST_CASE("a hundred thousand processes come and go") {
    auto many = [](self me) -> awaitable<void> {
        constexpr int waves = 20, each = 5000;
        for (int w = 0; w < waves; ++w) {
            for (int i = 0; i < each; ++i)
                spawn(
                    [](self, pid to) -> process {
                        send(to, done{});
                        co_return;
                    },
                    me.id());
            for (int i = 0; i < each; ++i) co_await me.receive<done>();
        }
    };
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    run_in(node, many);
}
