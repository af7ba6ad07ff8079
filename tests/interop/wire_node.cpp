// wire_node NAME EPMD_PORT COOKIE FORM [no-serve]: the smallest node that Erlang's nodes can talk to, made of what
// libbeamcore/dist has for the wire and nothing else. FORM: plain, cache, fragments or both.
//
// It answers pings, and `{Pid, Term}` to the name `echo` with `{echo, Term}`. Lines on stdin, each answered by one:
//   status          serves|client CREATION
//   wait-registered the same, once it is
//   connect NODE    connected, or the code of the failure; then the connection is like any other
#include <cstdio>
#include <iostream>
#include <string>

#include "libbeamcore/dist/control_reader.hpp"
#include "libbeamcore/dist/control_writer.hpp"
#include "libbeamcore/dist/epmd.hpp"
#include "libbeamcore/dist/frame_reader.hpp"
#include "libbeamcore/dist/handshake.hpp"
#include "libbeamcore/dist/node_name.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/syntax.hpp"

using namespace beam;
using namespace beam::dist;
using namespace std::chrono_literals;

namespace {

struct facts {
    handshake_options handshake;
    std::uint16_t epmd_port = 0;
};

flags flags_of(const std::string& form) {
    own_flags_options o;
    o.atom_cache = form == "cache" || form == "both";
    o.fragments = form == "fragments" || form == "both";
    return own_flags(o);
}

// What one connection is made of, once the handshake is over.
class channel {
public:
    channel(const handshake& h)
        : self_{atom(h.result().own_name), h.result().own_creation},
          frames_(h.result().negotiated, budget_),
          reader_(self_, budget_),
          writer_(self_, h.result().negotiated) {}

    std::span<char> room() { return frames_.room(); }
    void feed(std::string_view bytes) { frames_.feed(bytes); }
    void filled(std::size_t n) { frames_.filled(n); }

    // What is to be sent for all that has come. False: the peer broke the rules.
    bool answer_all(std::string& out) {
        for (;;) {
            const auto f = frames_.next();
            if (!f) return report(f.error());
            if (!*f) return true;
            const auto r = reader_.read(**f);
            if (!r) return report(r.error());
            answer(**f, *r, out);
        }
    }

private:
    static bool report(const error& e) {
        std::fprintf(stderr, "wire_node: %s: %s\n", e.code.c_str(), e.detail.c_str());
        return false;
    }

    void answer(const frame& f, const received_control& r, std::string& out) {
        const auto* m = std::get_if<control::reg_send>(&r.control);
        if (!m) return;
        const auto message = etf::decode(r.payload, reader_.payload_options(f));
        if (!message) {
            report(message.error());
            return;
        }
        const auto parts = message->elements();
        if (m->name == atoms::net_kernel && parts.size() == 3)
            answer_ping(parts[1], out);
        else if (m->name == atom("echo") && parts.size() == 2)
            reply(writer_.write(out, control::send{pid{1, 0, 0}, *parts[0].as_pid()},
                                tuple(atom("echo"), parts[1])),
                  out);
    }

    // {Pid, [alias | Ref]}
    void answer_ping(const term& from, std::string& out) {
        const term tag = from.elements()[1];
        const auto alias = tag.tail() ? tag.tail()->as_ref() : std::nullopt;
        if (!alias) return;
        reply(writer_.write(out, control::alias_send{pid{1, 0, 0}, *alias}, tuple(tag, atoms::yes)),
              out);
    }

    static void reply(control_writer::written r, std::string& out) {
        if (!r) {
            report(r.error());
            return;
        }
        output fragments;
        while (*r && !(*r)->at_end()) (*r)->next(fragments);
        out += fragments.copy();
    }

    node_identity self_;
    etf::atom_budget budget_{100'000};
    frame_reader frames_;
    control_reader reader_;
    control_writer writer_;
};

awaitable<void> shake_hands(io::connection& c, handshake& h) {
    for (;;) {
        std::string out = h.take_output();
        result<void> sent = co_await c.write(std::move(out));
        if (!sent || h.event() == handshake_event::failed) co_return;
        if (h.event() == handshake_event::established) co_return;
        if (h.event() == handshake_event::peer_offers) {
            h.answer(peer_standing::unconnected);
        } else if (h.event() == handshake_event::peer_has_connection) {
            h.go_on(true);
        } else {
            result<std::string> more = co_await c.read(handshake_step_limit);
            if (more)
                h.feed(*more);
            else
                more.error().is("timeout") ? h.timed_out() : h.input_ended();
        }
    }
}

process serve(self, io::connection c, std::shared_ptr<handshake> h, pid whom_to_tell) {
    auto shaking = shake_hands(c, *h);
    co_await shaking;
    const bool ok = h->event() == handshake_event::established;
    if (!ok) std::fprintf(stderr, "wire_node: %s\n", h->failure().detail.c_str());
    if (whom_to_tell) send(whom_to_tell, std::string(ok ? "connected" : h->failure().code));
    if (!ok) co_return;
    channel ch(*h);
    std::string out;
    ch.feed(h->take_rest());
    while (ch.answer_all(out)) {
        std::string now = std::exchange(out, {});
        result<void> sent = co_await c.write(std::move(now));
        if (!sent) co_return;
        result<std::string> more = co_await c.read();
        if (!more) co_return;
        ch.feed(*more);
    }
}

process accept_all(self, io::listener l, facts f) {
    for (;;) {
        result<io::connection> c = co_await l.accept();
        if (!c) continue;
        spawn(serve, *std::move(c), std::make_shared<handshake>(handshake::acceptor(f.handshake)),
              pid());
    }
}

awaitable<std::string> connect_to(self me, facts f, std::string node) {
    const auto name = split_node_name(node);
    if (!name) co_return std::string("bad_name");
    auto looking = epmd_look_up(std::string(name->host), std::string(name->name), f.epmd_port);
    result<epmd_node> found = co_await looking;
    if (!found) co_return found.error().code;
    auto connecting = io::connect_tcp(std::string(name->host), found->port);
    result<io::connection> c = co_await connecting;
    if (!c) co_return c.error().code;
    spawn(serve, *std::move(c),
          std::make_shared<handshake>(handshake::initiator(f.handshake, node)), me.id());
    std::string outcome = co_await me.receive<std::string>();
    co_return outcome;
}

awaitable<std::string> status_of(self me, pid client, bool waits) {
    for (;;) {
        epmd_status s = co_await epmd_client::status(client);
        if (s.registered || !waits)
            co_return std::string(!s.registered ? "lost "
                                  : s.serves    ? "serves "
                                                : "client ") +
                std::to_string(s.creation);
        co_await me.sleep_for(5ms);
    }
}

struct begun {
    pid client;
    facts f;
};

awaitable<begun> begin(self, facts f, bool may_serve) {
    auto l = io::listen_tcp("127.0.0.1", 0);
    if (!l) exit(binary(l.error().detail));
    epmd_registration r;
    r.node.name = split_node_name(f.handshake.own_name)->name;
    r.node.port = l->port();
    r.node.type = epmd_node_type::hidden;
    r.epmd_port = f.epmd_port;
    r.may_serve = may_serve;
    auto starting = epmd_client::start(r);
    outcome<pid> client = co_await starting;
    if (!client) exit(client.error());
    epmd_status s = co_await epmd_client::status(*client);
    f.handshake.creation = s.creation;
    spawn(accept_all, *std::move(l), f);
    begun b;
    b.client = *client;
    b.f = f;
    co_return b;
}

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fputs("usage: wire_node NAME EPMD_PORT COOKIE FORM [no-serve]\n", stderr);
        return 2;
    }
    facts f;
    f.handshake.own_name = argv[1];
    f.handshake.cookie = argv[3];
    f.handshake.own_flags = flags_of(argv[4]);
    f.epmd_port = std::uint16_t(std::stoi(argv[2]));
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    auto b = node.execute(begin, f, argc == 5);
    if (!b) {
        std::fprintf(stderr, "wire_node: %s\n", to_string(b.error()).c_str());
        return 1;
    }
    say("ready");
    for (std::string line; std::getline(std::cin, line);) {
        outcome<std::string> answer;
        if (line.rfind("connect ", 0) == 0)
            answer = node.execute(connect_to, b->f, line.substr(8));
        else
            answer = node.execute(status_of, b->client, line == "wait-registered");
        say(answer ? *answer : to_string(answer.error()));
    }
}
