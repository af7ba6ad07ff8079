// net_node NAME EPMD_PORT TICKTIME_MS: a node with a tracker that listens at all addresses, for networks that are cut
// (netns.sh): there is nobody in them but such nodes.
//
// Each has a process `echo`. Lines on stdin, each answered by one:
//   ping NODE            pong or pang; connects
//   watch NODE           watching: from now on a process looks at NODE and its `echo`, each by monitor and link
//   told                 what that process was told so far: nodedown=1 down=1 exit=1
//   await-lost NODE      lost, once it is in nodes() no more
//   echo NODE COUNT      so many that came back in order within 10 s
//   send NODE COUNT      sent: so many to NODE's echo, and nobody waits for an answer
//   track KEY            tracked, in the topic `all`
//   await-keys COUNT     MILLISECONDS until the tracker shows so many keys
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <set>
#include <sstream>
#include <string>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/pubsub/tracker.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace std::chrono_literals;

namespace {

process echo(self me) {
    me.trap_exit(true);  // its watchers' nodes are lost
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        const auto e = t.elements();
        if (e.size() == 2 && e[0].is_pid()) send(*e[0].as_pid(), tuple(atom("echo"), e[1]));
        if (e.size() == 2 && e[0] == atom("who"))
            send(*e[1].as_pid(), tuple(atom("here"), me.id()));
    }
}

/// The node, and the session that it has in the tracker.
process keep(self me, dist::options o) {
    me.trap_exit(true);
    auto starting = dist::start_link(o);
    outcome<pid> p = co_await starting;
    if (!p) exit(p.error());
    start_result r = co_await tracker::start_link(tracker::options("net"));
    if (!r) exit(r.error());
    register_name(atom("keeper"), me.id());
    co_await me.sleep_for(infinity{});
}

// Counts what it is told of one node, and says it.
process watcher(self me, atom node, pid tell) {
    me.trap_exit(true);
    const server_ref there(atom("echo"), node);
    send(there, tuple(atom("who"), me.id()));
    term here = co_await me.receive<term>();
    link(*here.elements()[1].as_pid());
    (void)monitor(there);
    monitor_node(node);
    // The answer comes behind the link and the monitor.
    send(there, tuple(me.id(), 1));
    (void)co_await me.receive<term>();
    register_name(atom("watcher"), me.id());
    send(tell, atom("watching"));
    int nodedown = 0, down = 0, exits = 0;
    for (;;) {
        auto receiving = me.receive();
        message m = co_await receiving;
        if (m.is<nodedown_message>()) ++nodedown;
        if (m.is<down_message>() && m.get_if<down_message>()->reason == atoms::noconnection) ++down;
        if (m.is<exit_message>() && m.get_if<exit_message>()->reason == atoms::noconnection)
            ++exits;
        if (auto* asks = m.get_if<pid>())
            send(*asks, "nodedown=" + std::to_string(nodedown) + " down=" + std::to_string(down) +
                            " exit=" + std::to_string(exits));
    }
}

awaitable<std::string> ping(self, atom node) {
    bool there = co_await dist::ping(node);
    co_return std::string(there ? "pong" : "pang");
}

awaitable<std::string> watch(self me, atom node) {
    spawn(watcher, node, me.id());
    (void)co_await me.receive<atom>();
    co_return std::string("watching");
}

awaitable<std::string> told(self me) {
    const auto w = whereis(atom("watcher"));
    if (!w) co_return std::string("nobody watches");
    send(*w, me.id());
    std::string said = co_await me.receive<std::string>();
    co_return said;
}

bool is_up(atom node) {
    const auto all = nodes(node_kind::connected);
    return std::find(all.begin(), all.end(), node) != all.end();
}

awaitable<std::string> await_lost(self me, atom node) {
    monitor_nodes(true, node_kind::connected);
    while (is_up(node)) (void)co_await me.receive<nodedown_message>();
    co_return std::string("lost");
}

awaitable<std::string> echo_of(self me, atom node, int count) {
    for (int n = 0; n < count; ++n) send(server_ref(atom("echo"), node), tuple(me.id(), n));
    int next = 0;
    for (; next < count; ++next) {
        message m = co_await me.receive_for(10s);
        auto* t = m ? m.get_if<term>() : nullptr;
        if (!t || *t != tuple(atom("echo"), next)) break;
    }
    co_return std::to_string(next);
}

process send_all(self me, atom node, int count) {
    for (int n = 0; n < count; ++n) {
        send(server_ref(atom("echo"), node), tuple(atom("lost"), n));
        co_await me.yield();
    }
}

awaitable<std::string> send_some(self, atom node, int count) {
    spawn(send_all, node, count);
    co_return std::string("sent");
}

awaitable<std::string> track(self, std::string key) {
    auto tracking = tracker::track("net", *whereis(atom("keeper")), "all", key, "1");
    auto made = co_await tracking;
    co_return made ? std::string("tracked") : made.error().code;
}

awaitable<std::string> await_keys(self me, std::size_t count) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        auto asking = tracker::list("net", "all");
        const std::vector<tracker::presence> here = co_await asking;
        std::set<std::string> keys;
        for (const auto& p : here) keys.insert(to_string(p.key));
        if (keys.size() == count) break;
        co_await me.sleep_for(5ms);  // the pace of looking
    }
    const auto spent = std::chrono::steady_clock::now() - begin;
    co_return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(spent).count());
}

outcome<std::string> answer(runtime& node, const std::string& line) {
    std::istringstream words(line);
    std::string verb, what;
    int count = 0;
    words >> verb >> what >> count;
    if (verb == "ping") return node.execute(ping, atom(what));
    if (verb == "watch") return node.execute(watch, atom(what));
    if (verb == "told") return node.execute(told);
    if (verb == "await-lost") return node.execute(await_lost, atom(what));
    if (verb == "echo") return node.execute(echo_of, atom(what), count);
    if (verb == "send") return node.execute(send_some, atom(what), count);
    if (verb == "track") return node.execute(track, what);
    if (verb == "await-keys") return node.execute(await_keys, std::size_t(std::stoul(what)));
    return std::string("unknown");
}

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: net_node NAME EPMD_PORT TICKTIME_MS\n", stderr);
        return 2;
    }
    dist::options o;
    o.name = argv[1];
    o.cookie = "secret";
    o.listen_address = o.epmd_address = "0.0.0.0";
    o.insecure = true;
    o.epmd_port = std::uint16_t(std::stoi(argv[2]));
    o.ticktime = std::chrono::milliseconds(std::stoi(argv[3]));
    runtime_options r;
    r.schedulers = 2;
    runtime node(r);
    node.spawn(keep, o);
    node.spawn(echo);
    (void)node.execute([](self me) -> awaitable<void> {
        while (!whereis(atom("keeper")) || !whereis(atom("echo"))) co_await me.yield();
    });
    say("ready");
    for (std::string line; std::getline(std::cin, line);) {
        const auto said = answer(node, line);
        say(said ? *said : to_string(said.error()));
    }
}
