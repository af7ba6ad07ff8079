#include "libbeamcore/otp/module_table.hpp"

#include <chrono>
#include <string>
#include <tuple>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::shown;

namespace {

struct who_are_you {
    using reply = std::string;
};

namespace v1 {
class tally : public gen_server<tally> {
public:
    using calls = messages<who_are_you>;
    using arguments = std::tuple<std::string, int>;
    tally() = default;
    tally(std::string name, int count) : name_(std::move(name)), count_(count) {}
    std::string handle_call(who_are_you) { return "v1 " + name_ + " " + std::to_string(count_); }
    BEAM_FIELDS(tally, name_, count_)

private:
    std::string name_;
    int count_ = 0;
};
}  // namespace v1

namespace v2 {
class tally : public gen_server<tally> {
public:
    using calls = messages<who_are_you>;
    using arguments = std::tuple<std::string, int>;
    tally() = default;
    tally(std::string name, int count) : name_(std::move(name)), count_(count) {}
    std::string handle_call(who_are_you) {
        return "v2 " + name_ + " " + std::to_string(count_) + " " + last_;
    }
    result<void> code_change(const term&, const term&, const term& extra) {
        if (extra == atom("refuse")) return fail("refused");
        last_ = "converted";
        return {};
    }
    BEAM_FIELDS(tally, name_, count_, last_)

private:
    std::string name_;
    std::int64_t count_ = 0;
    std::string last_ = "fresh";
    char padding_[300] = {};  // another size: it does not fit where the old one lay
};
}  // namespace v2

template <class T>
void publish(const char* version) {
    std::vector<module_entry> entries;
    entries.push_back(module_entry_of<T>(atom("sample"), version));
    module_table::current().publish(std::move(entries));
}

awaitable<std::string> ask(pid p) {
    std::string answer = co_await beam::call<who_are_you>(p);
    co_return answer;
}

}  // namespace

TEST_CASE("the table knows the current version of a class and the one before") {
    in_node([](self) -> awaitable<void> {
        auto& table = module_table::current();
        CHECK(!table.find(atom("sample"), atom("tally")));
        publish<v1::tally>("1");
        publish<v2::tally>("2");
        auto current = table.find(atom("sample"), atom("tally"));
        REQUIRE(current.has_value());
        CHECK(current->version == "2");
        auto old = table.find_old(atom("sample"), atom("tally"));
        REQUIRE(old.has_value());
        CHECK(old->version == "1");
        CHECK(table.find(atom("tally"))->version == "2");
        CHECK(table.entries().size() == 1);
        CHECK(current->factory.fingerprint != old->factory.fingerprint);
        table.forget_old(atom("sample"));
        CHECK(!table.find_old(atom("sample"), atom("tally")));
        table.remove(atom("sample"), atom("tally"));
        CHECK(!table.find(atom("sample"), atom("tally")));
        co_return;
    });
}

TEST_CASE("a node's table is its own") {
    in_node([](self) -> awaitable<void> {
        publish<v1::tally>("1");
        co_return;
    });
    in_node([](self) -> awaitable<void> {
        CHECK(module_table::current().entries().empty());
        co_return;
    });
}

TEST_CASE("a start of a class of the table makes its current version") {
    in_node([](self) -> awaitable<void> {
        publish<v1::tally>("1");
        auto start =
            child_start::of_class(atom("sample"), atom("tally"), list({term("ann"), term(3)}));
        CHECK(shown(start.mfa()) == "{tally,start_link,[<<\"ann\">>,3]}");
        auto first = start.start();
        REQUIRE(first.has_value());
        std::string answer = co_await ask(std::get<started>(*first).pid);
        CHECK(answer == "v1 ann 3");
        publish<v2::tally>("2");
        auto second = start.start();
        REQUIRE(second.has_value());
        answer = co_await ask(std::get<started>(*second).pid);
        CHECK(answer == "v2 ann 3 fresh");
        answer = co_await ask(std::get<started>(*first).pid);
        CHECK(answer == "v1 ann 3");
    });
}

TEST_CASE("a start of what is not in the table, or with other arguments, is an error") {
    in_node([](self) -> awaitable<void> {
        auto unknown = child_start::of_class(atom("sample"), atom("gone"), list({term(1)}));
        auto r = unknown.start();
        REQUIRE(!r.has_value());
        CHECK(shown(r.error()) == "{undef,[{gone,start_link,[1]}]}");
        publish<v1::tally>("1");
        auto wrong =
            child_start::of_class(atom("sample"), atom("tally"), list({term(1), term("three")}));
        auto w = wrong.start();
        REQUIRE(!w.has_value());
        CHECK(element(1, w.error()) == atoms::badarg);
        co_return;
    });
}

TEST_CASE("change_code takes a suspended process to the current version of its class, same pid") {
    in_node([](self) -> awaitable<void> {
        publish<v1::tally>("1");
        auto p = start<v1::tally>(std::string("ann"), 3);
        REQUIRE(p.has_value());
        co_await sys::suspend(*p);
        publish<v2::tally>("2");
        auto waiting = beam::call<who_are_you>(*p);
        auto refused = co_await sys::change_code(*p, atom("tally"), "1", atom("refuse"));
        REQUIRE(!refused.has_value());
        CHECK(shown(refused.error()) == "{error,refused}");
        auto changed = co_await sys::change_code(*p, atom("tally"), "1", atoms::undefined);
        CHECK(changed.has_value());
        co_await sys::resume(*p);
        std::string answer = co_await std::move(waiting);
        CHECK(answer == "v2 ann 3 converted");
        term state = co_await sys::get_state(*p);
        CHECK(shown(*state.map_find(atom("count_"))) == "3");
    });
}
