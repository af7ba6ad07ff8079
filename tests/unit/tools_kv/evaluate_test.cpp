#include "tools/kv/shard/evaluate.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace kv;

namespace {

using kind = operation::kind;

operation make(kind what, std::string key, std::string bytes = {}) {
    operation op;
    op.what = what, op.key = std::move(key), op.bytes = std::move(bytes);
    return op;
}

evaluation run(std::vector<operation> ops, const std::map<std::string, value>& data = {},
               std::int64_t wall_ms = 1000) {
    write_request r;
    r.operations = std::move(ops);
    const auto newest = [&](const std::string& key) -> std::optional<value> {
        const auto found = data.find(key);
        if (found == data.end()) return std::nullopt;
        return found->second;
    };
    return evaluate(r, newest, wall_ms);
}

}  // namespace

TEST_CASE("put and remove come to their results, whatever is there") {
    auto e = run({make(kind::put, "a", "1"), make(kind::remove, "b")});
    CHECK(e.result.done);
    REQUIRE(e.changes.size() == 2);
    CHECK(e.changes[0] == change{"a", "1", 0});
    CHECK(e.changes[1] == change{"b", std::nullopt, 0});
}

TEST_CASE("an expectation that does not hold refuses all of a request") {
    const std::map<std::string, value> data{{"a", {"1", 5, 0}}};
    auto op = make(kind::put, "a", "2");
    op.expect_version = 4;
    auto e = run({make(kind::put, "b", "x"), op}, data);
    CHECK_FALSE(e.result.done);
    CHECK(e.result.detail == "version 5");
    CHECK(e.changes.empty());
    op.expect_version = 5;
    CHECK(run({op}, data).result.done);
    op.expect_version = 0;  // there must be none
    CHECK_FALSE(run({op}, data).result.done);
    CHECK(run({op}).result.done);
    op.expect_version.reset();
    op.expect_bytes = "2";
    CHECK_FALSE(run({op}, data).result.done);
    op.expect_bytes = "1";
    CHECK(run({op}, data).result.done);
}

TEST_CASE("add counts decimal numbers, from 0, and refuses what is none or too large") {
    auto op = make(kind::add, "n");
    op.amount = -2;
    CHECK(run({op, op}).result.detail == "-4");
    CHECK(run({op}, {{"n", {"44", 1, 9000}}}).changes[0] == change{"n", "42", 9000});
    CHECK_FALSE(run({op}, {{"n", {"4x", 1, 0}}}).result.done);
    CHECK_FALSE(run({op}, {{"n", {"-9223372036854775807", 1, 0}}}).result.done);
}

TEST_CASE("add takes only a number as a sum is written") {
    for (const char* text : {"007", "-0", "+1", " 1", "1 ", "00", "-01", ""})
        CHECK_MESSAGE(
            run({make(kind::add, "a")}, {{"a", {text, 1, 0}}}).result.detail == "not a number",
            text);
    for (const char* text : {"0", "-1", "10", "-9223372036854775808", "9223372036854775807"})
        CHECK_MESSAGE(run({make(kind::add, "a")}, {{"a", {text, 1, 0}}}).result.detail == text,
                      text);
}

TEST_CASE("expire keeps the value and refuses a missing key") {
    auto op = make(kind::expire, "a");
    op.expires_ms = 5000;
    CHECK(run({op}, {{"a", {"1", 1, 0}}}).changes[0] == change{"a", "1", 5000});
    CHECK_FALSE(run({op}).result.done);
}

TEST_CASE("what has expired is not there, and its removal is a change even of a refused request") {
    const std::map<std::string, value> data{{"a", {"1", 5, 1000}}};
    auto op = make(kind::put, "a", "2");
    op.expect_bytes = "1";
    auto e = run({op}, data, 1000);
    CHECK_FALSE(e.result.done);
    REQUIRE(e.changes.size() == 1);
    CHECK(e.changes[0] == change{"a", std::nullopt, 0});
    CHECK(run({op}, data, 999).result.done);
}
