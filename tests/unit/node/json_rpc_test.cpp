#include "libbeamcore/node/internal/json_rpc.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "libbeamcore/term/json.hpp"

using namespace beam;
using nlohmann::json;

namespace {

int code_of(std::string_view line) {
    auto c = rpc::parse_call(line);
    return c ? 0 : c.error().why.code;
}
json id_of_bad(std::string_view line) {
    auto c = rpc::parse_call(line);
    REQUIRE_FALSE(c);
    return to_json(c.error().id);
}

}  // namespace

TEST_CASE("a request has method, params and id; jsonrpc may be left out") {
    auto c =
        rpc::parse_call(R"({"id":7,"method":"a.b","params":{"x":[1,"two"]},"deadline_ms":1500})");
    REQUIRE(c);
    CHECK(c->id == term(7));
    CHECK(c->method == "a.b");
    CHECK(to_json(c->params) == json::parse(R"({"x":[1,"two"]})"));
    CHECK(c->deadline_ms == 1500);
    CHECK(rpc::parse_call(R"({"jsonrpc":"2.0","id":1,"method":"m"})"));
    CHECK(code_of(R"({"jsonrpc":"1.0","id":1,"method":"m"})") == rpc::invalid_request);
    CHECK(code_of(R"({"jsonrpc":2.0,"id":1,"method":"m"})") == rpc::invalid_request);
}

TEST_CASE("without an id it is a notification; an id of null is an id") {
    CHECK_FALSE(rpc::parse_call(R"({"method":"m"})")->id);
    CHECK(rpc::parse_call(R"({"id":null,"method":"m"})")->id == term(atoms::null));
}

TEST_CASE("ids are numbers, strings or null, and come back as they were") {
    for (const char* id :
         {"1", "-5", "1.5", "\"a\\\"b\"", "\"\"", "null", "18446744073709551615"}) {
        CAPTURE(id);
        auto c = rpc::parse_call(std::string(R"({"method":"m","id":)") + id + "}");
        REQUIRE(c);
        CHECK(to_json_text(*c->id) == id);
    }
    for (const char* id : {"[]", "[1]", "{}", "{\"a\":1}", "true", "false"}) {
        CAPTURE(id);
        CHECK(code_of(std::string(R"({"method":"m","id":)") + id + "}") == rpc::invalid_request);
        CHECK(id_of_bad(std::string(R"({"method":"m","id":)") + id + "}") == nullptr);
    }
}

TEST_CASE("what is not JSON is -32700, what is no request -32600, with the id if there is one") {
    for (const char* line : {"", "x", "{", "{]", "\"", "{\"id\":1,}", "nul", "{\"a\":1e999}",
                             "\xff\xfe", "{\"method\":\"\xc3\x28\"}", "[1,", "{'id':1}"}) {
        CAPTURE(line);
        CHECK(code_of(line) == rpc::parse_error);
    }
    for (const char* line : {"1", "\"text\"", "null", "true", "[]", "[{\"id\":1,\"method\":\"m\"}]",
                             "{}", R"({"id":1})", R"({"id":1,"method":5})",
                             R"({"id":1,"method":null})", R"({"id":1,"result":2})"}) {
        CAPTURE(line);
        CHECK(code_of(line) == rpc::invalid_request);
    }
    CHECK(id_of_bad(R"({"id":"x","method":5})") == "x");
}

TEST_CASE("params are an object or an array") {
    CHECK(code_of(R"({"id":1,"method":"m","params":5})") == rpc::invalid_params);
    CHECK(code_of(R"({"id":1,"method":"m","params":"x"})") == rpc::invalid_params);
    CHECK(rpc::parse_call(R"({"id":1,"method":"m","params":[1]})"));
    CHECK(rpc::parse_call(R"({"id":1,"method":"m","params":null})")->params == map());
}

TEST_CASE("nesting beyond 64 is refused, 64 is not") {
    const auto nested = [](int depth) {
        return R"({"id":1,"method":"m","params":)" + std::string(depth, '[') +
               std::string(depth, ']') + "}";
    };
    CHECK(code_of(nested(63)) == 0);
    CHECK(code_of(nested(64)) == rpc::parse_error);
    CHECK(code_of(nested(500'000)) == rpc::parse_error);
    CHECK(code_of(std::string(500'000, '[')) == rpc::parse_error);
}

TEST_CASE("deadlines are numbers of milliseconds") {
    CHECK(rpc::parse_call(R"({"method":"m","deadline_ms":0.2})")->deadline_ms == 1);
    CHECK(rpc::parse_call(R"({"method":"m","deadline_ms":-5})")->deadline_ms == 0);
    CHECK(rpc::parse_call(R"({"method":"m","deadline_ms":1e300})")->deadline_ms > 1'000'000);
    CHECK_FALSE(rpc::parse_call(R"({"method":"m","deadline_ms":null})")->deadline_ms);
    CHECK(code_of(R"({"method":"m","deadline_ms":"5s"})") == rpc::invalid_request);
    CHECK(code_of(R"({"method":"m","ask":-1})") == rpc::invalid_request);
    CHECK(rpc::parse_call(R"({"method":"m","ask":10})")->ask == 10);
}

TEST_CASE("bytes go both ways as $b64") {
    auto c = rpc::parse_call(R"({"id":1,"method":"m","params":{"bytes":{"$b64":"/wA="}}})");
    REQUIRE(c);
    CHECK(*c->params.map_find("bytes") == term(std::string_view("\xff\0", 2)));
    CHECK(code_of(R"({"id":1,"method":"m","params":{"bytes":{"$b64":"*"}}})") == rpc::parse_error);
    CHECK(rpc::result_line("1", term(std::string_view("\xff\0", 2))) ==
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"$b64\":\"/wA=\"}}\n");
}

TEST_CASE("errors carry the error object of the tools") {
    auto f = rpc::make_failure(rpc::overloaded, "overloaded", "too \"much\"\n", "beamd status", 75);
    f.error.applied_unknown = true;
    const auto line = rpc::error_line("\"x\"", f);
    CHECK(line.back() == '\n');
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(json::parse(line) == json::parse(R"({"jsonrpc":"2.0","id":"x","error":{"code":-32001,
        "message":"too \"much\"\n","data":{"kind":"overloaded","what":"","why":"too \"much\"\n",
        "try":"beamd status","exit":75,"applied":"unknown"}}})"));
}

TEST_CASE("items and losses are notifications") {
    CHECK(rpc::item_line("7", map({{term("a"), 1}})) ==
          "{\"jsonrpc\":\"2.0\",\"method\":\"$/item\",\"params\":{\"id\":7,\"item\":{\"a\":1}}}\n");
    CHECK(rpc::dropped_line("7", 12) ==
          "{\"jsonrpc\":\"2.0\",\"method\":\"$/item\",\"params\":{\"id\":7,\"dropped\":12}}\n");
}
