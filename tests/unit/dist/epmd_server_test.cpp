#include "libbeamcore/dist/internal/epmd_server.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "libbeamcore/runtime/blocking.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace beam::dist;
using dist::detail::epmd_server;
using dist::detail::epmd_server_options;
using namespace std::chrono_literals;

namespace {

// Runs `talk(port)`, a plain thread's code, beside an embedded EPMD.
template <class Talk>
void beside_server(epmd_server_options options, Talk talk) {
    test::in_node(
        [](self, epmd_server_options o, Talk t) -> awaitable<void> {
            o.port = test::free_port();
            auto server = start_link<epmd_server>(o);
            REQUIRE(server);
            const std::uint16_t port = o.port;
            auto talking = blocking([t, port] { t(port); });
            co_await talking;
        },
        std::move(options), talk);
}

std::string alive(const std::string& name, std::uint16_t port) {
    epmd_alive_request q;
    q.node.name = name;
    q.node.port = port;
    return encode_epmd_request(q);
}
std::string port_of(const std::string& name) {
    return encode_epmd_request(epmd_port_request{name});
}
std::vector<epmd_name> names_at(std::uint16_t port) {
    test::tcp_client c(port);
    c.send(encode_epmd_request(epmd_names_request{}));
    const auto names = decode_epmd_names(c.read_all());
    REQUIRE(names);
    return *names;
}
// Until the server has seen that it is gone.
void wait_until_gone(std::uint16_t port, const std::string& name) {
    const auto end = std::chrono::steady_clock::now() + test::patience;
    for (;;) {
        bool there = false;
        for (const auto& n : names_at(port)) there = there || n.name == name;
        if (!there) return;
        REQUIRE(std::chrono::steady_clock::now() < end);
    }
}
std::uint32_t creation_of(const std::string& answer) {
    const auto c = decode_epmd_alive(answer);
    REQUIRE(c);
    REQUIRE(*c);
    return **c;
}

}  // namespace

TEST_CASE("an embedded EPMD registers, tells ports and names, and forgets who goes") {
    beside_server({}, [](std::uint16_t port) {
        test::tcp_client a(port), b(port);
        CHECK(a.send(alive("a", 1001)));
        const auto first = creation_of(a.read_at_least(6));
        // In pieces.
        const auto bytes = alive("b", 1002);
        CHECK(b.send(bytes.substr(0, 1)));
        CHECK(b.send(bytes.substr(1, 5)));
        CHECK(b.send(bytes.substr(6)));
        CHECK(creation_of(b.read_at_least(6)) != first);
        CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}, {"b", 1002}});

        test::tcp_client question(port);
        CHECK(question.send(port_of("b")));
        const auto found = decode_epmd_port(question.read_all());
        REQUIRE(found);
        CHECK(found->port == 1002);

        test::tcp_client rival(port);
        CHECK(rival.send(alive("a", 1003)));
        const auto taken = decode_epmd_alive(rival.read_all());
        REQUIRE_FALSE(taken);
        CHECK(taken.error().is("name_taken"));

        a.close();
        wait_until_gone(port, "a");
        test::tcp_client none(port);
        CHECK(none.send(port_of("a")));
        CHECK(decode_epmd_port(none.read_all()).error().is("unknown_node"));
        test::tcp_client again(port);
        CHECK(again.send(alive("a", 1004)));
        CHECK(creation_of(again.read_at_least(6)) != first);
    });
}

TEST_CASE("an embedded EPMD is not killed by who asks for it") {
    beside_server({}, [](std::uint16_t port) {
        test::tcp_client c(port);
        CHECK(c.send(encode_epmd_request(epmd_kill_request{})));
        CHECK(c.read_all() == "NO");
        CHECK(names_at(port).empty());
    });
}

TEST_CASE("bad requests are closed, and nobody else notices") {
    beside_server({}, [](std::uint16_t port) {
        test::tcp_client node(port);
        CHECK(node.send(alive("a", 1001)));
        CHECK(node.read_at_least(6).size() == 6);
        const std::string all[] = {std::string("\0\0", 2),
                                   std::string("\xff\xff", 2),
                                   std::string("\0\x01?", 3),
                                   "GET / HTTP/1.1\r\n\r\n",
                                   port_of("a") + "x",
                                   std::string("\0\x02z\n", 4),
                                   alive("b", 1).substr(0, 6) + std::string(20, '\xff')};
        for (const auto& bytes : all) {
            test::tcp_client c(port);
            CHECK(c.send(bytes));
            c.finish();
            CHECK(c.read_all().empty());
        }
        test::tcp_client half(port);
        half.finish();
        CHECK(half.read_all().empty());
        CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}});
    });
}

TEST_CASE("a registered node that says more is registered no longer") {
    beside_server({}, [](std::uint16_t port) {
        test::tcp_client node(port);
        CHECK(node.send(alive("a", 1001)));
        CHECK(node.read_at_least(6).size() == 6);
        CHECK(node.send("?"));
        CHECK(node.read_all().empty());
        CHECK(names_at(port).empty());
    });
}

TEST_CASE("who asks nothing in time is closed") {
    epmd_server_options o;
    o.request_limit = 50ms;
    beside_server(o, [](std::uint16_t port) {
        test::tcp_client node(port), silent(port), slow(port);
        CHECK(node.send(alive("a", 1001)));
        CHECK(node.read_at_least(6).size() == 6);
        CHECK(slow.send(std::string("\0", 1)));
        CHECK(silent.read_all().empty());
        CHECK(slow.read_all().empty());
        // The node is not one of them.
        CHECK_FALSE(node.has_news(0ms));
        CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}});
    });
}

TEST_CASE("ten thousand silent connections keep nobody from asking") {
    epmd_server_options o;
    o.waiting_max = 64;
    beside_server(o, [](std::uint16_t port) {
        test::tcp_client node(port);
        CHECK(node.send(alive("a", 1001)));
        CHECK(node.read_at_least(6).size() == 6);
        std::deque<test::tcp_client> silent;
        for (int i = 0; i < 10'000; ++i) {
            // This process may not have so many descriptors open either: the oldest must be closed by the server.
            if (silent.size() > 300) {
                REQUIRE(silent.front().read_all().empty());
                silent.pop_front();
            }
            silent.emplace_back(port);
            REQUIRE(silent.back().connected());
            if (i % 2000 == 0) CHECK(names_at(port).size() == 1);
        }
        CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}});
        CHECK_FALSE(node.has_news(0ms));
    });
}

TEST_CASE("no more nodes than it may have are registered") {
    epmd_server_options o;
    o.registered_max = 2;
    beside_server(o, [](std::uint16_t port) {
        test::tcp_client a(port), b(port), c(port);
        CHECK(a.send(alive("a", 1)));
        CHECK(a.read_at_least(6).size() == 6);
        CHECK(b.send(alive("b", 2)));
        CHECK(b.read_at_least(6).size() == 6);
        CHECK(c.send(alive("c", 3)));
        CHECK_FALSE(decode_epmd_alive(c.read_all()));
        CHECK(names_at(port).size() == 2);
    });
}

TEST_CASE("two cannot listen at one port") {
    test::in_node([](self) -> awaitable<void> {
        this_process().trap_exit(true);
        epmd_server_options o;
        o.port = test::free_port();
        auto first = start_link<epmd_server>(o);
        REQUIRE(first);
        auto second = start_link<epmd_server>(o);
        REQUIRE_FALSE(second);
        CHECK(second.error().elements()[0] == atom("eaddrinuse"));
        co_return;
    });
}
