// A thousand processes that spawn, link, monitor, call and kill each other, over many seeds. What must
// hold however they are interleaved is checked at the end.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/simulation.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

struct ask {
    using reply = int;
    int n;
    BEAM_FIELDS(ask, n)
};
struct crowd {
    std::vector<pid> members;
};

struct watched {
    pid by;
    pid target;
};

/// Monitors: each is answered exactly once, or taken back before.
struct ledger {
    std::map<ref, watched> open;
    std::set<ref> closed;
    std::vector<std::string> wrong;
    std::uint64_t calls = 0, answers = 0;
};

process member(self me, ledger* book, crowd* all, std::uint64_t seed, int steps) {
    random_generator random(seed);
    me.trap_exit(random.below(2) == 0);
    std::vector<ref> mine;
    auto any = [&] { return all->members[random.below(all->members.size())]; };
    for (int i = 0; i < steps; ++i) {
        switch (random.below(14)) {
            case 0:
                link(any());
                break;
            case 1:
                unlink(any());
                break;
            case 2: {
                const pid target = any();
                const ref m = monitor(target);
                mine.push_back(m);
                book->open[m] = {me.id(), target};
                break;
            }
            case 3: {
                if (mine.empty()) break;
                const std::size_t at = random.below(mine.size());
                demonitor_options o;
                o.flush = true;
                demonitor(mine[at], o);
                book->open.erase(mine[at]);
                book->closed.insert(mine[at]);
                mine.erase(mine.begin() + std::ptrdiff_t(at));
                break;
            }
            case 4:
                send(any(), int(i));
                break;
            case 5:
                co_await me.yield();
                break;
            case 6:
                co_await me.sleep_for(std::chrono::microseconds(random.below(500)));
                break;
            case 7: {
                auto f =
                    send_request(any(), ask{i}, std::chrono::milliseconds(1 + random.below(5)));
                auto outcome = co_await f.outcome();
                ++book->calls;
                book->answers += outcome.has_value();
                break;
            }
            case 8: {
                spawn_options o;
                o.link = random.below(2) == 0;
                all->members.push_back(spawn_opt(o, member, book, all, random(), steps / 2).pid);
                break;
            }
            case 9: {
                auto job = blocking([i] { return i; });
                int n = co_await job;
                if (n != i) book->wrong.push_back("a job's answer went elsewhere");
                break;
            }
            case 10:
                send_after(std::chrono::microseconds(random.below(1000)), any(), 1.5);
                break;
            case 11: {
                auto m = co_await me.receive_for(std::chrono::microseconds(random.below(300)));
                if (const auto from = m ? request_from(m) : std::nullopt) {
                    reply(*from, m.get_if<ask>()->n);
                } else if (auto* d = m ? m.get_if<down_message>() : nullptr) {
                    if (book->open.erase(d->monitor) == 0)
                        book->wrong.push_back("a DOWN twice, or late");
                    if (!book->closed.insert(d->monitor).second)
                        book->wrong.push_back("a DOWN twice");
                    std::erase(mine, d->monitor);
                }
                break;
            }
            case 12:
                if (random.below(8) == 0)
                    exit(any(), random.below(3) ? term(atom("shot")) : term(atoms::kill));
                break;
            default:
                if (random.below(30) == 0) exit(atom("leaves"));
                me.bump_reductions(int(random.below(2000)));
        }
    }
    // From here it only serves, until it is told to end; and counts its downs.
    for (;;) {
        auto m = co_await me.receive();
        if (const auto from = request_from(m)) {
            reply(*from, m.get_if<ask>()->n);
        } else if (auto* d = m.get_if<down_message>()) {
            if (book->open.erase(d->monitor) == 0) book->wrong.push_back("a DOWN twice, or late");
            if (!book->closed.insert(d->monitor).second) book->wrong.push_back("a DOWN twice");
        }
    }
}

/// Links as each of the living sees them, and open monitors.
awaitable<void> audit(self me, ledger* book) {
    std::map<pid, std::vector<pid>> links;
    for (pid p : processes()) {
        if (p == me.id()) continue;
        auto details = co_await process_info_details(p);
        if (details) links[p] = details->links;
    }
    for (auto& [m, w] : book->open)
        if (links.contains(w.by) && !links.contains(w.target))
            book->wrong.push_back("the death of " + to_string(w.target) + " was not told");
    for (auto& [p, peers] : links)
        for (pid peer : peers) {
            auto other = links.find(peer);
            if (other == links.end())
                book->wrong.push_back(to_string(p) + " is linked to the dead " + to_string(peer));
            else if (std::count(other->second.begin(), other->second.end(), p) != 1)
                book->wrong.push_back(to_string(p) + " is linked to " + to_string(peer) +
                                      ", not back");
        }
}

std::optional<std::string> storm(runtime& node, int processes, int steps, std::uint64_t seed) {
    ledger book;
    crowd all;
    random_generator random(seed);
    for (int i = 0; i < processes; ++i)
        all.members.push_back(node.spawn(member, &book, &all, random(), steps));
    // Until everybody sits and serves: nothing left to happen.
    node.run_until([] { return false; }, 10min);
    auto audited = node.execute(audit, &book);
    if (!audited) return "the audit failed: " + to_string(audited.error());
    if (!book.wrong.empty()) return book.wrong.front();
    for (pid p : node.processes()) {
        node.exit(p, atoms::kill);
        if (random.below(3) == 0) node.run_until_idle(random.below(20));
    }
    node.run_until([] { return false; }, 10min);
    if (!book.wrong.empty()) return book.wrong.front();
    if (auto left = node.processes(); !left.empty())
        return std::to_string(left.size()) + " processes are left";
    const auto s = node.statistics();
    if (s.processes != 0 || s.spawned != s.exited)
        return "spawned " + std::to_string(s.spawned) + ", exited " + std::to_string(s.exited);
    if (book.calls == 0 || book.answers == 0) return "no call was made or answered";
    return {};
}

}  // namespace

TEST_CASE("a storm of kills, links, monitors and calls leaves nothing behind") {
    simulation::exploration options;
    options.seeds = 6 * seed_count();
    const auto failed = simulation::explore(
        [](runtime& node) { return storm(node, 60, 40, node.options().seed); }, options);
    CHECK_MESSAGE(!failed.has_value(),
                  (failed ? "seed " + std::to_string(failed->seed) + ": " + failed->what : ""));
}

TEST_CASE("a storm of a thousand") {
    simulation::exploration options;
    options.seeds = 3;
    const auto failed = simulation::explore(
        [](runtime& node) { return storm(node, 1000, 20, node.options().seed); }, options);
    CHECK_MESSAGE(!failed.has_value(),
                  (failed ? "seed " + std::to_string(failed->seed) + ": " + failed->what : ""));
}

TEST_CASE("every monitor of a survivor is answered once, whenever its target dies") {
    simulation::exploration options;
    options.seeds = 100;
    const auto failed = simulation::explore(
        [](runtime& node) -> std::optional<std::string> {
            auto r = node.execute([](self me) -> awaitable<int> {
                std::vector<pid> targets;
                for (int i = 0; i < 200; ++i)
                    targets.push_back(spawn(
                        [](self s, int n) -> process {
                            for (int k = 0; k < n % 7; ++k) co_await s.yield();
                            if (n % 3 == 0) co_await s.sleep_for(std::chrono::microseconds(n));
                            exit(term(n));
                        },
                        i));
                std::map<ref, int> expected;
                for (int i = 0; i < 200; ++i) {
                    expected[monitor(targets[std::size_t(i)])] = i;
                    if (i % 5 == 0) co_await me.yield();
                }
                int good = 0;
                while (!expected.empty()) {
                    auto d = co_await me.receive_for<down_message>(1s);
                    if (!d) co_return -1;
                    auto it = expected.find(d->monitor);
                    if (it == expected.end()) co_return -2;
                    if (d->reason == term(it->second) || d->reason == atoms::noproc) ++good;
                    expected.erase(it);
                }
                auto more = co_await me.receive_for(1s);
                co_return more ? -3 : good;
            });
            if (!r) return to_string(r.error());
            if (*r != 200) return "result " + std::to_string(*r);
            return {};
        },
        options);
    CHECK_FALSE(failed.has_value());
}

namespace {

process threaded_member(self me, std::vector<pid> peers, std::uint64_t seed, pid tester) {
    random_generator random(seed);
    me.trap_exit(random.below(2) == 0);
    int answers = 0, failures = 0;
    std::set<ref> open;
    for (int i = 0; i < 100; ++i) {
        const pid p = peers[random.below(peers.size())];
        switch (random.below(8)) {
            case 0:
                link(p);
                break;
            case 1:
                unlink(p);
                break;
            case 2:
                open.insert(monitor(p));
                break;
            case 3:
                send(p, i);
                break;
            case 4: {
                auto f = send_request(p, ask{i}, 2ms);
                auto answer = co_await f.outcome();
                ++(answer ? answers : failures);
                break;
            }
            case 5: {
                auto m = co_await me.receive_for(std::chrono::microseconds(random.below(200)));
                if (const auto from = m ? request_from(m) : std::nullopt) reply(*from, 1);
                if (auto* d = m ? m.get_if<down_message>() : nullptr)
                    if (open.erase(d->monitor) == 0) send(tester, std::string("a DOWN twice"));
                break;
            }
            case 6:
                send_after(std::chrono::microseconds(random.below(300)), p, i);
                break;
            default:
                if (random.below(10) == 0)
                    exit(p, atoms::kill);
                else
                    co_await me.yield();
        }
    }
    send(tester, done{});
}

}  // namespace

TEST_CASE("a storm on real threads ends, and every process with it") {
    for (unsigned schedulers : {1u, 2u, 4u}) {
        CAPTURE(schedulers);
        runtime_options o;
        o.schedulers = schedulers;
        runtime node(o);
        run_in(node, [](self me) -> awaitable<void> {
            me.trap_exit(true);
            for (std::uint64_t round = 0; round < 5; ++round) {
                std::vector<pid> peers;
                for (int i = 0; i < 50; ++i) peers.push_back(spawn(idle));
                std::map<ref, pid> watched;
                for (std::uint64_t i = 0; i < 200; ++i) {
                    auto [p, m] = spawn_monitor(threaded_member, peers, round * 1000 + i, me.id());
                    watched[m] = p;
                    if (i < 100) peers.push_back(p);
                }
                for (pid p : peers)
                    if (!watched.empty() && p.id % 5 == 0) exit(p, atoms::kill);
                while (!watched.empty()) {
                    auto m = co_await me.receive_for<down_message, std::string>(20s);
                    REQUIRE(m.has_value());
                    if (auto* text = std::get_if<std::string>(&*m)) FAIL_CHECK(*text);
                    if (auto* d = std::get_if<down_message>(&*m))
                        REQUIRE(watched.erase(d->monitor) == 1);
                }
                for (pid p : peers) exit(p, atoms::kill);
            }
            (void)mailbox(me);
        });
        // Everything is gone at last: what is left is on its way out.
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (node.statistics().processes > 0 && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        CHECK(node.statistics().processes == 0);
    }
}
