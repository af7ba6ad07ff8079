#include "libbeamcore/otp/agent.hpp"

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>

#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "node.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

using words = std::map<std::string, int>;

struct account : agent_state<account> {
    int balance = 0;
    std::string owner;
    BEAM_FIELDS(account, balance, owner)

    result<void> code_change(const term& old_vsn, const term&, const term& extra) {
        if (extra == atom("raise")) raise(atom("broken"));
        if (extra == atom("fail")) return fail("not_now");
        balance += extra.as_int<int>().value_or(0) + old_vsn.as_int<int>().value_or(0);
        return {};
    }
};

struct hidden_state {
    int value = 3;
};

int same(int n) {
    return n;
}
awaitable<int> value_of(pid agent) {
    co_return co_await agent::get<int>(agent, same);
}

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

}  // namespace

TEST_CASE("AGT-01: get, update, get_and_update, cast, stop") {
    test::simulated([](self) -> awaitable<void> {
        auto a = agent::start_link([] { return 5; });
        REQUIRE(a.has_value());
        int n = co_await agent::get<int>(*a, [](const int& v) { return v + 1; });
        CHECK(n == 6);
        co_await agent::update<int>(*a, [](int& v) { ++v; });
        co_await agent::update<int>(*a, [](int v) { return v * 2; });
        n = co_await value_of(*a);
        CHECK(n == 12);
        n = co_await agent::get_and_update<int>(*a, [](int& v) { return std::exchange(v, 7); });
        CHECK(n == 12);
        agent::cast<int>(*a, [](int& v) { v = 100; });
        n = co_await value_of(*a);
        CHECK(n == 100);
        co_await agent::stop(*a);
        auto gone = agent::get<int>(*a, same);
        auto r = co_await gone.outcome();
        REQUIRE(!r.has_value());
        CHECK(element(1, r.error()) == atoms::noproc);
    });
}

TEST_CASE("AGT-01: arguments go behind the state; state and answers of any type") {
    in_node([](self) -> awaitable<void> {
        auto a = agent::start<words>([] { return words{{"one", 1}}; });
        REQUIRE(a.has_value());
        std::string key = "a word that is long enough to be on the heap";
        co_await agent::update<words>(
            *a, [](words& w, const std::string& k, int n) { w[k] = n; }, key, 2);
        std::size_t size = co_await agent::get<words>(*a, &words::size);
        CHECK(size == 2);
        words all = co_await agent::get<words>(*a, [](const words& w) { return w; });
        CHECK(all[key] == 2);
        // A function with more than fits beside it, and one that is a callback.
        struct {
            int numbers[20];
        } big{{1, 2, 3}};
        int sum = co_await agent::get<words>(
            *a, [big](const words& w) { return big.numbers[1] + int(w.size()); });
        CHECK(sum == 4);
        callback<int(const words&)> counting = [key](const words& w) { return int(w.count(key)); };
        int found = co_await agent::get<words>(*a, std::move(counting));
        CHECK(found == 1);
        std::string taken = co_await agent::get_and_update<words>(
            *a,
            [](words& w, std::string k) {
                w.erase(k);
                return k + "!";
            },
            key);
        CHECK(taken == key + "!");
        agent::cast<words>(
            *a, [](words& w, const std::string& k) { w[k] = 9; }, std::string("nine"));
        int nine = co_await agent::get<words>(*a, [](const words& w) { return w.at("nine"); });
        CHECK(nine == 9);
        co_await agent::get<words>(*a, [](const words&) {});
    });
}

TEST_CASE("AGT-02: a function that throws ends the agent, and its caller with that reason") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        auto a = agent::start([] { return 5; });
        ref watched = monitor(*a);
        term why = co_await exit_of(
            s,
            [](self, pid agent) -> awaitable<void> {
                co_await agent::get<int>(agent, [](int) -> int { beam::exit(atom("oops")); });
            },
            *a);
        CHECK(element(1, why) == atom("oops"));
        CHECK(shown(element(1, element(2, why))) == "gen_server");
        auto down = co_await s.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; }, 1h);
        REQUIRE(down.has_value());
        CHECK(down->reason == atom("oops"));
        auto b = agent::start([] { return 5; });
        auto failing = agent::update<int>(*b, [](int&) { throw std::runtime_error("no"); });
        auto r = co_await failing.outcome();
        REQUIRE(!r.has_value());
        CHECK(shown(element(1, r.error())).find("cpp_exception") != std::string::npos);
    });
}

TEST_CASE("AGT-04: a caller whose time is up leaves the agent to finish") {
    in_node([](self s) -> awaitable<void> {
        auto a = agent::start([] { return 5; });
        co_await sys::suspend(*a);
        term why = co_await exit_of(
            s,
            [](self, pid agent) -> awaitable<void> {
                co_await agent::update_within<int>(10ms, agent, [](int& v) { v = 6; });
            },
            *a);
        CHECK(element(1, why) == atoms::timeout);
        auto began = monotonic_time();
        why = co_await exit_of(
            s,
            [](self, pid agent) -> awaitable<void> {
                co_await agent::update<int>(agent, [](int& v) { ++v; });
            },
            *a);
        CHECK(element(1, why) == atoms::timeout);
        CHECK(monotonic_time() - began >= 5s);
        co_await sys::resume(*a);
        int n = co_await value_of(*a);
        CHECK(n == 7);
    });
}

TEST_CASE("AGT-05: a start function that throws is the start's error, with its stack") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        auto a = agent::start([]() -> int { raise(atom("oops")); });
        REQUIRE(!a.has_value());
        CHECK(element(1, a.error()) == atom("oops"));
        CHECK(element(2, a.error()).is_list());
        a = agent::start([]() -> int { throw std::out_of_range("far"); });
        REQUIRE(!a.has_value());
        CHECK(shown(element(1, a.error())).find("far") != std::string::npos);
        s.trap_exit(true);
        a = agent::start_link([]() -> int { raise(atom("oops")); });
        REQUIRE(!a.has_value());
        auto e = co_await s.receive<exit_message>();
        CHECK(element(1, e.reason) == atom("oops"));
        auto named = agent::start(server_name("the_agent"), [] { return 1; });
        REQUIRE(named.has_value());
        auto again = agent::start(server_name("the_agent"), [] { return 2; });
        REQUIRE(!again.has_value());
        CHECK(shown(again.error()) == "{already_started," + to_string(*named) + "}");
        int n = co_await agent::get<int>(atom("the_agent"), same);
        CHECK(n == 1);
    });
}

TEST_CASE("AGT-06: change_code passes the state through; one that raises keeps it") {
    in_node([](self) -> awaitable<void> {
        auto a = agent::start([] {
            account made;
            made.balance = 5;
            return made;
        });
        co_await sys::suspend(*a);
        auto changed = co_await sys::change_code(*a, atom("account"), 100, 1000);
        CHECK(changed.has_value());
        term state = co_await sys::get_state(*a);
        CHECK(shown(state) == "#{balance => 1105,owner => <<>>}");
        changed = co_await sys::change_code(*a, atom("account"), 1, atom("raise"));
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()).starts_with("{'EXIT',{broken,"));
        changed = co_await sys::change_code(*a, atom("account"), 1, atom("fail"));
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()) == "{error,not_now}");
        co_await sys::resume(*a);
        int balance = co_await agent::get<account>(*a, [](const account& s) { return s.balance; });
        CHECK(balance == 1105);
        // What has no fields cannot be taken along.
        auto plain = agent::start([] { return 1; });
        co_await sys::suspend(*plain);
        changed = co_await sys::change_code(*plain, atom("agent"), 1, atoms::undefined);
        REQUIRE(!changed.has_value());
        CHECK(shown(changed.error()) == "{error,{no_fields,agent}}");
    });
}

TEST_CASE("the module table knows a class of state") {
    in_node([](self) -> awaitable<void> {
        std::vector<module_entry> entries{module_entry_of<account>(atom("app"), "2")};
        module_table::current().publish(std::move(entries));
        auto entry = module_table::current().find(atom("account"));
        REQUIRE(entry.has_value());
        CHECK(entry->factory.server != nullptr);
        auto a = agent::start([] { return account(); });
        co_await sys::suspend(*a);
        auto changed = co_await sys::change_code(*a, atom("account"), 0, 7);
        CHECK(changed.has_value());
        term state = co_await sys::get_state(*a);
        CHECK(shown(state) == "#{balance => 7,owner => <<>>}");
    });
}

TEST_CASE("a function for another type of state is refused, and nothing happens to the agent") {
    log_capture log;
    in_node([](self s) -> awaitable<void> {
        auto a = agent::start([] { return 5; });
        term why = co_await exit_of(
            s,
            [](self, pid agent) -> awaitable<void> {
                co_await agent::get<words>(agent, [](const words& w) { return w.size(); });
            },
            *a);
        CHECK(shown(element(1, element(1, why))) == "bad_reply");
        CHECK(shown(why).find("agent_refusal") != std::string::npos);
        CHECK(shown(why).find("holds => <<\"int\">>") != std::string::npos);
        agent::cast<words>(*a, [](words& w) { w.clear(); });
        int n = co_await value_of(*a);
        CHECK(n == 5);
    });
    CHECK(log.count("cast for another type of state dropped") == 1);
    CHECK(log.field("cast for another type of state dropped", "holds") == "int");
}

TEST_CASE("sys shows and replaces an agent's state, if it has a term") {
    in_node([](self) -> awaitable<void> {
        auto a = agent::start([] { return words{{"one", 1}}; });
        term state = co_await sys::get_state(*a);
        CHECK(shown(state) == "#{<<\"one\">> => 1}");
        term next =
            co_await sys::replace_state(*a, [](term old) { return map_put(old, "two", 2); });
        CHECK(shown(next) == "#{<<\"one\">> => 1,<<\"two\">> => 2}");
        std::size_t size = co_await agent::get<words>(*a, &words::size);
        CHECK(size == 2);
        term status = co_await sys::get_status(*a);
        CHECK(shown(element(3, status)) == "{module,gen_server}");
        auto b = agent::start([] { return hidden_state(); });
        state = co_await sys::get_state(*b);
        CHECK(shown(state) == "{opaque,agent}");
        co_await sys::statistics(*a, true);
        size = co_await agent::get<words>(*a, &words::size);
        auto counted = co_await sys::get_statistics(*a);
        REQUIRE(counted.has_value());
        CHECK(counted->messages_in == 1);
        CHECK(counted->messages_out == 1);
    });
}

TEST_CASE("a supervisor starts an agent again from its function") {
    in_node([](self s) -> awaitable<void> {
        s.trap_exit(true);
        std::vector<child_spec> children;
        children.emplace_back(atom("kept"),
                              agent::child(server_name("kept_agent"), [] { return 1; }));
        auto starting = supervisor::start_link({}, std::move(children));
        auto sup = co_await starting;
        REQUIRE(sup.has_value());
        co_await agent::update<int>(atom("kept_agent"), [](int& n) { n = 50; });
        auto first = whereis(atom("kept_agent"));
        REQUIRE(first.has_value());
        beam::exit(*first, atoms::kill);
        co_await s.sleep_for(1ms);
        int n = co_await agent::get<int>(atom("kept_agent"), same);
        CHECK(n == 1);
    });
}

TEST_CASE("many callers on several schedulers lose no update") {
    test::threaded([](self s) -> awaitable<void> {
        auto a = agent::start([] { return 0; });
        for (int i = 0; i < 20; ++i)
            beam::spawn(
                [](self, pid agent, pid test) -> process {
                    for (int k = 0; k < 50; ++k)
                        co_await agent::update<int>(agent, [](int& n) { ++n; });
                    beam::send(test, 1);
                },
                *a, s.id());
        for (int i = 0; i < 20; ++i) (void)co_await s.receive<int>();
        int n = co_await value_of(*a);
        CHECK(n == 1000);
    });
}
