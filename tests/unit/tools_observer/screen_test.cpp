#include "tools/observer/screen.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_observer/answers.hpp"
#include "tools/observer/text.hpp"

using namespace observer;
using test::json;

namespace {

snapshot full() {
    snapshot s;
    s.system = test::system_answer();
    s.processes = test::processes_answer(0, 100, 300);
    s.tree = test::tree_answer();
    s.applications = {{"applications", {{{"name", "chat"}, {"version", "1"}}}}};
    s.process = test::process(7);
    return s;
}

std::string all_text(const lines& screen) {
    std::string text;
    for (const line& l : screen) text += l.text() + "\n";
    return text;
}

bool shows(const lines& screen, const std::string& part) {
    return all_text(screen).find(part) != std::string::npos;
}

constexpr place everywhere[] = {place::system,       place::processes, place::tree,
                                place::applications, place::process,   place::help};

}  // namespace

TEST_CASE("a screen has as many lines as the terminal, none too wide, at any size, on any page") {
    const snapshot filled = full(), empty;
    for (const place where : everywhere)
        for (const snapshot* s : {&filled, &empty})
            for (std::size_t rows = 0; rows <= 30; ++rows)
                for (std::size_t columns : {0, 1, 5, 20, 40, 80, 200}) {
                    view v;
                    v.shown = where;
                    v.rows = rows;
                    v.columns = columns;
                    v.pid = "<0.7.0>";
                    for (const char32_t k : {key_end, key_page_up, key_down, key_home, key_down})
                        (void)press(v, *s, k);
                    const lines screen = screen_of(v, *s);
                    REQUIRE(screen.size() == (columns == 0 ? 0 : rows));
                    for (const line& l : screen) REQUIRE(width_of(l.text()) <= columns);
                }
}

TEST_CASE("80x24 shows the title, the pages, the processes and the keys") {
    view v;
    v.node = "beam";
    const lines screen = screen_of(v, full());
    REQUIRE(screen.size() == 24);
    CHECK(screen[0].text().find("beamcore node beam  up 2m10s  300 processes") == 0);
    CHECK(screen[1].text().find("[2 Processes]") != std::string::npos);
    CHECK(screen[2].text().find("PID") == 0);
    CHECK(screen[3].text().find("<0.0.0>") == 0);
    CHECK(screen[3].spans[0].look == look::chosen);
    CHECK(screen[22].text().find("<0.19.0>") == 0);
    CHECK(screen[23].text().find("q quit") == 0);
    CHECK(screen[23].text().find("1/300") != std::string::npos);
}

TEST_CASE("trouble is said in place of the keys, and what was seen last stays") {
    view v;
    snapshot s = full();
    s.trouble = "no node \"beam\" is running; trying again";
    const lines screen = screen_of(v, s);
    CHECK(screen.back().text().find("no node \"beam\"") == 0);
    CHECK(screen.back().spans[0].look == look::bad);
    CHECK(shows(screen, "<0.0.0>"));
}

TEST_CASE("rows that were not fetched yet are dots, not lies") {
    view v;
    snapshot s = full();
    for (int i = 0; i < 10; ++i) (void)press(v, s, key_page_down);
    const lines screen = screen_of(v, s);
    CHECK(screen[3].text() == "...");
}

TEST_CASE("a dead process is said to be dead") {
    view v;
    v.shown = place::process;
    snapshot s = full();
    s.process = {{"gone", "no such process: <0.7.0>"}};
    CHECK(shows(screen_of(v, s), "no such process: <0.7.0>"));
}

TEST_CASE("without ability to write the keys to do it are not offered") {
    view v;
    CHECK_FALSE(shows(screen_of(v, full()), "k kill"));
    v.may_write = true;
    v.columns = 120;
    CHECK(shows(screen_of(v, full()), "k kill"));
}
