#include "tools/observer/lines.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/tools_observer/answers.hpp"

using namespace observer;
using test::json;

namespace {

std::vector<std::string> texts(const lines& all) {
    std::vector<std::string> out;
    for (const line& l : all) out.push_back(l.text());
    return out;
}

bool has(const lines& all, const std::string& wanted) {
    const auto list = texts(all);
    return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

TEST_CASE("a tree is drawn as one, with what is not there said") {
    CHECK(texts(tree_lines(test::tree_answer())) ==
          std::vector<std::string>{
              "chat <0.6.0> supervisor chat_sup",
              "├─ room_sup <0.8.0> supervisor chat_room_sup",
              "│  └─ room <0.9.0> worker queue=3",
              "├─ many <0.7.0> supervisor (2000 children)",
              "└─ late - worker (restarting)",
          });
}

TEST_CASE("a filtered tree keeps what is above a match") {
    CHECK(texts(tree_lines(test::tree_answer(), "<0.9.0>")) ==
          std::vector<std::string>{
              "chat <0.6.0> supervisor chat_sup",
              "├─ room_sup <0.8.0> supervisor chat_room_sup",
              "│  └─ room <0.9.0> worker queue=3",
          });
    CHECK(tree_lines(test::tree_answer(), "nothing of it").empty());
    CHECK(tree_lines(json::object()).empty());
}

TEST_CASE("a name with control characters stays in its line") {
    json tree = test::tree_answer();
    tree["trees"][0]["id"] = "two\nlines\x1b[2J";
    CHECK(tree_lines(tree)[0].text() == "two\\nlines\\x1b[2J <0.6.0> supervisor chat_sup");
    json list = test::processes_answer(1, 1, 1);
    list["processes"][0]["name"] = "bell\a";
    CHECK(process_lines(list, "memory")[1].text().find("bell\\x07") != std::string::npos);
}

TEST_CASE("a list has a head, a line a process, and what it is of") {
    json answer = test::processes_answer(100, 2, 300);
    answer["processes"][1]["name"] = "chat_router";
    const lines all = process_lines(answer, "memory");
    CHECK(texts(all) ==
          std::vector<std::string>{
              "PID           MEMORY  REDUCTIONS   QUEUE  STATUS     NAME         CODE",
              "<0.100.0>        324        1000       0  waiting    -            room [chat::say]",
              "<0.101.0>        325        1010       1  waiting    chat_router  room [chat::say]",
          });
    CHECK(all[1].about == "<0.100.0>");
    CHECK(process_count(answer, "memory") == "processes: 300 alive, 2 shown, by memory");
    answer["matching"] = 7;
    CHECK(process_count(answer, "pid") == "processes: 300 alive, 7 match, 2 shown, by pid");
    answer["processes"][0]["reductions_per_s"] = 5;
    CHECK(process_lines(answer, "rate")[0].text().find("RED/S") != std::string::npos);
}

TEST_CASE("the column that orders is marked") {
    const lines all = process_lines(test::processes_answer(1, 1, 1), "queue");
    for (const span& s : all[0].spans)
        CHECK((s.look == look::title) == (s.text.find("QUEUE") != std::string::npos));
}

TEST_CASE("the system's numbers, and what asks for attention") {
    json system = test::system_answer();
    CHECK(has(system_lines(system), "uptime: 2m10s"));
    CHECK(has(system_lines(system), "processes: 300 of 1000 (320 started, 20 ended)"));
    CHECK(has(system_lines(system), "schedulers: 2 (1 busy, run queues 1 0)"));
    CHECK(warnings(system).empty());
    system["processes"] = 900;
    system["hog_threads"] = 1;
    system["restarts"] = 2;
    system["start_reason"] = "killed by signal 9";
    const auto found = warnings(system);
    REQUIRE(found.size() == 3);
    CHECK(found[0] == "processes: 90% of 1000 are in use");
    CHECK(found[1].find("1 process does not give way") == 0);
    CHECK(found[2].find("restarted 2 times, last: killed by signal 9") != std::string::npos);
    CHECK(has(system_lines(system), "warning: " + found[0]));
}

TEST_CASE("one process in detail") {
    json info = test::process(7, "seven");
    info["answers"] = true;
    info["application"] = "chat";
    info["links"] = {"<0.1.0>", "<0.2.0>"};
    info["messages"] = {"{say,<<\"hi\">>}"};
    info["message_queue_len"] = 1;
    info["dictionary"] = {{{"key", "k"}, {"value", "v"}}};
    lines all = info_lines(info);
    CHECK(has(all, "pid: <0.7.0>"));
    CHECK(has(all, "links: <0.1.0> <0.2.0>"));
    CHECK(has(all, "monitors: none"));
    CHECK(has(all, "messages: 1 waiting, 0 bytes"));
    CHECK(has(all, "  {say,<<\"hi\">>}"));
    CHECK(has(all, "  k => v"));
    CHECK_FALSE(has(all, "state: not told"));
    info["state"] = nullptr;
    info["answers"] = false;
    info["reductions_per_s"] = 12;
    all = info_lines(info);
    CHECK(has(all, "state: not told"));
    CHECK(has(all, "reductions: 70 (12/s)"));
    CHECK(has(all, "it does not answer: it has not given way for a second"));
}

TEST_CASE("applications, running and installed") {
    const json answer = {{"applications",
                          {{{"name", "chat"},
                            {"version", "1"},
                            {"state", "running"},
                            {"top", "<0.6.0>"},
                            {"description", "Chat rooms"}}}},
                         {"installed", {{{"name", "kv"}, {"version", "2"}, {"file", "/x/kv.so"}}}}};
    const lines all = application_lines(answer);
    CHECK(texts(all) ==
          std::vector<std::string>{"chat 1 running <0.6.0> Chat rooms", "kv 2 installed /x/kv.so"});
    CHECK(all[0].about == "chat");
    CHECK(all[1].about.empty());
}
