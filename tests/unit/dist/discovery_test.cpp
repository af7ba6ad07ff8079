#include "libbeamcore/dist/discovery.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "libbeamcore/dist/cluster.hpp"
#include "libbeamcore/dist/node_folder.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using test::dist_node;
using test::run_in;

namespace {

/// Waits until `n` is connected with that node, which it was told of or is told of it.
void await_connected(dist_node& n, atom other) {
    run_in(
        *n,
        [](self me, atom wanted) -> awaitable<void> {
            monitor_nodes(true, node_kind::connected);
            const auto there = nodes(node_kind::connected);
            bool found = std::find(there.begin(), there.end(), wanted) != there.end();
            while (!found) {
                auto up = co_await me.receive_for<nodeup_message>(timeout(test::patience));
                REQUIRE(up);
                found = up->node == wanted;
            }
            CHECK(dist::is_node_up(wanted));
            monitor_nodes(false, node_kind::connected);
        },
        other);
}

/// What peers() says of a node, once `claim` holds for it.
template <class Claim>
dist::peer_info await_peer(dist_node& n, atom which, Claim claim) {
    dist::peer_info found;
    run_in(*n, [&](self me) -> awaitable<void> {
        const auto end = std::chrono::steady_clock::now() + test::patience;
        for (;;) {
            for (const auto& p : dist::peers())
                if (p.name == which) found = p;
            if (found.name == which && claim(found)) co_return;
            REQUIRE(std::chrono::steady_clock::now() < end);
            co_await me.yield();
        }
    });
    return found;
}

std::vector<atom> members_of(dist_node& n) {
    std::vector<atom> list;
    run_in(*n, [&](self) -> awaitable<void> {
        list = dist::cluster_members();
        co_return;
    });
    return list;
}

dist::options in_folder(const std::string& folder) {
    dist::options o;
    o.find.registers = false;
    o.find.folder = folder;
    o.find.members = {"b@127.0.0.1", "a@127.0.0.1", "c@127.0.0.1"};
    return o;
}

// Listens at a port, and is not known to EPMD.
dist::options at_port(std::uint16_t port) {
    dist::options o;
    o.find.registers = false;
    o.listen_port = port;
    return o;
}

}  // namespace

TEST_CASE("members of a folder find each other, with no EPMD and before anybody sends") {
    const test::folder f;
    const auto nobody = test::free_port();
    dist_node a("a", nobody, in_folder(f.path())), b("b", nobody, in_folder(f.path()));
    await_connected(a, b.name());
    await_connected(b, a.name());
    CHECK_FALSE(test::tcp_client(nobody).connected());
    const std::vector<atom> all{atom("a@127.0.0.1"), atom("b@127.0.0.1"), atom("c@127.0.0.1")};
    CHECK(members_of(a) == all);
    CHECK(members_of(b) == all);
    const auto up = await_peer(a, b.name(), [](const auto&) { return true; });
    CHECK(up.found_by == "folder");
    CHECK(up.why.empty());
    const auto missing =
        await_peer(a, atom("c@127.0.0.1"), [](const auto& p) { return !p.why.empty(); });
    CHECK(missing.state == "down");
    CHECK(missing.why == "it does not run");
}

TEST_CASE("a member that died without a word, and comes again, is connected again") {
    const test::folder f;
    const auto nobody = test::free_port();
    dist_node a("a", nobody, in_folder(f.path()));
    {
        dist_node b("b", nobody, in_folder(f.path()));
        await_connected(a, b.name());
    }
    CHECK(dist::read_node_file(f.path(), "b@127.0.0.1").error().is("not_found"));
    // As after kill -9: the file stays, and leads nowhere.
    REQUIRE(dist::write_node_file(f.path(), "b@127.0.0.1", {"127.0.0.1", test::free_port()}));
    const auto stale = await_peer(a, atom("b@127.0.0.1"), [](const auto& p) {
        return p.state == "down" && p.why.find("refused") != std::string::npos;
    });
    CHECK(stale.found_by == "folder");
    dist_node b("b", nobody, in_folder(f.path()));
    await_connected(a, b.name());
}

TEST_CASE("two clusters on one machine, whose nodes have the same names, do not meet") {
    const test::folder one, other;
    const auto nobody = test::free_port();
    auto o = in_folder(other.path());
    o.cookie = "of the others";
    dist_node a("a", nobody, in_folder(one.path())), b("b", nobody, in_folder(one.path()));
    dist_node x("a", nobody, o), y("b", nobody, o);
    await_connected(a, b.name());
    await_connected(x, y.name());
    // Even where a file leads to the others, they do not let it in.
    const auto theirs = dist::read_node_file(other.path(), "b@127.0.0.1");
    REQUIRE(theirs);
    REQUIRE(dist::write_node_file(one.path(), "c@127.0.0.1", *theirs));
    const auto c = await_peer(a, atom("c@127.0.0.1"), [](const auto& p) {
        return !p.why.empty() && p.why != "it does not run";
    });
    CHECK(c.why.find("b@127.0.0.1") != std::string::npos);
}

TEST_CASE("a node in a list with its address needs no EPMD, and may start later") {
    const auto nobody = test::free_port(), port = test::free_port();
    dist::options o;
    o.find.registers = false;
    o.find.nodes = {{"b@127.0.0.1", dist::node_address{"127.0.0.1", port}}};
    dist_node a("a", nobody, o);
    const auto early =
        await_peer(a, atom("b@127.0.0.1"), [](const auto& p) { return !p.why.empty(); });
    CHECK(early.found_by == "list");
    {
        dist_node b("b", nobody, at_port(port));
        await_connected(a, b.name());
        CHECK(members_of(a) == std::vector<atom>{a.name(), b.name()});
        CHECK(members_of(b) == std::vector<atom>{b.name()});
    }
    dist_node b("b", nobody, at_port(port));
    await_connected(a, b.name());
}

TEST_CASE("a node in a list without an address is asked of EPMD") {
    const auto epmd = test::free_port();
    dist_node b("b", epmd);
    dist::options o;
    o.find.nodes = {{"b@127.0.0.1", {}}};
    dist_node a("a", epmd, o);
    await_connected(a, b.name());
}

TEST_CASE("a connection that was closed is made again with a node that was told of") {
    const auto epmd = test::free_port();
    dist_node b("b", epmd);
    dist::options o;
    o.find.nodes = {{"b@127.0.0.1", {}}};
    dist_node a("a", epmd, o);
    await_connected(a, b.name());
    run_in(
        *a,
        [](self me, atom other) -> awaitable<void> {
            monitor_nodes(true, node_kind::connected);
            CHECK(disconnect_node(other));
            auto down = co_await me.receive_for<nodedown_message>(timeout(test::patience));
            REQUIRE(down);
            auto up = co_await me.receive_for<nodeup_message>(timeout(test::patience));
            REQUIRE(up);
            CHECK(up->node == other);
        },
        b.name());
}

TEST_CASE("each address of a DNS name is a node of its prefix") {
    const auto nobody = test::free_port(), port = test::free_port();
    dist_node b("b", nobody, at_port(port));
    dist::options o;
    o.find.registers = false;
    o.find.dns_names = {{"b", "localhost", port}};
    dist_node a("a", nobody, o);
    await_connected(a, b.name());
    const auto found = await_peer(a, b.name(), [](const auto&) { return true; });
    CHECK(found.found_by == "dns");
    // It is news, not configuration.
    CHECK(members_of(a) == std::vector<atom>{a.name()});
}

TEST_CASE("a DNS name that nobody has is an error with the resolver's words") {
    runtime node;
    run_in(node, [](self) -> awaitable<void> {
        dist::listed_dns_name name;
        name.prefix = "a";
        name.host = "localhost";
        auto resolving = dist::resolve_dns_name(name);
        auto found = co_await resolving;
        REQUIRE(found);
        CHECK(std::find(found->begin(), found->end(), "a@127.0.0.1") != found->end());
        // No label is so long, so nobody is asked.
        name.host = std::string(64, 'x');
        auto again = dist::resolve_dns_name(name);
        auto none = co_await again;
        REQUIRE(!none);
        CHECK(none.error().is("unknown_host"));
        CHECK(none.error().detail.find(name.host) == 0);
    });
}

TEST_CASE("a node that was told of nobody, and one that is not distributed, are alone") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd);
    CHECK(members_of(a) == std::vector<atom>{a.name()});
    runtime node;
    run_in(node, [](self) -> awaitable<void> {
        CHECK(dist::cluster_members() == std::vector<atom>{beam::node()});
        CHECK(dist::is_node_up(beam::node()));
        CHECK_FALSE(dist::is_node_up(atom("b@127.0.0.1")));
        co_return;
    });
}
