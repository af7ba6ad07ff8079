#include "libbeamcore/otp/sys.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

struct get_value {
    using reply = int;
};
struct put_value {
    int value;
    BEAM_FIELDS(put_value, value)
};

class cell : public gen_server<cell> {
public:
    using calls = messages<get_value>;
    using casts = messages<put_value>;

    cell() = default;
    explicit cell(int v) : value(v) {}
    int handle_call(get_value) { return value; }
    void handle_cast(put_value m) { value = m.value; }
    void terminate(const term& reason) { ended_with = reason; }
    result<void> code_change(const term& old_vsn, const term&, const term& extra) {
        if (extra == atom("fail")) return fail("not_now");
        if (extra == atom("crash")) raise(atom("broken"));
        changed_from = old_vsn.as_int<int>().value_or(-1);
        return {};
    }

    BEAM_FIELDS(cell, value, changed_from)

    int value = 0;
    int changed_from = 0;
    static inline term ended_with;
};

// No fields declared: its state cannot be seen, only replaced by a restart.
class closed : public gen_server<closed> {
public:
    using calls = messages<get_value>;
    int handle_call(get_value) { return 1; }
};

class discreet : public gen_server<discreet> {
public:
    term format_status(atom why) const { return tuple(atom("secret"), why); }
    BEAM_FIELDS(discreet, password)
    std::string password = "1234";
};

// The exit reason of a process that does `code`.
template <class F, class... Args>
awaitable<term> exit_of(self s, F code, Args... args) {
    auto p = beam::spawn_monitor(
        [](self me, F f, Args... a) -> process {
            auto work = f(me, std::move(a)...);
            co_await work;
        },
        code, std::move(args)...);
    ref watched = p.monitor;
    auto down = co_await s.receive_if<down_message>(
        [watched](const down_message& d) { return d.monitor == watched; }, 1h);
    co_return down ? down->reason : term(atom("still_alive"));
}

term value_is(int v) {
    return map({{atom("value"), v}, {atom("changed_from"), 0}});
}

}  // namespace

TEST_CASE("SYS-01: get_state and replace_state, while suspended too") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(3);
        term state = co_await sys::get_state(*p);
        CHECK(state == value_is(3));
        term next = co_await sys::replace_state(
            *p, [](term old) { return map_put(old, atom("value"), 4); });
        CHECK(next == value_is(4));
        int value = co_await beam::call<get_value>(*p);
        CHECK(value == 4);
        co_await sys::suspend(*p);
        term suspended = co_await sys::replace_state(
            *p, [](term old) { return map_put(old, atom("value"), 5); });
        CHECK(suspended == value_is(5));
        term again = co_await sys::get_state(*p);
        CHECK(again == value_is(5));
        co_await sys::resume(*p);
        value = co_await beam::call<get_value>(*p);
        CHECK(value == 5);
        auto q = start<closed>();
        term opaque = co_await sys::get_state(*q);
        CHECK(shown(opaque) == "{opaque,closed}");
    });
}

TEST_CASE("SYS-02: a replace_state whose function raises exits the caller and harms nobody") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<cell>(3);
        term why = co_await exit_of(
            s,
            [](self, pid server) -> awaitable<void> {
                (void)co_await sys::replace_state(server, [](term) -> term { raise(atom("bad")); });
            },
            *p);
        CHECK(element(1, why) == atom("callback_failed"));
        CHECK(shown(element(2, why)) == "{cell,system_replace_state}");
        // What is no state of the class is refused likewise.
        term wrong = co_await exit_of(
            s,
            [](self, pid server) -> awaitable<void> {
                (void)co_await sys::replace_state(server, [](term) {
                    return map({{atom("value"), atom("many")}});
                });
            },
            *p);
        CHECK(element(1, wrong) == atom("callback_failed"));
        term state = co_await sys::get_state(*p);
        CHECK(state == value_is(3));
    });
}

TEST_CASE("SYS-03: suspended, user messages wait; a call times out; resumed, they come in order") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(0);
        co_await sys::suspend(*p);
        auto request = beam::call<get_value>(*p, timeout(100ms));
        auto r = co_await request.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::timeout);
        for (int i = 1; i <= 10; ++i) beam::cast<put_value>(*p, i);
        auto last = beam::call<get_value>(*p);
        beam::cast<put_value>(*p, 11);
        term state = co_await sys::get_state(*p);
        CHECK(state == value_is(0));
        co_await sys::resume(*p);
        int value = co_await std::move(last);
        CHECK(value == 10);
        value = co_await beam::call<get_value>(*p);
        CHECK(value == 11);
    });
}

TEST_CASE("SYS-04: suspending or resuming twice is ok") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(1);
        co_await sys::suspend(*p);
        co_await sys::suspend(*p);
        co_await sys::resume(*p);
        co_await sys::resume(*p);
        int value = co_await beam::call<get_value>(*p);
        CHECK(value == 1);
    });
}

TEST_CASE("SYS-05: change_code on a suspended process calls code_change and takes its state") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(7);
        co_await sys::suspend(*p);
        auto r = co_await sys::change_code(*p, atom("cell"), 3, atoms::undefined);
        CHECK(r.has_value());
        co_await sys::resume(*p);
        term state = co_await sys::get_state(*p);
        CHECK(state == map({{atom("value"), 7}, {atom("changed_from"), 3}}));
        int value = co_await beam::call<get_value>(*p);
        CHECK(value == 7);
    });
}

TEST_CASE("SYS-06: change_code on a running process is an unknown system message") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(7);
        auto r = co_await sys::change_code(*p, atom("cell"), 3, atoms::undefined);
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atom("unknown_system_msg"));
    });
}

TEST_CASE("SYS-07: a code_change that fails or crashes leaves the old state") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(7);
        co_await sys::suspend(*p);
        auto failed = co_await sys::change_code(*p, atom("cell"), 3, atom("fail"));
        REQUIRE(!failed.has_value());
        CHECK(shown(failed.error()) == "{error,not_now}");
        auto crashed = co_await sys::change_code(*p, atom("cell"), 3, atom("crash"));
        REQUIRE(!crashed.has_value());
        CHECK(element(1, crashed.error()) == atoms::EXIT);
        CHECK(element(1, element(2, crashed.error())) == atom("broken"));
        auto q = start<closed>();
        co_await sys::suspend(*q);
        auto impossible = co_await sys::change_code(*q, atom("closed"), 1, atoms::undefined);
        // An empty class needs no fields to be made anew, but its state could not be carried over.
        CHECK(!impossible.has_value());
        co_await sys::resume(*p);
        term state = co_await sys::get_state(*p);
        CHECK(state == value_is(7));
    });
}

TEST_CASE("SYS-08: terminate tells the caller ok, calls terminate and ends with the reason") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        for (bool suspended : {false, true}) {
            cell::ended_with = {};
            auto p = start_monitor<cell>(1);
            if (suspended) co_await sys::suspend(p->pid);
            co_await sys::terminate(p->pid, atom("enough"));
            ref watched = p->monitor;
            auto down = co_await s.receive_if<down_message>(
                [watched](const down_message& d) { return d.monitor == watched; }, 1h);
            REQUIRE(down.has_value());
            CHECK(down->reason == atom("enough"));
            CHECK(cell::ended_with == atom("enough"));
        }
        cell::ended_with = {};
    });
}

TEST_CASE("SYS-09: get_status") {
    in_node([](self s) -> awaitable<void> {
        auto p = start_link<cell>(1);
        term status = co_await sys::get_status(*p);
        CHECK(element(1, status) == atoms::status);
        CHECK(element(2, status).as_pid() == *p);
        CHECK(shown(element(3, status)) == "{module,gen_server}");
        auto details = element(4, status).as_list();
        REQUIRE(details.has_value());
        REQUIRE(details->size() == 5);
        CHECK((*details)[0].is_list());
        CHECK((*details)[1] == atoms::running);
        CHECK((*details)[2].as_pid() == s.id());
        CHECK((*details)[3].is_nil());
        CHECK(shown((*details)[4]).find("value => 1") != std::string::npos);
        // Observers take it apart: the tags are atoms and the texts lists of characters.
        const auto misc = (*details)[4].as_list();
        REQUIRE(misc.has_value());
        REQUIRE(misc->size() == 3);
        CHECK((*misc)[0] == tuple(atom("header"), charlist("Status for generic server cell")));
        CHECK((*misc)[1] == tuple(atoms::data, list({tuple(charlist("Status"), atoms::running),
                                                     tuple(charlist("Parent"), s.id()),
                                                     tuple(charlist("Logged events"), nil)})));
        CHECK((*misc)[2].is_tagged(atoms::data, 2));
        co_await sys::suspend(*p);
        status = co_await sys::get_status(*p);
        details = element(4, status).as_list();
        CHECK((*details)[1] == atoms::suspended);

        auto q = start<discreet>();
        status = co_await sys::get_status(*q);
        CHECK(shown(status).find("1234") == std::string::npos);
        CHECK(shown(status).find("{secret,normal}") != std::string::npos);
    });
}

TEST_CASE("SYS-10: statistics count what comes in and goes out; switched off there are none") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(1);
        auto none = co_await sys::get_statistics(*p);
        CHECK(!none.has_value());
        co_await sys::statistics(*p, true);
        for (int i = 0; i < 3; ++i) beam::cast<put_value>(*p, i);
        (void)co_await beam::call<get_value>(*p);
        auto some = co_await sys::get_statistics(*p);
        REQUIRE(some.has_value());
        CHECK(some->messages_in == 4);
        CHECK(some->messages_out == 1);
        CHECK(some->reductions > 0);
        CHECK(some->start_time_ns > 0);
        CHECK(some->current_time_ns >= some->start_time_ns);
        co_await sys::statistics(*p, false);
        none = co_await sys::get_statistics(*p);
        CHECK(!none.has_value());
    });
}

TEST_CASE("SYS-11: log keeps the last events; after false there are none") {
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(1);
        co_await sys::log(*p, true);
        for (int i = 0; i < 20; ++i) beam::cast<put_value>(*p, i);
        auto events = co_await sys::get_log(*p);
        CHECK(events.size() == 10);
        co_await sys::log(*p, true, 3);
        (void)co_await beam::call<get_value>(*p);
        events = co_await sys::get_log(*p);
        REQUIRE(events.size() == 3);
        CHECK(element(1, events[0]) == atoms::noreply);
        CHECK(element(1, events[1]) == atom("in"));
        CHECK(element(1, element(2, events[1])) == atoms::gen_call);
        CHECK(element(1, events[2]) == atom("out"));
        CHECK(element(2, events[2]).as_int<int>() == 19);
        co_await sys::log(*p, false);
        events = co_await sys::get_log(*p);
        CHECK(events.empty());
    });
}

TEST_CASE("SYS-12: an installed function is called for each event until it is done") {
    in_node([](self s) -> awaitable<void> {
        auto p = start<cell>(1);
        pid me = s.id();
        co_await sys::install(
            *p, atom("watcher"),
            [me](term state, term event, term) -> term {
                int n = state.as_int<int>().value_or(0) + 1;
                beam::send(me, tuple(n, element(1, event)));
                if (n == 3) return atom("done");
                return n;
            },
            0);
        for (int i = 0; i < 5; ++i) beam::cast<put_value>(*p, i);
        (void)co_await beam::call<get_value>(*p);
        std::string got;
        while (message m = s.try_receive()) got += shown(m.to_term());
        CHECK(got == "{1,in}{2,noreply}{3,in}");

        co_await sys::install(
            *p, atom("other"),
            [me](term, term event, term) -> term {
                beam::send(me, element(1, event));
                return atoms::undefined;
            },
            0);
        co_await sys::remove(*p, atom("other"));
        (void)co_await beam::call<get_value>(*p);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("trace writes events to the log") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        auto p = start<cell>(1);
        co_await sys::trace(*p, true);
        (void)co_await beam::call<get_value>(*p);
        co_await sys::trace(*p, false);
        (void)co_await beam::call<get_value>(*p);
    });
    CHECK(log.count("system event") == 2);
}

TEST_CASE("SYS-13: a sys call to a dead name exits with noproc; the default limit is 5 seconds") {
    in_node([](self s) -> awaitable<void> {
        term why = co_await exit_of(s, [](self) -> awaitable<void> {
            (void)co_await sys::get_state(atom("nobody_has_this"));
        });
        CHECK(element(1, why) == atoms::noproc);
        CHECK(shown(element(2, why)) == "{sys,get_state,[nobody_has_this,5000]}");
        // A plain process never answers.
        pid deaf = beam::spawn([](self me) -> process { co_await me.sleep_for(1h); });
        auto began = monotonic_time();
        why = co_await exit_of(
            s, [](self, pid p) -> awaitable<void> { co_await sys::suspend(p); }, deaf);
        CHECK(element(1, why) == atoms::timeout);
        auto took = monotonic_time() - began;
        CHECK(took >= 5s);
        CHECK(took < 5100ms);
    });
}

TEST_CASE("a suspended server that traps exits still ends when its parent dies") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        pid parent = beam::spawn(
            [](self me, pid test) -> process {
                auto p = start_link<cell>(1);
                co_await sys::suspend(*p);
                beam::send(test, *p);
                co_await me.sleep_for(1h);
            },
            s.id());
        pid child = co_await s.receive<pid>();
        ref watched = monitor(child);
        exit(parent, atom("gone"));
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(down->reason == atom("gone"));
    });
}
