#include "libbeamcore/otp/proc_lib.hpp"

#include <chrono>
#include <string>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "node.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::element;
using test::in_node;
using test::log_capture;
using test::shown;

namespace {

awaitable<void> acknowledging(self s, int value) {
    co_await s.sleep_for(5ms);
    proc_lib::init_ack(tuple(atoms::ok, value));
    proc_lib::init_ack(atom("too_late"));
    co_await s.sleep_for(1h);
}

awaitable<void> refusing(self) {
    proc_lib::init_fail(atom("no_disk"));
    co_return;
}

awaitable<void> failing(self s, term reason) {
    co_await s.sleep_for(5ms);
    beam::exit(std::move(reason));
}

awaitable<void> hanging(self s, pid test) {
    beam::send(test, s.id());
    co_await s.sleep_for(1h);
}

awaitable<void> telling(self s, pid test) {
    beam::send(test, tuple(process_dictionary::get(atoms::ancestors),
                           process_dictionary::get(atoms::initial_call), proc_lib::ancestors()));
    co_return;
    (void)s;
}

struct ask_ancestors {
    using reply = term;
};
class descendant : public gen_server<descendant> {
public:
    using calls = messages<ask_ancestors>;
    term handle_call(ask_ancestors) {
        return tuple(proc_lib::ancestors(), proc_lib::initial_call());
    }
};

}  // namespace

TEST_CASE("PLIB-01: start_link gives what the child acknowledges") {
    in_node([](self s) -> awaitable<void> {
        auto r = co_await proc_lib::start_link(acknowledging, 7);
        REQUIRE(r.has_value());
        CHECK(shown(*r) == "{ok,7}");
        auto free = co_await proc_lib::start(acknowledging, 8);
        REQUIRE(free.has_value());
        CHECK(shown(*free) == "{ok,8}");
        auto refused = co_await proc_lib::start(refusing);
        REQUIRE(!refused.has_value());
        CHECK(refused.error() == atom("no_disk"));
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("PLIB-02: a child that exits before it acknowledges: {error, Reason}") {
    log_capture quiet;
    in_node([](self s) -> awaitable<void> {
        auto r = co_await proc_lib::start(failing, term(atom("early")));
        REQUIRE(!r.has_value());
        CHECK(r.error() == atom("early"));
        s.trap_exit(true);
        auto linked = co_await proc_lib::start_link(failing, term(atom("early")));
        REQUIRE(!linked.has_value());
        CHECK(linked.error() == atom("early"));
        // The error said it: no exit message is left.
        co_await s.sleep_for(1s);
        CHECK(!s.try_receive());
    });
}

TEST_CASE("PLIB-03: after the time-out the error is timeout and the child is killed") {
    in_node([](self s) -> awaitable<void> {
        auto r = co_await proc_lib::start_link_within(timeout(50ms), hanging, s.id());
        REQUIRE(!r.has_value());
        CHECK(r.error() == atoms::timeout);
        pid child = co_await s.receive<pid>();
        co_await s.sleep_for(1ms);
        CHECK(!process_info(child));
        CHECK(!s.try_receive());
    });
}

TEST_CASE("PLIB-04: the dictionary has the initial call and the ancestors") {
    in_node([](self s) -> awaitable<void> {
        register_name(atom("the_parent"), s.id());
        (void)proc_lib::spawn(telling, s.id());
        term told = co_await s.receive<term>();
        auto ancestors = element(1, told).as_list();
        REQUIRE(ancestors.has_value());
        REQUIRE(!ancestors->empty());
        CHECK((*ancestors)[0] == atom("the_parent"));
        CHECK(element(3, element(2, told)).as_int<int>() == 1);
        CHECK(element(2, element(2, told)) == atoms::init);
        CHECK(element(3, told) == element(1, told));

        // A child's child has both.
        (void)proc_lib::spawn(
            [](self, pid test) -> awaitable<void> {
                (void)proc_lib::spawn(telling, test);
                co_return;
            },
            s.id());
        told = co_await s.receive<term>();
        ancestors = element(1, told).as_list();
        REQUIRE(ancestors.has_value());
        REQUIRE(ancestors->size() >= 2);
        CHECK((*ancestors)[0].is_pid());
        CHECK((*ancestors)[1] == atom("the_parent"));
    });
}

TEST_CASE("PLIB-04: a behaviour's process knows them too") {
    in_node([](self s) -> awaitable<void> {
        register_name(atom("the_parent"), s.id());
        auto p = start_link<descendant>();
        term told = co_await beam::call<ask_ancestors>(*p);
        auto ancestors = element(1, told).as_list();
        REQUIRE(ancestors.has_value());
        REQUIRE(!ancestors->empty());
        CHECK((*ancestors)[0] == atom("the_parent"));
        CHECK(shown(element(2, told)) == "{descendant,init,1}");
    });
}

TEST_CASE("PLIB-05: a crash is reported, an orderly end is not") {
    log_capture log;
    in_node([](self s) -> awaitable<void> {
        (void)proc_lib::spawn(failing, term(atoms::normal));
        (void)proc_lib::spawn(failing, term(atoms::shutdown));
        (void)proc_lib::spawn(failing, term(tuple(atoms::shutdown, atom("maintenance"))));
        co_await s.sleep_for(1s);
    });
    CHECK(log.count("process crashed") == 0);
    in_node([](self s) -> awaitable<void> {
        (void)proc_lib::spawn(failing, term(atom("on_fire")));
        co_await s.sleep_for(1s);
    });
    CHECK(log.count("process crashed") == 1);
    CHECK(log.field("process crashed", "reason") == "on_fire");
    CHECK(log.field("process crashed", "initial_call") == "{failing,init,1}");
}

TEST_CASE("a crash report has what the process called itself") {
    log_capture log;
    in_node([](self s) -> awaitable<void> {
        (void)proc_lib::spawn([](self) -> awaitable<void> {
            set_label("room general");
            exit(atom("on_fire"));
            co_return;
        });
        co_await s.sleep_for(1s);
    });
    CHECK(log.field("process crashed", "label") == "<<\"room general\">>");
}

TEST_CASE("PLIB-05: so is the crash of a behaviour's process, in its init too") {
    class failing_init : public gen_server<failing_init> {
    public:
        failing_init() { raise(atom("no_config")); }
    };
    log_capture log;
    in_node([](self) -> awaitable<void> {
        auto r = start<failing_init>();
        CHECK(!r.has_value());
        co_return;
    });
    CHECK(log.count("process crashed") == 1);
    CHECK(log.field("process crashed", "reason").find("no_config") != std::string::npos);
}
