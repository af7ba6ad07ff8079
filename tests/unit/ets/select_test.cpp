#include "libbeamcore/ets/select.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using test::badarg;

namespace {

constexpr auto set = ets::table_type::set;
constexpr auto ordered = ets::table_type::ordered_set;
constexpr auto bag = ets::table_type::bag;

ets::table make(ets::table_type type) {
    ets::table_options o;
    o.type = type;
    return ets::new_table(atom("t"), o);
}
// `{I, I rem 10}` for 0 to n - 1.
ets::table filled(ets::table_type type, int n) {
    auto t = make(type);
    for (int i = 0; i < n; ++i) ets::insert(t, tuple(i, i % 10));
    return t;
}
term erl(const std::string& text) {
    auto t = parse_term(text);
    REQUIRE_MESSAGE(t.has_value(), text);
    return *t;
}
term sorted(std::vector<term> all) {
    std::sort(all.begin(), all.end(),
              [](const term& a, const term& b) { return compare(a, b) < 0; });
    return list_of(std::move(all));
}

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

TEST_CASE("ETS-37: select with a limit gives parts and continuations, and an end") {
    in_process([] {
        for (auto type : {set, ordered, bag}) {
            auto t = filled(type, 1000);
            term spec = erl("[{{'$1',3},[],['$1']}]");
            std::vector<term> all;
            auto part = ets::select(t, spec, ets::select_limit{7});
            int parts = 0;
            while (!part.is_end()) {
                ++parts;
                CHECK(part.found.size() <= 7);
                all.insert(all.end(), part.found.begin(), part.found.end());
                if (!part.next) break;
                part = ets::select(part.next);
            }
            CHECK(all.size() == 100);
            CHECK(parts >= 15);
            CHECK(sorted(all) == sorted(ets::select(t, spec)));
            auto none = ets::select(make(type), spec, ets::select_limit{7});
            CHECK(none.is_end());
        }
    });
}

TEST_CASE("a cost limit comes back after so many rows, with or without results") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = filled(type, 10'000);
            term spec = erl("[{{'$1',3},[{'=:=','$1',9993}],['$1']}]");
            ets::select_limit limit;
            limit.cost_max = 500;
            auto part = ets::select(t, spec, limit);
            std::size_t found = part.found.size(), parts = 1;
            CHECK(part.looked_at <= 1500);
            while (part.next) {
                part = ets::select(part.next);
                CHECK(part.looked_at <= 1500);
                found += part.found.size();
                ++parts;
            }
            CHECK(found == 1);
            CHECK(parts >= 5);
        }
    });
}

TEST_CASE("ETS-38: select_reverse of an ordered_set descends") {
    in_process([] {
        auto t = filled(ordered, 30);
        CHECK(list_of(ets::select_reverse(t, erl("[{{'$1',3},[],['$1']}]"))) == list({23, 13, 3}));
        auto part = ets::select_reverse(t, erl("[{{'$1',3},[],['$1']}]"), ets::select_limit{2});
        CHECK(list_of(part.found) == list({23, 13}));
        CHECK(list_of(ets::select(part.next).found) == list({3}));
    });
}

TEST_CASE("ETS-39: select_count and select_delete take only what is exactly true") {
    in_process([] {
        for (auto type : {set, ordered, bag}) {
            auto t = filled(type, 100);
            CHECK(ets::select_count(t, erl("[{{'_',3},[],[true]}]")) == 10);
            CHECK(ets::select_count(t, erl("[{{'_',3},[],[1]}]")) == 0);
            CHECK(ets::select_delete(t, erl("[{{'$1','_'},[],[{'<','$1',50}]}]")) == 50);
            CHECK(ets::size(t) == 50);
            CHECK(ets::select_delete(t, erl("[{'_',[],['$_']}]")) == 0);
        }
    });
}

TEST_CASE("ETS-40: select_replace keeps the key, says how many, and is not for a bag") {
    in_process([] {
        for (auto type : {set, ordered}) {
            auto t = filled(type, 100);
            CHECK(ets::select_replace(t, erl("[{{'$1',3},[],[{{'$1',new}}]}]")) == 10);
            CHECK(ets::lookup(t, 13).front() == tuple(13, atom("new")));
            CHECK(badarg([&] { ets::select_replace(t, erl("[{{'$1',4},[],[{{0,new}}]}]")); }));
        }
        auto b = filled(bag, 10);
        CHECK(badarg([&] { ets::select_replace(b, erl("[{{'$1',3},[],[{{'$1',new}}]}]")); }));
    });
}

TEST_CASE(
    "ETS-41, ETS-42: match gives the variables by number, match_object the rows, match_delete "
    "deletes") {
    in_process([] {
        auto t = make(ordered);
        ets::insert(t, tuple(1, "a", "a"));
        ets::insert(t, tuple(2, "a", "b"));
        CHECK(list_of(ets::match(t, erl("{'$2','$1','_'}"))) ==
              list({list({"a", 1}), list({"a", 2})}));
        CHECK(list_of(ets::match(t, erl("{'$1','$2','$2'}"))) == list({list({1, "a"})}));
        CHECK(list_of(ets::match_object(t, erl("{'_','$1','$1'}"))) == list({tuple(1, "a", "a")}));
        auto part = ets::match_object(t, erl("{'_','_','_'}"), ets::select_limit{1});
        CHECK(part.found.size() == 1);
        CHECK(part.next);
        ets::match_delete(t, erl("{'_','$1','$1'}"));
        CHECK(ets::size(t) == 1);
        ets::match_delete(t, erl("'_'"));
        CHECK(ets::size(t) == 0);
    });
}

TEST_CASE("ETS-43: a malformed specification is badarg, also for an empty table") {
    in_process([] {
        auto t = make(set);
        for (const char* bad :
             {"[]", "x", "[{{'$1'},[],[]}]", "[{{'$1'},[],['$2']}]", "[{'$1',[{nope}],['$1']}]"})
            CHECK(badarg([&] { (void)ets::select(t, erl(bad)); }));
    });
}

TEST_CASE("ETS-47: foldl ascends, foldr descends in an ordered_set") {
    in_process([] {
        auto t = filled(ordered, 5);
        auto add = [](const term& row, std::string so_far) {
            return so_far + std::to_string(*row.elements()[0].as_int64());
        };
        CHECK(ets::foldl(t, std::string(), add) == "01234");
        CHECK(ets::foldr(t, std::string(), add) == "43210");
        CHECK(ets::tab2list(filled(set, 5)).size() == 5);
    });
}

TEST_CASE("ETS-49: a compiled specification run on a list") {
    in_process([] {
        auto spec = compile(erl("[{{'$1',ok},[],['$1']}]"));
        REQUIRE(spec.has_value());
        CHECK(ets::match_spec_run(erl("[{1,ok},{2,no},other,{3,ok}]"), *spec) == list({1, 3}));
        CHECK(badarg([&] { (void)ets::match_spec_run(erl("[{1,ok}|x]"), *spec); }));
    });
}

TEST_CASE("ETS-50: test_ms") {
    in_process([] {
        CHECK(ets::test_ms(erl("{1,2}"), erl("[{{'$1','_'},[],['$1']}]")) == erl("{ok,1}"));
        CHECK(ets::test_ms(erl("{1,2}"), erl("[{{3,'_'},[],['$1']}]")).is_tuple());
        CHECK(ets::test_ms(erl("{1,2}"), erl("[{{3,'_'},[],['$_']}]")) == erl("{ok,false}"));
        CHECK(
            ets::test_ms(erl("{1,2}"), erl("[{{'$1','_'},[],['$7']}]")).is_tagged(atoms::error, 2));
    });
}

TEST_CASE("a pattern that binds the key, or the beginning of an ordered_set's, does not scan") {
    in_process([] {
        ets::select_limit limit;
        for (auto type : {set, ordered, bag}) {
            auto t = filled(type, 10'000);
            auto part = ets::select(t, erl("[{{77,'_'},[],['$_']}]"), limit);
            CHECK(part.found.size() == 1);
            CHECK(part.looked_at <= 2);
        }
        auto t = make(ordered);
        for (int a = 0; a < 100; ++a)
            for (int b = 0; b < 100; ++b) ets::insert(t, tuple(tuple(a, b), a));
        auto part = ets::select(t, erl("[{{{42,'$1'},'_'},[],['$1']}]"), limit);
        CHECK(part.found.size() == 100);
        CHECK(part.looked_at <= 102);
        auto listed = make(ordered);
        for (int a = 0; a < 100; ++a)
            for (int b = 0; b < 100; ++b) ets::insert(listed, tuple(list({a, b}), a));
        part = ets::select(listed, erl("[{{[42|'_'],'_'},[],['$_']}]"), limit);
        CHECK(part.found.size() == 100);
        CHECK(part.looked_at <= 102);
    });
}

TEST_CASE("rows that stay are seen exactly once by a select in parts while others come and go") {
    in_process([] {
        for (auto type : {set, ordered, bag}) {
            auto t = make(type);
            for (int i = 0; i < 2000; ++i) ets::insert(t, tuple(i * 2, atom("stays")));
            std::vector<int> seen(4000);
            auto part = ets::select(t, erl("[{{'$1',stays},[],['$1']}]"), ets::select_limit{50});
            int n = 0;
            for (;;) {
                for (const term& k : part.found) ++seen[std::size_t(*k.as_int64())];
                if (!part.next) break;
                for (int i = 0; i < 200; ++i, ++n) {
                    ets::insert(t, tuple(n * 2 + 1, atom("comes")));
                    if (n > 300) ets::erase(t, (n - 300) * 2 + 1);
                }
                part = ets::select(part.next);
            }
            int wrong = 0;
            for (int i = 0; i < 4000; i += 2) wrong += seen[std::size_t(i)] != 1;
            CHECK(wrong == 0);
        }
    });
}
