// Two runtimes that are nodes to each other, without sockets: what one carries arrives at the other at once, as it
// would be read from the wire.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <utility>

#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/etf.hpp"

namespace test {

namespace arrival = beam::detail::arrival;

/// What one node says to the other.
class bridge final : public beam::detail::carrier {
public:
    bridge(beam::runtime& here, beam::node_identity self, beam::runtime& there,
           beam::node_identity peer, const std::atomic<bool>* cut)
        : there_(there), self_(self), peer_(peer), cut_(cut) {
        beam::detail::set_carrier(here, self, this);
    }

    void message(const beam::pid& from, const beam::server_ref& to,
                 beam::term value) noexcept override {
        if (*cut_) return;
        (void)from;
        if (to.is_name())
            arrival::message(there_, to.name(), moved(value));
        else
            arrival::message(there_, pid_there(*to.resolve()), moved(value));
    }
    void alias_message(const beam::pid&, const beam::ref& alias,
                       beam::term value) noexcept override {
        if (*cut_) return;
        arrival::alias_message(there_, *moved(alias).as_ref(), moved(value));
    }
    void link(const beam::pid& from, const beam::pid& to) noexcept override {
        if (*cut_) return;
        if (arrival::link(there_, pid_there(from), pid_there(to))) return;
        // Answered from there, as a connection would.
        arrival::link_exit(*here(), to, from, beam::atoms::noproc);
    }
    void unlink(const beam::pid& from, const beam::pid& to, std::uint64_t id) noexcept override {
        if (*cut_) return;
        if (!arrival::unlink(there_, pid_there(from), pid_there(to), id))
            arrival::unlink_ack(*here(), to, from, id);
    }
    void unlink_ack(const beam::pid& from, const beam::pid& to,
                    std::uint64_t id) noexcept override {
        if (*cut_) return;
        arrival::unlink_ack(there_, pid_there(from), pid_there(to), id);
    }
    void monitor(const beam::pid& from, const beam::server_ref& to,
                 const beam::ref& monitor) noexcept override {
        if (*cut_) return;
        const beam::pid target =
            to.is_name() ? beam::detail::local_name(there_, to.name()) : pid_there(*to.resolve());
        const beam::atom name = to.is_name() ? to.name() : beam::atom();
        if (arrival::monitor(there_, pid_there(from), target, name, *moved(monitor).as_ref()))
            return;
        arrival::down(*here(), from, monitor, beam::atoms::noproc, peer_.name);
    }
    void demonitor(const beam::pid&, const beam::server_ref& to,
                   const beam::ref& monitor) noexcept override {
        if (*cut_) return;
        const beam::pid target =
            to.is_name() ? beam::detail::local_name(there_, to.name()) : pid_there(*to.resolve());
        arrival::demonitor(there_, target, *moved(monitor).as_ref());
    }
    void down(const beam::pid&, beam::atom, const beam::pid& to, const beam::ref& monitor,
              const beam::term& reason) noexcept override {
        if (*cut_) return;
        arrival::down(there_, pid_there(to), *moved(monitor).as_ref(), moved(reason), self_.name);
    }
    void exit(const beam::pid& from, const beam::pid& to,
              const beam::term& reason) noexcept override {
        if (*cut_) return;
        arrival::exit(there_, pid_there(from), pid_there(to), moved(reason));
    }
    void link_exit(const beam::pid& from, const beam::pid& to,
                   const beam::term& reason) noexcept override {
        if (*cut_) return;
        arrival::link_exit(there_, pid_there(from), pid_there(to), moved(reason));
    }
    void connect(beam::atom node) noexcept override { arrival::node_unreachable(*here(), node); }
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
    void set_other(bridge* other) { other_ = other; }

private:
    beam::runtime* here() const { return &other_->there_; }

    beam::runtime& there_;
    beam::node_identity self_, peer_;
    const std::atomic<bool>* cut_;
    bridge* other_ = nullptr;
};

/// Two nodes, a@here and b@here, with two schedulers each.
class two_nodes {
public:
    two_nodes()
        : a(options()),
          b(options()),
          to_b_(a, id_a, b, id_b, &cut_),
          to_a_(b, id_b, a, id_a, &cut_) {
        to_b_.set_other(&to_a_);
        to_a_.set_other(&to_b_);
        arrival::node_up(a, id_b.name, false);
        arrival::node_up(b, id_a.name, false);
    }
    ~two_nodes() {
        beam::detail::set_carrier(a, id_a, nullptr);
        beam::detail::set_carrier(b, id_b, nullptr);
    }
    two_nodes(const two_nodes&) = delete;
    two_nodes& operator=(const two_nodes&) = delete;

    /// Whether all that is sent is lost, and nobody told.
    void cut(bool now) { cut_ = now; }

    /// A pid of `b` as `a` has it.
    [[nodiscard]] beam::pid in_a(const beam::pid& p) const { return to_a_.pid_there(p); }

    static inline const beam::node_identity id_a{beam::atom("a@here"), 11},
        id_b{beam::atom("b@here"), 12};

private:
    std::atomic<bool> cut_{false};

    static beam::runtime_options options() {
        beam::runtime_options o;
        o.schedulers = 2;
        return o;
    }

public:
    beam::runtime a, b;

private:
    bridge to_b_, to_a_;
};

}  // namespace test
