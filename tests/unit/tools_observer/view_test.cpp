#include "tools/observer/view.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_observer/answers.hpp"
#include "tools/observer/poller.hpp"

using namespace observer;
using test::json;

namespace {

snapshot some() {
    snapshot s;
    s.system = test::system_answer();
    s.processes = test::processes_answer(0, 64, 300);
    s.tree = test::tree_answer();
    s.applications = {{"applications", {{{"name", "chat"}, {"version", "1"}}}}};
    return s;
}

effect type(view& v, const snapshot& s, std::u32string_view text) {
    effect last;
    for (const char32_t c : text) last = press(v, s, c);
    return last;
}

}  // namespace

TEST_CASE("keys go to the pages, and data is asked for at once") {
    view v;
    const snapshot s = some();
    CHECK(press(v, s, U'1').ask);
    CHECK(v.shown == place::system);
    CHECK(press(v, s, U't').ask);
    CHECK(v.shown == place::tree);
    CHECK_FALSE(press(v, s, U'3').ask);
    for (const place next : {place::applications, place::system, place::processes, place::tree}) {
        (void)press(v, s, key_tab);
        CHECK(v.shown == next);
    }
    CHECK(press(v, s, U'q').quit);
}

TEST_CASE("the bar moves within the list, and the list with the bar") {
    view v;
    const snapshot s = some();
    (void)press(v, s, key_up);
    CHECK(v.here().selected == 0);
    (void)press(v, s, key_down);
    CHECK(v.here().selected == 1);
    (void)press(v, s, key_page_down);
    CHECK(v.here().selected == 21);
    CHECK(v.here().first == 2);
    (void)press(v, s, key_end);
    CHECK(v.here().selected == 299);
    CHECK(v.here().first == 280);
    (void)press(v, s, key_home);
    CHECK(v.here().first == 0);
}

TEST_CASE("what lies beyond the part fetched is asked for") {
    view v;
    const snapshot s = some();
    CHECK_FALSE(press(v, s, key_down).ask);
    CHECK(press(v, s, key_end).ask);
    const wish w = wish_of(v);
    CHECK(w.query.offset == 260);
    CHECK(w.query.limit == 64);
}

TEST_CASE("a list that has become shorter takes the bar with it") {
    view v;
    snapshot s = some();
    (void)press(v, s, key_end);
    s.processes = test::processes_answer(0, 3, 3);
    settle(v, s);
    CHECK(v.here().selected == 2);
    CHECK(v.here().first == 0);
    s.processes = test::processes_answer(0, 0, 0);
    settle(v, s);
    CHECK(v.here().selected == 0);
}

TEST_CASE("Enter opens the process under the bar, Escape goes back where one was") {
    view v;
    const snapshot s = some();
    (void)press(v, s, key_down);
    CHECK(press(v, s, key_enter).ask);
    CHECK(v.shown == place::process);
    CHECK(v.pid == "<0.1.0>");
    (void)press(v, s, key_escape);
    CHECK(v.shown == place::processes);
    CHECK(v.here().selected == 1);
    (void)press(v, s, U't');
    (void)press(v, s, key_down);
    (void)press(v, s, key_enter);
    CHECK(v.pid == "<0.8.0>");
    (void)press(v, s, U'?');
    CHECK(v.shown == place::help);
    (void)press(v, s, key_escape);
    CHECK(v.shown == place::process);
    (void)press(v, s, key_escape);
    CHECK(v.shown == place::tree);
}

TEST_CASE("an application opens as its tree") {
    view v;
    const snapshot s = some();
    (void)press(v, s, U'4');
    CHECK(press(v, s, key_enter).ask);
    CHECK(v.shown == place::tree);
    CHECK(wish_of(v).tree_root == "chat");
    CHECK(press(v, s, key_escape).ask);
    CHECK(wish_of(v).tree_root.empty());
}

TEST_CASE("a filter is typed, corrected, taken and dropped") {
    view v;
    const snapshot s = some();
    (void)press(v, s, U'/');
    CHECK(v.asking == view::prompt::filter);
    (void)type(v, s, U"rq日");
    (void)press(v, s, key_backspace);
    (void)press(v, s, key_backspace);
    CHECK(v.typed == "r");
    (void)type(v, s, U"öq");
    CHECK(press(v, s, key_enter).ask);
    CHECK(v.asking == view::prompt::none);
    CHECK(wish_of(v).query.filter == "röq");
    (void)press(v, s, key_escape);
    CHECK(wish_of(v).query.filter.empty());
    (void)press(v, s, key_f3);
    (void)press(v, s, U'x');
    (void)press(v, s, key_escape);
    CHECK(wish_of(v).query.filter.empty());
    (void)press(v, s, U't');
    (void)press(v, s, U'/');
    (void)type(v, s, U"room");
    (void)press(v, s, key_enter);
    CHECK(v.tree_filter == "room");
    CHECK(wish_of(v).query.filter.empty());
}

TEST_CASE("the order goes round, and turns") {
    view v;
    const snapshot s = some();
    CHECK(press(v, s, U'>').ask);
    CHECK(v.query.sort == "reductions");
    (void)press(v, s, U'<');
    (void)press(v, s, U'<');
    CHECK(v.query.sort == "pid");
    (void)press(v, s, key_f6);
    CHECK(v.query.sort == "memory");
    CHECK(press(v, s, U'I').ask);
    CHECK(v.query.reverse);
}

TEST_CASE("space stops asking, and again asks at once") {
    view v;
    const snapshot s = some();
    CHECK_FALSE(press(v, s, U' ').ask);
    CHECK(wish_of(v).paused);
    CHECK(press(v, s, U' ').ask);
    CHECK_FALSE(wish_of(v).paused);
}

TEST_CASE("nothing is changed unless allowed, and not before y") {
    view v;
    const snapshot s = some();
    (void)press(v, s, U'k');
    CHECK(v.asking == view::prompt::none);
    CHECK(v.message.find("--write") != std::string::npos);

    v.may_write = true;
    CHECK(press(v, s, U'k').now.what == change::kind::none);
    CHECK(v.asking == view::prompt::confirm);
    CHECK(v.typed == "kill <0.0.0>? y/n");
    effect e = press(v, s, U'n');
    CHECK(e.now.what == change::kind::none);
    CHECK(v.message == "nothing was done");

    (void)press(v, s, U'k');
    e = press(v, s, key_enter);  // not a yes
    CHECK(e.now.what == change::kind::none);

    (void)press(v, s, key_down);
    (void)press(v, s, key_f9);
    e = press(v, s, U'y');
    CHECK(e.now.what == change::kind::kill);
    CHECK(e.now.pid == "<0.1.0>");
    CHECK(v.asking == view::prompt::none);

    (void)press(v, s, U'z');
    CHECK(press(v, s, U'y').now.what == change::kind::suspend);
    (void)press(v, s, U'r');
    CHECK(press(v, s, U'y').now.what == change::kind::resume);
}

TEST_CASE("keys before the first answer do nothing and hurt nothing") {
    const snapshot nothing;
    for (char32_t k = 1; k < 128; ++k) {
        view v;
        (void)press(v, nothing, k);
    }
    for (char32_t k = key_up; k <= key_none; ++k) {
        view v;
        (void)press(v, nothing, k);
    }
}
