#include "libbeamcore/ets/typed_table.hpp"

#include <string>

#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using test::badarg;

namespace {

struct room {
    int members = 0;
    std::string name;
    std::optional<pid> owner{};
    BEAM_FIELDS(room, members, name, owner)
    using key = ets::key_field<&room::name>;
};

template <class F>
void in_process(F f) {
    beam::runtime node(test::deterministic(1));
    auto r = node.execute(
        [](self, F* act) -> awaitable<void> {
            (*act)();
            co_return;
        },
        &f);
    CHECK_MESSAGE(r.has_value(), (r ? std::string() : to_string(r.error())));
}

}  // namespace

TEST_CASE("a typed table holds terms, and gives and takes structs") {
    in_process([] {
        auto rooms = ets::typed_table<room>::make(atom("rooms"));
        rooms.insert({3, "lobby", {}});
        CHECK(ets::lookup(rooms.table(), "lobby").front() == tuple(3, "lobby", atoms::undefined));
        auto r = rooms.lookup("lobby");
        REQUIRE(r.has_value());
        CHECK(r->members == 3);
        CHECK(r->name == "lobby");
        CHECK(!rooms.lookup("none"));
        CHECK(!rooms.insert_new({4, "lobby", {}}));
        CHECK(rooms.member("lobby"));
        bool put = rooms.update("lobby", [](const room* old) -> std::optional<room> {
            room now = *old;
            now.members += 1;
            return now;
        });
        CHECK(put);
        int members = 0;
        rooms.each([&](const room& one) { members += one.members; });
        CHECK(members == 4);
        CHECK(rooms.take("lobby")->members == 4);
        CHECK(rooms.size() == 0);
    });
}

TEST_CASE("what is no row of the type is badarg, and so is a table with another keypos") {
    in_process([] {
        auto rooms = ets::typed_table<room>::make(atom("rooms"));
        ets::insert(rooms.table(), tuple("many", "lobby", atoms::undefined));
        CHECK(badarg([&] { (void)rooms.lookup("lobby"); }));
        ets::insert(rooms.table(), tuple(1, "short"));
        CHECK(badarg([&] { (void)rooms.lookup("short"); }));
        auto plain = ets::new_table(atom("plain"));
        CHECK(badarg([&] { ets::typed_table<room> wrong(plain); }));
    });
}
