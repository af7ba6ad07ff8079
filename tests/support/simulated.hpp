// Running a test as a process: in deterministic nodes of several seeds, or on real schedulers.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/support/show.hpp"

namespace test {

/// How many seeds simulated() tries: 10, or what BEAMCORE_TEST_SEEDS says.
inline std::uint64_t seed_count() {
    const char* wanted = std::getenv("BEAMCORE_TEST_SEEDS");
    return wanted ? std::strtoull(wanted, nullptr, 10) : 10;
}

inline beam::runtime_options deterministic(std::uint64_t seed) {
    beam::runtime_options o;
    o.deterministic = true;
    o.seed = seed;
    return o;
}

template <class F, class... Args>
void run_in(beam::runtime& node, F code, Args... args) {
    auto r = node.execute(std::move(code), std::move(args)...);
    CHECK_MESSAGE(r.has_value(), (r ? std::string() : beam::to_string(r.error())));
}

/// Runs `code(self, args...)` with each seed, in a deterministic node of its own. What it exits with
/// fails the test; the seed is printed with every failure.
template <class F, class... Args>
void simulated(F code, Args... args) {
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
        CAPTURE(seed);
        beam::runtime node(deterministic(seed));
        run_in(node, code, args...);
    }
}

/// The same on threads: with one, two and four schedulers.
template <class F, class... Args>
void threaded(F code, Args... args) {
    for (unsigned schedulers : {1u, 2u, 4u}) {
        CAPTURE(schedulers);
        beam::runtime_options o;
        o.schedulers = schedulers;
        beam::runtime node(o);
        run_in(node, code, args...);
    }
}

/// Waits, as a plain thread, until somebody has that name.
inline void await_name(beam::runtime& node, const char* name) {
    run_in(
        node,
        [](beam::self me, beam::atom wanted) -> beam::awaitable<void> {
            while (!beam::whereis(wanted)) co_await me.yield();
        },
        beam::atom(name));
}

/// A process that does nothing until it is ended.
inline beam::process idle(beam::self me) {
    co_await me.sleep_for(beam::infinity{});
}

/// A process that exits at once.
inline beam::process leaves(beam::self, beam::term reason) {
    beam::exit(std::move(reason));
    co_return;
}

/// A message as Erlang shows it, for comparing.
inline beam::term as_erlang(beam::message m) {
    using beam::atoms::EXIT;
    if (auto* e = m.get_if<beam::exit_message>()) return beam::tuple(EXIT, e->from, e->reason);
    if (auto* d = m.get_if<beam::down_message>())
        return beam::tuple(d->tag, d->monitor, beam::atoms::process, d->object, d->reason);
    return m.to_term();
}

/// Takes all messages that are here.
inline beam::term mailbox(beam::self me) {
    std::vector<beam::term> all;
    while (beam::message m = me.try_receive()) all.push_back(as_erlang(std::move(m)));
    return beam::list_of(std::move(all));
}

struct order {
    void (*act)(beam::self, const beam::term&);
    beam::term argument;
    beam::pid from;
};
struct done {};

/// A process that does what it is told. Other messages stay in its mailbox.
inline beam::process puppet(beam::self me) {
    for (;;) {
        order o = co_await me.receive<order>();
        o.act(me, o.argument);
        beam::send(o.from, done{});
    }
}

/// Has a puppet act, and waits until it has.
inline beam::awaitable<void> perform(beam::self me, beam::pid puppet,
                                     void (*act)(beam::self, const beam::term&),
                                     beam::term argument = beam::atoms::undefined) {
    beam::send(puppet, order{act, std::move(argument), me.id()});
    co_await me.receive<done>();
}

/// Takes all messages of a puppet.
inline beam::awaitable<beam::term> mailbox_of(beam::self me, beam::pid puppet) {
    auto tell = [](beam::self s, const beam::term& to) { beam::send(*to.as_pid(), mailbox(s)); };
    co_await perform(me, puppet, tell, me.id());
    co_return co_await me.receive<beam::term>();
}

inline void trap_exits(beam::self s, const beam::term&) {
    s.trap_exit(true);
}
inline void link_to(beam::self, const beam::term& other) {
    beam::link(*other.as_pid());
}
inline void unlink_from(beam::self, const beam::term& other) {
    beam::unlink(*other.as_pid());
}
inline void exit_with(beam::self, const beam::term& reason) {
    beam::exit(reason);
}

}  // namespace test
