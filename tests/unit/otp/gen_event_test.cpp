#include "libbeamcore/otp/gen_event.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "node.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

// What handlers saw, in order. A test runs on one thread.
std::vector<std::string> seen;

std::string seen_text() {
    std::string all;
    for (const auto& s : std::exchange(seen, {})) all += all.empty() ? s : " " + s;
    return all;
}

struct said {
    std::string text;
    BEAM_FIELDS(said, text)
};
struct other_event {
    int n;
};
struct nobodys {};
struct plain_info {
    int n;
};
struct fail_by {
    term reason;
    bool raises;
};
struct leave_now {};
struct become_other {};
struct rest_now {};

struct get_count {
    using reply = int;
};
struct add_to_count {
    using reply = int;
    int amount;
};
struct fail_call {
    using reply = int;
};
struct leave_with {
    using reply = std::string;
};
struct become_by_call {
    using reply = int;
};
struct throw_answer {
    using reply = int;
};
struct nothing_much {
    using reply = void;
};
struct unlisted_call {
    using reply = int;
};

class second;

class note : public gen_event_handler<note> {
public:
    using events = messages<said, other_event, fail_by, leave_now, become_other, rest_now>;
    using infos = messages<plain_info>;
    using calls = messages<get_count, add_to_count, fail_call, leave_with, become_by_call,
                           throw_answer, nothing_much>;

    note() = default;
    explicit note(std::string name) : name(std::move(name)) {
        if (this->name == "broken") beam::exit(atom("cannot"));
        if (this->name == "refusing") throw stop_with{atom("not_today")};
    }
    note(const std::string& name, const swapped& before) : name(name) {
        seen.push_back(name + " after " + shown(before.from_old));
    }

    void handle_event(const said& e) {
        ++count;
        seen.push_back(name + ":" + e.text);
    }
    void handle_event(const other_event& e) { seen.push_back(name + "#" + std::to_string(e.n)); }
    void handle_event(const fail_by& e) {
        if (e.raises) raise(e.reason);
        throw e.reason;
    }
    event_result handle_event(const leave_now&) { return remove_handler{}; }
    event_result handle_event(const become_other&);
    event_result handle_event(const rest_now&) { return then::hibernate(); }

    void handle_info(const plain_info& m) { seen.push_back(name + " info " + std::to_string(m.n)); }
    void handle_info(const exit_message& m) { seen.push_back(name + " EXIT " + shown(m.reason)); }

    int handle_call(get_count) { return count; }
    int handle_call(add_to_count m) { return count += m.amount; }
    int handle_call(fail_call) { raise(atom("oops")); }
    event_call_result<std::string> handle_call(leave_with) {
        return {std::string("bye"), remove_handler{}};
    }
    event_call_result<int> handle_call(become_by_call);
    int handle_call(throw_answer) { throw event_call_result<int>(7); }
    void handle_call(nothing_much) { seen.push_back("nothing_much"); }

    term terminate(const term& why) {
        seen.push_back(name + " ends " + shown(why));
        if (why == atom("badly")) raise(atom("worse"));
        return tuple(atom("left"), count);
    }
    void hibernate() { seen.push_back(name + " hibernates"); }
    result<void> code_change(const term& old_vsn, const term&, const term& extra) {
        if (extra == atom("fail")) return fail("not_now");
        if (extra == name) raise(atom("broken"));
        changed_from = old_vsn.as_int<int>().value_or(-1);
        return {};
    }

    BEAM_FIELDS(note, name, count, changed_from)

    std::string name = "?";
    int count = 0;
    int changed_from = 0;
};

class second : public gen_event_handler<second> {
public:
    using events = messages<said>;
    using calls = messages<get_count>;

    static init_result<second> init(int start, const swapped& before) {
        seen.push_back("second after " + shown(before.from_old));
        if (start < 0) return stop_with{atom("negative")};
        return second(start);
    }
    static init_result<second> init(int start) {
        if (start < 0) return stop_with{atom("negative")};
        if (start == 0) return ignore{};
        return second(start);
    }
    void handle_event(const said& e) { seen.push_back("second:" + e.text); }
    int handle_call(get_count) { return start_; }

private:
    explicit second(int start) : start_(start) {}
    int start_;
};

event_result note::handle_event(const become_other&) {
    return gen_event::swap_to<second>(atom("swapping"), gen_event::id(1), 5);
}
event_call_result<int> note::handle_call(become_by_call) {
    return {count, gen_event::swap_to<second>(atom("by_call"), 6)};
}

class discreet : public gen_event_handler<discreet> {
public:
    using events = messages<fail_by>;
    void handle_event(const fail_by& e) { raise(e.reason); }
    term format_status(atom why) const { return tuple(atom("secret"), why); }
    BEAM_FIELDS(discreet, password)
    std::string password = "1234";
};

pid started_manager() {
    seen.clear();
    auto p = gen_event::start();
    REQUIRE(p.has_value());
    return *p;
}

awaitable<void> add(pid manager, std::string name) {
    auto r = co_await gen_event::add_handler<note>(manager, gen_event::id(atom(name)), name);
    REQUIRE(r.has_value());
}

awaitable<std::string> handlers_of(pid manager) {
    term all = co_await gen_event::which_handlers(manager);
    co_return shown(all);
}

// The next gen_event_exit, as Erlang shows it.
awaitable<std::string> next_exit(self s) {
    auto e = co_await s.receive_for<gen_event_exit>(1h);
    if (!e) co_return "none";
    co_return shown(e->handler) + " " + shown(e->reason);
}

}  // namespace

TEST_CASE("GEV-01: an event goes to all handlers that list it, the newest first") {
    test::simulated([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        co_await add(m, "b");
        gen_event::notify<said>(m, "x");
        gen_event::notify<other_event>(m, 3);
        gen_event::notify<nobodys>(m);
        std::string all = co_await handlers_of(m);
        CHECK(all == "[{note,b},{note,a}]");
        CHECK(seen_text() == "b:x a:x b#3 a#3");
        // One of another class that lists one of them only.
        auto r = co_await gen_event::add_handler<second>(m, 1);
        REQUIRE(r.has_value());
        gen_event::notify(m, said{"y"});
        gen_event::notify<other_event>(m, 4);
        co_await gen_event::sync_notify<nobodys>(m);
        CHECK(seen_text() == "second:y b:y a:y b#4 a#4");
    });
}

TEST_CASE("GEV-02: a handler that throws is taken out and reported; all others live") {
    log_capture log;
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        auto r = co_await gen_event::add_handler<discreet>(m);
        REQUIRE(r.has_value());
        fail_by bad{atom("oops"), true};
        co_await gen_event::sync_notify(m, bad);
        std::string all = co_await handlers_of(m);
        CHECK(all == "[]");
        std::string said_last = seen_text();
        CHECK(said_last.starts_with("a ends {error,{'EXIT',{oops,["));
        // What is thrown and is no exception is a value that handle_event must not give.
        co_await add(m, "b");
        fail_by value{atom("nonsense"), false};
        co_await gen_event::sync_notify(m, value);
        CHECK(seen_text() == "b ends {error,nonsense}");
        co_await add(m, "c");
        co_await gen_event::sync_notify<said>(m, "x");
        CHECK(seen_text() == "c:x");
    });
    CHECK(log.count("event handler crashed") == 3);
    CHECK(log.count("process crashed") == 0);
    CHECK(log.field("event handler crashed", "handler") == "discreet");
    CHECK(log.field("event handler crashed", "state") == "{secret,terminate}");
    CHECK(log.field("event handler crashed", "reason").starts_with("{'EXIT',{oops,"));
    CHECK(log.field("event handler crashed", "last_message").find("fail_by") != std::string::npos);
}

TEST_CASE("GEV-03: who added a handler supervised is told of its crash") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        pid m = started_manager();
        auto r = co_await gen_event::add_sup_handler<note>(m, std::string("a"));
        REQUIRE(r.has_value());
        gen_event::notify(m, fail_by{atom("oops"), true});
        std::string told = co_await next_exit(s);
        CHECK(told.starts_with("note {'EXIT',{oops,["));
        r = co_await gen_event::add_sup_handler<note>(m, gen_event::id(1), std::string("a"));
        gen_event::notify(m, fail_by{atom("value"), false});
        told = co_await next_exit(s);
        CHECK(told == "{note,1} value");
    });
}

TEST_CASE("GEV-04: a handler that wants to go is terminated with remove_handler") {
    in_node([](self s) -> awaitable<void> {
        pid m = started_manager();
        auto r = co_await gen_event::add_sup_handler<note>(m, std::string("a"));
        REQUIRE(r.has_value());
        co_await gen_event::sync_notify<leave_now>(m);
        CHECK(seen_text() == "a ends remove_handler");
        std::string told = co_await next_exit(s);
        CHECK(told == "note normal");
        r = co_await gen_event::add_sup_handler<note>(m, std::string("b"));
        auto bye = co_await gen_event::call<note, leave_with>(m);
        REQUIRE(bye.has_value());
        CHECK(*bye == "bye");
        told = co_await next_exit(s);
        CHECK(told == "note normal");
        std::string all = co_await handlers_of(m);
        CHECK(all == "[]");
    });
}

TEST_CASE("GEV-05: with its adder a supervised handler goes; others hear of the exit") {
    test::simulated([](self s) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        auto adder = beam::spawn_monitor(
            [](self, pid manager) -> process {
                auto r = co_await gen_event::add_sup_handler<note>(manager, std::string("b"));
                if (r) beam::exit(atom("gone"));
            },
            m);
        ref watched = adder.monitor;
        (void)co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        // The exit signal has been on its way since before the adder was seen to be down.
        std::string all = co_await handlers_of(m);
        CHECK(all == "[{note,a}]");
        CHECK(seen_text() == "b ends {stop,gone} a EXIT gone");
    });
}

TEST_CASE("GEV-06: delete_handler gives what terminate gave") {
    in_node([](self s) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        co_await gen_event::sync_notify<said>(m, "x");
        seen.clear();
        auto left =
            co_await gen_event::delete_handler<note>(m, gen_event::id(atom("a")), atom("enough"));
        REQUIRE(left.has_value());
        CHECK(shown(*left) == "{left,1}");
        CHECK(seen_text() == "a ends enough");
        left = co_await gen_event::delete_handler<note>(m, gen_event::id(atom("a")));
        REQUIRE(!left.has_value());
        CHECK(shown(left.error()) == "module_not_found");
        left = co_await gen_event::delete_handler<note>(m);
        CHECK(!left.has_value());
        // Without a terminate: ok. One that throws: its exit.
        auto r = co_await gen_event::add_handler<second>(m, 1);
        left = co_await gen_event::delete_handler<second>(m);
        REQUIRE(left.has_value());
        CHECK(shown(*left) == "ok");
        r = co_await gen_event::add_sup_handler<note>(m, std::string("c"));
        left = co_await gen_event::delete_handler<note>(m, atom("badly"));
        REQUIRE(!left.has_value());
        CHECK(shown(left.error()).starts_with("{'EXIT',{worse,"));
        std::string told = co_await next_exit(s);
        CHECK(told == "note normal");
    });
}

TEST_CASE("GEV-07: calls to one handler; to none; to one that throws") {
    log_capture quiet;
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        auto r = co_await gen_event::add_handler<note>(m, std::string("plain"));
        REQUIRE(r.has_value());
        auto n = co_await gen_event::call<note, add_to_count>(m, gen_event::id(atom("a")), 3);
        CHECK(n == 3);
        n = co_await gen_event::call<note, get_count>(m);
        CHECK(n == 0);
        n = co_await gen_event::call<note, throw_answer>(m);
        CHECK(n == 7);
        auto nothing = co_await gen_event::call<note, nothing_much>(m);
        CHECK(nothing.has_value());
        n = co_await gen_event::call<second, get_count>(m);
        REQUIRE(!n.has_value());
        CHECK(shown(n.error()) == "bad_module");
        n = co_await gen_event::call<note, unlisted_call>(m);
        REQUIRE(!n.has_value());
        CHECK(shown(n.error()) == "bad_module");
        seen.clear();
        n = co_await gen_event::call<note, fail_call>(m);
        REQUIRE(!n.has_value());
        CHECK(shown(n.error()).starts_with("{'EXIT',{oops,"));
        CHECK(seen_text().starts_with("plain ends {error,{'EXIT',{oops,"));
        std::string all = co_await handlers_of(m);
        CHECK(all == "[{note,a}]");
        // A time-out is the caller's; the manager goes on.
        co_await sys::suspend(m);
        auto late = beam::spawn_monitor(
            [](self, pid manager) -> process {
                (void)co_await gen_event::send_request<note>(manager, gen_event::id(atom("a")),
                                                             add_to_count{1}, timeout(10ms));
            },
            m);
        self me = this_process();
        ref watched = late.monitor;
        auto down = co_await me.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(element(1, down->reason) == atoms::timeout);
        co_await sys::resume(m);
        n = co_await gen_event::call<note, get_count>(m, gen_event::id(atom("a")));
        CHECK(n == 4);
    });
}

TEST_CASE("GEV-08: a swap passes on what the old handler leaves") {
    in_node([](self s) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        auto r = co_await gen_event::swap_handler<second>(m, gen_event::handler<note>(atom("a")),
                                                          atom("old_args"), gen_event::id(2), 4);
        CHECK(r.has_value());
        CHECK(seen_text() == "a ends old_args second after {left,0}");
        std::string all = co_await handlers_of(m);
        CHECK(all == "[{second,2}]");
        // No old one: the new one comes all the same.
        r = co_await gen_event::swap_handler<note>(m, gen_event::handler<note>(), atom("x"),
                                                   std::string("b"));
        CHECK(r.has_value());
        CHECK(seen_text() == "b after error");
        // One whose terminate throws.
        r = co_await gen_event::swap_sup_handler<note>(m, gen_event::handler<note>(), atom("badly"),
                                                       std::string("c"));
        CHECK(r.has_value());
        CHECK(seen_text().find("c after {'EXIT',{worse,") != std::string::npos);
        // The new one cannot be: the old one is gone, and its supervisor is told what it was swapped for.
        r = co_await gen_event::swap_handler<second>(m, gen_event::handler<note>(), atom("y"), -1);
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "negative");
        std::string told = co_await next_exit(s);
        CHECK(told == "note {swapped,second," + to_string(s.id()) + "}");
        all = co_await handlers_of(m);
        CHECK(all == "[{second,2}]");
    });
}

TEST_CASE(
    "GEV-08: who supervised the old handler supervises the new one; a handler may ask for it") {
    in_node([](self s) -> awaitable<void> {
        pid m = started_manager();
        auto r = co_await gen_event::add_sup_handler<note>(m, std::string("a"));
        co_await add(m, "z");
        co_await gen_event::sync_notify<become_other>(m);
        std::string told = co_await next_exit(s);
        CHECK(told == "note {swapped,{second,1}," + to_string(s.id()) + "}");
        std::string all = co_await handlers_of(m);
        CHECK(all == "[{second,1},{second,1}]");
        auto left = co_await gen_event::delete_handler<second>(m, gen_event::id(1));
        left = co_await gen_event::delete_handler<second>(m, gen_event::id(1));
        told = co_await next_exit(s);
        CHECK(told == "{second,1} normal");
        r = co_await gen_event::add_handler<note>(m, std::string("b"));
        auto n = co_await gen_event::call<note, become_by_call>(m);
        CHECK(n == 0);
        n = co_await gen_event::call<second, get_count>(m);
        CHECK(n == 6);
    });
}

TEST_CASE("GEV-09: sync_notify waits for all handlers, notify for none") {
    test::simulated([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        co_await add(m, "b");
        gen_event::notify<said>(m, "x");
        CHECK(seen_text().empty());
        co_await gen_event::sync_notify<said>(m, "y");
        CHECK(seen_text() == "b:x a:x b:y a:y");
    });
}

TEST_CASE("GEV-10: stop ends each handler with stop, and the manager with its reason") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        seen.clear();
        auto p = gen_event::start_monitor();
        REQUIRE(p.has_value());
        co_await add(p->pid, "a");
        auto r = co_await gen_event::add_sup_handler<note>(p->pid, std::string("b"));
        co_await gen_event::stop(p->pid);
        CHECK(seen_text() == "b ends stop a ends stop");
        std::string told = co_await next_exit(s);
        CHECK(told == "note shutdown");
        ref watched = p->monitor;
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(down->reason == atoms::normal);
        // Who supervised a handler is not ended by the link to the manager.
        auto q = gen_event::start();
        r = co_await gen_event::add_sup_handler<note>(*q, std::string("c"));
        co_await gen_event::stop(*q, atom("bad_end"));
        told = co_await next_exit(s);
        CHECK(told == "note shutdown");
    });
}

TEST_CASE("a manager ends with its parent, its handlers first") {
    in_node([](self s) -> awaitable<void> {
        seen.clear();
        pid parent = beam::spawn(
            [](self me, pid test) -> process {
                auto p = gen_event::start_link();
                beam::send(test, *p);
                co_await me.sleep_for(1h);
            },
            s.id());
        pid m = co_await s.receive<pid>();
        co_await add(m, "a");
        ref watched = monitor(m);
        beam::exit(parent, atoms::shutdown);
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(down->reason == atoms::shutdown);
        CHECK(seen_text() == "a ends stop");
    });
}

TEST_CASE("handlers that cannot start") {
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        auto r = co_await gen_event::add_handler<note>(m, std::string("broken"));
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "{'EXIT',cannot}");
        r = co_await gen_event::add_handler<note>(m, std::string("refusing"));
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "not_today");
        r = co_await gen_event::add_handler<second>(m, -1);
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "negative");
        r = co_await gen_event::add_handler<second>(m, 0);
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "ignore");
        std::string all = co_await handlers_of(m);
        CHECK(all == "[]");
    });
}

TEST_CASE("a manager may have a name, a key in a registry, and a supervisor") {
    in_node([](self s) -> awaitable<void> {
        seen.clear();
        s.trap_exit(true);
        auto named = gen_event::start_link(server_name("the_bus"));
        REQUIRE(named.has_value());
        auto again = gen_event::start(server_name("the_bus"));
        REQUIRE(!again.has_value());
        CHECK(shown(again.error()) == "{already_started," + to_string(*named) + "}");
        auto r = co_await gen_event::add_handler<note>(atom("the_bus"), std::string("a"));
        CHECK(r.has_value());
        gen_event::notify<said>(atom("the_bus"), "x");
        co_await gen_event::sync_notify<said>(atom("the_bus"), "y");
        CHECK(seen_text() == "a:x a:y");
        CHECK_THROWS_AS(gen_event::notify<said>(atom("no_such_bus"), "x"), error_exception);

        auto starting = registry::start_link({atom("buses")});
        auto reg = co_await starting;
        REQUIRE(reg.has_value());
        auto keyed = gen_event::start(server_name(via(atom("buses"), 1)));
        REQUIRE(keyed.has_value());
        r = co_await gen_event::add_handler<note>(via(atom("buses"), 1), std::string("b"));
        CHECK(r.has_value());

        std::vector<child_spec> children;
        children.emplace_back(atom("bus"), gen_event::child(server_name("kept_bus")));
        auto sup = supervisor::start_link({}, std::move(children));
        auto started = co_await sup;
        REQUIRE(started.has_value());
        auto first = whereis(atom("kept_bus"));
        REQUIRE(first.has_value());
        ref watched = monitor(*first);
        beam::exit(*first, atoms::kill);
        (void)co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        co_await s.sleep_for(1ms);
        auto next = whereis(atom("kept_bus"));
        REQUIRE(next.has_value());
        CHECK(!(*next == *first));
    });
}

TEST_CASE("other messages go to handle_info; hibernation is asked of all handlers") {
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        beam::send(m, plain_info{3});
        beam::send(m, nobodys{});
        co_await gen_event::sync_notify<rest_now>(m);
        std::string all = co_await handlers_of(m);
        CHECK(seen_text() == "a info 3 a hibernates");
    });
}

TEST_CASE("sys shows a manager's handlers, and changes the state of each") {
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        auto r = co_await gen_event::add_handler<second>(m, 1);
        r = co_await gen_event::add_handler<discreet>(m);
        term state = co_await sys::get_state(m);
        CHECK(shown(state) ==
              "[{discreet,false,#{password => <<\"1234\">>}},{second,false,{opaque,second}},"
              "{note,a,#{changed_from => 0,count => 0,name => <<\"a\">>}}]");
        // What raises for one handler, or is no state of it, leaves that one alone.
        term next = co_await sys::replace_state(m, [](term old) {
            if (element(1, old) == atom("discreet")) raise(atom("no"));
            if (element(1, old) == atom("second")) return term(atom("nothing"));
            return tuple(element(1, old), element(2, old),
                         map_put(element(3, old), atom("count"), 9));
        });
        CHECK(shown(next).find("count => 9") != std::string::npos);
        CHECK(shown(next).find("1234") != std::string::npos);
        auto n = co_await gen_event::call<note, get_count>(m, gen_event::id(atom("a")));
        CHECK(n == 9);
        term status = co_await sys::get_status(m);
        CHECK(shown(element(3, status)) == "{module,gen_event}");
        CHECK(shown(status).find("1234") == std::string::npos);
        CHECK(shown(status).find("{discreet,false,{secret,normal}}") != std::string::npos);
    });
}

TEST_CASE("change_code takes all handlers of a class along, or none") {
    in_node([](self) -> awaitable<void> {
        pid m = started_manager();
        co_await add(m, "a");
        co_await add(m, "b");
        auto r = co_await gen_event::add_handler<second>(m, 1);
        co_await sys::suspend(m);
        gen_event::notify<said>(m, "later");
        // b's changes and a's fails: neither is changed.
        auto changed = co_await sys::change_code(m, atom("note"), 3, "a");
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()).starts_with("{'EXIT',{broken,"));
        changed = co_await sys::change_code(m, atom("note"), 3, atom("fail"));
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()) == "{error,not_now}");
        term state = co_await sys::get_state(m);
        CHECK(shown(state).find("changed_from => 3") == std::string::npos);
        changed = co_await sys::change_code(m, atom("second"), 3, atoms::undefined);
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()) == "{error,{no_fields,second}}");
        changed = co_await sys::change_code(m, atom("note"), 3, atoms::undefined);
        CHECK(changed.has_value());
        co_await sys::resume(m);
        state = co_await sys::get_state(m);
        CHECK(seen_text() == "second:later b:later a:later");
        CHECK(shown(state) ==
              "[{second,false,{opaque,second}},"
              "{note,b,#{changed_from => 3,count => 1,name => <<\"b\">>}},"
              "{note,a,#{changed_from => 3,count => 1,name => <<\"a\">>}}]");
    });
}

TEST_CASE("the module table knows an event handler's class") {
    in_node([](self) -> awaitable<void> {
        std::vector<module_entry> entries{module_entry_of<note>(atom("app"), "2")};
        module_table::current().publish(std::move(entries));
        auto entry = module_table::current().find(atom("note"));
        REQUIRE(entry.has_value());
        CHECK(entry->factory.event_handler != nullptr);
        CHECK(entry->factory.fingerprint == fingerprint<note>());
        pid m = started_manager();
        co_await add(m, "a");
        co_await sys::suspend(m);
        auto changed = co_await sys::change_code(m, atom("note"), 1, atoms::undefined);
        CHECK(changed.has_value());
    });
}
