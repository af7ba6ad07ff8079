#include "tools/common/failure.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tools/common/json_line.hpp"

using namespace beam::tool;
using nlohmann::json;

namespace {

failure example() {
    failure error(exit_code::no, "no such key", "cache put key2 VALUE", "not_found");
    error.what_failed = "get key2";
    return error;
}

}  // namespace

TEST_CASE("an error is one line: tool, what, why, what to try") {
    CHECK(error_line("cache", example()) ==
          "cache: get key2 failed: no such key; try: cache put key2 VALUE");
}

TEST_CASE("an error line without a next step ends with the reason") {
    failure error(exit_code::io_error, "disk full");
    CHECK(error_line("cache", error) == "cache: disk full");
}

TEST_CASE("control characters cannot break the line or drive the terminal") {
    failure error(exit_code::no, "a\nb\x1b[31mc\x7f");
    CHECK(error_line("kv", error) == "kv: a b\\x1b[31mc\\x7f");
}

TEST_CASE("the JSON error has kind, what, why, try and exit") {
    CHECK(error_json(example()) == json::parse(R"({"error":{"kind":"not_found","what":"get key2",
        "why":"no such key","try":"cache put key2 VALUE","exit":1}})"));
}

TEST_CASE("what may have been done says so, in both forms") {
    failure error(exit_code::try_again, "no answer in time");
    error.applied_unknown = true;
    CHECK(error_json(error)["error"]["applied"] == "unknown");
    CHECK(error_line("kv", error).find("it may have been done") != std::string::npos);
}

TEST_CASE("invalid UTF-8 in an error is replaced, not thrown on") {
    failure error(exit_code::no, "\xff");
    CHECK(dump_line(error_json(error)).find("\xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("a node's error object survives the way through the protocol") {
    auto error = example();
    error.applied_unknown = true;
    const json answer{{"code", -32000}, {"message", "x"}, {"data", error_json(error)["error"]}};
    CHECK(error_json(failure_of_answer(answer)) == error_json(error));
}

TEST_CASE("a bare JSON-RPC error gets the exit code of its kind") {
    const auto code = [](int rpc) {
        return failure_of_answer({{"code", rpc}, {"message", "m"}}).exit;
    };
    CHECK(code(-32700) == exit_code::bad_data);
    CHECK(code(-32600) == exit_code::bad_data);
    CHECK(code(-32601) == exit_code::protocol);
    CHECK(code(-32602) == exit_code::usage);
    CHECK(code(-32603) == exit_code::bug);
    CHECK(failure_of_answer({{"code", -32601}, {"message", "m"}}).next == "beamd restart");
}

TEST_CASE("an exit code that is none of ours becomes 70") {
    CHECK(failure_of_answer({{"data", {{"exit", 0}, {"why", "w"}}}}).exit == exit_code::bug);
    CHECK(failure_of_answer({{"data", {{"exit", 4711}, {"why", "w"}}}}).exit == exit_code::bug);
    CHECK(failure_of_answer(json("text")).exit == exit_code::protocol);
}
