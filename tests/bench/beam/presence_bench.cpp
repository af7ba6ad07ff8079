// Three nodes with 100 000 sessions: how soon a login on one is seen on the others, and how soon all views are right
// when a node with its third is killed. The other two nodes are this program again.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/other_program.hpp"
#include "tools/presence/app/application.hpp"
#include "tools/presence/app/names.hpp"
#include "tools/presence/app/opening.hpp"
#include "tools/presence/app/sessions.hpp"

namespace {

using namespace beam;
using namespace std::chrono_literals;

constexpr const char* epmd_variable = "BENCH_DIST_EPMD";
constexpr const char* name_variable = "BENCH_PRESENCE_NODE";
constexpr const char* main_node = "presence_main@127.0.0.1";
constexpr const char* here_and_there[] = {"presence_one@127.0.0.1", "presence_two@127.0.0.1"};
constexpr const char* all_nodes[] = {main_node, here_and_there[0], here_and_there[1]};

// To a node's driver. The answer is numbers.
struct order {
    std::string what;
    std::uint64_t count = 0;
    pid from;
    BEAM_FIELDS(order, what, count, from)
};
struct numbers {
    std::vector<std::int64_t> of;
    BEAM_FIELDS(numbers, of)
};
struct begun {
    BEAM_FIELDS(begun)
};

presence::session_plan session_of(const std::string& user) {
    presence::session_plan plan;
    plan.user = user;
    plan.id = "web";
    plan.since_ms = presence::wall_ms();
    plan.ttl_ms = 3'600'000;
    return plan;
}

awaitable<void> fill(std::uint64_t n) {
    const std::string prefix = std::string(node().name()) + "/";
    for (std::uint64_t i = 0; i < n; ++i) {
        auto opening = presence::sessions::open(session_of(prefix + std::to_string(i)));
        outcome<presence::opened> opened = co_await opening;
        bench::expect(opened.has_value(), "a session did not start");
        if (i + 1 < n) continue;
        auto tracked = presence::session::tracked(opened->session);
        bench::expect((co_await tracked).empty(), "a session is refused");
    }
}

// One a millisecond. When it began is in its meta.
awaitable<void> log_in(self me, std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
        presence::session_plan plan = session_of("late" + std::to_string(i));
        plan.meta = map({{atom("at_ns"), bench::now_ns()}});
        auto session = co_await presence::open_session(std::move(plan), {});
        bench::expect(session.has_value(), "a login is refused");
        co_await me.sleep_for(1ms);
    }
}

std::int64_t began_at(const tracker::presence& entry) {
    const term meta = presence::read(entry).meta;
    const term* at = meta.is_map() ? meta.map_find(atom("at_ns")) : nullptr;
    return at ? at->as_int64().value_or(0) : 0;
}

// Tells how long each of n logins took to be seen here.
process see_logins(self me, std::uint64_t n, pid tell) {
    (void)co_await tracker::subscribe(presence::tracker_name(), "");
    (void)co_await me.receive<tracker::news>();
    send(tell, begun{});
    numbers took;
    while (took.of.size() < n) {
        tracker::news news = co_await me.receive<tracker::news>();
        const auto now = bench::now_ns();
        for (const auto& d : news.topics)
            for (const auto& entry : d->joins)
                if (const auto at = began_at(entry)) took.of.push_back(now - at);
    }
    send(tell, std::move(took));
}

// Tells when n sessions had left, and in how many events.
process see_leaves(self me, std::uint64_t n, pid tell) {
    (void)co_await tracker::subscribe(presence::tracker_name(), "");
    (void)co_await me.receive<tracker::news>();
    send(tell, begun{});
    std::uint64_t left = 0;
    std::int64_t events = 0;
    while (left < n) {
        tracker::news news = co_await me.receive<tracker::news>();
        ++events;
        for (const auto& d : news.topics) left += d->leaves.size();
    }
    auto listing = tracker::list(presence::tracker_name(), "");
    const std::vector<tracker::presence> rest = co_await listing;
    numbers when;
    when.of = {bench::now_ns(), events, std::int64_t(rest.size())};
    send(tell, std::move(when));
}

// -- a node -------------------------------------------------------------------------------------------

awaitable<void> connect_to(self me, const char* other) {
    for (;;) {
        bool connected = co_await dist::connect(atom(other));
        if (connected) co_return;
        co_await me.sleep_for(10ms);
    }
}

awaitable<void> wait_for_entries(self me, std::uint64_t all) {
    for (;;) {
        auto asking = tracker::nodes(presence::tracker_name());
        const std::vector<tracker::node_info> nodes = co_await asking;
        std::uint64_t here = 0;
        for (const auto& n : nodes) here += n.state == tracker::node_state::up ? n.entries : 0;
        if (here == all) co_return;
        co_await me.sleep_for(10ms);
    }
}

process driver(self me) {
    register_name(atom("driver"), me.id());
    for (;;) {
        order o = co_await me.receive<order>();
        if (o.what == "see_logins") {
            (void)spawn(see_logins, o.count, o.from);
        } else if (o.what == "see_leaves") {
            (void)spawn(see_leaves, o.count, o.from);
        } else {
            if (o.what == "connect") co_await connect_to(me, here_and_there[1]);
            if (o.what == "fill") co_await fill(o.count);
            if (o.what == "wait_for") co_await wait_for_entries(me, o.count);
            if (o.what == "log_in") co_await log_in(me, o.count);
            send(o.from, begun{});
        }
    }
}

process be_node(self me, std::string name, std::uint16_t epmd_port) {
    dist::options o;
    o.name = name;
    o.cookie = "bench";
    o.epmd_port = epmd_port;
    auto starting = dist::start_link(o);
    outcome<pid> started = co_await starting;
    bench::expect(started.has_value(), "a node did not start");
    start_result tree = co_await presence::start_tree(nullptr);
    bench::expect(tree.has_value(), "the application did not start");
    (void)spawn_link(driver);
    register_name(atom("ready"), me.id());
    co_await me.sleep_for(infinity{});
}

std::uint16_t epmd_port() {
    const char* port = std::getenv(epmd_variable);
    return port ? std::uint16_t(std::atoi(port)) : 24370;
}

// -- what is measured ---------------------------------------------------------------------------------

void ask(self me, const char* node, const char* what, std::uint64_t count) {
    order o;
    o.what = what;
    o.count = count;
    o.from = me.id();
    send(server_ref(atom("driver"), atom(node)), std::move(o));
}

awaitable<void> all_do(self me, const char* what, std::uint64_t count) {
    for (const char* node : all_nodes) ask(me, node, what, count);
    for (int i = 0; i < 3; ++i) (void)co_await me.receive<begun>();
}

awaitable<bool> connect_and_fill(self me, std::uint64_t sessions) {
    while (!whereis(atom("driver"))) co_await me.sleep_for(1ms);
    for (const char* other : here_and_there) co_await connect_to(me, other);
    ask(me, here_and_there[0], "connect", 0);
    (void)co_await me.receive<begun>();
    co_await all_do(me, "fill", sessions / 3);
    co_await all_do(me, "wait_for", sessions / 3 * 3);
    co_return true;
}

awaitable<double> visible_p99(self me, std::uint64_t logins) {
    ask(me, main_node, "see_logins", logins);
    ask(me, here_and_there[1], "see_logins", logins);
    for (int i = 0; i < 2; ++i) (void)co_await me.receive<begun>();
    ask(me, here_and_there[0], "log_in", logins);
    std::vector<std::int64_t> all;
    for (int i = 0; i < 2; ++i) {
        numbers took = co_await me.receive<numbers>();
        all.insert(all.end(), took.of.begin(), took.of.end());
    }
    (void)co_await me.receive<begun>();
    std::sort(all.begin(), all.end());
    co_return double(all[all.size() * 99 / 100]) / 1e6;
}

awaitable<double> purge(self me, bench::other_program* victim, std::uint64_t third,
                        std::uint64_t rest) {
    ask(me, main_node, "see_leaves", third);
    ask(me, here_and_there[0], "see_leaves", third);
    for (int i = 0; i < 2; ++i) (void)co_await me.receive<begun>();
    const auto start = bench::now_ns();
    victim->kill();
    std::int64_t last = 0;
    for (int i = 0; i < 2; ++i) {
        numbers when = co_await me.receive<numbers>();
        last = std::max(last, when.of[0]);
        bench::expect(when.of[1] == 1, "the leaves came in several events");
        bench::expect(std::uint64_t(when.of[2]) == rest, "a view is wrong");
    }
    co_return double(last - start) / 1e6;
}

}  // namespace

// Runs until it is killed; nothing without the node that starts it.
BENCH(presence_peer) {
    const char* name = std::getenv(name_variable);
    if (!name) return;
    bench::end_with_parent();
    runtime node;
    (void)node.spawn(be_node, std::string(name), epmd_port());
    for (;;) ::pause();
}

BENCH(presence) {
    ::setenv(epmd_variable, std::to_string(epmd_port()).c_str(), 1);
    runtime node;
    (void)node.spawn(be_node, std::string(main_node), epmd_port());
    bench::in_process(node, [](self me) -> awaitable<bool> {
        while (!whereis(atom("ready"))) co_await me.sleep_for(1ms);
        co_return true;
    });
    ::setenv(name_variable, here_and_there[0], 1);
    bench::other_program one("presence_peer");
    ::setenv(name_variable, here_and_there[1], 1);
    bench::other_program two("presence_peer");
    const std::uint64_t sessions = run.pick(100'000, 100'000, 300);
    const std::uint64_t logins = run.pick(5000, 1000, 20);
    bench::in_process(node, connect_and_fill, sessions);
    run.figure("presence_login_visible_p99", bench::in_process(node, visible_p99, logins), "ms");
    const std::uint64_t third = sessions / 3;
    run.figure("presence_purge", bench::in_process(node, purge, &two, third, 2 * third + logins),
               "ms");
}
