#include "libbeamcore/dist/internal/connecting.hpp"

#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/handshake.hpp"
#include "libbeamcore/dist/internal/channel.hpp"
#include "libbeamcore/dist/internal/strangers.hpp"
#include "libbeamcore/dist/node_name.hpp"

namespace beam::dist::detail {

namespace {

handshake_options options_of(const peers& all, const options& o, const tls_use& tls) {
    handshake_options h;
    h.own_name = o.name;
    h.creation = all.self().creation;
    // Large messages in pieces, so that they do not hold up small ones. No atom cache: over a quick network it costs more
    // than the bytes it saves (a frame written: 42 ns with it, 25 without).
    h.own_flags = h.own_flags.with(flag::fragments);
    if (o.visible) h.own_flags = h.own_flags.with(flag::published);
    h.cookie = o.cookie;
    h.tls = bool(tls);
    return h;
}

/// Until its process has a connection, or gives up: also when it is killed.
class attempt_guard {
public:
    attempt_guard(peer& to, std::uint64_t attempt) : to_(&to), attempt_(attempt) {}
    attempt_guard(const attempt_guard&) = delete;
    attempt_guard& operator=(const attempt_guard&) = delete;
    ~attempt_guard() {
        if (to_) to_->attempt_failed(attempt_);
    }
    void settled() { to_ = nullptr; }

private:
    peer* to_;
    std::uint64_t attempt_;
};

/// From when somebody says he is that node until he is one, or is gone.
class acceptance_guard {
public:
    acceptance_guard(peers& all, std::string name) : all_(all), name_(std::move(name)) {
        all_.accept_begin(name_);
    }
    acceptance_guard(const acceptance_guard&) = delete;
    acceptance_guard& operator=(const acceptance_guard&) = delete;
    ~acceptance_guard() { all_.accept_end(name_); }

private:
    peers& all_;
    std::string name_;
};

// Sends what the handshake has to say and feeds what comes, until it needs a decision or is over. The time of a step
// begins anew with each message.
awaitable<void> go_on(io::connection& c, handshake& h) {
    for (;;) {
        std::string out = h.take_output();
        if (!out.empty()) {
            auto writing = c.write(std::move(out), handshake_step_limit);
            auto written = co_await writing;
            if (!written && h.event() == handshake_event::needs_input) {
                h.input_ended();
                co_return;
            }
        }
        if (h.event() != handshake_event::needs_input) co_return;
        const unsigned steps = h.steps();
        const auto step_begin = std::chrono::steady_clock::now();
        while (h.event() == handshake_event::needs_input && h.steps() == steps) {
            const auto spent = std::chrono::steady_clock::now() - step_begin;
            if (spent >= handshake_step_limit) {
                h.timed_out();
                break;
            }
            auto reading = c.read(timeout(handshake_step_limit - spent));
            auto bytes = co_await reading;
            if (bytes)
                h.feed(*bytes);
            else if (bytes.error().is("timeout"))
                h.timed_out();
            else if (bytes.error().code.starts_with("tls_"))
                h.connection_failed(bytes.error());
            else
                h.input_ended();
        }
    }
}

established channel_parts(peer& to, std::uint64_t connection, io::connection c, handshake& h,
                          const options& o) {
    established e;
    e.to = &to;
    e.connection = connection;
    e.socket = std::move(c);
    e.agreed = h.result();
    e.rest = h.take_rest();
    e.ticktime = o.ticktime;
    e.atoms_max = o.peer_atoms_max;
    return e;
}

void report_failure(std::string_view what, std::string_view peer, const error& failure) {
    const error why = with_hint(failure);
    log(log_level::warning, "dist", what,
        {{"peer", peer}, {"why", why.code}, {"detail", why.detail}});
}

// Whether who wants to connect may have the name that it says, as far as its certificate tells. Answers it if not.
bool is_let_in(const io::connection& c, const tls_use& tls, handshake& h) {
    const std::string& name = h.offer().name;
    const auto parts = split_node_name(name);
    const auto ok = check_peer_host(c, tls, parts ? parts->host : std::string_view(name));
    if (ok) return true;
    report_failure("a node is not let in", name, ok.error());
    h.answer(peer_standing::refused);
    return false;
}

}  // namespace

process connect_to(self me, peers* all, connect_order order, options o, tls_use tls) {
    peer& to = *order.to;
    attempt_guard guard(to, order.attempt);
    if (!to.set_attempt_process(order.attempt, me.id())) co_return;  // it has connected to us
    const std::string name(to.name().name());
    const auto failed = [&](std::string_view what, const error& why) {
        all->known().failed(to.name(), why);
        report_failure(what, name, why);
    };
    auto finding = find_node(o.find, name);
    auto found = co_await finding;
    if (!found) {
        failed("could not find a node", found.error());
        co_return;
    }
    auto connecting = io::connect_tcp(found->host, found->port, {}, handshake_step_limit);
    auto c = co_await connecting;
    if (!c) {
        failed("could not connect", c.error());
        co_return;
    }

    if (tls) {
        auto securing = c->connect_tls(tls.context, {}, handshake_step_limit);
        result<void> secured = co_await securing;
        // The host that the node's name says, wherever it was found.
        const auto parts = split_node_name(name);
        if (secured && parts) secured = check_peer_host(*c, tls, parts->host);
        if (!secured) {
            failed("could not connect", secured.error());
            co_return;
        }
    }

    handshake h = handshake::initiator(options_of(*all, o, tls), name);
    for (;;) {
        auto stepping = go_on(*c, h);
        co_await stepping;
        if (h.event() != handshake_event::peer_has_connection) break;
        // One that stands there and is not ours, unless it is about to be.
        h.go_on(to.attempt_counts(order.attempt));
    }
    if (h.event() == handshake_event::failed) {
        if (h.failure().is("simultaneous") || h.failure().is("declined")) {
            // The peer's own attempt, which it prefers, ends this process when it is through.
            c->abort();
            co_await me.sleep_for(handshake_step_limit);
        }
        failed("could not connect", h.failure());
        co_return;
    }
    co_await to.make_room(me);
    guard.settled();
    all->known().connected(to.name());
    const std::uint64_t connection = to.up(h.result(), me.id());
    auto running = run_channel(me, all, channel_parts(to, connection, std::move(*c), h, o));
    co_await running;
}

process accept_from(self me, peers* all, io::connection c, options o, tls_use tls) {
    stranger here(all->waiting_room(), me.id());
    if (tls) {
        auto securing = c.accept_tls(tls.context, handshake_step_limit);
        result<void> secured = co_await securing;
        if (!secured) {
            report_failure("a node could not connect", c.peer_name(), secured.error());
            co_return;
        }
    }
    std::optional<acceptance_guard> accepting;
    handshake h = handshake::acceptor(options_of(*all, o, tls));
    for (;;) {
        auto stepping = go_on(c, h);
        co_await stepping;
        if (h.event() != handshake_event::peer_offers) break;
        if (!is_let_in(c, tls, h)) continue;
        if (h.offer().wants_name) {
            // A node without a name is given one that nobody else has.
            const auto& p = me.id();
            h.give_name("beam-" + std::to_string(p.id) + "-" + std::to_string(p.serial) + "@" +
                            h.offer().name,
                        all->self().creation);
            continue;
        }
        // Before a look at how we stand: what is begun from here afterwards waits for this.
        accepting.emplace(*all, h.offer().name);
        auto standing = peer_standing::unconnected;
        // A name becomes an atom, and a peer, only when its owner has proved that it knows the cookie.
        const auto known = existing_atom(h.offer().name);
        if (const peer* p = known ? all->find(*known) : nullptr) {
            switch (p->current_state()) {
                case peer::state::up:
                    standing = peer_standing::connected;
                    break;
                case peer::state::connecting:
                    standing = peer_standing::attempting;
                    if (h.offer().name > o.name) all->of(*known).give_way();
                    break;
                case peer::state::idle:
                    break;
            }
        }
        h.answer(standing);
    }
    if (h.event() == handshake_event::failed) {
        if (!h.failure().is("simultaneous") && !h.failure().is("declined"))
            report_failure("a node could not connect", h.offer().name, h.failure());
        co_return;
    }
    here.leave();
    auto name = try_atom(h.result().peer_name);
    if (!name) co_return;
    peer& from = all->of(*name);
    // The acknowledgement is sent already by now, or goes before all frames.
    std::string last = h.take_output();
    if (!last.empty()) {
        auto writing = c.write(std::move(last), handshake_step_limit);
        auto written = co_await writing;
        if (!written) co_return;
    }
    co_await from.make_room(me);
    all->known().connected(*name);
    const std::uint64_t connection = from.up(h.result(), me.id());
    accepting.reset();
    auto running = run_channel(me, all, channel_parts(from, connection, std::move(c), h, o));
    co_await running;
}

}  // namespace beam::dist::detail
