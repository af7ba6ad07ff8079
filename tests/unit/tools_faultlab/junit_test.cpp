#include "tools/faultlab/junit.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tools/common/failure.hpp"

using namespace faultlab;
using nlohmann::json;

namespace {

json fault_event(int n, json broken) {
    return {{"event", "fault"},           {"n", n},           {"fault", "kill"},
            {"worker", "A<&>"},           {"skipped", false}, {"recovery_us", 1500},
            {"broken", std::move(broken)}};
}

bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a test case a fault, with its failures, and nothing that XML cannot have") {
    junit_report report("");
    report.add({{"event", "started"}, {"strategy", "one_for_all"}});
    report.add(fault_event(1, json::array()));
    report.add(fault_event(2, {"a \"quoted\"\x01 reason", "another"}));
    const std::string text = report.text("");
    CHECK(has(text, "<testsuites tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.003000\">"));
    CHECK(has(text,
              "classname=\"faultlab.one_for_all\" name=\"1: kill A&lt;&amp;&gt;\" "
              "time=\"0.001500\"/>"));
    CHECK(has(text, "<failure message=\"a &quot;quoted&quot;\\x01 reason\">"));
    CHECK_FALSE(has(text, "\x01"));
}

TEST_CASE("a run that was cut short is an error in the report") {
    junit_report report("");
    const std::string text = report.text("interrupted");
    CHECK(has(text, "tests=\"1\" failures=\"0\" errors=\"1\""));
    CHECK(has(text, "<error message=\"interrupted\"/>"));
}

TEST_CASE("a file that cannot be made is known at the start") {
    try {
        junit_report report("/nowhere/report.xml");
        FAIL("made");
    } catch (const beam::tool::failure& error) {
        CHECK(error.exit == beam::tool::exit_code::cannot_create);
    }
}
