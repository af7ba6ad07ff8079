#include "libbeamcore/ets/table.hpp"

#include <string>
#include <vector>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using test::badarg;

namespace {

ets::table make(ets::table_options o = {}) {
    return ets::new_table(atom("t"), o);
}
ets::table_options access(ets::table_access a) {
    ets::table_options o;
    o.access = a;
    return o;
}

// What another process gets when it does something with a table: `badarg`, or what it gives.
struct said {
    term value;
};
process ask(self, pid main, ets::table t, term (*what)(const ets::table&)) {
    term r;
    try {
        r = what(t);
    } catch (const error_exception& e) {
        r = e.reason;
    }
    send(main, said{r});
    co_return;
}
awaitable<term> other_does(self me, ets::table t, term (*what)(const ets::table&)) {
    spawn(ask, me.id(), t, what);
    said s = co_await me.receive<said>();
    co_return s.value;
}
term reads(const ets::table& t) {
    return ets::lookup(t, 1).to_list();
}
term writes(const ets::table& t) {
    ets::insert(t, tuple(2, 2));
    return atoms::ok;
}
term asks_info(const ets::table& t) {
    return ets::info_of(t) ? atoms::ok : atoms::undefined;
}

awaitable<void> gone(self me, pid p) {
    ref w = monitor(p);
    (void)co_await me.receive_if<down_message>(
        [w](const down_message& d) { return d.monitor == w; });
}

// Makes a table, tells of it and ends when told to.
process owner(self s, pid main, std::optional<pid> heir) {
    ets::table_options o;
    if (heir) o.heir = ets::heir{*heir, "inheritance"};
    ets::table t = ets::new_table(atom("owned"), o);
    ets::insert(t, tuple(1, "one"));
    send(main, t.to_term());
    co_await s.receive<int>();
}

}  // namespace

TEST_CASE("ETS-01: a new table: set, protected, keypos 1, not named, no heir") {
    test::simulated([](self me) -> awaitable<void> {
        ets::table t = make();
        auto i = ets::info_of(t);
        REQUIRE(i.has_value());
        CHECK(i->type == ets::table_type::set);
        CHECK(i->access == ets::table_access::protected_);
        CHECK(i->keypos == 1);
        CHECK(!i->named);
        CHECK(!i->heir);
        CHECK(i->owner == me.id());
        CHECK(i->size == 0);
        co_return;
    });
}

TEST_CASE(
    "ETS-02: an unnamed table is a reference, a named one its name, which only one can have") {
    test::simulated([](self) -> awaitable<void> {
        CHECK(make().to_term().is_ref());
        ets::table_options o;
        o.named = true;
        ets::table t = ets::new_table(atom("known"), o);
        ets::insert(t, tuple(1, 2));
        CHECK(ets::lookup(ets::table(atom("known")), 1).front() == tuple(1, 2));
        CHECK(ets::whereis(atom("known")).has_value());
        CHECK(badarg([&] { (void)ets::new_table(atom("known"), o); }));
        CHECK(!ets::whereis(atom("unknown")));
        CHECK(badarg([&] { (void)ets::lookup(ets::table(atom("unknown")), 1); }));
        co_return;
    });
}

TEST_CASE("ETS-25, ETS-26, ETS-27: who may read and write") {
    test::simulated([](self me) -> awaitable<void> {
        ets::table p = make(access(ets::table_access::protected_));
        ets::insert(p, tuple(1, 1));
        term r = co_await other_does(me, p, reads);
        CHECK(r == list({tuple(1, 1)}));
        r = co_await other_does(me, p, writes);
        CHECK(r == atoms::badarg);

        ets::table own = make(access(ets::table_access::private_));
        ets::insert(own, tuple(1, 1));
        r = co_await other_does(me, own, reads);
        CHECK(r == atoms::badarg);
        r = co_await other_does(me, own, asks_info);
        CHECK(r == atoms::ok);

        ets::table all = make(access(ets::table_access::public_));
        r = co_await other_does(me, all, writes);
        CHECK(r == atoms::ok);
        CHECK(ets::lookup(all, 2).size() == 1);
    });
}

TEST_CASE("ETS-28: with its owner a table goes, before others hear of the end") {
    test::simulated([](self me) -> awaitable<void> {
        pid p = spawn(owner, me.id(), std::optional<pid>());
        ets::table t(co_await me.receive<term>());
        CHECK(ets::lookup(t, 1).size() == 1);
        ref w = monitor(p);
        send(p, 1);
        (void)co_await me.receive_if<down_message>(
            [w](const down_message& d) { return d.monitor == w; });
        CHECK(!ets::info_of(t));
        CHECK(badarg([&] { (void)ets::lookup(t, 1); }));
    });
}

TEST_CASE("ETS-29: an heir owns the table of a dead owner, and is told") {
    test::simulated([](self me) -> awaitable<void> {
        pid p = spawn(owner, me.id(), std::optional<pid>(me.id()));
        ets::table t(co_await me.receive<term>());
        exit(p, atoms::kill);
        ets_transfer m = co_await me.receive<ets_transfer>();
        CHECK(ets::table(m.table) == t);
        CHECK(m.from == p);
        CHECK(m.data == term("inheritance"));
        CHECK(ets::info_of(t)->owner == me.id());
        CHECK(ets::lookup(t, 1).front() == tuple(1, "one"));
        ets::insert(t, tuple(2, "two"));  // protected: the owner writes
    });
}

TEST_CASE("an heir that is dead when the owner ends inherits nothing: the table goes") {
    test::simulated([](self me) -> awaitable<void> {
        pid heir = spawn(test::idle);
        pid p = spawn(owner, me.id(), std::optional<pid>(heir));
        ets::table t(co_await me.receive<term>());
        exit(heir, atoms::kill);
        co_await gone(me, heir);
        exit(p, atoms::kill);
        co_await gone(me, p);
        CHECK(!ets::info_of(t));
    });
}

TEST_CASE("ETS-30, ETS-31: give_away; not by others, to oneself or to the dead") {
    test::simulated([](self me) -> awaitable<void> {
        ets::table t = make();
        CHECK(badarg([&] { ets::give_away(t, me.id(), 1); }));
        pid dead = spawn(test::idle);
        exit(dead, atoms::kill);
        co_await gone(me, dead);
        CHECK(badarg([&] { ets::give_away(t, dead, 1); }));

        auto taker = [](self s, pid main) -> process {
            ets_transfer m = co_await s.receive<ets_transfer>();
            send(main, said{tuple(m.table, m.from, m.data)});
            co_await s.receive<int>();
        };
        pid p = spawn(taker, me.id());
        ets::give_away(t, p, "gift");
        said s = co_await me.receive<said>();
        CHECK(s.value == tuple(t.to_term(), me.id(), "gift"));
        CHECK(ets::info_of(t)->owner == p);
        CHECK(badarg([&] { ets::give_away(t, p, 1); }));
        CHECK(badarg([&] { ets::insert(t, tuple(1, 1)); }));
        send(p, 1);
        co_await gone(me, p);
        CHECK(!ets::info_of(t));
    });
}

TEST_CASE("ETS-32: an heir can be set and taken back") {
    test::simulated([](self me) -> awaitable<void> {
        ets::table t = make();
        pid h = spawn(test::idle);
        ets::set_heir(t, ets::heir{h, 1});
        CHECK(ets::info_of(t)->heir == h);
        ets::set_heir(t, std::nullopt);
        CHECK(!ets::info_of(t)->heir);
        exit(h, atoms::kill);
        co_await gone(me, h);
    });
}

TEST_CASE("ETS-45: what is done with a deleted table is badarg, and it has no info") {
    test::simulated([](self) -> awaitable<void> {
        ets::table t = make();
        ets::insert(t, tuple(1, 1));
        ets::delete_table(t);
        CHECK(!ets::info_of(t));
        CHECK(badarg([&] { ets::insert(t, tuple(1, 1)); }));
        CHECK(badarg([&] { (void)ets::lookup(t, 1); }));
        CHECK(badarg([&] { (void)ets::first(t); }));
        CHECK(badarg([&] { (void)ets::tab2list(t); }));
        CHECK(badarg([&] { ets::delete_table(t); }));
        CHECK(badarg([&] { (void)ets::size(t); }));
        co_return;
    });
}

TEST_CASE("ETS-46: rename moves a named table, and its old name is free") {
    test::simulated([](self) -> awaitable<void> {
        ets::table_options o;
        o.named = true;
        ets::table a = ets::new_table(atom("a"), o);
        ets::insert(a, tuple(1, 1));
        ets::table b = ets::rename(a, atom("b"));
        CHECK(b == ets::table(atom("b")));
        CHECK(ets::lookup(b, 1).size() == 1);
        CHECK(badarg([&] { (void)ets::lookup(ets::table(atom("a")), 1); }));
        (void)ets::new_table(atom("a"), o);
        CHECK(badarg([&] { (void)ets::rename(b, atom("a")); }));
        co_return;
    });
}

TEST_CASE("ETS-33: a fixed table can be traversed while each row is deleted") {
    for (auto type : {ets::table_type::set, ets::table_type::bag, ets::table_type::duplicate_bag,
                      ets::table_type::ordered_set}) {
        test::simulated(
            [](self, ets::table_type kind) -> awaitable<void> {
                ets::table_options o;
                o.type = kind;
                ets::table t = make(o);
                for (int i = 0; i < 1000; ++i) ets::insert(t, tuple(i, i));
                ets::safe_fixtable(t, true);
                std::vector<bool> seen(1000);
                int visits = 0;
                for (auto k = ets::first(t); k;) {
                    ++visits;
                    seen[std::size_t(*k->as_int64())] = true;
                    ets::erase(t, *k);
                    k = ets::next(t, *k);
                }
                CHECK(visits == 1000);
                CHECK(std::find(seen.begin(), seen.end(), false) == seen.end());
                ets::safe_fixtable(t, false);
                CHECK(ets::size(t) == 0);
                co_return;
            },
            type);
    }
}

TEST_CASE("ETS-34, ETS-35: fixing is counted for each process, and ends with it") {
    test::simulated([](self me) -> awaitable<void> {
        ets::table t = make(access(ets::table_access::public_));
        ets::safe_fixtable(t, true);
        ets::safe_fixtable(t, true);
        auto i = ets::info_of(t);
        REQUIRE(i->fixed.size() == 1);
        CHECK(i->fixed[0].pid == me.id());
        CHECK(i->fixed[0].count == 2);
        ets::safe_fixtable(t, false);
        CHECK(ets::info_of(t)->fixed.size() == 1);
        ets::safe_fixtable(t, false);
        CHECK(ets::info_of(t)->fixed.empty());

        auto fixer = [](self s, pid main, ets::table its) -> process {
            ets::safe_fixtable(its, true);
            send(main, 1);
            co_await s.receive<int>();
        };
        pid p = spawn(fixer, me.id(), t);
        co_await me.receive<int>();
        CHECK(ets::info_of(t)->fixed.size() == 1);
        exit(p, atoms::kill);
        co_await gone(me, p);
        CHECK(ets::info_of(t)->fixed.empty());
    });
}

TEST_CASE("ETS-36: rows deleted from a fixed table are not seen") {
    test::simulated([](self) -> awaitable<void> {
        ets::table t = make();
        ets::insert(t, tuple(1, 1));
        ets::insert(t, tuple(2, 2));
        ets::safe_fixtable(t, true);
        ets::erase(t, 1);
        CHECK(ets::size(t) == 1);
        CHECK(!ets::member(t, 1));
        CHECK(ets::lookup(t, 1).empty());
        ets::safe_fixtable(t, false);
        CHECK(ets::size(t) == 1);
        co_return;
    });
}

TEST_CASE("a table's bytes grow with its rows and are given back") {
    test::simulated([](self) -> awaitable<void> {
        for (auto type :
             {ets::table_type::set, ets::table_type::ordered_set, ets::table_type::bag}) {
            ets::table_options o;
            o.type = type;
            ets::table t = make(o);
            const std::size_t empty = ets::info_of(t)->bytes;
            for (int i = 0; i < 20'000; ++i) ets::insert(t, tuple(i, std::string(50, 'x')));
            const std::size_t full = ets::info_of(t)->bytes;
            CHECK(full > empty + 20'000 * 60);
            for (int i = 0; i < 20'000; ++i) ets::erase(t, i);
            CHECK(ets::info_of(t)->bytes < empty + full / 20);
        }
        co_return;
    });
}

TEST_CASE("all() has the tables of the node") {
    test::simulated([](self) -> awaitable<void> {
        ets::table t = make();
        auto every = ets::all();
        CHECK(std::find(every.begin(), every.end(), t) != every.end());
        co_return;
    });
}
