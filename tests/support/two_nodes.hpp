// Two runtimes that are nodes to each other, without sockets: what one carries arrives at the other at once, as it
// would be read from the wire.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/etf.hpp"

namespace test {

namespace arrival = beam::detail::arrival;

/// What both bridges ask before they touch a runtime. Open until it is shut, for good; whoever is through by then is waited
/// for. While it is cut nothing passes, either.
class gate {
public:
    /// While one lives that is open, both runtimes do.
    class pass {
    public:
        explicit pass(gate& g) : gate_(g) {
            ++gate_.inside_;
            is_open_ = !gate_.shut_;
        }
        pass(const pass&) = delete;
        pass& operator=(const pass&) = delete;
        ~pass() { --gate_.inside_; }
        [[nodiscard]] bool is_open() const { return is_open_; }
        /// Open, and not cut.
        explicit operator bool() const { return is_open_ && !gate_.cut_; }

    private:
        gate& gate_;
        bool is_open_;
    };

    void cut(bool now) { cut_ = now; }
    /// Not by one who is through.
    void shut() {
        shut_ = true;
        while (inside_ != 0) std::this_thread::yield();
    }

private:
    std::atomic<bool> cut_{false}, shut_{false};
    std::atomic<int> inside_{0};
};

/// What one node says to the other. Its runtimes' threads may say something for as long as they run, so it outlives both;
/// what they say after the gate is shut is dropped.
class bridge final : public beam::detail::carrier {
public:
    bridge(beam::node_identity self, beam::node_identity peer, gate& g)
        : self_(self), peer_(peer), gate_(g) {}

    /// The runtimes, once both are there.
    void stand_between(beam::runtime& here, beam::runtime& there) {
        here_ = &here;
        there_ = &there;
        beam::detail::set_carrier(here, self_, this);
    }

    void message(const beam::pid& from, const beam::server_ref& to,
                 beam::term value) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        (void)from;
        if (to.is_name())
            arrival::message(*there_, to.name(), moved(value));
        else
            arrival::message(*there_, pid_there(*to.resolve()), moved(value));
    }
    void message_if_connected(const beam::pid& from, const beam::server_ref& to,
                              beam::term value) noexcept override {
        message(from, to, std::move(value));
    }
    void alias_message(const beam::pid&, const beam::ref& alias,
                       beam::term value) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        arrival::alias_message(*there_, *moved(alias).as_ref(), moved(value));
    }
    void link(const beam::pid& from, const beam::pid& to) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        if (arrival::link(*there_, pid_there(from), pid_there(to))) return;
        // Answered from there, as a connection would.
        arrival::link_exit(*here_, to, from, beam::atoms::noproc);
    }
    void unlink(const beam::pid& from, const beam::pid& to, std::uint64_t id) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        if (!arrival::unlink(*there_, pid_there(from), pid_there(to), id))
            arrival::unlink_ack(*here_, to, from, id);
    }
    void unlink_ack(const beam::pid& from, const beam::pid& to,
                    std::uint64_t id) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        arrival::unlink_ack(*there_, pid_there(from), pid_there(to), id);
    }
    void monitor(const beam::pid& from, const beam::server_ref& to,
                 const beam::ref& monitor) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        const beam::pid target =
            to.is_name() ? beam::detail::local_name(*there_, to.name()) : pid_there(*to.resolve());
        const beam::atom name = to.is_name() ? to.name() : beam::atom();
        if (arrival::monitor(*there_, pid_there(from), target, name, *moved(monitor).as_ref()))
            return;
        arrival::down(*here_, from, monitor, beam::atoms::noproc, peer_.name);
    }
    void demonitor(const beam::pid&, const beam::server_ref& to,
                   const beam::ref& monitor) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        const beam::pid target =
            to.is_name() ? beam::detail::local_name(*there_, to.name()) : pid_there(*to.resolve());
        arrival::demonitor(*there_, target, *moved(monitor).as_ref());
    }
    void down(const beam::pid&, beam::atom, const beam::pid& to, const beam::ref& monitor,
              const beam::term& reason) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        arrival::down(*there_, pid_there(to), *moved(monitor).as_ref(), moved(reason), self_.name);
    }
    void exit(const beam::pid& from, const beam::pid& to,
              const beam::term& reason) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        arrival::exit(*there_, pid_there(from), pid_there(to), moved(reason));
    }
    void link_exit(const beam::pid& from, const beam::pid& to,
                   const beam::term& reason) noexcept override {
        const gate::pass through(gate_);
        if (!through) return;
        arrival::link_exit(*there_, pid_there(from), pid_there(to), moved(reason));
    }
    void connect(beam::atom node) noexcept override {
        const gate::pass through(gate_);
        if (through.is_open()) arrival::node_unreachable(*here_, node);
    }
    bool disconnect(beam::atom) noexcept override { return false; }

    /// The term as the other node reads it.
    beam::term moved(const beam::term& t) const {
        std::string bytes;
        beam::etf::encode_options out;
        out.self = self_;
        auto written = beam::etf::encode(t, bytes, out);
        CHECK(written.has_value());
        beam::etf::decode_options in;
        in.self = peer_;
        auto read = beam::etf::decode(bytes, in);
        CHECK(read.has_value());
        return *read;
    }
    beam::pid pid_there(const beam::pid& p) const { return *moved(p).as_pid(); }

private:
    beam::node_identity self_, peer_;
    gate& gate_;
    beam::runtime *here_ = nullptr, *there_ = nullptr;
};

/// Two nodes, a@here and b@here, with two schedulers each.
class two_nodes {
public:
    two_nodes() : to_b_(id_a, id_b, gate_), to_a_(id_b, id_a, gate_), a(options()), b(options()) {
        to_b_.stand_between(a, b);
        to_a_.stand_between(b, a);
        arrival::node_up(a, id_b.name, false);
        arrival::node_up(b, id_a.name, false);
    }
    ~two_nodes() { gate_.shut(); }
    two_nodes(const two_nodes&) = delete;
    two_nodes& operator=(const two_nodes&) = delete;

    /// Whether all that is sent is lost, and nobody told.
    void cut(bool now) { gate_.cut(now); }

    /// A pid of `b` as `a` has it.
    [[nodiscard]] beam::pid in_a(const beam::pid& p) const { return to_a_.pid_there(p); }

    static inline const beam::node_identity id_a{beam::atom("a@here"), 11},
        id_b{beam::atom("b@here"), 12};

private:
    static beam::runtime_options options() {
        beam::runtime_options o;
        o.schedulers = 2;
        return o;
    }

    gate gate_;
    bridge to_b_, to_a_;  // outlive the runtimes

public:
    beam::runtime a, b;
};

}  // namespace test
