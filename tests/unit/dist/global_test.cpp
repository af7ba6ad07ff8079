#include "libbeamcore/dist/global.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;
namespace global = beam::dist::global;

namespace {

const atom leader("leader");

// Looks again and again, until the deadline.
template <class Claim>
awaitable<bool> eventually(self me, Claim holds) {
    const auto end = monotonic_time() + test::patience;
    while (!holds()) {
        if (monotonic_time() > end) co_return false;
        co_await me.yield();
    }
    co_return true;
}

void connect(const dist_node& a, const dist_node& b) {
    run_in(
        *a,
        [](self, atom other) -> awaitable<void> {
            bool there = co_await dist::connect(other);
            CHECK(there);
        },
        b.name());
}

// The node sees these others, and has the same names as they.
void is_in_mesh(const dist_node& n, std::vector<atom> others) {
    run_in(
        *n,
        [](self me, std::vector<atom> wanted) -> awaitable<void> {
            auto seeing = eventually(me, [&] {
                std::vector<atom> seen = nodes();
                std::sort(seen.begin(), seen.end());
                std::sort(wanted.begin(), wanted.end());
                return seen == wanted;
            });
            const bool complete = co_await seeing;
            CHECK(complete);
            auto syncing = global::sync();
            co_await syncing;
        },
        std::move(others));
}

void has_name(const dist_node& n, term name, bool has = true) {
    run_in(
        *n,
        [](self me, term of, bool wanted) -> awaitable<void> {
            auto seeing =
                eventually(me, [&] { return global::whereis_name(of).has_value() == wanted; });
            const bool so = co_await seeing;
            CHECK_MESSAGE(so, to_string(of));
        },
        std::move(name), has);
}

// An idle process of that node under a global name, and a local one.
void register_idle(const dist_node& n, term name,
                   global::clash_method method = global::clash_method::random_exit_name()) {
    run_in(
        *n,
        [](self, term as, global::clash_method how) -> awaitable<void> {
            const pid p = spawn(test::idle);
            register_name(atom("named"), p);
            auto registering = global::register_name(as, p, how);
            const bool yes = co_await registering;
            CHECK(yes);
        },
        std::move(name), method);
}

void kill_named(const dist_node& n) {
    run_in(*n, [](self) -> awaitable<void> {
        exit(*whereis(atom("named")), atoms::kill);
        co_return;
    });
}

// Takes all that comes to it as terms; `told` is the first.
process listener(self me) {
    register_name(atom("named"), me.id());
    term told = co_await me.receive<term>();
    register_name(atom("told"), spawn(test::idle));
    (void)told;
    co_await me.sleep_for(infinity{});
}

struct get {
    using reply = int;
    BEAM_FIELDS(get)
};
class answerer : public gen_server<answerer> {
public:
    using calls = messages<get>;
    explicit answerer(int n) : n_(n) {}
    int handle_call(get) { return n_; }

private:
    int n_;
};
class slow_answerer : public gen_server<slow_answerer> {
public:
    static awaitable<init_result<slow_answerer>> init(int n) {
        co_await process().yield();
        co_return slow_answerer(n);
    }
    using calls = messages<get>;
    explicit slow_answerer(int n) : n_(n) {}
    int handle_call(get) { return n_; }

private:
    int n_;
};

}  // namespace

TEST_CASE(
    "REG-08: a global name is one process's on all nodes until it is given back or the process "
    "dies") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    is_in_mesh(b, {a.name()});
    run_in(*a, [](self me) -> awaitable<void> {
        auto registering = global::register_name(leader, me.id());
        bool yes = co_await registering;
        CHECK(yes);
        CHECK(global::whereis_name(leader) == me.id());
        registering = global::register_name(leader, spawn(test::idle));
        yes = co_await registering;
        CHECK_FALSE(yes);
        registering = global::register_name(atom("another"), me.id());
        yes = co_await registering;
        CHECK_FALSE(yes);  // one name for a process
        auto unregistering = global::unregister_name(leader);
        co_await unregistering;
        CHECK_FALSE(global::whereis_name(leader));
        CHECK(global::registered_names().empty());
    });
    register_idle(a, leader);
    run_in(
        *b,
        [](self me, atom of) -> awaitable<void> {
            const auto found = global::whereis_name(leader);
            REQUIRE(found.has_value());
            CHECK(node(*found) == of);
            auto registering = global::register_name(leader, me.id());
            const bool yes = co_await registering;
            CHECK_FALSE(yes);
            CHECK(global::registered_names() == std::vector<term>{leader});
            auto replacing = global::re_register_name(leader, me.id());
            co_await replacing;
            CHECK(global::whereis_name(leader) == me.id());
        },
        a.name());
    has_name(a, leader, false);  // who had it last has ended
    kill_named(a);
    run_in(*a, [](self me) -> awaitable<void> {
        while (whereis(atom("named"))) co_await me.yield();
    });
    register_idle(a, leader);
    has_name(b, leader);
    kill_named(a);
    has_name(b, leader, false);
    has_name(a, leader, false);
}

TEST_CASE("global::send exits its caller where nobody has the name") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd);
    run_in(*a, [](self me) -> awaitable<void> {
        auto registering = global::register_name(leader, me.id());
        (void)co_await registering;
        CHECK(global::send(leader, atom("hello")) == me.id());
        const atom got = co_await me.receive<atom>();
        CHECK(got == atom("hello"));
        const spawned s = spawn_monitor([](self) -> process {
            global::send(atom("nobody"), atom("hello"));
            co_return;
        });
        const down_message down = co_await me.receive<down_message>();
        CHECK(down.monitor == s.monitor);
        CHECK(down.reason == tuple(atoms::badarg, tuple(atom("nobody"), atom("hello"))));
    });
}

TEST_CASE("a node that connects with one of a mesh is connected with all, and all have all names") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd), c("c", epmd), d("d", epmd);
    connect(a, b);
    connect(c, d);
    register_idle(a, 1);
    register_idle(b, 2);
    register_idle(c, 3);
    register_idle(d, 4);
    connect(d, a);
    is_in_mesh(a, {b.name(), c.name(), d.name()});
    is_in_mesh(b, {a.name(), c.name(), d.name()});
    is_in_mesh(c, {a.name(), b.name(), d.name()});
    is_in_mesh(d, {a.name(), b.name(), c.name()});
    for (const dist_node* n : {&a, &b, &c, &d})
        for (int name = 1; name <= 4; ++name) has_name(*n, name);
    // One is gone: its names too, and nobody else.
    d.die();
    is_in_mesh(a, {b.name(), c.name()});
    is_in_mesh(b, {a.name(), c.name()});
    is_in_mesh(c, {a.name(), b.name()});
    for (const dist_node* n : {&a, &b, &c}) {
        has_name(*n, 4, false);
        for (int name = 1; name <= 3; ++name) has_name(*n, name);
    }
    // It comes back, as another.
    dist_node again("d", epmd);
    register_idle(again, 5);
    connect(again, b);
    is_in_mesh(again, {a.name(), b.name(), c.name()});
    is_in_mesh(a, {b.name(), c.name(), again.name()});
    for (const dist_node* n : {&a, &b, &c, &again}) has_name(*n, 5);
}

TEST_CASE("when names clash the process of the node with the greater name is killed") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    register_idle(a, leader);
    register_idle(b, leader);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    is_in_mesh(b, {a.name()});
    for (const dist_node* n : {&a, &b})
        run_in(
            **n,
            [](self me, atom kept) -> awaitable<void> {
                auto seeing = eventually(me, [&] {
                    const auto found = global::whereis_name(leader);
                    return found && node(*found) == kept;
                });
                const bool so = co_await seeing;
                CHECK(so);
            },
            a.name());
    run_in(*b, [](self me) -> awaitable<void> {
        auto seeing = eventually(me, [&] { return !whereis(atom("named")); });
        const bool killed = co_await seeing;
        CHECK(killed);
    });
}

TEST_CASE("when names clash their method decides") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    const auto listen = [](self, term name, global::clash_method how) -> awaitable<void> {
        const pid p = spawn(listener);
        auto registering = global::register_name(name, p, how);
        const bool yes = co_await registering;
        CHECK(yes);
    };
    const auto is_told = [](self me) -> awaitable<void> {
        auto seeing = eventually(me, [] { return whereis(atom("told")).has_value(); });
        const bool told = co_await seeing;
        CHECK(told);
    };
    SUBCASE("by telling the one that loses") {
        run_in(*a, listen, term(leader), global::clash_method::random_notify_name());
        run_in(*b, listen, term(leader), global::clash_method::random_notify_name());
        connect(a, b);
        run_in(*b, is_told);
        is_in_mesh(a, {b.name()});
        is_in_mesh(b, {a.name()});
        has_name(a, leader);
        has_name(b, leader);
    }
    SUBCASE("by telling both, and nobody keeps it") {
        run_in(*a, listen, term(leader), global::clash_method::notify_all_name());
        run_in(*b, listen, term(leader), global::clash_method::notify_all_name());
        connect(a, b);
        run_in(*a, is_told);
        run_in(*b, is_told);
        has_name(a, leader, false);
        has_name(b, leader, false);
    }
    SUBCASE("by a function of the table") {
        const auto add_method = [](self) -> awaitable<void> {
            // The second is that of the node where it runs.
            dist::export_plain_function(atom("m"), atom("keep_second"), 3,
                                        [](std::span<const term> args) { return args[2]; });
            co_return;
        };
        run_in(*a, add_method);
        run_in(*b, add_method);
        run_in(*a, listen, term(leader), global::clash_method(atom("m"), atom("keep_second")));
        run_in(*b, listen, term(leader), global::clash_method(atom("m"), atom("keep_second")));
        connect(a, b);
        is_in_mesh(b, {a.name()});
        is_in_mesh(a, {b.name()});
        run_in(
            *b,
            [](self me, atom kept) -> awaitable<void> {
                auto seeing = eventually(me, [&] {
                    const auto found = global::whereis_name(leader);
                    return found && node(*found) == kept;
                });
                const bool so = co_await seeing;
                CHECK(so);
            },
            a.name());
    }
}

TEST_CASE("a lost connection within a mesh leaves nobody connected with two that are apart") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd), c("c", epmd);
    connect(a, b);
    connect(c, b);
    is_in_mesh(a, {b.name(), c.name()});
    is_in_mesh(b, {a.name(), c.name()});
    is_in_mesh(c, {a.name(), b.name()});
    run_in(
        *a,
        [](self, atom other) -> awaitable<void> {
            CHECK(disconnect_node(other));
            co_return;
        },
        b.name());
    // c keeps one of them, or none.
    run_in(
        *c,
        [](self me, atom one, atom other) -> awaitable<void> {
            auto seeing =
                eventually(me, [&] { return !is_connected(one) || !is_connected(other); });
            const bool apart = co_await seeing;
            CHECK(apart);
        },
        a.name(), b.name());
    // Connected again they are a mesh again.
    connect(b, a);
    connect(c, b);
    is_in_mesh(a, {b.name(), c.name()});
    is_in_mesh(b, {a.name(), c.name()});
    is_in_mesh(c, {a.name(), b.name()});
}

TEST_CASE(
    "a node whose name server is killed begins anew, and has all names again when it is "
    "connected") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    is_in_mesh(b, {a.name()});
    register_idle(a, 1);
    register_idle(b, 2);
    run_in(*a, [](self me) -> awaitable<void> {
        const atom server("global_name_server");
        const pid old = *whereis(server);
        exit(old, atoms::kill);
        auto seeing = eventually(me, [&] {
            const auto now = whereis(server);
            return now && *now != old;
        });
        const bool back = co_await seeing;
        CHECK(back);
    });
    is_in_mesh(a, {});
    is_in_mesh(b, {});
    has_name(a, 1, false);
    has_name(a, 2, false);
    has_name(b, 1, false);
    has_name(b, 2);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    has_name(a, 2);
}

TEST_CASE("a hidden node has its own names, and is in nobody's mesh") {
    const auto epmd = test::free_port();
    dist::options hidden;
    hidden.visible = false;
    dist_node a("a", epmd), b("b", epmd), h("h", epmd, hidden);
    register_idle(h, 1);
    register_idle(a, 2);
    connect(h, a);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    is_in_mesh(b, {a.name()});
    is_in_mesh(h, {});
    has_name(b, 2);
    has_name(a, 1, false);
    has_name(h, 2, false);
    run_in(
        *b,
        [](self, atom shy) -> awaitable<void> {
            CHECK_FALSE(is_connected(shy));
            co_return;
        },
        h.name());
}

TEST_CASE("a lock is one requester's on all nodes, until it is taken back or its process ends") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    a->spawn([](self me) -> process {
        const global::lock_id id(atom("resource"), 1);
        auto setting = global::set_lock(id, global::all_nodes(), 0);
        const bool set = co_await setting;
        CHECK(set);
        register_name(atom("holder"), me.id());
        co_await me.sleep_for(infinity{});
    });
    test::await_name(*a, "holder");
    run_in(*b, [](self) -> awaitable<void> {
        const global::lock_id theirs(atom("resource"), 2), shared(atom("resource"), 1);
        auto setting = global::set_lock(theirs, global::all_nodes(), 0);
        bool set = co_await setting;
        CHECK_FALSE(set);
        setting = global::set_lock(shared, global::all_nodes(), 0);
        set = co_await setting;
        CHECK(set);
        auto deleting = global::del_lock(shared);
        co_await deleting;
        setting = global::set_lock(theirs, global::all_nodes(), 0);
        set = co_await setting;
        CHECK_FALSE(set);
        auto working = global::trans(
            theirs, [] { return [](term t) -> awaitable<term> { co_return t; }(term(7)); },
            global::all_nodes(), 0);
        const std::optional<term> aborted = co_await working;
        CHECK_FALSE(aborted);
    });
    run_in(*a, [](self) -> awaitable<void> {
        exit(*whereis(atom("holder")), atoms::kill);
        co_return;
    });
    run_in(*b, [](self) -> awaitable<void> {
        const global::lock_id id(atom("resource"), 2);
        auto working = global::trans(
            id, [] { return [](term t) -> awaitable<term> { co_return t; }(term(7)); });
        const std::optional<term> gave = co_await working;
        CHECK(gave == term(7));
        // Taken back also when the work throws.
        auto failing = global::trans(id, [] {
            return []() -> awaitable<term> {
                exit(atom("oops"));
                co_return term();
            }();
        });
        bool thrown = false;
        try {
            (void)co_await failing;
        } catch (const exit_exception& e) {
            thrown = e.reason == atom("oops");
        }
        CHECK(thrown);
        const global::lock_id other(atom("resource"), 3);
        auto setting = global::set_lock(other, global::all_nodes(), 0);
        const bool set = co_await setting;
        CHECK(set);
    });
}

TEST_CASE(
    "a server started under a global name is one on all nodes, and a supervisor's child keeps its "
    "name") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    connect(a, b);
    is_in_mesh(a, {b.name()});
    a->spawn([](self me) -> process {
        supervisor_flags flags;
        std::vector<child_spec> children;
        children.emplace_back(term(1), global::child<answerer>(global::name(atom("answerer")), 42));
        children.emplace_back(term(2),
                              global::child<slow_answerer>(global::name(atom("slow")), 43));
        auto starting = supervisor::start_link(flags, std::move(children));
        start_result r = co_await starting;
        CHECK_MESSAGE(r, to_string(r ? term() : r.error()));
        register_name(atom("ready"), me.id());
        co_await me.sleep_for(infinity{});
    });
    test::await_name(*a, "ready");
    run_in(*b, [](self me) -> awaitable<void> {
        me.trap_exit(true);
        const global::name answering(atom("answerer")), slow(atom("slow")), nobody(atom("nobody"));
        int n = co_await call<get>(answering);
        CHECK(n == 42);
        n = co_await call<get>(slow);
        CHECK(n == 43);
        auto asked = send_request(nobody, get{});
        outcome<int> none = co_await asked.outcome();
        CHECK(none.error().elements()[0] == atoms::noproc);
        const pid first = *answering.whereis();
        auto starting = global::start_link<answerer>(answering, 1);
        const start_result second = co_await starting;
        CHECK(second.error() == tuple(atoms::already_started, first));
        exit(first, atoms::kill);
        auto seeing = eventually(me, [&] {
            const auto now = answering.whereis();
            return now && *now != first;
        });
        const bool back = co_await seeing;
        CHECK(back);
        n = co_await call<get>(answering);
        CHECK(n == 42);
    });
}

TEST_CASE("groups of pg's default scope are shared by nodes, and a lost node's members are gone") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    const auto join = [](self) -> awaitable<void> {
        pg::join(pg::default_scope(), 1, spawn(test::idle));
        co_return;
    };
    const auto sees = [](self me, std::size_t count) -> awaitable<void> {
        auto seeing =
            eventually(me, [&] { return pg::get_members(pg::default_scope(), 1).size() == count; });
        const bool so = co_await seeing;
        CHECK(so);
    };
    run_in(*a, join);
    run_in(*b, join);
    connect(a, b);
    run_in(*a, sees, std::size_t(2));
    run_in(*b, sees, std::size_t(2));
    // What global still had to say would connect them again.
    is_in_mesh(a, {b.name()});
    is_in_mesh(b, {a.name()});
    run_in(
        *a,
        [](self, atom other) -> awaitable<void> {
            CHECK(disconnect_node(other));
            co_return;
        },
        b.name());
    run_in(*a, sees, std::size_t(1));
    run_in(*b, sees, std::size_t(1));
    connect(b, a);
    run_in(*a, sees, std::size_t(2));
    run_in(*b, sees, std::size_t(2));
    b.die();
    run_in(*a, sees, std::size_t(1));
}
