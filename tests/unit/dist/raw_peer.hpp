// A peer that does only what a test says: it shakes hands, and then reads and writes when it is told to.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/control_writer.hpp"
#include "libbeamcore/dist/frame_reader.hpp"
#include "libbeamcore/dist/handshake.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

namespace test {

namespace control = beam::dist::control;

class raw_peer {
public:
    /// Connected when made.
    raw_peer(const std::string& name, const dist_node& to, std::uint16_t port, bool fragments)
        : raw_peer(name, to, port, beam::dist::own_flags({.fragments = fragments})) {}
    raw_peer(const std::string& name, const dist_node& to, std::uint16_t port,
             beam::dist::flags own = beam::dist::own_flags())
        : client_(port), self_{beam::atom(name), 1} {
        beam::dist::handshake_options o;
        o.own_name = name;
        o.creation = self_.creation;
        o.cookie = "secret";
        o.own_flags = own;
        auto h = beam::dist::handshake::initiator(o, std::string(to.name().name()));
        REQUIRE(client_.connected());
        while (h.event() == beam::dist::handshake_event::needs_input ||
               h.event() == beam::dist::handshake_event::peer_has_connection) {
            if (h.event() == beam::dist::handshake_event::peer_has_connection) h.go_on(true);
            REQUIRE(client_.send(h.take_output()));
            const std::string more = client_.read_some();
            if (more.empty())
                h.input_ended();  // the node has closed
            else
                h.feed(more);
        }
        INFO(h.failure().code << ": " << h.failure().detail);
        REQUIRE(client_.send(h.take_output()));
        REQUIRE(h.event() == beam::dist::handshake_event::established);
        peer_ = {to.name(), h.result().peer_creation};
        writer_.emplace(self_, h.result().negotiated);
        frames_.emplace(h.result().negotiated, budget_);
        controls_.emplace(self_, budget_);
        frames_->feed(h.take_rest());
    }

    [[nodiscard]] const beam::node_identity& self() const { return self_; }
    [[nodiscard]] std::uint32_t peer_creation() const { return peer_.creation; }
    /// The node's process, as this peer has it.
    [[nodiscard]] beam::pid there(std::uint32_t id, std::uint32_t serial = 0) const {
        return {id, serial, beam::node_index(peer_)};
    }
    /// This peer's process, as the node has it.
    [[nodiscard]] beam::pid here(std::uint32_t id) const {
        return {id, 0, beam::node_index(self_)};
    }

    [[nodiscard]] bool send(const control::message& m) {
        std::string out;
        REQUIRE(writer_->write(out, m));
        return client_.send(out);
    }
    [[nodiscard]] bool send_bytes(const std::string& bytes) { return client_.send(bytes); }
    void append(std::string& out, const control::message& m) { REQUIRE(writer_->write(out, m)); }
    void append(std::string& out, const control::reg_send& m, const beam::term& value) {
        REQUIRE(writer_->write(out, m, value));
    }
    [[nodiscard]] bool tick() { return client_.send(std::string(4, '\0')); }

    /// Reads until `take` says true of what has come: the control message, and the term with it. False: the node closed.
    bool read_until(const std::function<bool(const control::message&, const beam::term&)>& take) {
        for (;;) {
            for (;;) {
                const auto f = frames_->next();
                REQUIRE(f);
                if (!*f) break;
                const auto c = controls_->read(**f);
                REQUIRE(c);
                beam::term value;
                if (!c->payload.empty()) {
                    auto read = beam::etf::decode(c->payload, controls_->payload_options(**f));
                    REQUIRE(read);
                    value = std::move(*read);
                }
                if (take(c->control, value)) return true;
            }
            const std::string more = client_.read_some();
            if (more.empty()) return false;
            frames_->feed(more);
        }
    }
    /// Waits for so many ticks.
    bool read_ticks(std::uint64_t n) {
        const std::uint64_t wanted = frames_->ticks() + n;
        while (frames_->ticks() < wanted) {
            const std::string more = client_.read_some();
            if (more.empty()) return false;
            frames_->feed(more);
            REQUIRE(frames_->next());
        }
        return true;
    }
    /// Says no more, and waits until the node has read all and closed.
    void finish() {
        client_.finish();
        (void)client_.read_all();
    }
    void close() { client_.close(); }

private:
    tcp_client client_;
    beam::node_identity self_, peer_;
    beam::etf::atom_budget budget_{10'000};
    std::optional<beam::dist::control_writer> writer_;
    std::optional<beam::dist::frame_reader> frames_;
    std::optional<beam::dist::control_reader> controls_;
};

}  // namespace test
