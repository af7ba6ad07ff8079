#include "libbeamcore/dist/epmd.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace beam::dist;
using namespace std::chrono_literals;
using test::patience;

namespace {

epmd_registration registration(const std::string& name, std::uint16_t port,
                               std::uint16_t epmd_port) {
    epmd_registration r;
    r.node.name = name;
    r.node.port = port;
    r.epmd_port = epmd_port;
    r.limit = patience;
    return r;
}

// A node with an epmd_client in it, as another OS process would be.
class other_node {
public:
    explicit other_node(epmd_registration r) {
        runtime_options o;
        o.schedulers = 1;
        node_ = std::make_unique<runtime>(o);
        auto begun = node_->execute(
            [](self, epmd_registration what) -> awaitable<pid> {
                auto starting = epmd_client::start(what);
                outcome<pid> p = co_await starting;
                REQUIRE_MESSAGE(p, to_string(p.error()));
                co_return *p;
            },
            std::move(r));
        REQUIRE(begun);
        client_ = *begun;
    }

    epmd_status status() {
        auto s = node_->execute(
            [](self, pid client) -> awaitable<epmd_status> {
                epmd_status found = co_await epmd_client::status(client);
                co_return found;
            },
            client_);
        REQUIRE(s);
        return *s;
    }
    /// Until it is registered, or not.
    epmd_status wait_registered(bool yes) {
        const auto end = std::chrono::steady_clock::now() + patience;
        for (;;) {
            auto s = status();
            if (s.registered == yes) return s;
            REQUIRE(std::chrono::steady_clock::now() < end);
        }
    }
    void end() { node_.reset(); }

private:
    std::unique_ptr<runtime> node_;
    pid client_;
};

result<std::vector<epmd_name>> try_names_at(std::uint16_t port) {
    result<std::vector<epmd_name>> found = fail("not_asked");
    test::in_node(
        [](self, std::uint16_t p, result<std::vector<epmd_name>>* to) -> awaitable<void> {
            auto asking = epmd_names_of("127.0.0.1", p, patience);
            result<std::vector<epmd_name>> names = co_await asking;
            *to = std::move(names);
        },
        port, &found);
    return found;
}
std::vector<epmd_name> names_at(std::uint16_t port) {
    auto names = try_names_at(port);
    REQUIRE_MESSAGE(names, names.error().code);
    return *std::move(names);
}

// Until these names are registered. Between two that serve nobody listens.
void wait_for_names(std::uint16_t port, const std::vector<epmd_name>& expected) {
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto names = try_names_at(port);
        if (names && *names == expected) return;
        REQUIRE(std::chrono::steady_clock::now() < end);
    }
}

}  // namespace

TEST_CASE("where no EPMD runs the node serves as one, and finds itself there") {
    const auto port = test::free_port();
    other_node a(registration("a", 1001, port));
    const auto s = a.status();
    CHECK(s.registered);
    CHECK(s.serves);
    CHECK(s.creation > 3);
    CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}});
    test::in_node(
        [](self, std::uint16_t p) -> awaitable<void> {
            auto looking = epmd_look_up("127.0.0.1", "a", p, patience);
            result<epmd_node> found = co_await looking;
            REQUIRE(found);
            CHECK(found->port == 1001);
            auto vain = epmd_look_up("127.0.0.1", "b", p, patience);
            result<epmd_node> none = co_await vain;
            REQUIRE_FALSE(none);
            CHECK(none.error().is("unknown_node"));
        },
        port);
}

TEST_CASE("where one runs the node is its client") {
    const auto port = test::free_port();
    other_node a(registration("a", 1001, port));
    other_node b(registration("b", 1002, port));
    CHECK_FALSE(b.status().serves);
    CHECK(names_at(port) == std::vector<epmd_name>{{"a", 1001}, {"b", 1002}});
    b.end();
    wait_for_names(port, {{"a", 1001}});
}

TEST_CASE("when the node that serves ends another takes over, and all register with it") {
    const auto port = test::free_port();
    auto a = std::make_unique<other_node>(registration("a", 1001, port));
    other_node b(registration("b", 1002, port));
    other_node c(registration("c", 1003, port));
    other_node d(registration("d", 1004, port));
    const auto before = b.status().creation;
    a->end();
    wait_for_names(port, {{"b", 1002}, {"c", 1003}, {"d", 1004}});
    const auto of_b = b.wait_registered(true);
    const auto of_c = c.wait_registered(true);
    const auto of_d = d.wait_registered(true);
    CHECK(int(of_b.serves) + int(of_c.serves) + int(of_d.serves) == 1);
    // Its creation is for its life.
    CHECK(of_b.creation == before);
}

TEST_CASE("nodes that start at once: exactly one serves") {
    const auto port = test::free_port();
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    auto r = node.execute(
        [](self me, std::uint16_t p) -> awaitable<int> {
            constexpr int many = 20;
            for (int i = 0; i < many; ++i)
                spawn_link(
                    [](self, pid parent, int number, std::uint16_t epmd) -> process {
                        auto starting = epmd_client::start(registration(
                            "n" + std::to_string(number), std::uint16_t(2000 + number), epmd));
                        outcome<pid> client = co_await starting;
                        REQUIRE_MESSAGE(client, to_string(client.error()));
                        epmd_status s = co_await epmd_client::status(*client);
                        CHECK(s.registered);
                        send(parent, s.serves);
                    },
                    me.id(), i, p);
            int serving = 0;
            for (int i = 0; i < many; ++i) {
                const bool serves = co_await me.receive<bool>();
                serving += serves;
            }
            auto asking = epmd_names_of("127.0.0.1", p, patience);
            result<std::vector<epmd_name>> names = co_await asking;
            REQUIRE(names);
            CHECK(names->size() == many);
            co_return serving;
        },
        port);
    REQUIRE(r);
    CHECK(*r == 1);
}

TEST_CASE("a name that is taken is said at the start") {
    const auto port = test::free_port();
    other_node a(registration("a", 1001, port));
    test::in_node(
        [](self, std::uint16_t p) -> awaitable<void> {
            auto starting = epmd_client::start(registration("a", 1002, p));
            outcome<pid> second = co_await starting;
            REQUIRE_FALSE(second);
            CHECK(second.error().elements()[0] == atom("name_taken"));
        },
        port);
}

TEST_CASE("a node that may not serve needs an EPMD") {
    test::in_node([](self) -> awaitable<void> {
        auto r = registration("a", 1001, test::free_port());
        r.may_serve = false;
        auto starting = epmd_client::start(r);
        outcome<pid> client = co_await starting;
        REQUIRE_FALSE(client);
        CHECK(client.error().elements()[0] == atom("econnrefused"));
    });
}

TEST_CASE("an EPMD that accepts and says nothing is given up in time") {
    test::in_node([](self) -> awaitable<void> {
        auto listener = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(listener);
        auto looking = epmd_look_up("127.0.0.1", "a", listener->port(), 30ms);
        result<epmd_node> found = co_await looking;
        REQUIRE_FALSE(found);
        CHECK(found.error().is("timeout"));
        auto r = registration("a", 1001, listener->port());
        r.limit = 30ms;
        auto starting = epmd_client::start(r);
        outcome<pid> client = co_await starting;
        REQUIRE_FALSE(client);
        CHECK(client.error().elements()[0] == atoms::timeout);
    });
}

TEST_CASE("what listens there and is no EPMD is told from one") {
    test::in_node([](self) -> awaitable<void> {
        auto listener = io::listen_tcp("127.0.0.1", 0);
        REQUIRE(listener);
        const auto port = listener->port();
        spawn_link(
            [](self, io::listener l) -> process {
                result<io::connection> c = co_await l.accept(patience);
                REQUIRE(c);
                // A request that is not read would reset the connection.
                const auto size = encode_epmd_request(epmd_port_request{"a"}).size();
                (void)co_await c->read_exactly(size, patience);
                (void)co_await c->write("HTTP/1.1 400 Bad Request\r\n\r\n");
            },
            *std::move(listener));
        auto looking = epmd_look_up("127.0.0.1", "a", port, patience);
        result<epmd_node> found = co_await looking;
        REQUIRE_FALSE(found);
        CHECK(found.error().is("bad_answer"));
    });
}
