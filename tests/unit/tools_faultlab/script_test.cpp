#include "tools/faultlab/script.hpp"

#include <doctest/doctest.h>

#include "tools/common/failure.hpp"

using namespace faultlab;
using namespace std::chrono_literals;

namespace {

step only(const char* line) {
    const auto steps = parse_script(line, "f");
    REQUIRE(steps.size() == 1);
    return steps[0];
}

// `WHERE: WHY` of a script that cannot be read.
std::string wrong(std::string_view text) {
    try {
        (void)parse_script(text, "f");
    } catch (const beam::tool::failure& error) {
        CHECK(error.exit == beam::tool::exit_code::bad_data);
        return error.what_failed + ": " + error.why;
    }
    return "nothing";
}

}  // namespace

TEST_CASE("a fault has a time, a kind and a target, which may have spaces") {
    const step s = only("  at 1m30s  kill  room general \r\n");
    CHECK(s.line == 1);
    CHECK(s.text == "at 1m30s  kill  room general");
    CHECK(s.kind == step_kind::fault);
    CHECK(s.at == 90s);
    CHECK(s.fault == "kill");
    CHECK(s.target == "room general");
    CHECK_FALSE(s.is_node);
}

TEST_CASE("a node is said to be one") {
    const step s = only("crash node nodeB");
    CHECK(s.is_node);
    CHECK(s.target == "nodeB");
    CHECK_FALSE(only("kill nodeB").is_node);
}

TEST_CASE("a hang says for how long") {
    const step s = only("hang room for all for 2s");
    CHECK(s.target == "room for all");
    CHECK(s.time == 2s);
    CHECK(wrong("hang room") == "f:1: \"for DUR\" is missing: how long it lasts");
    CHECK(wrong("kill room for 2s") ==
          "f:1: \"for\" belongs to hang and slow: a kill is over at once");
    CHECK(wrong("hang node b for 2s") == "f:1: a node can be killed or crashed only");
}

TEST_CASE("an expectation may wait, and may be a negative one") {
    step s = only("expect chatctl list | grep -q within within 5s");
    CHECK(s.kind == step_kind::expect);
    CHECK(s.command == "chatctl list | grep -q within");
    CHECK(s.time == 5s);
    s = only("at 0 expect not test -e x");
    CHECK(s.kind == step_kind::expect_not);
    CHECK(s.command == "test -e x");
    CHECK_FALSE(s.time);
    CHECK(s.at == 0s);
}

TEST_CASE("empty lines and comments count as lines, and are none") {
    const auto steps = parse_script("# one\n\n   \n\trun true\nrun false", "f");
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].line == 4);
    CHECK(steps[1].line == 5);
    CHECK(steps[1].kind == step_kind::run);
    CHECK(parse_script("", "f").empty());
}

TEST_CASE("what cannot be read names its line and what to write") {
    CHECK(wrong("run true\nexpct true") ==
          "f:2: no such step: \"expct\", did you mean \"expect\"?");
    CHECK(wrong("at") == "f:1: a time is missing behind \"at\", as 2s");
    CHECK(wrong("at soon kill x") == "f:1: \"soon\" is no time, as 250ms, 2s or 1m30s");
    CHECK(wrong("at 2d kill x") == "f:1: \"2d\" is more than a day");
    CHECK(wrong("at 2s") == "f:1: a step is missing behind the time");
    CHECK(wrong("kill") == "f:1: whom to kill is missing: a process's name, or node NAME");
    CHECK(wrong("kill node") == "f:1: whom to kill is missing: a process's name, or node NAME");
    CHECK(wrong("run") == "f:1: a command is missing behind \"run\"");
    CHECK(wrong("expect not") == "f:1: a command is missing behind \"expect\"");
    CHECK(wrong("expect x within") == "f:1: a time is missing behind \"within\"");
    CHECK(wrong("expect x within soon") == "f:1: \"soon\" is no time, as 250ms, 2s or 1m30s");
    CHECK(wrong("at 2s run x\nat 1s run y") == "f:2: its time is before that of a step above");
    CHECK(wrong(std::string_view("run x\0y", 7)) == "f:1: it has a NUL byte");
}

TEST_CASE("no text makes the reader do worse than refuse") {
    for (int c = 0; c < 256; ++c) {
        const std::string text(3, char(c));
        for (const std::string& line :
             {text, "at " + text, "kill " + text, "expect x within " + text})
            try {
                (void)parse_script(line, "f");
            } catch (const beam::tool::failure&) {
            }
    }
}
