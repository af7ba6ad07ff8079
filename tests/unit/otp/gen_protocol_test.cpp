// Behaviours as other nodes see them: their messages written as OTP writes them.
#include <memory>
#include <string>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/two_nodes.hpp"

using namespace beam;
using namespace test;

namespace {

namespace calls_of_it {
struct get {
    using reply = int;
    BEAM_FIELDS(get)
};
struct increment_by {
    using reply = int;
    int amount;
    BEAM_FIELDS(increment_by, amount)
};
struct never {
    using reply = void;
    BEAM_FIELDS(never)
};
}  // namespace calls_of_it

struct increment_by {
    int amount;
    BEAM_FIELDS(increment_by, amount)
};
struct crash {
    term reason;
    BEAM_FIELDS(crash, reason)
};

class counter : public gen_server<counter> {
public:
    using calls = messages<calls_of_it::get, calls_of_it::increment_by, calls_of_it::never>;
    using casts = messages<increment_by>;
    using infos = messages<crash>;

    int handle_call(calls_of_it::get) { return count_; }
    int handle_call(calls_of_it::increment_by m) { return count_ += m.amount; }
    call_result<void> handle_call(calls_of_it::never) { return noreply{}; }
    void handle_cast(increment_by m) { count_ += m.amount; }
    void handle_info(crash m) { exit(m.reason); }
    void handle_info(term t) { last_ = std::move(t); }

    BEAM_FIELDS(counter, count_, last_)

private:
    int count_ = 0;
    term last_;
};

// What the other node's client does, as gen.erl.
awaitable<term> gen_call(self me, server_ref to, term request, term label = atoms::gen_call) {
    const ref m = monitor(to);
    send(to, tuple(label, tuple(me.id(), m), std::move(request)));
    term t = co_await me.receive<term>();
    demonitor(m);
    CHECK(t.elements()[0] == m);
    co_return t.elements()[1];
}

process server_at_b(self) {
    (void)start_link<counter>(server_options(server_name(atom("counter"))));
    co_await this_process().sleep_for(infinity{});
}

}  // namespace

TEST_CASE("a gen_server answers calls and takes casts and infos that are terms") {
    two_nodes n;
    n.b.spawn(server_at_b);
    await_name(n.b, "counter");
    run_in(n.a, [](self me) -> awaitable<void> {
        const server_ref c(atom("counter"), two_nodes::id_b.name);
        term r = co_await gen_call(me, c, tuple(atom("increment_by"), 5));
        CHECK(r == 5);
        send(c, tuple(atoms::gen_cast, tuple(atom("increment_by"), 2)));
        send(c, tuple(atom("something"), 1));
        r = co_await gen_call(me, c, atom("get"));
        CHECK(r == 7);
        // The fields by name.
        const term by_name = map({{atom("amount"), 3}});
        r = co_await gen_call(me, c, tuple(atom("increment_by"), by_name));
        CHECK(r == 10);
        const ref watch = monitor(c);
        send(c, tuple(atom("crash"), tuple(atom("because"), "I say so")));
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == watch);
        CHECK(d.reason == tuple(atom("because"), "I say so"));
    });
}

TEST_CASE("typed calls and casts reach a server on another node") {
    two_nodes n;
    n.b.spawn(server_at_b);
    await_name(n.b, "counter");
    run_in(n.a, [](self) -> awaitable<void> {
        const server_ref c(atom("counter"), two_nodes::id_b.name);
        cast<increment_by>(c, 4);
        int got = co_await call<calls_of_it::increment_by>(c, 3);
        CHECK(got == 7);
        got = co_await call<calls_of_it::get>(c);
        CHECK(got == 7);
        auto silent = send_request(c, calls_of_it::never{}, std::chrono::milliseconds(20));
        auto r = co_await silent.outcome();
        CHECK(r.error().elements()[0] == atoms::timeout);
    });
}

TEST_CASE("sys requests of another node are answered as OTP does") {
    two_nodes n;
    n.b.spawn(server_at_b);
    await_name(n.b, "counter");
    run_in(n.a, [](self me) -> awaitable<void> {
        const server_ref c(atom("counter"), two_nodes::id_b.name);
        const term system = atoms::system;
        term r = co_await gen_call(me, c, tuple(atom("increment_by"), 6));
        r = co_await gen_call(me, c, atoms::get_state, system);
        CHECK(*r.map_find(atom("count_")) == 6);
        r = co_await gen_call(me, c, atoms::get_status, system);
        CHECK(r.is_tagged(atoms::status, 4));
        CHECK(r.elements()[2] == tuple(atoms::module_, atoms::gen_server));
        r = co_await gen_call(me, c, atoms::suspend, system);
        CHECK(r == atoms::ok);
        send(c, tuple(atoms::gen_cast, tuple(atom("increment_by"), 1)));
        r = co_await gen_call(me, c, atoms::get_state, system);
        CHECK(*r.map_find(atom("count_")) == 6);
        r = co_await gen_call(me, c, atoms::resume, system);
        CHECK(r == atoms::ok);
        r = co_await gen_call(me, c, atom("get"));
        CHECK(r == 7);
        r = co_await gen_call(me, c, atom("nonsense"), system);
        CHECK(r == tuple(atoms::error, tuple(atom("unknown_system_msg"), atom("nonsense"))));
        r = co_await gen_call(me, c, tuple(atom("debug"), tuple(atoms::statistics, true)), system);
        CHECK(r == atoms::ok);
        r = co_await gen_call(me, c, tuple(atom("debug"), tuple(atoms::statistics, atom("get"))),
                              system);
        CHECK(r.is_tagged(atoms::ok, 2));
        const ref watch = monitor(c);
        r = co_await gen_call(me, c, tuple(atom("terminate"), atom("enough")), system);
        CHECK(r == atoms::ok);
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == watch);
        CHECK(d.reason == atom("enough"));
    });
}

TEST_CASE("a call that a server does not know ends it, and its caller is told") {
    two_nodes n;
    n.b.spawn(server_at_b);
    await_name(n.b, "counter");
    run_in(n.a, [](self me) -> awaitable<void> {
        const server_ref c(atom("counter"), two_nodes::id_b.name);
        const ref m = monitor(c);
        send(c, tuple(atoms::gen_call, tuple(me.id(), m), atom("what")));
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason.elements()[0] == atoms::function_clause);
    });
}

namespace {

struct counting_sup {
    static supervisor_init init() {
        return {{}, {{"counter", child<counter>()}, {"other", child<counter>()}}};
    }
};

process supervisor_at_b(self me) {
    auto r = co_await supervisor::start_link_named<counting_sup>(server_name(atom("counting_sup")));
    CHECK(r.has_value());
    co_await me.sleep_for(infinity{});
}

}  // namespace

TEST_CASE("a supervisor's calls work from another node, as terms and typed") {
    two_nodes n;
    n.b.spawn(supervisor_at_b);
    await_name(n.b, "counting_sup");
    run_in(n.a, [](self me) -> awaitable<void> {
        const server_ref sup(atom("counting_sup"), two_nodes::id_b.name);
        term r = co_await gen_call(me, sup, atom("which_children"));
        auto children = r.as_list();
        REQUIRE(children);
        REQUIRE(children->size() == 2);
        const auto last = (*children)[1].elements();
        CHECK(last[0] == "counter");
        CHECK(last[2] == atoms::worker);
        const auto p = last[1].as_pid();
        REQUIRE(p);
        CHECK(node(*p) == two_nodes::id_b.name);
        r = co_await gen_call(me, sup, atom("count_children"));
        CHECK(r == list({tuple(atom("specs"), 2), tuple(atom("active"), 2),
                         tuple(atom("supervisors"), 0), tuple(atom("workers"), 2)}));
        r = co_await gen_call(me, sup, tuple(atom("get_childspec"), "counter"));
        CHECK(r.is_tagged(atoms::ok, 2));
        CHECK(*r.elements()[1].map_find(atom("restart")) == atom("permanent"));
        r = co_await gen_call(me, sup, tuple(atom("get_childspec"), "nobody"));
        CHECK(r == tuple(atoms::error, atoms::not_found));

        monitor(*p);
        r = co_await gen_call(me, sup, tuple(atom("terminate_child"), "counter"));
        CHECK(r == atoms::ok);
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atoms::shutdown);
        r = co_await gen_call(me, sup, tuple(atom("restart_child"), "counter"));
        CHECK(r.is_tagged(atoms::ok, 2));
        r = co_await gen_call(me, sup, atoms::get_state, atoms::system);
        CHECK(r.is_map());

        // The functions of this library, too.
        auto typed = co_await supervisor::which_children(sup);
        CHECK(typed.size() == 2);
        auto counts = co_await supervisor::count_children(sup);
        CHECK(counts.active == 2);
        auto gone = co_await supervisor::terminate_child(sup, "nobody");
        CHECK(gone.error() == atoms::not_found);
    });
}
