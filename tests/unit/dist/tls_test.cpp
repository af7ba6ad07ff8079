// Nodes that are connected by TLS, and those that are not.
#include <sys/stat.h>

#include <fstream>
#include <string>
#include <utility>

#include "libbeamcore/dist/certificates.hpp"
#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/epmd.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;
using test::wish;

namespace {

/// Files of nodes.
class cluster {
public:
    explicit cluster(const std::string& name = "cluster") : ca_(name) {}

    /// Of a node with that certificate.
    dist::options node(const io::certificate_wish& w = wish("node", {"127.0.0.1"})) {
        return with(ca_.sign(w), ca_.own().certificate);
    }
    dist::options with(const io::keyed_certificate& own, const std::string& authorities) {
        const std::string base = folder_ / std::to_string(++made_);
        dist::tls_files f;
        f.certificate = base + ".pem";
        f.key = base + ".key";
        f.authorities = base + ".ca";
        put(f.certificate, own.certificate);
        put(f.key, own.key);
        put(f.authorities, authorities);
        dist::options o;
        o.tls = f;
        return o;
    }
    static void put(const std::string& path, const std::string& text) {
        std::ofstream(path + ".new", std::ios::trunc) << text;
        ::chmod((path + ".new").c_str(), 0600);
        ::rename((path + ".new").c_str(), path.c_str());
    }
    const test::authority& ca() const { return ca_; }

private:
    test::folder folder_;
    test::authority ca_;
    int made_ = 0;
};

process echo(self me) {
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        auto e = t.elements();
        if (e.size() == 2) send(*e[0].as_pid(), tuple(atom("echo"), e[1]));
    }
}

bool pings(dist_node& from, dist_node& to) {
    auto answer = std::make_shared<bool>(false);
    run_in(
        *from,
        [](self, atom other, std::shared_ptr<bool> told) -> awaitable<void> {
            auto pinging = dist::ping(other);
            *told = co_await pinging;
        },
        to.name(), answer);
    return *answer;
}

std::uint16_t port_of(dist_node& node, const std::string& name, std::uint16_t epmd) {
    auto port = std::make_shared<std::uint16_t>(0);
    run_in(
        *node,
        [](self, std::string who, std::uint16_t at,
           std::shared_ptr<std::uint16_t> told) -> awaitable<void> {
            auto asking = dist::epmd_look_up("127.0.0.1", who, at);
            auto found = co_await asking;
            if (found) *told = found->port;
        },
        name, epmd, port);
    return *port;
}

/// Why a node with these options does not start; "" if it does.
std::string refusal(const dist::options& given) {
    auto why = std::make_shared<std::string>();
    dist::options o = given;
    o.name = "x@127.0.0.1";
    o.cookie = "secret";
    o.epmd_port = test::free_port();
    test::in_node(
        [](self me, dist::options opts, std::shared_ptr<std::string> told) -> awaitable<void> {
            me.trap_exit(true);
            auto starting = dist::start_link(std::move(opts));
            outcome<pid> p = co_await starting;
            if (!p) *told = to_string(p.error());
        },
        o, why);
    return *why;
}

}  // namespace

TEST_CASE("two nodes over TLS: pings, large and small messages in order") {
    const auto epmd = test::free_port();
    cluster c;
    dist_node a("a", epmd, c.node()), b("b", epmd, c.node());
    b->spawn(echo);
    test::await_name(*b, "echo");
    CHECK(pings(a, b));
    run_in(
        *a,
        [](self me, atom other) -> awaitable<void> {
            const server_ref e(atom("echo"), other);
            const std::string large(3'000'000, 'x');
            for (int i = 0; i < 2000; ++i) send(e, tuple(me.id(), i));
            send(e, tuple(me.id(), large));
            send(e, tuple(me.id(), 2000));
            for (int i = 0; i < 2000; ++i) {
                term t = co_await me.receive<term>();
                if (t != tuple(atom("echo"), i)) FAIL("out of order");
            }
            term t = co_await me.receive<term>();
            CHECK(t == tuple(atom("echo"), large));
            t = co_await me.receive<term>();
            CHECK(t == tuple(atom("echo"), 2000));
        },
        b.name());
    CHECK(pings(b, a));
}

TEST_CASE("over TLS a node that dies is told to those who watch") {
    const auto epmd = test::free_port();
    cluster c;
    dist_node a("a", epmd, c.node()), b("b", epmd, c.node());
    b->spawn(echo);
    test::await_name(*b, "echo");
    CHECK(pings(a, b));
    a->spawn(
        [](self me, atom other) -> process {
            const server_ref watched(atom("echo"), other);
            const ref m = monitor(watched);
            send(watched, tuple(me.id(), 1));  // answered when the monitor is known there
            (void)co_await me.receive<term>();
            register_name(atom("ready"), spawn(test::idle));
            auto down = co_await me.receive<down_message>();
            CHECK(down.monitor == m);
            // Its processes are killed one by one, and the connection's may be the last.
            const bool is_lost = down.reason == atoms::noconnection || down.reason == atoms::killed;
            CHECK(is_lost);
            register_name(atom("told"), spawn(test::idle));
        },
        b.name());
    test::await_name(*a, "ready");
    b.die();
    test::await_name(*a, "told");
}

TEST_CASE("a node with TLS and one without do not connect, in neither direction, and both go on") {
    const auto epmd = test::free_port();
    cluster c;
    dist_node a("a", epmd, c.node()), plain("plain", epmd), b("b", epmd, c.node());
    CHECK_FALSE(pings(plain, a));
    CHECK(pings(a, b));
    dist_node other("other", epmd);
    CHECK(pings(plain, other));
    CHECK_FALSE(pings(a, plain));
}

TEST_CASE("a node with a certificate of another authority is refused, whoever connects") {
    const auto epmd = test::free_port();
    cluster ours, theirs;
    dist_node a("a", epmd, ours.node());
    dist_node b("b", epmd, theirs.node());
    // Believes our authority, but is not of it.
    dist_node cheat(
        "cheat", epmd,
        theirs.with(theirs.ca().sign(wish("x", {"127.0.0.1"})), ours.ca().own().certificate));
    CHECK_FALSE(pings(a, b));
    CHECK_FALSE(pings(b, a));
    CHECK_FALSE(pings(a, cheat));
    CHECK_FALSE(pings(cheat, a));
}

TEST_CASE("a certificate of another host does not let a node in, one of no host does") {
    const auto epmd = test::free_port();
    cluster c;
    dist_node a("a", epmd, c.node());
    dist_node thief("thief", epmd, c.node(wish("x", {"10.9.9.9", "elsewhere.example"})));
    dist_node any("any", epmd, c.node(wish("any")));
    CHECK_FALSE(pings(a, thief));
    CHECK_FALSE(pings(thief, a));
    CHECK(pings(a, any));
    // Who does not check names lets it in; who is let in may not want it.
    auto lax = c.node();
    lax.tls->check_host = false;
    dist_node b("b", epmd, lax);
    CHECK(pings(thief, b));
}

TEST_CASE("certificates that are replaced count from the next connection on") {
    const auto epmd = test::free_port();
    cluster c, other;
    auto mine = c.node();
    dist_node a("a", epmd, mine), b("b", epmd, c.node()), d("d", epmd, c.node());
    CHECK(pings(a, b));
    // Rubbish changes nothing.
    cluster::put(mine.tls->certificate, "rubbish");
    CHECK(pings(a, d));
    const auto own = other.ca().sign(wish("new", {"127.0.0.1"}));
    cluster::put(mine.tls->certificate, own.certificate);
    cluster::put(mine.tls->key, own.key);
    dist_node e("e", epmd, c.node());
    CHECK_FALSE(pings(a, e));
    CHECK(pings(a, b));
}

TEST_CASE("strangers at the port of a node with TLS harm nobody") {
    const auto epmd = test::free_port();
    cluster c;
    dist_node a("a", epmd, c.node()), b("b", epmd, c.node());
    const auto port = port_of(a, "a", epmd);
    REQUIRE(port != 0);
    test::tcp_client silent(port), http(port), half(port), gone(port), plain(port);
    REQUIRE(half.connected());
    CHECK(http.send("GET / HTTP/1.1\r\n\r\n"));
    CHECK(half.send(std::string("\x16\x03\x01\x02\x00\x01", 6)));
    CHECK(plain.send(std::string("\x00\x15N", 3) + std::string(18, 'x')));
    gone.close();
    (void)http.read_all();  // an alert, and the end
    (void)plain.read_all();
    CHECK(pings(b, a));
    (void)silent;
}

TEST_CASE("beyond loopback a node wants TLS that verifies, or to be told that it need not") {
    cluster c;
    dist::options plain;
    plain.listen_address = "0.0.0.0";
    CHECK(refusal(plain).find("{insecure,") == 0);
    auto lax = c.node();
    lax.listen_address = "0.0.0.0";
    lax.tls->verify_peer = false;
    CHECK(refusal(lax).find("{insecure,") == 0);
    lax.tls->verify_peer = true;
    CHECK(refusal(lax) == "");
    plain.insecure = true;
    CHECK(refusal(plain) == "");
}

TEST_CASE("a node does not start with certificates that cannot work") {
    cluster c;
    auto o = c.node();
    o.tls->key = o.tls->certificate;
    CHECK(refusal(o).find("{bad_tls,") == 0);
    o = c.node();
    o.tls->authorities = "/nowhere/ca.pem";
    CHECK(refusal(o).find("is not there") != std::string::npos);
    o = c.node(wish("old", {"127.0.0.1"}, test::days(-9), test::days(-1)));
    CHECK(refusal(o).find("has ended") != std::string::npos);
    o = c.node();
    ::chmod(o.tls->key.c_str(), 0644);
    CHECK(refusal(o).find("others have access") != std::string::npos);
}
